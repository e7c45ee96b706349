//! Rebasing, told as stories.
#![allow(clippy::unwrap_used, clippy::panic)]

use super::{Kept, Rebased, rebase};
use crate::{
    component::descriptor::{Grain, Stream},
    ledger::{
        destination::{DestinationSpec, StartMode},
        outbox::{DecisionError, newcomers},
        record::CostRecord,
        sample::{self, Bench},
    },
};

const DAY: &str = "2026-08-01T00:00:00Z";

fn daily() -> Stream {
    sample::stream("daily", Grain::Day)
}

fn set(bench: &Bench, records: Vec<CostRecord>) {
    bench.commit(&daily(), &[DAY], records).unwrap();
}

fn compute(cost: &str) -> CostRecord {
    sample::record(DAY, "Compute", cost)
}

fn rebased(bench: &Bench, kept: Kept) -> Result<Rebased, DecisionError> {
    let now = sample::at("2026-08-10T13:00:00Z");
    let job = move |connection: &mut rusqlite::Connection| Ok(rebase(connection, "openfinops", kept, now));
    let result = bench.ledger.store().with_blocking(job).unwrap();
    assert_eq!(bench.findings(), [""; 0]);
    result
}

/// Sources that delivery would ask the destination about.
fn asked_about(bench: &Bench) -> usize {
    let job = |connection: &mut rusqlite::Connection| newcomers(connection, 1);
    bench.ledger.store().with_blocking(job).unwrap().len()
}

#[test]
fn only_what_is_missing_is_posted() {
    let bench = Bench::posting();
    for cost in ["10", "12", "11"] {
        set(&bench, vec![compute(cost), sample::record(DAY, "Storage", "3")]);
    }
    bench.doctor(
        "UPDATE entry SET state = 'settled' WHERE amount IN ('10', '3', '-1');
         UPDATE entry SET state = 'dropped', reason = 'x' WHERE amount = '2'",
    );
    let done = rebased(&bench, Kept::Settled).unwrap();
    assert_eq!((done.epoch, done.dropped, done.posted), (2, 0, 1));
    let mut new = bench.rows(
        "SELECT entry.state, amount, total_after, entry.sequence FROM entry JOIN posting ON posting.id = entry.posting
         WHERE epoch = 2 ORDER BY entry.id",
    );
    new.sort();
    assert_eq!(new, ["pending|2|11|2", "settled|3|3|1", "settled|9|9|1"]);
    assert_eq!(asked_about(&bench), 0, "the destination knows it because of us");
    // Nothing is missing any more once that has arrived.
    bench.doctor("UPDATE entry SET state = 'settled' WHERE state = 'pending'");
    let again = rebased(&bench, Kept::Settled).unwrap();
    assert_eq!((again.epoch, again.dropped, again.posted), (3, 0, 0));
}

#[test]
fn what_still_waited_is_closed_and_posted_anew() {
    let bench = Bench::posting();
    let euros = CostRecord {
        billing_currency: "EUR".to_owned(),
        ..compute("4")
    };
    set(
        &bench,
        vec![compute("10"), sample::record(DAY, "Storage", "3"), euros],
    );
    bench.doctor("UPDATE entry SET state = 'dead', reason = '400' WHERE amount = '3'");
    let done = rebased(&bench, Kept::Settled).unwrap();
    assert_eq!((done.dropped, done.posted), (3, 3));
    let mut old = bench.rows("SELECT amount, state, reason FROM entry WHERE state = 'dropped'");
    old.sort();
    assert_eq!(
        old,
        [
            "10|dropped|rebased",
            "3|dropped|rebased; it was dead: 400",
            "4|dropped|rebased"
        ]
    );
    let mut new = bench.rows("SELECT amount, state FROM entry WHERE state <> 'dropped'");
    new.sort();
    assert_eq!(new, ["10|pending", "3|pending", "4|held"]);
    assert_eq!(asked_about(&bench), 1, "nothing of it was ever there");
}

#[test]
fn money_that_was_withdrawn_while_its_entry_was_dropped_is_taken_back() {
    let bench = Bench::posting();
    set(&bench, vec![compute("10")]);
    bench.doctor("UPDATE entry SET state = 'settled'");
    set(&bench, vec![]);
    bench.doctor("UPDATE entry SET state = 'dropped', reason = 'x' WHERE amount = '-10'");
    rebased(&bench, Kept::Settled).unwrap();
    assert_eq!(
        bench.entries(),
        ["settled|10|10", "dropped|-10|0", "settled|10|10", "pending|-10|0"]
    );
}

#[test]
fn an_emptied_destination_gets_everything_again() {
    let bench = Bench::posting();
    set(&bench, vec![compute("10")]);
    bench.doctor("UPDATE entry SET state = 'settled'");
    set(&bench, vec![compute("12")]);
    bench.doctor("UPDATE entry SET state = 'dead', reason = 'x' WHERE amount = '2'");
    rebased(&bench, Kept::Nothing).unwrap();
    assert_eq!(
        bench.entries(),
        ["settled|10|10", "dropped|2|12", "pending|12|12"]
    );
    assert_eq!(asked_about(&bench), 1);
}

#[test]
fn money_from_before_a_destination_that_starts_now_stays_unsent() {
    let bench = Bench::new();
    set(&bench, vec![compute("10")]);
    let spec = DestinationSpec {
        start: StartMode::Now,
        ..sample::destination()
    };
    bench.block(bench.ledger.ensure_destination(&spec)).unwrap();
    set(&bench, vec![compute("11")]);
    bench.doctor("UPDATE entry SET state = 'dropped', reason = 'x' WHERE state = 'pending'");
    rebased(&bench, Kept::Settled).unwrap();
    let waiting = bench.rows("SELECT amount, total_after FROM entry WHERE state = 'pending'");
    assert_eq!(waiting, ["1|11"]);
}

#[test]
fn nothing_is_rebased_while_it_is_unknown_what_arrived() {
    let bench = Bench::posting();
    set(&bench, vec![compute("10")]);
    // Sent, then sent once more although it may be there.
    for state in ["ambiguous", "sealed"] {
        let entry = if state == "sealed" { "pending" } else { "ambiguous" };
        let again = i64::from(state == "sealed");
        let job = move |connection: &mut rusqlite::Connection| {
            let sum = crate::ledger::store::checksum([b"u".as_slice(), b""]);
            connection.execute("UPDATE entry SET batch = NULL", [])?;
            connection.execute("DELETE FROM batch", [])?;
            connection.execute(
                "INSERT INTO batch (uid, destination, source, state, sealed_at, maybe_duplicated, checksum)
                 VALUES ('u', 1, 1, ?1, 0, ?2, ?3)",
                (state, again, sum),
            )?;
            let sql = "UPDATE entry SET state = ?1, batch = (SELECT id FROM batch)";
            Ok(connection.execute(sql, [entry])?)
        };
        bench.ledger.store().with_blocking(job).unwrap();
        match rebased(&bench, Kept::Settled) {
            Err(DecisionError::Refused(why)) => assert!(why.contains("1 entries were sent"), "{why}"),
            other => panic!("{other:?}"),
        }
        assert_eq!(bench.rows("SELECT count(*) FROM epoch"), ["1"]);
    }
    // It is known once the destination was emptied.
    rebased(&bench, Kept::Nothing).unwrap();
    assert_eq!(bench.entries(), ["dropped|10|10", "pending|10|10"]);
}

#[test]
fn a_source_that_no_longer_counts_is_taken_back_from_the_destination() {
    let bench = Bench::posting();
    set(&bench, vec![compute("10")]);
    bench.doctor("UPDATE entry SET state = 'settled'; UPDATE source SET counts = 0");
    rebased(&bench, Kept::Settled).unwrap();
    assert_eq!(
        bench.entries(),
        ["settled|10|10", "settled|10|10", "pending|-10|0"]
    );
}

#[test]
fn a_destination_that_is_not_there_is_named() {
    let bench = Bench::new();
    match rebased(&bench, Kept::Settled) {
        Err(DecisionError::Unknown(why)) => assert!(why.contains("openfinops"), "{why}"),
        other => panic!("{other:?}"),
    }
}
