//! `[focus]`: the directory that follows the books.

use super::*;
use finops_tests::{artifacts, openfinops::Recorder, snowflake::golden::State, stage::config};
use std::{path::PathBuf, process::Stdio};

const FOCUS: &str = "[focus]\ndirectory = \"focus\"\n";

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
