//! FOCUS files through the real program: against the books, and read back by other people's programs.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use finops_decimal::Decimal;
use finops_tests::{
    artifacts,
    openfinops::Recorder,
    program::Ran,
    snowflake::golden::State,
    stage::{Stage, config},
};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// A row by column.
type Cells = BTreeMap<String, String>;
/// Sums of the four costs by currency.
type Sums = BTreeMap<String, [Decimal; 4]>;

const COSTS: [&str; 4] = ["BilledCost", "EffectiveCost", "ListCost", "ContractedCost"];
const FOCUS: &str = "[focus]\ndirectory = \"focus\"\n";

#[track_caller]
fn done(ran: Ran) -> Ran {
    assert_eq!(ran.code, Some(0), "{ran:?}");
    ran
}

fn call(stage: &Stage, arguments: &[&str]) -> Ran {
    stage.place.call(arguments).unwrap()
}

fn csv_rows(path: &Path) -> Vec<Cells> {
    let mut reader = csv::Reader::from_path(path).unwrap();
    let names = reader.headers().unwrap().clone();
    let rows = reader.records().map(|row| {
        let row = row.unwrap();
        names
            .iter()
            .map(str::to_owned)
            .zip(row.iter().map(str::to_owned))
            .collect()
    });
    rows.collect()
}

fn sums(rows: &[Cells]) -> Sums {
    let mut sums = Sums::new();
    for row in rows {
        let of = sums.entry(row["BillingCurrency"].clone()).or_default();
        for (sum, name) in of.iter_mut().zip(COSTS) {
            *sum = sum.checked_add(row[name].parse().unwrap()).unwrap();
        }
    }
    sums
}

/// Billed and effective sums as `costs` has them, by currency.
fn booked(stage: &Stage, basis: &str) -> BTreeMap<String, [Decimal; 2]> {
    let costs = done(call(stage, &["costs", "--by", "basis", "--json"]))
        .json()
        .unwrap();
    let rows = costs["rows"].as_array().unwrap();
    let rows = rows.iter().filter(|row| row["dims"][0] == basis);
    let amount = |row: &Value, name: &str| row[name].as_str().unwrap().parse().unwrap();
    rows.map(|row| {
        let currency = row["currency"].as_str().unwrap().to_owned();
        (currency, [amount(row, "billed"), amount(row, "effective")])
    })
    .collect()
}

fn first_two(sums: &Sums) -> BTreeMap<String, [Decimal; 2]> {
    sums.iter()
        .map(|(currency, of)| (currency.clone(), [of[0], of[1]]))
        .collect()
}

/// Rows of all files below a folder of the snapshot's directory.
fn folder(directory: &Path, name: &str) -> Vec<Cells> {
    let Ok(entries) = std::fs::read_dir(directory.join(name)) else {
        return Vec::new();
    };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.iter().flat_map(|path| csv_rows(path)).collect()
}

/// The snapshot's files come to what the books say, and its manifest says the same.
#[track_caller]
fn assert_snapshot(stage: &Stage) {
    let directory = stage.place.path().join("focus");
    for basis in ["billed", "estimated", "list-price"] {
        let rows = folder(&directory, basis);
        assert_eq!(first_two(&sums(&rows)), booked(stage, basis), "{basis}");
        assert!(rows.iter().all(|row| row["x_Basis"] == basis));
    }
    let text = std::fs::read_to_string(directory.join("manifest.json")).unwrap();
    let manifest: Value = serde_json::from_str(&text).unwrap();
    for file in manifest["files"].as_array().unwrap() {
        let rows = csv_rows(&directory.join(file["name"].as_str().unwrap()));
        assert_eq!(file["rows"], rows.len());
        for (currency, of) in sums(&rows) {
            for (sum, name) in of.iter().zip(["billed", "effective", "list", "contracted"]) {
                assert_eq!(file["sums"][&currency][name], sum.to_string());
            }
        }
    }
}

fn python(arguments: &[&std::ffi::OsStr]) -> Ran {
    let python = artifacts::python().unwrap();
    Ran::of(&Command::new(python).args(arguments).output().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn files_follow_the_books_through_all_changes_beside_a_journal() {
    let recorder = Recorder::start().unwrap();
    let more = format!("{FOCUS}\n[openfinops]\nendpoint = \"{}\"\n", recorder.url());
    let mut stage = Stage::new("", &more).await.unwrap();
    for state in State::ALL {
        stage.go_to(state).unwrap();
        let ran = done(stage.collect().unwrap()).json().unwrap();
        assert!(
            !ran["focus"]["written"].as_array().unwrap().is_empty(),
            "{state:?}"
        );
        assert!(ran["delivery"]["settled"].as_u64().unwrap() > 0, "{state:?}");
        assert_snapshot(&stage);
        let again = done(stage.collect().unwrap()).json().unwrap();
        assert_eq!(again["focus"]["written"], Value::Array(Vec::new()), "{state:?}");
        done(call(&stage, &["check", "--ledger"]));
    }
    let status = done(call(&stage, &["status", "--json"])).json().unwrap();
    let [focus] = status["snapshots"].as_array().unwrap().as_slice() else {
        panic!("{status:#}")
    };
    assert_eq!(
        (&focus["destination"], &focus["waiting"]),
        (&"focus".into(), &0.into())
    );
    assert!(done(call(&stage, &["status"])).stdout.contains("FOCUS files"));

    // Paused, it waits and the journal goes on; resumed, it catches up.
    done(call(&stage, &["destination", "pause", "focus"]));
    let listed = done(call(&stage, &["destination", "list"])).stdout;
    assert!(listed.contains("paused: by the operator"), "{listed}");
    let paused = stage.collect().unwrap();
    assert_eq!(paused.code, Some(69), "{paused:?}");
    done(call(&stage, &["destination", "resume", "focus"]));
    done(stage.collect().unwrap());
    assert_snapshot(&stage);
    let refused = call(&stage, &["destination", "rebase", "focus"]);
    assert!(
        refused.code != Some(0) && refused.stderr.contains("snapshot"),
        "{refused:?}"
    );
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

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_it_renders_it_only_renders_again() {
    let mut stage = Stage::new("", FOCUS).await.unwrap();
    stage.go_to(State::Initial).unwrap();
    done(stage.collect().unwrap());
    let directory = stage.place.path().join("focus");
    std::fs::remove_dir_all(&directory).unwrap();
    let wasm = artifacts::collector("snowflake").unwrap();
    let operators = stage.place.path().join("snowflake.toml");
    // Killed as soon as so many files are there: after the first is put, what was put is not written down yet or just so.
    for files in [1, 2, 1, 2] {
        let mut run = stage
            .place
            .command()
            .unwrap()
            .arg("run")
            .arg(&wasm)
            .arg("--config")
            .arg(&operators)
            .args(["--since", "2026-08-02"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let there = || std::fs::read_dir(directory.join("billed")).map_or(0, Iterator::count);
        tokio::task::block_in_place(|| {
            while there() < files && run.try_wait().unwrap().is_none() {
                std::thread::yield_now();
            }
            let _ = run.kill();
            run.wait().unwrap();
        });
        done(stage.collect().unwrap());
        assert_snapshot(&stage);
        let left: Vec<_> = walk(&directory)
            .into_iter()
            .filter(|name| name.starts_with(".finops"))
            .collect();
        assert!(left.is_empty(), "{left:?}");
        std::fs::remove_dir_all(&directory).unwrap();
    }
}

/// The names of all files below a directory.
fn walk(directory: &Path) -> Vec<String> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let entry = entry.unwrap();
        if entry.path().is_dir() {
            names.extend(walk(&entry.path()));
        } else {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    names
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_that_fails_leaves_collecting_and_the_journal_alone() {
    let recorder = Recorder::start().unwrap();
    let more = format!("{FOCUS}\n[openfinops]\nendpoint = \"{}\"\n", recorder.url());
    let mut stage = Stage::new("", &more).await.unwrap();
    stage.go_to(State::Initial).unwrap();
    std::fs::create_dir_all(stage.place.path().join("focus")).unwrap();
    stage
        .place
        .file("focus/billed", "a file where a folder must be")
        .unwrap();
    let ran = stage.collect().unwrap();
    assert_eq!(ran.code, Some(75), "{ran:?}");
    let told = ran.json().unwrap();
    assert_eq!(told["delivery"]["ended"], "drained");
    assert!(
        told["focus"]["failed"][0].as_str().unwrap().contains("billed"),
        "{told:#}"
    );
    let status = done(call(&stage, &["status"])).stdout;
    assert!(status.contains("failed: "), "{status}");
    std::fs::remove_file(stage.place.path().join("focus/billed")).unwrap();
    done(stage.collect().unwrap());
    assert_snapshot(&stage);

    // The operator's own directory may not be where the process writes.
    stage
        .configure(&config(&stage.simulator, "", "[focus]\ndirectory = \".\"\n"))
        .unwrap();
    let refused = stage.collect().unwrap();
    assert_eq!(refused.code, Some(78), "{refused:?}");
    assert!(
        refused.stderr.contains("holds the operator's file"),
        "{refused:?}"
    );
}
