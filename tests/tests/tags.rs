//! `[tags]`: the operator's own labels through the real program: in `costs`, in exports, in the FOCUS directory and the SQL views,
//! and nowhere in records, entries or what a destination is sent.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use finops_tests::{
    books,
    mongodb_atlas::{Atlas, Options, stage::config},
    openfinops::Recorder,
    program::Ran,
    proof::assert_laws,
    provider::{Stage, Start},
};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// July is final and August open.
const NOW: &str = "2026-08-05T12:00:00Z";

#[track_caller]
fn done(ran: Ran) -> Ran {
    assert_eq!(ran.code, Some(0), "{ran:?}");
    ran
}

/// The values of a tag over all rows of costs, and what they come to.
fn by_tag(stage: &Stage<Atlas>, name: &str) -> BTreeMap<String, String> {
    let tag = format!("tag:{name}");
    let asked = ["costs", "--by", &tag, "--json"];
    let answer = done(stage.place.call(&asked).unwrap()).json().unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let rows = answer["rows"].as_array().unwrap().iter();
    rows.map(|row| (text(&row["dims"][0]), text(&row["effective"])))
        .collect()
}

/// The different values of `Tags` in a CSV file.
fn tags(text: &[u8]) -> BTreeSet<String> {
    let mut reader = csv::Reader::from_reader(text);
    let column = reader.headers().unwrap().iter().position(|name| name == "Tags");
    let rows = reader.records().map(|row| row.unwrap());
    rows.map(|row| column.map(|at| row[at].to_owned()).unwrap_or_default())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn they_are_joined_wherever_records_are_read_and_post_nothing() {
    let recorder = Recorder::start().unwrap();
    let start = Start::at(NOW).unwrap();
    let stage = Stage::new(
        "mongodb-atlas",
        Atlas::new(Options::default()).unwrap(),
        start,
        |addr| config(addr, ""),
    )
    .await
    .unwrap();
    let addr = stage.simulator.addr();
    let rest = format!(
        "[focus]\ndirectory = \"focus\"\n\n[openfinops]\nendpoint = \"{}\"\n",
        recorder.url()
    );
    let run = |tags: &str| {
        stage
            .configure(&config(addr, &format!("{tags}\n{rest}")))
            .unwrap();
        done(stage.collect(&[]).unwrap()).json().unwrap()
    };
    run("[tags]\nteam = \"data\"\n");
    let posted = books::entries(&stage.place.state()).unwrap();
    assert!(posted.values().sum::<u64>() > 10, "{posted:?}");
    let contents = || books::contents(&stage.place.state(), "spend").unwrap();
    let stood = contents();
    let total = by_tag(&stage, "team")["data"].clone();
    assert_eq!(by_tag(&stage, "team").len(), 1, "the provider has no such tag");
    let file = |month: &str| {
        let directory = stage.place.path().join("focus/billed");
        let names = std::fs::read_dir(&directory)
            .unwrap()
            .map(|entry| entry.unwrap().path());
        let path = names
            .into_iter()
            .find(|path| path.to_str().unwrap().contains(month));
        std::fs::read(path.unwrap_or_else(|| panic!("no file of {month}"))).unwrap()
    };
    let of_provider = by_tag(&stage, "env");
    assert!(
        of_provider.len() > 1 && of_provider.contains_key(""),
        "{of_provider:?}"
    );
    let (july, august) = (file("2026-07"), file("2026-08"));
    let all = |found: BTreeSet<String>, part: &str| {
        !found.is_empty() && found.iter().all(|tags| tags.contains(part))
    };
    assert!(all(tags(&july), "\"team\":\"data\"") && all(tags(&august), "\"team\":\"data\""));

    let again = run("[tags]\nteam = \"platform\"\nenv = \"mine\"\nowner = \"ann\"\n");
    assert_eq!(
        by_tag(&stage, "team"),
        BTreeMap::from([("platform".to_owned(), total)])
    );
    let mut with_own = of_provider.clone();
    let without = with_own.remove("").unwrap();
    with_own.insert("mine".to_owned(), without);
    assert_eq!(by_tag(&stage, "env"), with_own, "the provider's own win");
    assert_eq!(again["delivery"]["settled"], 0, "{again:#}");
    assert_eq!(books::entries(&stage.place.state()).unwrap(), posted);
    assert_eq!(contents(), stood);
    assert!(all(tags(&file("2026-08")), "\"team\":\"platform\""));
    assert_eq!(file("2026-07"), july, "a final month keeps what it said");
    let exported = done(stage.place.call(&["export"]).unwrap());
    assert!(all(tags(exported.stdout.as_bytes()), "\"owner\":\"ann\""));
    let connection = books::open(&stage.place.state()).unwrap();
    let without =
        "SELECT count(*), sum(json_extract(Tags, '$.team') IS NOT 'platform') FROM finops_current_cost";
    let (rows, others): (i64, i64) = connection
        .query_row(without, [], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap();
    assert!(rows > 100 && others == 0, "{rows} rows, {others} without the tag");
    let sent = serde_json::to_string(&recorder.stored()).unwrap();
    assert!(
        sent.len() > 1_000 && !sent.contains("\"team\""),
        "nothing of them is sent"
    );
    assert_laws(&stage.place);

    // Rendered from nothing, the final month still says what it said.
    std::fs::remove_dir_all(stage.place.path().join("focus")).unwrap();
    run("[tags]\nteam = \"third\"\n");
    assert_eq!(file("2026-07"), july);
    assert!(all(tags(&file("2026-08")), "\"team\":\"third\""));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_tag_is_refused_with_its_line() {
    let start = Start::at(NOW).unwrap();
    let atlas = Atlas::new(Options::default()).unwrap();
    let stage = Stage::new("mongodb-atlas", atlas, start, |addr| {
        config(addr, "[tags]\nteam = 5\n")
    })
    .await
    .unwrap();
    let ran = stage.collect(&[]).unwrap();
    assert_eq!(ran.code, Some(78), "{ran:?}");
    assert!(
        ran.stderr.contains("tags.team") && ran.stderr.contains("write text in quotes"),
        "{ran:?}"
    );
}
