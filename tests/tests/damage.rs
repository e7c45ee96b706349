//! The checker can fail: a ledger that somebody changed, cut or lost a part of is found or refused by the program, with
//! exit code 74 and what is wrong named, and never silently made anew.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use finops_tests::{
    crash::{Errand, behave},
    openfinops::{Outcome, Route},
    program::Ran,
};
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Stdio},
    time::Instant,
};

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
        "the revision of record 1",
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

/// A ledger whose last commit lies in its log alone, as a killed program leaves it, laid out anew without its log.
fn without_its_log(errand: &Errand, ledger: &PathBuf, with_mark: bool) -> PathBuf {
    let reader = rusqlite::Connection::open(ledger).unwrap();
    reader.execute_batch("BEGIN; SELECT count(*) FROM entry").unwrap();
    let held: i64 = reader
        .query_row("SELECT count(*) FROM entry", [], |row| row.get(0))
        .unwrap();
    assert_eq!(held, 1);
    assert_eq!(errand.run("13").unwrap().code, Some(0));
    let log = ledger.with_extension("db-wal");
    assert!(
        fs::metadata(&log).unwrap().len() > 0,
        "the commit lies in the log"
    );
    let copy = errand.place.path().join("copy");
    fs::create_dir(&copy).unwrap();
    fs::copy(ledger, copy.join("ledger.db")).unwrap();
    if with_mark {
        fs::copy(ledger.with_extension("mark"), copy.join("ledger.mark")).unwrap();
    }
    copy
}

fn on(errand: &Errand, state: &Path, arguments: &[&str]) -> Ran {
    let state = ["--state-dir", state.to_str().unwrap()];
    errand.place.call(&[arguments, &state].concat()).unwrap()
}

#[test]
fn a_deleted_log_is_refused_until_the_older_state_is_taken_knowingly_and_then_nothing_is_sent_unasked() {
    let (errand, ledger) = sound();
    let copy = without_its_log(&errand, &ledger, true);
    for arguments in [&["check", "--ledger"][..], &["costs"], &["status"]] {
        let ran = on(&errand, &copy, arguments);
        assert_eq!(ran.code, Some(74), "{ran:?}");
        assert!(
            ran.stderr.contains("older state") && ran.stderr.contains("ledger salvage"),
            "{ran:?}"
        );
    }
    let ran = on(&errand, &copy, &["ledger", "salvage"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.stdout.contains("openfinops is paused"), "{ran:?}");
    let ran = on(&errand, &copy, &["check", "--ledger"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let sent = errand.recorder.received(Route::Ingest).len();
    let mut command = errand.command("errand", &behave("14")).unwrap();
    let ran = Ran::of(&command.arg("--state-dir").arg(&copy).output().unwrap());
    assert_eq!(ran.code, Some(69), "{ran:?}");
    assert!(ran.stdout.contains("destination resume"), "{ran:?}");
    assert_eq!(errand.recorder.received(Route::Ingest).len(), sent);
}

#[test]
fn a_copy_of_the_database_alone_is_refused_as_one() {
    let (errand, ledger) = sound();
    let copy = without_its_log(&errand, &ledger, false);
    let ran = on(&errand, &copy, &["check", "--ledger"]);
    assert_eq!(ran.code, Some(74), "{ran:?}");
    assert!(ran.stderr.contains("a copy without its mark"), "{ran:?}");
}

#[test]
fn a_ledger_that_is_gone_is_not_made_anew() {
    let (errand, ledger) = sound();
    fs::remove_file(&ledger).unwrap();
    let ran = errand.run(AMOUNT).unwrap();
    assert_eq!(ran.code, Some(74), "{ran:?}");
    assert!(
        ran.stderr.contains("the ledger is gone") && ran.stderr.contains("ledger.mark"),
        "{ran:?}"
    );
    assert!(!ledger.exists());
}

#[test]
fn a_damaged_record_is_salvaged_by_name_and_read_again_and_the_destination_gets_the_same_in_all() {
    let (mut errand, ledger) = sound();
    change(
        &ledger,
        "UPDATE record SET content = replace(content, '12.5', '12.4')",
    );
    assert_eq!(errand.place.call(&["check", "--ledger"]).unwrap().code, Some(74));
    let ran = errand.place.call(&["ledger", "salvage", "--json"]).unwrap();
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let said = ran.json().unwrap();
    let what = said["lost"][0]["what"].as_str().unwrap();
    assert!(
        what.contains("revision")
            && what.contains("hostile/errand, stream spend, partition 2026-08-02")
            && what.contains("12.5"),
        "{said}"
    );
    assert_eq!(said["again"][0]["instance"], "errand", "{said}");
    assert_eq!(said["paused"], serde_json::json!([]), "{said}");
    assert!(fs::exists(said["kept"].as_str().unwrap()).unwrap());
    errand.assert_lawful().unwrap();
    errand.assert_completes(AMOUNT).unwrap();
    let ran = errand.place.call(&["ledger", "salvage"]).unwrap();
    assert!(ran.stdout.contains("nothing is wrong"), "{ran:?}");
}

#[test]
fn a_damaged_entry_pauses_its_destination_until_the_operator_has_looked() {
    let (errand, ledger) = sound();
    change(&ledger, "UPDATE entry SET amount = '12.4'");
    let ran = errand.place.call(&["ledger", "salvage"]).unwrap();
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(
        ran.stdout.contains("lost: entry 1") && ran.stdout.contains("12.5 USD in all"),
        "{ran:?}"
    );
    errand.assert_lawful().unwrap();
    let sent = errand.recorder.received(Route::Ingest).len();
    assert_eq!(errand.run(AMOUNT).unwrap().code, Some(69));
    assert_eq!(
        errand.recorder.received(Route::Ingest).len(),
        sent,
        "nothing is sent unasked"
    );
}

#[test]
fn processes_beside_each_other_readers_and_kills_never_look_like_a_lost_log() {
    let mut errand = Errand::new().unwrap();
    errand.recorder.decide(|_, _| Some(Outcome::success()));
    let mut killed = 0;
    for round in 0_u32..10 {
        let mut both: Vec<Child> = ["errand", "other"]
            .map(|instance| {
                let mut command = errand.command(instance, &behave(AMOUNT)).unwrap();
                command
                    .stdout(Stdio::piped())
                    .stderr(Stdio::piped())
                    .spawn()
                    .unwrap()
            })
            .into();
        let since = Instant::now();
        let mut read = 0;
        while both.iter_mut().any(|run| run.try_wait().unwrap().is_none()) {
            let ran = errand.place.call(&["status"]).unwrap();
            let none_yet = ran.stderr.contains("there is no ledger here yet");
            assert!(ran.code == Some(0) || none_yet, "round {round}: {ran:?}");
            read += 1;
            // Later and later, so that every part of a run is met.
            if round % 2 == 1 && read == 1 + round / 2 {
                killed += u32::from(both[0].kill().is_ok());
            }
            assert!(since.elapsed().as_secs() < 120, "round {round}");
        }
        for (place, run) in both.into_iter().enumerate() {
            let ran = Ran::of(&run.wait_with_output().unwrap());
            let well = matches!(ran.code, Some(0 | 75)) || (place == 0 && ran.code.is_none());
            assert!(well, "round {round}: {ran:?}");
        }
        let ran = errand.place.call(&["check", "--ledger"]).unwrap();
        assert_eq!(ran.code, Some(0), "round {round}: {ran:?}");
    }
    assert!(killed > 0);
    errand.pass(jiff::SignedDuration::from_mins(16)).unwrap();
    assert_eq!(errand.run(AMOUNT).unwrap().code, Some(0));
}
