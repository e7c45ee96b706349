//! The outbox against a real database; bodies are lists of entry ids.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use super::{
    Batch, BatchState, Contents, Extras, SealOrder, Share, Step, Taken, absent, back_off, begin_attempt,
    dead_letter, dissolve,
    fixture::{Books, DESTINATION},
    give_up_extras, hold_until, next_step, pause, put_back, resume, send_again, settle,
};
use crate::ledger::store::LedgerError;
use jiff::Timestamp;
use serde_json::json;
use std::collections::BTreeMap;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap()
}

fn order(entries: usize, extras: Extras) -> SealOrder {
    SealOrder {
        uid: String::new(),
        now: at(1_000),
        bytes: 1_000_000,
        share: Share { entries, extras },
        shares: BTreeMap::new(),
    }
}

/// One line for each thing it carries.
fn listing(contents: &Contents) -> Result<Vec<u8>, LedgerError> {
    let entries = contents.entries.iter().map(|entry| entry.entry_id.clone());
    let observations = contents
        .observations
        .iter()
        .map(|o| format!("observation {}", o.value));
    let events = contents.events.iter().map(|event| event.kind.clone());
    let lines: Vec<String> = entries.chain(observations).chain(events).collect();
    Ok(lines.join("\n").into_bytes())
}

fn step_by(books: &Books, mut order: SealOrder) -> Step {
    books.with(move |connection| {
        let count: i64 = connection
            .query_row("SELECT COUNT(*) FROM batch", [], |row| row.get(0))
            .unwrap();
        order.uid = format!("batch {count}");
        next_step(connection, DESTINATION, &order, &listing).unwrap()
    })
}

fn step(books: &Books) -> Step {
    step_by(books, order(500, Extras::With))
}

fn sealed(books: &Books) -> Batch {
    batch(step(books))
}

fn batch(step: Step) -> Batch {
    match step {
        Step::Batch(batch) => *batch,
        other => panic!("{other:?}"),
    }
}

fn lines(batch: &Batch) -> Vec<String> {
    String::from_utf8(batch.body.clone())
        .unwrap()
        .lines()
        .map(str::to_owned)
        .collect()
}

fn sent(books: &Books) -> Batch {
    let batch = sealed(books);
    let begun = batch.clone();
    books.with(move |connection| begin_attempt(connection, &begun, at(1_000)).unwrap());
    batch
}

#[test]
fn a_batch_carries_the_oldest_entries_of_one_source_in_order() {
    let books = Books::new();
    let (a, b) = (books.source("a"), books.source("b"));
    let first = books.entry(b, "1");
    let other = books.entry(a, "2");
    let second = books.entry(b, "3");
    let third = books.entry(b, "4");
    let one = batch(step_by(&books, order(2, Extras::With)));
    assert_eq!(lines(&one), [first, second]);
    assert_eq!((one.source.id, one.state), (b, BatchState::Sealed));
    // The same one again until it is closed.
    assert_eq!(batch(step_by(&books, order(2, Extras::With))), one);
    let waiting = one.clone();
    books.with(move |connection| {
        begin_attempt(connection, &waiting, at(1_000)).unwrap();
        hold_until(connection, &waiting, at(1_800), "lost").unwrap();
    });
    // While its fate is unknown only other sources go on.
    let two = batch(step_by(&books, order(2, Extras::With)));
    assert_eq!(lines(&two), [other]);
    books.with(move |connection| settle(connection, &two, DESTINATION).unwrap());
    assert_eq!(step(&books), Step::Wait(at(1_800)));
    books.with(move |connection| settle(connection, &one, DESTINATION).unwrap());
    assert_eq!(lines(&sealed(&books)), [third]);
}

#[test]
fn a_body_is_cut_until_it_is_short_enough() {
    let books = Books::new();
    let source = books.source("a");
    let ids: Vec<String> = (0..20).map(|_| books.entry(source, "1")).collect();
    // An entry id takes 64 bytes and a line break.
    let short = SealOrder {
        bytes: 650,
        ..order(500, Extras::With)
    };
    let cut = batch(step_by(&books, short.clone()));
    assert!(
        cut.body.len() <= 650 && cut.entries.len() >= 8,
        "{} entries",
        cut.entries.len()
    );
    assert_eq!(lines(&cut), ids[..cut.entries.len()]);
    assert_eq!(books.counts().pending, 20);
    // One entry travels even if it is too long.
    let tiny = SealOrder { bytes: 1, ..short };
    books.with(move |connection| dissolve(connection, &cut, "x").unwrap());
    assert_eq!(lines(&batch(step_by(&books, tiny))), ids[..1]);
}

#[test]
fn settling_moves_entries_and_cursors_together_and_empties_the_body() {
    let books = Books::new();
    let source = books.source("a");
    books.entry(source, "1");
    books.observe(source, 1, "5");
    books.event(source, "finished");
    let first = sent(&books);
    assert_eq!(lines(&first)[1..], ["observation 5", "finished"]);
    assert_eq!(books.counts().ambiguous, 1);
    // A newer value arrives while the batch is under way.
    books.observe(source, 2, "6");
    let done = first.clone();
    assert_eq!(
        books.with(move |c| settle(c, &done, DESTINATION).unwrap()),
        Taken::Yes
    );
    assert_eq!(books.counts().settled, 1);
    assert_eq!(books.ask::<i64>("SELECT COUNT(*) FROM batch_body"), [0]);
    let next = sealed(&books);
    assert_eq!(lines(&next), ["observation 6"]);
    assert_eq!(
        books.with(move |c| settle(c, &next, DESTINATION).unwrap()),
        Taken::Yes
    );
    assert_eq!(step(&books), Step::Drained);
    assert_eq!(
        books.with(move |c| settle(c, &first, DESTINATION).unwrap()),
        Taken::No,
        "it is closed"
    );
}

#[test]
fn a_batch_whose_sending_began_is_ambiguous_after_a_crash() {
    let books = Books::new();
    let source = books.source("a");
    books.entry(source, "1");
    let before = sent(&books);
    let books = books.reopened();
    let after = sealed(&books);
    assert_eq!(after.state, BatchState::Ambiguous);
    assert_eq!((after.body, after.last_sent_at), (before.body, Some(at(1_000))));
}

#[test]
fn certain_absences_count_in_a_row_only() {
    let books = Books::new();
    let source = books.source("a");
    books.entry(source, "1");
    let held = sent(&books);
    let looked = |books: &Books| books.ask::<i64>("SELECT looked_absent FROM batch")[0];
    let one = held.clone();
    books.with(move |c| absent(c, &one, at(1_000)).unwrap());
    assert_eq!(sealed(&books).looked_absent, 1);
    let one = held.clone();
    books.with(move |c| hold_until(c, &one, at(1_000), "who knows").unwrap());
    assert_eq!(looked(&books), 0);
    let one = held.clone();
    books.with(move |c| {
        absent(c, &one, at(1_000)).unwrap();
        begin_attempt(c, &one, at(1_000)).unwrap();
    });
    assert_eq!(looked(&books), 0);
    books.with(move |c| send_again(c, &held, "no proof").unwrap());
    assert_eq!(books.ask::<i64>("SELECT maybe_duplicated FROM batch"), [1]);
    assert_eq!(books.counts().pending, 1);
}

#[test]
fn a_batch_put_back_keeps_its_bytes() {
    let books = Books::new();
    let source = books.source("a");
    books.entry(source, "1");
    let first = sent(&books);
    books.entry(source, "2");
    let back = first.clone();
    books.with(move |c| put_back(c, &back, "refused").unwrap());
    let again = sealed(&books);
    assert_eq!(
        (again.uid, again.body, again.state),
        (first.uid, first.body, BatchState::Sealed)
    );
}

#[test]
fn a_dead_letter_keeps_its_reason_and_tells_of_itself() {
    let books = Books::new();
    let source = books.source("a");
    let id = books.entry(source, "1");
    let bad = sent(&books);
    books.with(move |c| dead_letter(c, &bad, "400: \"no\"", at(2_000)).unwrap());
    assert_eq!((books.counts().dead, books.counts().total()), (1, 1));
    assert_eq!(books.ask::<String>("SELECT reason FROM entry"), ["400: \"no\""]);
    let detail: serde_json::Value =
        serde_json::from_str(&books.ask::<String>("SELECT detail FROM event")[0]).unwrap();
    assert_eq!(detail, json!({"entry_id": id, "reason": "400: \"no\""}));
    assert_eq!(lines(&sealed(&books)), ["dead-letter"]);
}

#[test]
fn a_smaller_share_leaves_extras_for_later_and_extras_can_be_given_up() {
    let books = Books::new();
    let source = books.source("a");
    let id = books.entry(source, "1");
    books.observe(source, 1, "5");
    let mut small = order(500, Extras::With);
    small.shares.insert(
        source,
        Share {
            entries: 1,
            extras: Extras::Without,
        },
    );
    let only = batch(step_by(&books, small.clone()));
    assert_eq!((lines(&only), only.extras), (vec![id], Extras::Without));
    books.with(move |c| settle(c, &only, DESTINATION).unwrap());
    let extras = batch(step_by(&books, small));
    assert_eq!(
        (lines(&extras), extras.extras),
        (vec!["observation 5".to_owned()], Extras::With)
    );
    books.with(move |c| give_up_extras(c, &extras, "refused").unwrap());
    assert_eq!(step(&books), Step::Drained);
}

#[test]
fn held_entries_and_those_of_an_ended_epoch_are_not_sent() {
    let books = Books::new();
    let source = books.source("a");
    books.entry(source, "1");
    books.entry(source, "2");
    books.sql("UPDATE entry SET state = 'held' WHERE amount = '1'; UPDATE epoch SET ended = 1");
    assert_eq!(step(&books), Step::Drained);
    assert_eq!((books.counts().held, books.counts().pending), (1, 1));
}

#[test]
fn pause_and_back_off_survive_a_restart() {
    let books = Books::new();
    let source = books.source("a");
    books.entry(source, "1");
    books.with(|c| back_off(c, DESTINATION, "1970-01-01T00:16:41.2Z".parse().unwrap()).unwrap());
    let books = books.reopened();
    assert_eq!(
        step(&books),
        Step::Wait(at(1_002)),
        "never before the moment that was drawn"
    );
    assert_eq!(books.ask::<i64>("SELECT attempt FROM destination"), [1]);
    books.with(|c| pause(c, DESTINATION, "401").unwrap());
    let books = books.reopened();
    assert_eq!(step(&books), Step::Paused("401".to_owned()));
    books.with(|c| resume(c, DESTINATION).unwrap());
    assert!(matches!(step(&books), Step::Batch(_)));
}

#[test]
fn a_batch_whose_bytes_changed_is_refused() {
    let books = Books::new();
    let source = books.source("a");
    books.entry(source, "1");
    sealed(&books);
    books.sql("UPDATE batch_body SET body = x'00'");
    let error = books.with(|c| next_step(c, DESTINATION, &order(1, Extras::With), &listing).unwrap_err());
    assert!(error.to_string().contains("checksum"), "{error}");
}

#[test]
fn a_source_without_news_is_left_alone_and_a_body_that_fails_seals_nothing() {
    let books = Books::new();
    books.source("quiet");
    assert_eq!(step(&books), Step::Drained);
    let source = books.source("a");
    books.entry(source, "1");
    let failing = |_: &Contents| Err(LedgerError::Damaged("x".to_owned()));
    books.with(move |c| next_step(c, DESTINATION, &order(1, Extras::With), &failing).unwrap_err());
    assert_eq!(books.ask::<i64>("SELECT COUNT(*) FROM batch"), [0]);
    assert_eq!(books.counts().pending, 1);
}

#[test]
fn a_wait_that_a_clock_wrote_which_has_gone_back_since_is_over() {
    let books = Books::new();
    let source = books.source("a");
    books.entry(source, "1");
    let longest = at(1_000 + 900);
    books.with(move |connection| back_off(connection, DESTINATION, longest).unwrap());
    assert_eq!(step(&books), Step::Wait(longest));
    let a_year_on = at(1_000 + 31_536_000);
    books.with(move |connection| back_off(connection, DESTINATION, a_year_on).unwrap());
    let batch = sealed(&books);
    books.with(move |connection| {
        begin_attempt(connection, &batch, a_year_on).unwrap();
        hold_until(connection, &batch, a_year_on, "lost").unwrap()
    });
    assert_eq!(sealed(&books).state, BatchState::Ambiguous);
}
