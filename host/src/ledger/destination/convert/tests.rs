//! Converting, told as stories; `rebase/model_tests.rs` draws what no story tells.
#![allow(clippy::unwrap_used)]

use super::{Rates, converted_otherwise};
use crate::{
    component::descriptor::{Grain, Stream},
    ledger::{
        destination::{
            DestinationSpec, OtherCurrencies, StartMode,
            rates::Rate,
            rebase::{Kept, rebase},
        },
        record::CostRecord,
        sample::{self, Bench},
        store::checksum,
    },
};

const DAY: &str = "2026-08-01T00:00:00Z";

fn daily() -> Stream {
    sample::stream("daily", Grain::Day)
}

fn euros(cost: &str) -> CostRecord {
    CostRecord {
        billing_currency: "EUR".to_owned(),
        ..sample::record(DAY, "Compute", cost)
    }
}

fn set(bench: &Bench, cost: &str) {
    bench.commit(&daily(), &[DAY], vec![euros(cost)]).unwrap();
}

fn table(list: &[(&str, &str)]) -> Rates {
    let mut rates = Rates::default();
    for (from, rate) in list {
        let rate = Rate {
            from: from.parse().unwrap(),
            rate: rate.parse().unwrap(),
        };
        rates.add("EUR", &rate).unwrap();
    }
    rates
}

fn converting(rates: Rates) -> DestinationSpec {
    DestinationSpec {
        other_currencies: OtherCurrencies::Convert,
        rates,
        ..sample::destination()
    }
}

/// As each run begins.
fn ensure(bench: &Bench, spec: &DestinationSpec) {
    bench.block(bench.ledger.ensure_destination(spec)).unwrap();
    assert_eq!(bench.findings(), [""; 0]);
}

/// State, own amount, what is sent, and what the key comes to there, in order.
fn entries(bench: &Bench) -> Vec<String> {
    bench.rows(
        "SELECT state, entry.amount, conversion.amount, conversion.total_after FROM entry
         LEFT JOIN conversion ON conversion.entry = entry.id ORDER BY entry.id",
    )
}

fn reasons(bench: &Bench) -> Vec<String> {
    bench.rows("SELECT reason FROM entry WHERE state = 'held'")
}

/// All that waits was sent in a batch, and arrived.
fn arrive(bench: &Bench) {
    let sum = checksum([b"u".as_slice(), b""]);
    let job = move |connection: &mut rusqlite::Connection| {
        connection.execute(
            "INSERT INTO batch (uid, destination, source, state, sealed_at, checksum)
             VALUES ('u', 1, 1, 'settled', 0, ?)",
            [sum],
        )?;
        let sql = "UPDATE entry SET state = 'settled', batch = 1 WHERE state = 'pending'";
        Ok(connection.execute(sql, [])?)
    };
    bench.ledger.store().with_blocking(job).unwrap();
}

fn rebase_all(bench: &Bench) {
    let now = sample::at("2026-08-10T13:00:00Z");
    let job = move |connection: &mut rusqlite::Connection| {
        Ok(rebase(connection, "openfinops", Kept::Settled, now).unwrap())
    };
    bench.ledger.store().with_blocking(job).unwrap();
}

#[test]
fn what_is_sent_adds_up_to_the_converted_total() {
    let bench = Bench::posting();
    let spec = converting(table(&[("2026-07-01", "1.08345"), ("2026-08-02", "2")]));
    ensure(&bench, &spec);
    for cost in ["10.00000001", "12.5", "0"] {
        set(&bench, cost);
        ensure(&bench, &spec);
    }
    assert_eq!(
        entries(&bench),
        [
            "pending|10.00000001|10.834500011|10.834500011",
            "pending|2.49999999|2.708624989|13.543125",
            "pending|-12.5|-13.543125|0"
        ]
    );
}

#[test]
fn a_day_without_a_rate_waits_for_one() {
    let bench = Bench::posting();
    ensure(&bench, &converting(table(&[("2026-08-02", "2")])));
    set(&bench, "10");
    ensure(&bench, &converting(table(&[("2026-08-02", "2")])));
    assert_eq!(
        reasons(&bench),
        ["there is no rate of EUR for 2026-08-01: add one under [[openfinops.rates]]"]
    );
    ensure(
        &bench,
        &converting(table(&[("2026-08-01", "3"), ("2026-08-02", "2")])),
    );
    assert_eq!(entries(&bench), ["pending|10|30|30"]);
}

#[test]
fn a_changed_rate_of_a_past_day_holds_until_it_is_rebased() {
    let bench = Bench::posting();
    let old = converting(table(&[("2026-08-01", "1.5")]));
    let new = converting(table(&[("2026-08-01", "1.25")]));
    set(&bench, "10");
    ensure(&bench, &old);
    arrive(&bench);
    set(&bench, "12");
    ensure(&bench, &new);
    assert!(
        reasons(&bench).concat().contains("destination rebase"),
        "{:?}",
        reasons(&bench)
    );
    let otherwise = |rates: &Rates| {
        let rates = rates.clone();
        let job = move |connection: &mut rusqlite::Connection| converted_otherwise(connection, 1, &rates);
        bench.ledger.store().with_blocking(job).unwrap()
    };
    assert_eq!((otherwise(&old.rates), otherwise(&new.rates)), (0, 1));
    // With the old rate back, nothing is held any more; with the new one rebased, the difference is sent.
    ensure(&bench, &old);
    assert_eq!(entries(&bench), ["settled|10|15|15", "pending|2|3|18"]);
    rebase_all(&bench);
    ensure(&bench, &new);
    let sent = entries(&bench);
    assert_eq!(sent.get(2..).unwrap(), ["settled|10|15|15", "pending|2|0|15"]);
    assert_eq!(otherwise(&new.rates), 0);
}

#[test]
fn a_rebase_at_another_rate_sends_the_difference_of_money_that_did_not_change() {
    let bench = Bench::posting();
    set(&bench, "10");
    ensure(&bench, &converting(table(&[("2026-08-01", "1.5")])));
    arrive(&bench);
    rebase_all(&bench);
    let new = converting(table(&[("2026-08-01", "1.75")]));
    ensure(&bench, &new);
    ensure(&bench, &new);
    assert_eq!(
        entries(&bench),
        ["settled|10|15|15", "settled|10|15|15", "pending|0|2.5|17.5"]
    );
}

#[test]
fn what_was_sent_as_it_is_is_not_followed_by_converted_entries_nor_the_other_way() {
    let bench = Bench::posting();
    let sending = DestinationSpec {
        other_currencies: OtherCurrencies::Send,
        ..sample::destination()
    };
    let converting = converting(table(&[("2026-08-01", "1.5")]));
    set(&bench, "10");
    ensure(&bench, &sending);
    arrive(&bench);
    set(&bench, "11");
    ensure(&bench, &converting);
    assert!(
        reasons(&bench).concat().contains("\"send\" again"),
        "{:?}",
        reasons(&bench)
    );
    ensure(&bench, &sending);
    assert_eq!(entries(&bench), ["settled|10|-|-", "pending|1|-|-"]);

    let bench = Bench::posting();
    set(&bench, "10");
    ensure(&bench, &converting);
    arrive(&bench);
    set(&bench, "11");
    ensure(&bench, &sending);
    assert!(
        reasons(&bench).concat().contains("\"convert\" again"),
        "{:?}",
        reasons(&bench)
    );
    ensure(&bench, &converting);
    assert_eq!(entries(&bench), ["settled|10|15|15", "pending|1|1.5|16.5"]);
}

#[test]
fn a_destination_that_was_sent_converted_entries_keeps_its_currency() {
    let bench = Bench::posting();
    set(&bench, "10");
    ensure(&bench, &converting(table(&[("2026-08-01", "1.5")])));
    let other = DestinationSpec {
        currency: "GBP".to_owned(),
        ..sample::destination()
    };
    let refused = bench.block(bench.ledger.ensure_destination(&other)).unwrap_err();
    assert!(refused.to_string().contains("converted to USD"), "{refused}");
}

#[test]
fn money_from_before_a_start_with_now_is_converted_and_never_sent() {
    let bench = Bench::new();
    set(&bench, "10");
    let spec = DestinationSpec {
        start: StartMode::Now,
        ..converting(table(&[("2026-08-01", "1.5")]))
    };
    ensure(&bench, &spec);
    set(&bench, "12");
    ensure(&bench, &spec);
    assert_eq!(entries(&bench), ["settled|10|15|15", "pending|2|3|18"]);
}

#[test]
fn an_amount_that_is_too_large_once_converted_is_held() {
    let bench = Bench::posting();
    set(&bench, "99999999999");
    ensure(&bench, &converting(table(&[("2026-08-01", "99999999999")])));
    assert!(
        reasons(&bench).concat().contains("too large"),
        "{:?}",
        reasons(&bench)
    );
}

#[test]
fn the_checker_finds_a_conversion_that_is_not_that_of_its_entry() {
    for (damage, expected) in [
        (
            "UPDATE conversion SET rate = '2'",
            "row: the checksum of the conversion of entry 1",
        ),
        (
            "UPDATE conversion SET rate = '2'",
            "conversion: entry 1 comes to 15 in USD, 10 at 2 is 20",
        ),
        (
            "UPDATE conversion SET amount = '14' WHERE entry = 1",
            "conversion: what is sent up to entry 1 adds up to 14 in USD, not to 15",
        ),
        (
            "DELETE FROM conversion WHERE entry = 1",
            "conversion: entry 1 is not converted, and later entries of its key are",
        ),
    ] {
        let bench = Bench::posting();
        let spec = converting(table(&[("2026-08-01", "1.5")]));
        for cost in ["10", "12"] {
            set(&bench, cost);
            ensure(&bench, &spec);
        }
        bench.doctor(damage);
        let findings = bench.findings();
        assert!(
            findings.iter().any(|finding| finding.starts_with(expected)),
            "{expected:?} is not among {findings:?}"
        );
    }
}
