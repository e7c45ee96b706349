//! The disk of the state directory fills up at any point: one clear error, nothing half-written, the run's end written down,
//! commands that only read still work; and once there is space everything is collected and delivered, once.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use finops_tests::{
    crash::{Errand, behave},
    disk::{Disk, Side, enter},
    openfinops::{Outcome, Route},
    program::Ran,
};
use rustix::process::{Pid, Signal, kill_process};
use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader, Write as _},
    process::Stdio,
    sync::Arc,
};

const MIB: u64 = 1 << 20;
const AMOUNT: &str = "12.50";
/// What the largest runs here need is about half of it.
const DISK: u64 = 96 * MIB;
const LINES: u64 = 1_500;

/// A collector of many large lines, each of one dollar, committed at the end.
fn many() -> String {
    format!("act = \"records\"\ncount = {LINES}\nsize = 8000")
}

fn collect(errand: &Errand, settings: &str) -> Ran {
    let mut command = errand.command("errand", settings).unwrap();
    command.args(["--deliver-for", "2s"]);
    let ran = Ran::of(&command.output().unwrap());
    errand.recorder.release();
    ran
}

/// Everything that only reads works, and the laws hold.
#[track_caller]
fn assert_readable(errand: &Errand) {
    for arguments in [
        &["status"][..],
        &["costs"],
        &["check", "--ledger"],
        &["outbox", "list"],
    ] {
        let ran = errand.place.call(arguments).unwrap();
        assert_eq!(ran.code, Some(0), "{arguments:?}: {ran:?}");
    }
}

/// One clear error: the path and what to do, and no word of SQLite's.
#[track_caller]
fn assert_says_full(ran: &Ran) {
    assert_eq!(ran.code, Some(74), "{ran:?}");
    let all = format!("{}{}", ran.stdout, ran.stderr);
    assert!(
        all.contains("disk") && all.contains("is full") && all.contains("space"),
        "{ran:?}"
    );
    assert!(all.contains("state"), "{ran:?}");
    assert!(!all.contains("database or disk is full"), "{ran:?}");
}

#[test]
fn a_disk_that_is_full_at_any_point_of_a_run_loses_nothing() {
    if enter("a_disk_that_is_full_at_any_point_of_a_run_loses_nothing").unwrap() == Side::Outside {
        return;
    }
    let errand = Errand::new().unwrap();
    let disk = Disk::over(&errand.place.state(), DISK).unwrap();
    let ran = errand.run(AMOUNT).unwrap();
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let mut points: BTreeMap<&str, u32> = BTreeMap::new();
    for free in (0..30).map(|step| step * 2 * MIB) {
        disk.leave(free).unwrap();
        let ran = collect(&errand, &many());
        let point = match ran.code {
            Some(0) => "not at all",
            _ => {
                assert_says_full(&ran);
                let said = ran.json().unwrap();
                let run = &said["runs"][0];
                if said["not_started"].is_string() {
                    "before the run"
                } else if run["outcome"] == "done" {
                    "while delivering"
                } else {
                    // Records are staged behind the collector's back, so that it may be told of a full disk when it seals.
                    assert_eq!(run["outcome"], "storage", "{ran:?}");
                    "while staging or committing"
                }
            }
        };
        *points.entry(point).or_default() += 1;
        assert_readable(&errand);
        let unended = errand
            .number("SELECT count(*) FROM run WHERE ended IS NULL")
            .unwrap();
        assert_eq!(unended, Some(0), "{point}: the run's end is written down");
        if point == "not at all" {
            break;
        }
    }
    writeln!(std::io::stdout(), "the disk was full {points:?}").unwrap();
    for point in ["before the run", "while staging or committing", "not at all"] {
        assert!(points.contains_key(point), "never {point}: {points:?}");
    }
    disk.empty().unwrap();
    let ran = collect(&errand, &many());
    assert_eq!(ran.code, Some(0), "{ran:?}");
    errand.assert_lawful().unwrap();
    assert_eq!(errand.arrived().unwrap(), LINES.to_string().parse().unwrap());
    let again = collect(&errand, &many());
    assert_eq!(again.code, Some(0), "{again:?}");
    errand.assert_lawful().unwrap();
    assert_eq!(errand.arrived().unwrap(), LINES.to_string().parse().unwrap());
}

#[test]
fn a_disk_that_fills_while_a_batch_is_under_way_settles_it_with_the_ballast() {
    if enter("a_disk_that_fills_while_a_batch_is_under_way_settles_it_with_the_ballast").unwrap()
        == Side::Outside
    {
        return;
    }
    let mut errand = Errand::new().unwrap();
    let disk = Arc::new(Disk::over(&errand.place.state(), DISK).unwrap());
    let ballast = errand.place.state().join("ballast");
    let full = Arc::clone(&disk);
    errand.recorder.decide(move |route, _| {
        if route == Route::Ingest {
            full.fill().unwrap();
        }
        Some(Outcome::success())
    });
    let ran = errand.run(AMOUNT).unwrap();
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.stderr.contains("the ballast"), "{ran:?}");
    assert!(!ballast.exists());
    let settled = "SELECT count(*) FROM entry WHERE state = 'settled'";
    assert_eq!(errand.number(settled).unwrap(), Some(1));
    assert_readable(&errand);

    // Nothing is begun without a ballast, and it is made again.
    let ran = errand.run(AMOUNT).unwrap();
    assert_says_full(&ran);
    let runs = errand.number("SELECT count(*) FROM run").unwrap();
    assert_eq!(runs, Some(1), "no run was started");
    disk.empty().unwrap();
    errand.assert_completes(AMOUNT).unwrap();
    assert!(ballast.exists());
    assert_eq!(errand.stored_batches(), 1);
}

#[test]
fn a_disk_without_a_byte_left_fails_clearly_and_everything_goes_on_once_there_is_space() {
    if enter("a_disk_without_a_byte_left_fails_clearly_and_everything_goes_on_once_there_is_space").unwrap()
        == Side::Outside
    {
        return;
    }
    let mut errand = Errand::new().unwrap();
    let disk = Disk::over(&errand.place.state(), DISK).unwrap();
    // A new ledger finds no space, and leaves nothing that would be taken for a lost one.
    disk.fill().unwrap();
    assert_says_full(&errand.run(AMOUNT).unwrap());
    disk.empty().unwrap();
    errand.recorder.decide(|_, _| Some(Outcome::unavailable(None)));
    let ran = errand.run(AMOUNT).unwrap();
    assert_eq!(ran.code, Some(75), "{ran:?}");
    // An entry waits, and neither ballast nor space is there to seal it.
    std::fs::remove_file(errand.place.state().join("ballast")).unwrap();
    disk.fill().unwrap();
    for _ in 0..3 {
        errand.pass(jiff::SignedDuration::from_mins(16)).unwrap();
        let ran = errand.run(AMOUNT).unwrap();
        assert_says_full(&ran);
    }
    disk.empty().unwrap();
    errand.assert_completes(AMOUNT).unwrap();
    assert_eq!(errand.stored_batches(), 1);
}

#[test]
fn with_an_interval_a_full_disk_is_told_once_and_the_run_begins_when_there_is_space() {
    if enter("with_an_interval_a_full_disk_is_told_once_and_the_run_begins_when_there_is_space").unwrap()
        == Side::Outside
    {
        return;
    }
    let errand = Errand::new().unwrap();
    let disk = Disk::over(&errand.place.state(), DISK).unwrap();
    assert_eq!(errand.run("1").unwrap().code, Some(0));
    disk.fill().unwrap();
    let mut command = errand.command("errand", &behave(AMOUNT)).unwrap();
    let config = errand.place.path().join("errand.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(
        &config,
        text.replace("[collector]", "[collector]\ninterval = \"1s\""),
    )
    .unwrap();
    command.args(["--log", "debug"]);
    let mut child = command
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut told, mut looked) = (0, 0);
    for line in BufReader::new(child.stderr.take().unwrap()).lines() {
        let line = line.unwrap();
        told += u32::from(line.contains("\"no run was started"));
        if line.contains("still no run was started") {
            looked += 1;
            if looked == 2 {
                disk.empty().unwrap();
            }
        }
        if line.contains("there is room again") {
            while errand
                .number("SELECT count(*) FROM run WHERE outcome = 'done'")
                .unwrap()
                < Some(2)
            {
                std::thread::yield_now();
            }
            let process = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
            kill_process(process, Signal::TERM).unwrap();
        }
    }
    child.wait().unwrap();
    assert_eq!((told, looked), (1, 2));
    errand.assert_lawful().unwrap();
}
