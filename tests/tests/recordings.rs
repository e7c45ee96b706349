//! `run --record` and `run --replay` as operators and authors use them: a replay gives the same books without the provider, its
//! secrets and a network; and a recording, whoever edited it, is no way out.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use finops_tests::{
    artifacts, books,
    confluent::{self, Confluent, Options, SECRET},
    program::{Place, Ran},
    provider::{self, golden::difference},
    snowflake::golden::{self, State},
    stage::Stage,
};
use std::{fs, os::unix::fs::MetadataExt, path::Path};

/// Everything that the books say of money: stream, source, whether it counts, partition and the record itself.
fn money(state: &Path) -> Vec<String> {
    let connection = books::open(state).unwrap();
    let sql = "SELECT stream.name || source.billing_account || source.scope || record.counts || partition.start || record.content
               FROM record JOIN partition ON partition.id = record.partition
               JOIN stream ON stream.id = partition.stream JOIN source ON source.id = stream.source
               WHERE record.until_commit IS NULL";
    let mut statement = connection.prepare(sql).unwrap();
    let rows = statement.query_map([], |row| row.get::<_, String>(0)).unwrap();
    let mut all: Vec<String> = rows.map(Result::unwrap).collect();
    all.sort();
    assert!(!all.is_empty());
    all
}

/// A run of a collector with these further arguments.
fn run(place: &Place, collector: &str, config: &str, more: &[&str]) -> Ran {
    let mut command = place.command().unwrap();
    command.arg("run").arg(artifacts::collector(collector).unwrap());
    command.args(["--config", config, "--json"]).args(more);
    Ran::of(&command.output().unwrap())
}

#[track_caller]
fn assert_code(ran: &Ran, code: i32) {
    assert_eq!(ran.code, Some(code), "{ran:?}");
}

/// A Confluent run that was recorded in `run.jsonl`.
async fn recorded() -> provider::Stage<Confluent> {
    let options = Options {
        page: 40,
        ..Options::default()
    };
    let stage = confluent::stage::stage(options, "", "").await.unwrap();
    assert_code(&stage.collect(&["--record", "run.jsonl"]).unwrap(), 0);
    stage
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recorded_backfill_of_snowflake_is_replayed_to_the_last_digit_without_provider_and_key() {
    let mut stage = Stage::new("", "").await.unwrap();
    stage.go_to(State::Initial).unwrap();
    let ran = stage
        .collect_with(&["--since", "2026-06-01", "--record", "run.jsonl"])
        .unwrap();
    assert_code(&ran, 0);
    let Stage { simulator, place, .. } = stage;
    drop(simulator);
    let file = place.path().join("run.jsonl");
    assert_eq!(fs::metadata(&file).unwrap().mode() & 0o777, 0o600);
    let text = fs::read_to_string(&file).unwrap();
    let key = fs::read_to_string(place.path().join("secrets/finops.p8")).unwrap();
    assert!(!key.lines().any(|line| line.len() > 20 && text.contains(line)));
    assert!(!text.to_lowercase().contains("bearer"));
    fs::remove_dir_all(place.path().join("secrets")).unwrap();
    let expected = money(&place.state());

    let replayed = run(
        &place,
        "snowflake",
        "snowflake.toml",
        &["--replay", "run.jsonl", "--into", "replayed"],
    );
    assert_code(&replayed, 0);
    let into = place.path().join("replayed");
    assert_eq!(money(&into), expected);
    let found = books::snowflake_records(&into).unwrap();
    assert_eq!(
        difference(&found, &golden::records(State::Initial).unwrap()),
        None
    );
    let check = place
        .call(&["check", "--ledger", "--state-dir", "replayed"])
        .unwrap();
    assert_code(&check, 0);
    let requests = |ran: &Ran| -> Vec<u64> {
        let runs = ran.json().unwrap()["runs"].as_array().unwrap().clone();
        runs.iter()
            .map(|run| run["egress"]["requests"].as_u64().unwrap())
            .collect()
    };
    assert_eq!(requests(&replayed), requests(&ran));
    assert_eq!(money(&place.state()), expected, "the real books were touched");
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_a_bill_are_replayed_into_a_ledger_that_is_thrown_away_and_nothing_is_sent() {
    let stage = recorded().await;
    let expected = money(&stage.place.state());
    let more = "\n[openfinops]\nendpoint = \"http://127.0.0.1:9\"\n\n[focus]\ndirectory = \"files\"\n";
    let config = stage.place.path().join("collector.toml");
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, format!("{text}{more}")).unwrap();
    let provider::Stage { simulator, place, .. } = stage;
    drop(simulator);
    fs::remove_dir_all(place.path().join("secrets")).unwrap();

    let replayed = run(&place, "confluent", "collector.toml", &["--replay", "run.jsonl"]);
    assert_code(&replayed, 0);
    let said = replayed.json().unwrap();
    assert_eq!(said["dry_run"], true);
    assert_eq!(said["delivery"], serde_json::Value::Null);
    assert_eq!(
        said["runs"][0]["counts"]["receipts"]["added"].as_u64().unwrap(),
        u64::try_from(expected.len()).unwrap()
    );
    assert_eq!(money(&place.state()), expected);
    let left: Vec<_> = fs::read_dir(place.state())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.contains("replay") || name.contains("spool"))
        .collect();
    assert_eq!(left, Vec::<String>::new());
    assert!(fs::read_dir(place.path().join("files")).is_ok_and(|files| files.count() == 0));

    let kept = |into: &str| {
        run(
            &place,
            "confluent",
            "collector.toml",
            &["--replay", "run.jsonl", "--into", into],
        )
    };
    assert_code(&kept("kept"), 0);
    assert_eq!(money(&place.path().join("kept")), expected);
    let again = kept("kept");
    assert_code(&again, 78);
    assert!(again.stderr.contains("holds a ledger"), "{again:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_in_the_recording_reaches_nobody_and_the_nearest_exchange_is_named() {
    let stage = recorded().await;
    let file = stage.place.path().join("run.jsonl");
    let text = fs::read_to_string(&file).unwrap();
    let secret = fs::read_to_string(stage.place.path().join("secrets/secret.txt")).unwrap();
    assert!(!text.contains(SECRET) && !text.contains(secret.trim()));
    stage.simulator.forget_requests();
    // The second page is asked for under another name than the one that is there.
    let first = text.lines().nth(1).unwrap();
    assert!(
        first.contains("\"exchange\":1") && text.contains("&page_token="),
        "{first}"
    );
    fs::write(&file, text.replace("&page_token=", "&page_tokem=")).unwrap();
    let ran = tokio::task::block_in_place(|| {
        run(
            &stage.place,
            "confluent",
            "collector.toml",
            &["--replay", "run.jsonl"],
        )
    });
    assert_code(&ran, 69);
    assert!(ran.stderr.contains("differs in query parameter"), "{ran:?}");
    assert!(
        ran.stderr.contains("page_tokem") && ran.stderr.contains("run.jsonl"),
        "{ran:?}"
    );
    // A rule that is no longer there denies what the recording has.
    fs::write(&file, &text).unwrap();
    let config = stage.place.path().join("collector.toml");
    let granted = fs::read_to_string(&config).unwrap();
    fs::write(&config, granted.replace("/billing/v1/costs", "/billing/v2/costs")).unwrap();
    let ran = tokio::task::block_in_place(|| {
        run(
            &stage.place,
            "confluent",
            "collector.toml",
            &["--replay", "run.jsonl"],
        )
    });
    assert_code(&ran, 78);
    assert!(ran.stderr.contains("does not allow this path"), "{ran:?}");
    assert!(
        stage.simulator.requests().is_empty(),
        "{:?}",
        stage.simulator.requests()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recording_that_cannot_be_made_or_read_says_why_before_anything_is_asked() {
    let stage = recorded().await;
    let file = stage.place.path().join("run.jsonl");
    let text = fs::read_to_string(&file).unwrap();
    stage.simulator.forget_requests();
    let ran = |more: &[&str]| stage.collect(more).unwrap();

    let exists = ran(&["--record", "run.jsonl"]);
    assert_code(&exists, 78);
    assert!(
        exists.stderr.contains("a recording replaces nothing"),
        "{exists:?}"
    );
    assert_eq!(fs::read_to_string(&file).unwrap(), text);
    let nowhere = ran(&["--record", "no/such/run.jsonl"]);
    assert_code(&nowhere, 78);
    assert_code(&ran(&["--record", "x.jsonl", "--replay", "run.jsonl"]), 2);
    assert_code(&ran(&["--into", "x"]), 2);
    assert_code(&ran(&["--replay", "none.jsonl"]), 78);
    for (edited, code, told) in [
        (
            text.replace("\"status\":200", "\"status\":999"),
            65,
            ": 999 is no status of a reply",
        ),
        (
            text.replace("recording\":1", "recording\":7"),
            78,
            "this is a recording of version 7",
        ),
        (text[..text.len() - 30].to_owned(), 65, "cut"),
        (
            "{\"a\": 1}\n".to_owned(),
            65,
            ":1: the first line says nothing of a recording",
        ),
    ] {
        fs::write(&file, edited).unwrap();
        let refused = ran(&["--replay", "run.jsonl"]);
        assert_code(&refused, code);
        assert!(refused.stderr.contains(told), "{refused:?}");
    }
    let config = stage.place.path().join("collector.toml");
    let granted = fs::read_to_string(&config).unwrap();
    fs::write(
        &config,
        granted.replace("scheme = \"basic\"", "scheme = \"basic\"\nreveal = true"),
    )
    .unwrap();
    let revealed = ran(&["--record", "other.jsonl"]);
    assert_code(&revealed, 78);
    assert!(
        revealed.stderr.contains("record without `reveal`"),
        "{revealed:?}"
    );
    assert!(!stage.place.path().join("other.jsonl").exists());
    assert!(stage.simulator.requests().is_empty());
}
