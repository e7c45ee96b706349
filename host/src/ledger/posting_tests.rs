//! Posting and destinations, told as stories: what a restatement, a retag, a rerun and a new epoch post.
#![allow(clippy::unwrap_used)]

use super::{
    destination::{DestinationSpec, Measure, OtherCurrencies, StartMode},
    record::CostRecord,
    sample::{self, Bench},
};
use crate::component::descriptor::{Grain, Stream};

const DAY: &str = "2026-08-01T00:00:00Z";
const NEXT: &str = "2026-08-02T00:00:00Z";

fn daily() -> Stream {
    sample::stream("daily", Grain::Day)
}

fn compute(cost: &str) -> CostRecord {
    sample::record(DAY, "Compute", cost)
}

fn set(bench: &Bench, records: Vec<CostRecord>) {
    bench.commit(&daily(), &[DAY], records).unwrap();
    assert_eq!(bench.findings(), [""; 0]);
}

fn ensure(bench: &Bench, spec: &DestinationSpec) {
    bench.block(bench.ledger.ensure_destination(spec)).unwrap();
    assert_eq!(bench.findings(), [""; 0]);
}

#[test]
fn an_amount_that_goes_there_and_back_is_three_entries() {
    let bench = Bench::posting();
    for cost in ["10", "12.5", "10"] {
        set(&bench, vec![compute(cost)]);
    }
    assert_eq!(
        bench.entries(),
        ["pending|10|10", "pending|2.5|12.5", "pending|-2.5|10"]
    );
    let ids = bench.rows("SELECT count(DISTINCT entry_id) FROM entry");
    assert_eq!(ids, ["3"]);
}

#[test]
fn reading_the_same_again_posts_nothing() {
    let bench = Bench::posting();
    set(&bench, vec![compute("10")]);
    let receipt = bench.commit(&daily(), &[DAY, NEXT], vec![compute("10")]).unwrap();
    assert_eq!((receipt.unchanged, receipt.revised, receipt.added), (1, 0, 0));
    assert_eq!(bench.entries(), ["pending|10|10"]);
    assert_eq!(bench.rows("SELECT count(*) FROM record"), ["1"]);
}

#[test]
fn a_retagged_line_is_posted_off_the_old_tag_and_onto_the_new() {
    let bench = Bench::posting();
    let tagged = |team: &str| {
        let mut record = compute("10");
        record.tags.insert("team".to_owned(), team.to_owned());
        record
    };
    set(&bench, vec![tagged("red")]);
    set(&bench, vec![tagged("blue")]);
    let mut posted = bench.rows(
        "SELECT json_extract(dims, '$.tags.team'), amount FROM entry
         JOIN posting ON posting.id = entry.posting ORDER BY entry.id",
    );
    posted.sort();
    assert_eq!(posted, ["blue|10", "red|-10", "red|10"]);
}

#[test]
fn a_line_that_only_became_final_posts_nothing() {
    let bench = Bench::posting();
    set(&bench, vec![compute("10")]);
    let settled = CostRecord {
        finality: super::record::Finality::Final,
        ..compute("10")
    };
    let receipt = bench.commit(&daily(), &[DAY], vec![settled]).unwrap();
    assert_eq!(receipt.revised, 1);
    assert_eq!(bench.entries(), ["pending|10|10"]);
}

#[test]
fn what_cannot_be_committed_whole_is_not_committed_at_all() {
    let bench = Bench::posting();
    let seal = || sample::seal(super::Completeness::Complete);
    let one = bench
        .sealed(&daily(), &[DAY], vec![compute("1")], seal())
        .unwrap();
    let other = bench
        .sealed(&daily(), &[DAY], vec![compute("2")], seal())
        .unwrap();
    let both = bench
        .ledger
        .commit(bench.run, vec![one, other], sample::trusting());
    let error = bench.block(both).unwrap_err().to_string();
    assert!(error.contains("two writers"), "{error}");
    assert_eq!(bench.rows("SELECT count(*) FROM commits"), ["0"]);
    let alone = bench.ledger.commit(bench.run, vec![other], sample::trusting());
    bench.block(alone).unwrap();
    assert_eq!(bench.entries(), ["pending|2|2"]);
}

#[test]
fn other_currencies_are_held_until_the_destination_takes_them() {
    let bench = Bench::posting();
    let euros = CostRecord {
        billing_currency: "EUR".to_owned(),
        ..compute("3")
    };
    set(&bench, vec![compute("1"), euros]);
    let held = bench.rows("SELECT reason FROM entry WHERE state = 'held'");
    assert_eq!(held, ["currency EUR: the destination takes USD"]);
    let spec = DestinationSpec {
        currency: "EUR".to_owned(),
        ..sample::destination()
    };
    ensure(&bench, &spec);
    let states = bench.rows("SELECT amount, state FROM entry ORDER BY amount");
    assert_eq!(states, ["1|held", "3|pending"]);
}

#[test]
fn other_currencies_are_sent_and_held_again_as_the_operator_says() {
    let bench = Bench::posting();
    let euros = |cost: &str| CostRecord {
        billing_currency: "EUR".to_owned(),
        ..compute(cost)
    };
    set(&bench, vec![compute("1"), euros("3")]);
    let sending = DestinationSpec {
        other_currencies: OtherCurrencies::Send,
        ..sample::destination()
    };
    ensure(&bench, &sending);
    assert_eq!(
        bench.rows("SELECT state, count(*), max(reason) FROM entry GROUP BY state"),
        ["pending|2|-"]
    );
    // What is sealed is on its way, with its bytes; what is not is held once more.
    bench.doctor(
        "INSERT INTO batch (uid, destination, source, state, sealed_at, checksum)
             VALUES ('u', 1, 1, 'sealed', 0, '');
         UPDATE entry SET batch = (SELECT id FROM batch) WHERE amount = '3'",
    );
    bench
        .commit(&daily(), &[DAY], vec![compute("1"), euros("5")])
        .unwrap();
    bench.block(bench.ledger.ensure_destination(&sending)).unwrap();
    bench
        .block(bench.ledger.ensure_destination(&sample::destination()))
        .unwrap();
    let states = bench.rows("SELECT amount, state, reason FROM entry ORDER BY amount");
    assert_eq!(
        states,
        [
            "1|pending|-",
            "2|held|another currency: the destination takes USD",
            "3|pending|-"
        ]
    );
}

#[test]
fn a_new_destination_begins_with_one_entry_per_posting_key() {
    let bench = Bench::new();
    for cost in ["10", "12"] {
        bench.commit(&daily(), &[DAY], vec![compute(cost)]).unwrap();
    }
    ensure(&bench, &sample::destination());
    assert_eq!(bench.entries(), ["pending|12|12"]);
    ensure(&bench, &sample::destination());
    assert_eq!(
        bench.entries().len(),
        1,
        "the same destination again opens nothing"
    );
}

#[test]
fn a_destination_that_starts_now_is_sent_only_later_changes() {
    let bench = Bench::new();
    bench.commit(&daily(), &[DAY], vec![compute("10")]).unwrap();
    let spec = DestinationSpec {
        start: StartMode::Now,
        ..sample::destination()
    };
    ensure(&bench, &spec);
    set(&bench, vec![compute("11")]);
    assert_eq!(bench.entries(), ["settled|10|10", "pending|1|11"]);
}

#[test]
fn another_measure_begins_an_epoch_and_drops_what_waits() {
    let bench = Bench::posting();
    let record = CostRecord {
        effective_cost: "8".parse().unwrap(),
        ..compute("10")
    };
    set(&bench, vec![record]);
    let spec = DestinationSpec {
        measure: Measure::Billed,
        ..sample::destination()
    };
    ensure(&bench, &spec);
    assert_eq!(bench.entries(), ["dropped|8|8", "pending|10|10"]);
    set(&bench, vec![compute("9")]);
    assert_eq!(bench.entries().last().unwrap(), "pending|-1|9");
    assert_eq!(bench.rows("SELECT number FROM epoch WHERE ended IS NULL"), ["2"]);
}

#[test]
fn a_rolled_up_destination_gets_one_posting_for_many_lines() {
    let bench = Bench::new();
    let spec = DestinationSpec {
        group_by: Some(vec!["service".to_owned()]),
        ..sample::destination()
    };
    ensure(&bench, &spec);
    let on = |resource: &str, cost: &str| CostRecord {
        resource_id: Some(resource.to_owned()),
        ..compute(cost)
    };
    set(&bench, vec![on("a", "1"), on("b", "2")]);
    assert_eq!(bench.entries(), ["pending|3|3"]);
    set(&bench, vec![on("a", "2"), on("b", "1")]);
    assert_eq!(
        bench.entries().len(),
        1,
        "what moves within a roll-up posts nothing"
    );
    let wrong = DestinationSpec {
        group_by: Some(vec!["colour".to_owned()]),
        ..sample::destination()
    };
    let error = bench.block(bench.ledger.ensure_destination(&wrong)).unwrap_err();
    assert!(error.to_string().contains("colour"), "{error}");
}

#[test]
fn two_destinations_have_entries_of_their_own() {
    let bench = Bench::posting();
    let second = DestinationSpec {
        name: "second".to_owned(),
        ..sample::destination()
    };
    ensure(&bench, &second);
    set(&bench, vec![compute("5")]);
    assert_eq!(bench.entries(), ["pending|5|5", "pending|5|5"]);
}

#[test]
fn a_source_that_does_not_count_posts_nothing() {
    let bench = Bench::new();
    bench.commit(&daily(), &[DAY], vec![compute("5")]).unwrap();
    bench.doctor("UPDATE source SET counts = 0");
    ensure(&bench, &sample::destination());
    set(&bench, vec![compute("6")]);
    assert_eq!(bench.entries(), [""; 0]);
}
