//! `check --probe` asks provider and destination whether a run would work, through the sandbox and egress, and keeps nothing.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use finops_tests::{
    artifacts, aws, gcp,
    openfinops::{Outcome, RealServer, Recorder, Route},
    program::{Place, Ran},
    stage,
};
use std::path::Path;

fn probe_of(place: &Place, wasm: &Path, config: &str, more: &[&str]) -> Ran {
    let mut command = place.command().unwrap();
    command.arg("check").arg(place.path().join(config));
    command.arg("--component").arg(wasm).arg("--probe").args(more);
    Ran::of(&tokio::task::block_in_place(|| command.output()).unwrap())
}

fn probe(place: &Place, collector: &str, more: &[&str]) -> Ran {
    let wasm = artifacts::collector(collector).unwrap();
    probe_of(place, &wasm, &format!("{collector}.toml"), more)
}

/// A number of a text that stands after this.
fn after(text: &str, words: &str) -> u64 {
    let (_, rest) = text
        .split_once(words)
        .unwrap_or_else(|| panic!("{words}: {text}"));
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().unwrap()
}

#[track_caller]
fn assert_nothing_kept(place: &Place) {
    let left: Vec<_> = std::fs::read_dir(place.state())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with("ledger") || name.starts_with("probe"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn googles_queries_are_sized_and_none_is_run_or_paid() {
    let options = gcp::Options {
        bytes: 100_000,
        ..gcp::Options::default()
    };
    let settings = format!(
        "{}\nresources = true\nprojects = [\"acme-payments\"]",
        gcp::stage::DETAILED
    );
    let mut stage = gcp::stage::Stage::with(options, &settings).await.unwrap();
    stage.go_to(gcp::golden::State::Initial).unwrap();
    let ran = probe(&stage.place, "gcp", &["--json"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let provider = ran.json().unwrap()["probe"]["provider"].clone();
    let note = provider["note"].as_str().unwrap().to_owned();
    let count = |operation: &str| stage.simulator.requests().get(operation).copied();
    // The days; the bill and its view in July and August.
    assert_eq!(
        (count("jobs.query"), count("jobs.dryRun")),
        (None, Some(5)),
        "{note}"
    );
    assert_eq!(stage.simulator.billed(), 0);
    assert_eq!(count("compute:instances"), Some(2));
    assert!(note.contains("by-resource") && note.contains("in 2"), "{note}");
    assert_nothing_kept(&stage.place);

    // It is what the first run then reads.
    let run = stage.collect(&[]).unwrap();
    assert_eq!(run.code, Some(0), "{run:?}");
    let of_run = run.json().unwrap()["runs"][0]["note"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(
        after(&note, "would read "),
        after(&of_run, "bytes read by queries: "),
        "{note} {of_run}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_would_stop_a_run_stops_its_probe_with_the_same_code() {
    let mut stage = gcp::stage::Stage::with(
        gcp::Options {
            bytes: 100_000,
            ..gcp::Options::default()
        },
        &format!("{}\nmax-bytes-billed = 1000000", gcp::stage::DETAILED),
    )
    .await
    .unwrap();
    stage.go_to(gcp::golden::State::Initial).unwrap();
    let too_much = probe(&stage.place, "gcp", &[]);
    assert_eq!(too_much.code, Some(78), "{too_much:?}");
    assert!(
        too_much.stdout.contains("max-bytes-billed allows"),
        "{too_much:?}"
    );

    stage.configure(gcp::stage::DETAILED).unwrap();
    stage
        .simulator
        .faults()
        .add(gcp::Fault::new(gcp::Act::Refuse(403, "accessDenied")).at("tables.get"));
    let no_role = probe(&stage.place, "gcp", &[]);
    assert_eq!(no_role.code, Some(69), "{no_role:?}");
    assert!(no_role.stdout.contains("lacks a role"), "{no_role:?}");
    stage.simulator.faults().clear();

    let file = stage.place.path().join("gcp.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("\"GET\", \"POST\"", "\"GET\"")).unwrap();
    let denied = probe(&stage.place, "gcp", &[]);
    assert_eq!(denied.code, Some(78), "{denied:?}");
    assert!(
        denied.stdout.contains("denied") && denied.stdout.contains("POST"),
        "{denied:?}"
    );
    assert_nothing_kept(&stage.place);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_without_a_way_of_its_own_reads_the_last_day_and_paid_calls_are_counted() {
    let mut stage = aws::stage::Stage::new("", "[limits]\nspend = { per-day = \"1.00\" }")
        .await
        .unwrap();
    stage.go_to(aws::golden::State::Initial).unwrap();
    let ran = probe(&stage.place, "aws", &["--json"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let provider = ran.json().unwrap()["probe"]["provider"].clone();
    assert!(provider["counts"]["records"].as_u64().unwrap() > 0, "{provider}");
    assert!(
        provider["counts"]["partitions"].as_u64().unwrap() <= 2,
        "{provider}"
    );
    // The books have nothing but what was paid.
    let spent = provider["egress"]["spent"].as_str().unwrap().to_owned();
    let status = stage.place.call(&["status", "--json"]).unwrap().json().unwrap();
    assert_eq!(status["spend"][0]["today"], spent.as_str(), "{status}");
    let records = finops_tests::books::open(&stage.place.state())
        .unwrap()
        .query_row("SELECT count(*) FROM record", [], |row| row.get::<_, i64>(0))
        .unwrap();
    assert_eq!(records, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_component_that_cannot_be_probed_is_asked_to_collect() {
    let place = Place::new().unwrap();
    let made = finops_tests::hostile::Handmade::attack("(func $attack unreachable)");
    let wasm = place.file("handmade.wasm", made.bytes().unwrap()).unwrap();
    place
        .file("handmade.toml", "[collector]\nname = \"handmade\"\n")
        .unwrap();
    let ran = probe_of(&place, &wasm, "handmade.toml", &[]);
    assert_eq!(ran.code, Some(65), "{ran:?}");
    assert!(ran.stdout.contains("trap"), "{ran:?}");
    let made = finops_tests::hostile::Handmade::attack("(func $attack)");
    place.file("handmade.wasm", made.bytes().unwrap()).unwrap();
    let ran = probe_of(&place, &wasm, "handmade.toml", &[]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
}

/// Snowflake, and this server as its destination.
async fn towards(url: &str) -> stage::Stage {
    let destination = format!("[openfinops]\nendpoint = \"{url}\"");
    stage::Stage::new("", &destination).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_destination_is_asked_how_it_is_and_posted_nothing() {
    let server = Recorder::start().unwrap();
    let stage = towards(&server.url()).await;
    let ran = probe(&stage.place, "snowflake", &["--json"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let seen = ran.json().unwrap()["probe"]["destination"].clone();
    assert_eq!(
        (&seen["agents"], &seen["ours"], &seen["problem"]),
        (&0.into(), &0.into(), &serde_json::Value::Null)
    );
    assert_eq!(server.received(Route::Health).len(), 1);
    assert_eq!(server.received(Route::Agents).len(), 1);
    for route in [Route::Ingest, Route::Register, Route::Recent] {
        assert!(server.received(route).is_empty(), "{route:?}");
    }
    assert_nothing_kept(&stage.place);

    server.script(Route::Agents, [Outcome::refused(403)]);
    let refused = probe(&stage.place, "snowflake", &[]);
    assert_eq!(refused.code, Some(69), "{refused:?}");
    assert!(
        refused.stdout.contains("REFUSED") && refused.stdout.contains("403"),
        "{refused:?}"
    );
    // The provider was asked all the same.
    assert!(refused.stdout.contains("snowflake-test: done"), "{refused:?}");
    let url = server.url();
    drop(server);
    let gone = probe(&stage.place, "snowflake", &[]);
    assert_eq!(gone.code, Some(69), "{gone:?}");
    assert!(
        gone.stdout.contains(&format!("no connection to {url}")),
        "{gone:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_real_server_is_known_for_what_it_is_before_and_after_a_delivery() {
    let folder = tempfile::tempdir().unwrap();
    let server = RealServer::start(folder.path()).unwrap();
    let mut stage = towards(&server.url()).await;
    stage
        .go_to(finops_tests::snowflake::golden::State::Initial)
        .unwrap();
    let seen = |ran: &Ran| ran.json().unwrap()["probe"]["destination"]["ours"].clone();
    let before = probe(&stage.place, "snowflake", &["--json"]);
    assert_eq!((before.code, seen(&before)), (Some(0), 0.into()), "{before:?}");
    assert_eq!(stage.collect().unwrap().code, Some(0));
    let entries = server.observe().unwrap().entries;
    let after = probe(&stage.place, "snowflake", &["--json"]);
    assert_eq!((after.code, seen(&after)), (Some(0), 1.into()), "{after:?}");
    assert_eq!(server.observe().unwrap().entries, entries);
}

#[test]
fn a_probe_needs_a_component_and_the_file_of_one_instance() {
    let place = Place::new().unwrap();
    let file = place.file("x.toml", "[collector]\nname = \"x\"\n").unwrap();
    let ran = place.call(&["check", file.to_str().unwrap(), "--probe"]).unwrap();
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.stderr.contains("--component"), "{ran:?}");
}
