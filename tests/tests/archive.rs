//! Detail that is long over lies in files: the program's commands say what they said before, a late restatement is exact, and
//! a file that is gone is never a zero.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use finops_tests::{
    crash::{Billed, Line, sum},
    program::Ran,
};
use jiff::SignedDuration;
use serde_json::{Value, json};
use std::path::PathBuf;

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

/// A bill that was delivered, and a year later archived.
async fn archived() -> Billed {
    let mut billed = Billed::new(&BEFORE).await.unwrap();
    tokio::task::block_in_place(|| {
        billed.assert_delivers().unwrap();
        let before = said(&billed);
        billed.errand.pass(SignedDuration::from_hours(400 * 24)).unwrap();
        billed.errand.configure_collector("archive-after = 12");
        let ran = billed.run(&[]).unwrap();
        assert_eq!(ran.code, Some(0), "{ran:?}");
        let did = &ran.json().unwrap()["archived"];
        assert_eq!(
            (&did["partitions"], &did["records"]),
            (&json!(1), &json!(3)),
            "{ran:?}"
        );
        assert_eq!(said(&billed), before);
        let status = billed.errand.place.call(&["status", "--json"]).unwrap();
        let archives = status.json().unwrap()["archives"].clone();
        assert_eq!(archives.as_array().unwrap().len(), 1, "{archives}");
        let archive = &archives[0];
        let bytes: u64 = files(&billed)
            .iter()
            .map(|file| file.metadata().unwrap().len())
            .sum();
        assert_eq!(
            (&archive["partitions"], &archive["records"], &archive["bytes"]),
            (&json!(1), &json!(3), &json!(bytes)),
            "{archive}"
        );
        let status = billed.errand.place.call(&["status"]).unwrap();
        assert!(status.stdout.contains("\nArchives\n"), "{status:?}");
        billed.errand.assert_lawful().unwrap();
    });
    billed
}

/// What commands say of the costs.
fn said(billed: &Billed) -> Vec<String> {
    let place = &billed.errand.place;
    [
        &["costs", "--by", "service,day", "--json"][..],
        &["export", "--out", "-"],
    ]
    .iter()
    .map(|arguments| {
        let ran = place.call(arguments).unwrap();
        assert_eq!(ran.code, Some(0), "{ran:?}");
        ran.stdout
    })
    .collect()
}

fn files(billed: &Billed) -> Vec<PathBuf> {
    let shelves = std::fs::read_dir(billed.errand.place.state().join("archive")).unwrap();
    let files = shelves.flat_map(|shelf| std::fs::read_dir(shelf.unwrap().path()).unwrap());
    files.map(|file| file.unwrap().path()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archived_bill_that_is_restated_is_previewed_sent_and_archived_again() {
    let mut billed = archived().await;
    tokio::task::block_in_place(|| {
        billed.says(&AFTER);
        let first = files(&billed);
        let dry = Ran::of(&billed.command().unwrap().arg("--dry-run").output().unwrap());
        let would = &dry.json().unwrap()["would_post"][0];
        assert_eq!(would["sum"], "1", "{dry:?}");
        assert_eq!(files(&billed), first, "a dry run archives nothing");
        billed.assert_delivers().unwrap();
        assert_eq!(billed.errand.arrived().unwrap(), sum(&AFTER).unwrap());
        let left = "SELECT count(*) FROM record WHERE content <> '{}'";
        assert_eq!(billed.errand.number(left).unwrap(), Some(0));
        billed.assert_delivers().unwrap();
        let last = files(&billed);
        assert_eq!(last.len(), 1);
        assert_ne!(last, first);
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archive_that_is_gone_is_said_by_whoever_needs_it_and_salvaged_around() {
    let billed = archived().await;
    tokio::task::block_in_place(|| {
        let place = &billed.errand.place;
        let file = files(&billed).pop().unwrap();
        let aside = place.path().join("aside");
        std::fs::rename(&file, &aside).unwrap();
        for arguments in [&["costs"][..], &["export", "--out", "-"], &["check", "--ledger"]] {
            let ran = place.call(arguments).unwrap();
            assert_eq!(ran.code, Some(74), "{ran:?}");
            let told = format!("{}{}", ran.stdout, ran.stderr);
            let name = file.file_name().unwrap().to_str().unwrap();
            assert!(told.contains(name), "{ran:?}");
        }
        std::fs::rename(&aside, &file).unwrap();
        billed.errand.assert_lawful().unwrap();
        std::fs::rename(&file, &aside).unwrap();
        let salvaged = place.call(&["ledger", "salvage", "--json"]).unwrap();
        let told: Value = salvaged.json().unwrap();
        assert_eq!(told["lost"].as_array().unwrap().len(), 3, "{salvaged:?}");
        billed.errand.assert_lawful().unwrap();
    });
}
