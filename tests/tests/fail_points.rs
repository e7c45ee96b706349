//! The program ends before and after every transaction and every request of a small errand: a bill is collected and sent,
//! restated, collected and sent again. After each, ordinary runs bring the books and the destination to the same cent.
//! It is the program of a build of its own, in which these points exist (`--features failing-host`).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout
)]

use finops_tests::crash::{Billed, Line, sum};
use jiff::SignedDuration;
use std::{
    collections::BTreeMap,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

const KINDS: [&str; 6] = [
    "BeforeCommit",
    "AfterCommit",
    "BeforeDelivery",
    "AfterDelivery",
    "BeforeProvider",
    "AfterProvider",
];
/// Those of archiving, beside these.
const ARCHIVING: [&str; 2] = ["BeforeArchive", "AfterArchive"];
/// More points than the errand has: where counting them must have ended.
const FAR: u64 = 1_000;
/// How many programs at once: most of the time one waits for the disk.
const AT_ONCE: usize = 3;

/// What the provider says, and what it says once it has restated.
const BEFORE: [Line<'static>; 3] = [
    ("1", "Compute", "10.25", "USD"),
    ("2", "Storage", "3.000000001", "USD"),
    ("3", "Support", "40", "USD"),
];
const AFTER: [Line<'static>; 3] = [
    ("1", "Compute", "11.75", "USD"),
    ("2", "Archive", "3.000000001", "USD"),
    ("4", "Support", "39.5", "USD"),
];

/// Which run of the errand is disturbed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Disturbed {
    First,
    Restated,
    /// What is restated had been archived, and is archived again.
    Archived,
}

/// How.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    /// The process is aborted.
    Abort,
    /// The database refuses the commit.
    Refusal,
}

/// Every entry once, also on the wire: the server is honest, so that each batch can be looked up.
fn assert_exact(billed: &Billed) {
    assert_eq!(billed.errand.arrived().unwrap(), sum(&AFTER).unwrap());
    let mut times: BTreeMap<String, u32> = BTreeMap::new();
    for row in billed.errand.recorder.stored() {
        for entry in row["metrics"]["cost_entries"].as_array().unwrap() {
            *times
                .entry(entry["entry_id"].as_str().unwrap().to_owned())
                .or_default() += 1;
        }
    }
    assert!(times.values().all(|times| *times == 1), "{times:?}");
}

/// More than a year later the bill's day is archived.
fn archives(billed: &mut Billed) {
    billed.errand.pass(SignedDuration::from_hours(400 * 24)).unwrap();
    billed.errand.configure_collector("archive-after = 12");
    billed.assert_delivers().unwrap();
    assert_archived(billed);
}

/// All detail lies in the archive, and there is no file besides.
fn assert_archived(billed: &Billed) {
    let left = "SELECT count(*) FROM record WHERE content <> '{}'";
    assert_eq!(billed.errand.number(left).unwrap(), Some(0));
    let shelves = std::fs::read_dir(billed.errand.place.state().join("archive")).unwrap();
    let files = shelves.flat_map(|shelf| std::fs::read_dir(shelf.unwrap().path()).unwrap());
    assert_eq!(files.count(), 1);
}

/// The errand, disturbed at that point: its kind, or nothing where it has fewer points.
async fn disturb(disturbed: Disturbed, point: u64, by: By) -> Option<String> {
    let mut billed = Billed::new(&BEFORE).await.unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_failing-host"));
    billed.errand.place.set_program(program);
    tokio::task::block_in_place(|| {
        if disturbed != Disturbed::First {
            billed.assert_delivers().unwrap();
            if disturbed == Disturbed::Archived {
                archives(&mut billed);
            }
            billed.says(&AFTER);
        }
        let aim = match by {
            By::Abort => point.to_string(),
            By::Refusal => format!("{point}:error"),
        };
        let ran = billed.run(&[("FINOPS_FAIL_POINT", &aim)]).unwrap();
        let told = format!("fail point {point}: ");
        let kind = ran.stderr.lines().find_map(|line| line.strip_prefix(&told));
        let Some(kind) = kind.map(str::to_owned) else {
            assert_eq!(ran.code, Some(0), "{ran:?}");
            return None;
        };
        assert_eq!(ran.code.is_none(), by == By::Abort, "point {point}: {ran:?}");
        if disturbed == Disturbed::First {
            billed.assert_delivers().unwrap();
            billed.says(&AFTER);
        }
        billed.assert_delivers().unwrap();
        assert_exact(&billed);
        if disturbed == Disturbed::Archived {
            assert_archived(&billed);
        }
        Some(kind)
    })
}

/// Every point of the errand, counted by kind. Where a commit is about to happen, it is also refused.
async fn every_point(disturbed: Disturbed) {
    let next = Arc::new(AtomicU64::new(1));
    let walk = || {
        let next = Arc::clone(&next);
        tokio::spawn(async move {
            let mut kinds = Vec::new();
            loop {
                let point = next.fetch_add(1, Ordering::SeqCst);
                assert!(point < FAR, "the errand has no end");
                let Some(kind) = disturb(disturbed, point, By::Abort).await else {
                    return kinds;
                };
                if kind == "BeforeCommit" {
                    let refused = disturb(disturbed, point, By::Refusal).await;
                    assert_eq!(refused.as_ref(), Some(&kind), "point {point}");
                }
                kinds.push(kind);
            }
        })
    };
    let mut counts: BTreeMap<String, u32> = BTreeMap::new();
    for walk in (0..AT_ONCE).map(|_| walk()).collect::<Vec<_>>() {
        for kind in walk.await.unwrap() {
            *counts.entry(kind).or_default() += 1;
        }
    }
    // Past the capture of the test runner: how many there were is part of the result.
    let all: u32 = counts.values().sum();
    println!("{disturbed:?} run: {all} points, {counts:?}");
    let archiving = ARCHIVING.iter().filter(|_| disturbed == Disturbed::Archived);
    for kind in KINDS.iter().chain(archiving) {
        assert!(counts.contains_key(*kind), "no point {kind} in {counts:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_program_that_ends_at_any_point_of_a_first_run_loses_nothing_and_sends_nothing_twice() {
    every_point(Disturbed::First).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_program_that_ends_at_any_point_of_a_restatement_loses_nothing_and_sends_nothing_twice() {
    every_point(Disturbed::Restated).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_program_that_ends_at_any_point_of_archiving_and_restating_what_was_archived_loses_nothing() {
    every_point(Disturbed::Archived).await;
}
