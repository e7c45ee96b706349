//! The checker can fail: a ledger that somebody changed, cut or lost a part of is found or refused by the program, with
//! exit code 74 and what is wrong named, and never silently made anew.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use finops_tests::crash::Errand;
use std::{fs, path::PathBuf};

const AMOUNT: &str = "12.50";

/// A sound ledger with a checkpoint, in one file.
fn sound() -> (Errand, PathBuf) {
    let errand = Errand::new().unwrap();
    let settings = format!("act = \"checkpoint\"\nsize = 8\namount = \"{AMOUNT}\"");
    let ran = errand.command("errand", &settings).unwrap().output().unwrap();
    assert!(ran.status.success(), "{ran:?}");
    errand.assert_lawful().unwrap();
    let ledger = errand.place.state().join("ledger.db");
    change(&ledger, "PRAGMA wal_checkpoint(TRUNCATE)");
    (errand, ledger)
}

fn change(ledger: &PathBuf, sql: &str) {
    let connection = rusqlite::Connection::open(ledger).unwrap();
    connection.execute_batch(sql).unwrap();
}

/// What the checker says of a ledger after a change: exit code 74, and the words.
#[track_caller]
fn assert_found(sql: &str, words: &str) {
    let (errand, ledger) = sound();
    change(&ledger, sql);
    let ran = errand.place.call(&["check", "--ledger"]).unwrap();
    assert_eq!(ran.code, Some(74), "{sql}: {ran:?}");
    assert!(ran.stdout.contains(words), "{sql}: {ran:?}");
}

#[test]
fn a_doubled_entry_is_named() {
    assert_found(
        "INSERT INTO entry (entry_id, posting, source, destination, commit_id, sequence, amount, total_after, state, checksum)
         SELECT 'another', posting, source, destination, commit_id, sequence + 1, amount, total_after, state, checksum
         FROM entry",
        "entry 2",
    );
}

#[test]
fn a_lost_entry_is_named_by_its_posting() {
    assert_found("DELETE FROM entry", "posting 1 stands at 12.5");
}

#[test]
fn a_moved_checkpoint_is_named_by_its_stream() {
    assert_found(
        "UPDATE checkpoint SET value = x'00'",
        "the checkpoint of stream 1",
    );
}

#[test]
fn a_bit_that_flips_in_a_row_is_named() {
    assert_found(
        "UPDATE record SET content = replace(content, '12.5', '12.4')",
        "the checksum of record 1",
    );
    assert_found("UPDATE entry SET amount = '12.4'", "the checksum of entry 1");
}

/// The program on a damaged file: reading and writing end with 74 and words, and the file is as it was.
#[track_caller]
fn assert_refused(errand: &Errand, ledger: &PathBuf, what: &str) {
    let before = fs::read(ledger).unwrap();
    let check = errand.place.call(&["check", "--ledger"]).unwrap();
    assert_eq!(check.code, Some(74), "{what}: {check:?}");
    assert!(
        !check.stdout.contains("the ledger's laws hold"),
        "{what}: {check:?}"
    );
    assert!(
        fs::read(ledger).unwrap() == before,
        "{what}: the file was changed"
    );
}

#[test]
fn a_bit_that_flips_in_the_file_is_refused_or_named() {
    let (errand, ledger) = sound();
    // What closed batches and staged rows left behind in free space is nobody's.
    change(&ledger, "VACUUM; PRAGMA wal_checkpoint(TRUNCATE)");
    let whole = fs::read(&ledger).unwrap();
    // The amount as the row holds it, wherever SQLite has put it: each copy counts.
    let places: Vec<usize> = whole
        .windows(4)
        .enumerate()
        .filter(|(_, window)| window == b"12.5")
        .map(|(place, _)| place)
        .collect();
    assert!(places.len() >= 3, "{places:?}");
    for place in places {
        let mut flipped = whole.clone();
        flipped[place] ^= 2;
        fs::write(&ledger, &flipped).unwrap();
        assert_refused(&errand, &ledger, &format!("byte {place}"));
    }
}

#[test]
fn a_file_that_was_cut_is_refused_and_left_as_it_is() {
    let (errand, ledger) = sound();
    let whole = fs::read(&ledger).unwrap();
    for kept in [whole.len() / 2, 4_096, 100, 17] {
        fs::write(&ledger, &whole[..kept]).unwrap();
        assert_refused(&errand, &ledger, &format!("{kept} bytes"));
        let ran = errand.run(AMOUNT).unwrap();
        assert_eq!(ran.code, Some(74), "{kept} bytes: {ran:?}");
    }
}

#[test]
fn a_deleted_log_of_a_killed_program_leaves_a_ledger_whose_laws_hold_or_are_said_not_to() {
    let (errand, ledger) = sound();
    // A program that was killed leaves its last commits in the log alone.
    let reader = rusqlite::Connection::open(&ledger).unwrap();
    reader.execute_batch("BEGIN; SELECT count(*) FROM entry").unwrap();
    let held: i64 = reader
        .query_row("SELECT count(*) FROM entry", [], |row| row.get(0))
        .unwrap();
    assert_eq!(held, 1);
    assert_eq!(errand.run("13").unwrap().code, Some(0));
    let wal = ledger.with_extension("db-wal");
    assert!(
        fs::metadata(&wal).unwrap().len() > 0,
        "the commit lies in the log"
    );
    let copy = errand.place.path().join("copy");
    fs::create_dir(&copy).unwrap();
    fs::copy(&ledger, copy.join("ledger.db")).unwrap();
    let arguments = ["check", "--ledger", "--state-dir", copy.to_str().unwrap()];
    let ran = errand.place.call(&arguments).unwrap();
    // What stood before the log is whole: an older state, as after a restored copy, and nothing in between.
    assert_eq!(ran.code, Some(0), "{ran:?}");
}
