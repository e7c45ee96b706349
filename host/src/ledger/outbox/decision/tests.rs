//! Decisions of the operator against a real database.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use super::{DecisionError, Retry, drop_entries, find, retry};
use crate::ledger::outbox::{
    Batch, EntryState, Extras, Filter, SealOrder, Share, Step, begin_attempt, dead_letter,
    fixture::{Books, DESTINATION},
    hold_until, list, next_step, send_again, settle, show,
};
use jiff::Timestamp;
use std::collections::BTreeMap;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap()
}

/// The next batch, of at most so many entries.
fn sealed(books: &Books, uid: &str, entries: usize) -> Batch {
    let order = SealOrder {
        uid: uid.to_owned(),
        now: at(1_000),
        bytes: 1_000_000,
        share: Share {
            entries,
            extras: Extras::Without,
        },
        shares: BTreeMap::new(),
    };
    let step = books.with(move |c| next_step(c, DESTINATION, &order, &|_| Ok(vec![1])).unwrap());
    match step {
        Step::Batch(batch) => *batch,
        other => panic!("{other:?}"),
    }
}

fn sent(books: &Books, uid: &str) -> Batch {
    let batch = sealed(books, uid, 1);
    let begun = batch.clone();
    books.with(move |c| begin_attempt(c, &begun, at(1_000)).unwrap());
    batch
}

/// Books with one dead entry of 5: its id.
fn dead(books: &Books) -> String {
    let source = books.source("a");
    let id = books.entry(source, "5");
    let bad = sent(books, "bad");
    books.with(move |c| dead_letter(c, &bad, "400: no", at(2_000)).unwrap());
    id
}

fn drops(books: &Books, ids: &[&str]) -> Result<(), DecisionError> {
    let ids: Vec<String> = ids.iter().map(|id| (*id).to_owned()).collect();
    books.with(move |c| drop_entries(c, &ids, "a test line", at(3_000)))
}

fn retries(books: &Books, which: Retry) -> Result<usize, DecisionError> {
    books.with(move |c| retry(c, &which))
}

#[track_caller]
fn refused<T: std::fmt::Debug>(result: Result<T, DecisionError>, says: &str) {
    match result {
        Err(DecisionError::Refused(message)) => assert!(message.contains(says), "{message}"),
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn unknown<T: std::fmt::Debug>(result: Result<T, DecisionError>, says: &str) {
    match result {
        Err(DecisionError::Unknown(message)) => assert!(message.contains(says), "{message}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_entry_is_found_by_a_beginning_that_no_other_has() {
    let books = Books::new();
    let source = books.source("a");
    let ids: Vec<String> = (0..40).map(|_| books.entry(source, "1")).collect();
    for (index, id) in ids.iter().enumerate() {
        let (whole, upper) = (id.clone(), id[..12].to_uppercase());
        let rows = books.with(move |c| (find(c, &whole).unwrap(), find(c, &upper).unwrap()));
        assert_eq!(rows, (index as i64 + 1, index as i64 + 1));
    }
    // Of forty ids two begin with the same digit.
    let common = ids
        .iter()
        .map(|id| id[..1].to_owned())
        .find(|one| ids.iter().filter(|id| id.starts_with(one)).count() > 1)
        .unwrap();
    unknown(books.with(move |c| find(c, &common)), "give more digits");
    unknown(books.with(|c| find(c, &"f".repeat(64))), "outbox list");
    for wrong in ["", "xyz", "%", "1' OR 1"] {
        unknown(books.with(move |c| find(c, wrong)), "no entry id");
    }
}

#[test]
fn a_dead_entry_that_is_retried_waits_under_its_own_id() {
    let books = Books::new();
    let id = dead(&books);
    assert_eq!(
        retries(&books, Retry::These(vec![id[..10].to_owned()])).unwrap(),
        1
    );
    let row = books.ask::<String>("SELECT entry_id || ' ' || sequence || ' ' || state FROM entry");
    assert_eq!(row, [format!("{id} 1 pending")]);
    assert_eq!(books.ask::<Option<String>>("SELECT reason FROM entry"), [None]);
    let again = sent(&books, "again");
    books.with(move |c| settle(c, &again, DESTINATION).unwrap());
    assert_eq!((books.counts().settled, books.counts().total()), (1, 1));
    refused(retries(&books, Retry::These(vec![id])), "is settled, not dead");
}

#[test]
fn all_dead_entries_of_a_destination_are_retried_and_no_others() {
    let books = Books::new();
    dead(&books);
    books.entry(1, "7");
    books.sql("UPDATE entry SET state = 'held' WHERE amount = '7'");
    unknown(
        retries(&books, Retry::Dead(Some("elsewhere".to_owned()))),
        "no destination",
    );
    assert_eq!(
        retries(&books, Retry::Dead(Some("openfinops".to_owned()))).unwrap(),
        1
    );
    assert_eq!((books.counts().pending, books.counts().held), (1, 1));
    assert_eq!(retries(&books, Retry::Dead(None)).unwrap(), 0);
}

#[test]
fn a_dead_entry_of_an_ended_epoch_is_not_sent_any_more() {
    let books = Books::new();
    let id = dead(&books);
    books.sql("UPDATE epoch SET ended = 1");
    refused(
        retries(&books, Retry::These(vec![id])),
        "epoch 1, which has ended",
    );
    assert_eq!(retries(&books, Retry::Dead(None)).unwrap(), 0);
    assert_eq!(books.counts().dead, 1);
}

#[test]
fn a_dropped_entry_keeps_who_why_and_what_it_was() {
    let books = Books::new();
    let id = dead(&books);
    drops(&books, &[&id]).unwrap();
    assert_eq!((books.counts().dropped, books.counts().total()), (1, 1));
    assert_eq!(
        books.ask::<String>("SELECT reason FROM entry"),
        ["a test line (dropped by the operator at 1970-01-01T00:50:00Z; it was dead: 400: no)"]
    );
    refused(drops(&books, &[&id]), "dropped already");
    refused(retries(&books, Retry::These(vec![id])), "is dropped, not dead");
}

#[test]
fn what_the_destination_has_or_may_have_is_never_dropped() {
    let books = Books::new();
    let source = books.source("a");
    let (first, second, third) = (
        books.entry(source, "1"),
        books.entry(source, "2"),
        books.entry(source, "3"),
    );
    let taken = sent(&books, "taken");
    books.with(move |c| settle(c, &taken, DESTINATION).unwrap());
    refused(drops(&books, &[&first]), "is settled");
    let lost = sent(&books, "lost");
    let held = lost.clone();
    books.with(move |c| hold_until(c, &held, at(1_000), "reset").unwrap());
    refused(drops(&books, &[&second]), "may have arrived");
    // Sent once more although it may be there: its bytes wait, but not as if nothing had happened.
    books.with(move |c| send_again(c, &lost, "no proof").unwrap());
    assert_eq!(books.counts().pending, 2);
    refused(drops(&books, &[&second]), "may have arrived");
    // One that cannot be dropped keeps the others from it.
    refused(drops(&books, &[&third, &first]), "is settled");
    assert_eq!(books.counts().dropped, 0);
}

#[test]
fn dropping_from_a_sealed_batch_seals_the_rest_anew() {
    let books = Books::new();
    let source = books.source("a");
    let (first, second) = (books.entry(source, "1"), books.entry(source, "2"));
    assert_eq!(sealed(&books, "both", 2).entries.len(), 2);
    drops(&books, &[&first]).unwrap();
    let rest = sealed(&books, "rest", 2);
    assert_eq!(rest.entries, [2]);
    assert_eq!(
        books.ask::<String>("SELECT state FROM batch"),
        ["dissolved", "sealed"]
    );
    drops(&books, &[&second]).unwrap();
    assert_eq!((books.counts().dropped, books.counts().total()), (2, 2));
}

#[test]
fn entries_are_listed_by_state_oldest_first_and_shown_whole() {
    let books = Books::new();
    let id = dead(&books);
    let wait: Vec<String> = (0..3).map(|_| books.entry(1, "1")).collect();
    let filter = |states: &[EntryState], most| Filter {
        destination: None,
        states: states.to_vec(),
        most,
    };
    let listing = {
        let filter = filter(&EntryState::OPEN, 3);
        books.with(move |c| list(c, &filter).unwrap())
    };
    let ids: Vec<&str> = listing
        .entries
        .iter()
        .map(|entry| entry.entry_id.as_str())
        .collect();
    assert_eq!(ids, [&id, &wait[0], &wait[1]]);
    assert_eq!(listing.untold, 1);
    let elsewhere = Filter {
        destination: Some("elsewhere".to_owned()),
        ..filter(&EntryState::OPEN, 3)
    };
    assert_eq!(books.with(move |c| list(c, &elsewhere).unwrap()).entries, []);
    let settled = filter(&[EntryState::Settled], 3);
    assert_eq!(books.with(move |c| list(c, &settled).unwrap()).entries, []);

    let shown = books.with(|c| show(c, 1).unwrap());
    assert_eq!(
        (shown.state, shown.reason.as_deref()),
        (EntryState::Dead, Some("400: no"))
    );
    assert_eq!(shown.amount.to_string(), "5");
    assert_eq!(shown.dims["service"], "STORAGE");
    assert_eq!(shown.batch, None);
    sent(&books, "under way");
    let travel = books.with(|c| show(c, 2).unwrap()).batch.unwrap();
    assert_eq!((travel.uid.as_str(), travel.attempts), ("under way", 1));
    assert_eq!(travel.last_sent_at, Some(at(1_000)));
}
