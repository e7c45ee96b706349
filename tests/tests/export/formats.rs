//! `export`: versions, formats, periods, the journal.

use super::*;
use finops_tests::{artifacts, openfinops::Recorder, snowflake::golden::State};
use std::process::Command;

fn python(arguments: &[&std::ffi::OsStr]) -> Ran {
    let python = artifacts::python().unwrap();
    Ran::of(&Command::new(python).args(arguments).output().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_version_and_format_says_the_same_and_another_program_reads_parquet() {
    let mut stage = Stage::new("", "").await.unwrap();
    stage.go_to(State::Initial).unwrap();
    done(stage.collect().unwrap());
    let file = |name: &str| stage.place.path().join(name);
    for version in ["1.2", "1.3", "1.4"] {
        let mut rows = BTreeMap::new();
        for format in ["csv", "jsonl", "parquet"] {
            let out = format!("out.{format}");
            let arguments = [
                "export", "--focus", version, "--format", format, "--out", &out, "--json",
            ];
            let told = done(call(&stage, &arguments)).json().unwrap();
            assert_eq!(told["files"][0]["basis"], "billed");
            assert_eq!(
                told["files"][0]["sums"]["USD"]["billed"],
                booked(&stage, "billed")["USD"][0].to_string()
            );
            assert!(told["files"][0].get("text_columns").is_none());
        }
        rows.insert("csv", csv_rows(&file("out.csv")));
        let text = std::fs::read_to_string(file("out.jsonl")).unwrap();
        let lines = text.lines().map(|line| {
            let row: BTreeMap<String, Value> = serde_json::from_str(line).unwrap();
            let cells = row.into_iter().map(|(name, value)| {
                let text = match value {
                    Value::Null => String::new(),
                    Value::String(text) => text,
                    other => other.to_string(),
                };
                (name, text)
            });
            cells.collect::<Cells>()
        });
        rows.insert("jsonl", lines.collect());
        let script = artifacts::root().join("tests/python/read_parquet.py");
        let read = done(python(&[script.as_os_str(), file("out.parquet").as_os_str()]))
            .json()
            .unwrap();
        assert_eq!(read["types"]["BilledCost"], "decimal128(38, 18)");
        assert_eq!(read["types"]["ChargePeriodStart"], "timestamp[us, tz=UTC]");
        rows.insert("parquet", serde_json::from_value(read["rows"].clone()).unwrap());
        assert!(rows["csv"].len() > 100);
        assert_eq!(rows["jsonl"], rows["csv"], "{version}");
        assert_eq!(rows["parquet"], rows["csv"], "{version}");
        let first = &rows["csv"][0];
        assert_eq!(first.contains_key("ProviderName"), version != "1.4");
        assert_eq!(first.contains_key("ServiceProviderName"), version != "1.2");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_focus_toolkit_finds_nothing_wrong_with_a_1_4_file() {
    let mut stage = Stage::new("", "").await.unwrap();
    stage.go_to(State::Initial).unwrap();
    done(stage.collect().unwrap());
    done(call(&stage, &["export", "--out", "bill.csv"]));
    let toolkit = artifacts::python().unwrap().with_file_name("focus-toolkit");
    let validate = |path: &Path| {
        let mut command = Command::new(&toolkit);
        command
            .arg("validate")
            .arg(path)
            .args(["--dataset", "cost-and-usage"]);
        Ran::of(&command.output().unwrap())
    };
    let bill = stage.place.path().join("bill.csv");
    let found = validate(&bill);
    assert_eq!(found.code, Some(0), "{found:?}");
    // It can find something.
    let text = std::fs::read_to_string(&bill).unwrap();
    let broken = stage
        .place
        .file("broken.csv", text.replace(",USD,", ",dollars,"))
        .unwrap();
    assert_eq!(validate(&broken).code, Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn periods_providers_and_bases_narrow_an_export_as_they_do_costs() {
    let mut stage = Stage::new("", "").await.unwrap();
    stage.go_to(State::Initial).unwrap();
    done(stage.collect().unwrap());
    let exported = |arguments: &[&str]| {
        let arguments = [&["export", "--json", "--out", "some.csv"], arguments].concat();
        done(call(&stage, &arguments)).json().unwrap()["files"][0].clone()
    };
    let costs = |arguments: &[&str]| {
        let arguments = [&["costs", "--json", "--by", "basis"], arguments].concat();
        let rows = done(call(&stage, &arguments)).json().unwrap()["rows"].clone();
        let rows = rows.as_array().unwrap().clone();
        rows.into_iter().find(|row| row["dims"][0] == "billed").unwrap()
    };
    let (file, row) = (
        exported(&["--since", "2026-07-10", "--until", "2026-07-20"]),
        costs(&["--since", "2026-07-10", "--until", "2026-07-20"]),
    );
    assert_eq!(file["sums"]["USD"]["effective"], row["effective"]);
    assert_eq!(file["rows"], row["records"]);
    let (file, row) = (
        exported(&["--period", "2026-07"]),
        costs(&["--since", "2026-07-01", "--until", "2026-08-01"]),
    );
    assert_eq!(file["sums"]["USD"]["billed"], row["billed"]);
    assert_eq!(exported(&["--provider", "nobody"])["rows"], 0);

    let told = done(call(&stage, &["export", "--out", "all/", "--json"]))
        .json()
        .unwrap();
    let names: Vec<&str> = told["files"]
        .as_array()
        .unwrap()
        .iter()
        .map(|file| file["path"].as_str().unwrap())
        .collect();
    assert_eq!(
        names,
        [
            "all/cost-and-usage-billed.csv",
            "all/cost-and-usage-estimated.csv"
        ]
    );
    let rows = csv_rows(&stage.place.path().join("all/cost-and-usage-estimated.csv"));
    assert_eq!(first_two(&sums(&rows)), booked(&stage, "estimated"));
    let piped = done(call(&stage, &["export", "--basis", "estimated"]));
    let file = std::fs::read_to_string(stage.place.path().join("all/cost-and-usage-estimated.csv")).unwrap();
    assert_eq!(piped.stdout, file, "standard output has the same bytes");
    assert!(
        done(call(&stage, &["export", "--out", "one.csv"]))
            .stderr
            .contains("--basis estimated")
    );
    for wrong in [
        &["export", "--json"][..],
        &["export", "--period", "2026-13"],
        &["export", "--period", "2026-07", "--since", "2026-07-01"],
        &["export", "--since", "2026-07-02", "--until", "2026-07-01"],
        &["export", "--entries", "--period", "2026-07"],
        &["export", "--format", "xml"],
    ] {
        assert_eq!(call(&stage, wrong).code, Some(2), "{wrong:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_journal_is_exported_entry_by_entry() {
    let recorder = Recorder::start().unwrap();
    let more = format!("[openfinops]\nendpoint = \"{}\"\n", recorder.url());
    let mut stage = Stage::new("", &more).await.unwrap();
    for state in [State::Initial, State::Restated] {
        stage.go_to(state).unwrap();
        done(stage.collect().unwrap());
    }
    let told = done(call(
        &stage,
        &["export", "--entries", "--out", "entries.csv", "--json"],
    ))
    .json()
    .unwrap();
    let rows = csv_rows(&stage.place.path().join("entries.csv"));
    assert_eq!(told["files"][0]["rows"], rows.len());
    let sum = Decimal::sum(rows.iter().map(|row| row["x_Amount"].parse::<Decimal>().unwrap())).unwrap();
    let costs = done(call(&stage, &["costs", "--json"])).json().unwrap();
    assert_eq!(costs["totals"]["USD"]["effective"], sum.to_string());
    assert_eq!(told["files"][0]["sums"]["openfinops"]["USD"], sum.to_string());
    let ids: std::collections::BTreeSet<&str> = rows.iter().map(|row| row["x_EntryId"].as_str()).collect();
    assert_eq!(ids.len(), rows.len());
    assert!(
        rows.iter().any(|row| row["x_Amount"].starts_with('-')),
        "the restatement is in it"
    );
}
