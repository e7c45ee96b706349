//! Months with and without totals, read again, held, and changed behind the ledger's back.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use super::*;
use crate::{
    component::descriptor::{Grain, Stream},
    ledger::{
        CommitOptions, Completeness, ControlTotals, Seal,
        sample::{self, Bench},
        store::open_read_only,
    },
};

const DAY: &str = "2026-08-01T00:00:00Z";
const NEXT: &str = "2026-08-02T00:00:00Z";

fn monthly() -> Stream {
    sample::stream("monthly", Grain::Month)
}

fn daily() -> Stream {
    sample::stream("daily", Grain::Day)
}

/// A record of a day in the billing month of August.
fn record(day: &str, service: &str, cost: &str) -> CostRecord {
    CostRecord {
        billing_period: "2026-08".parse::<Month>().unwrap().period(),
        invoice_id: Some("INV-8".to_owned()),
        ..sample::record(day, service, cost)
    }
}

fn totals(told: &[(&str, &str)]) -> Option<ControlTotals> {
    let billed = told
        .iter()
        .map(|(currency, cost)| ((*currency).to_owned(), cost.parse().unwrap()));
    Some(ControlTotals {
        rows: None,
        billed_cost: billed.collect(),
    })
}

fn write(
    bench: &Bench,
    (stream, starts): (&Stream, &[&str]),
    records: Vec<CostRecord>,
    seal: Seal,
    options: CommitOptions,
) {
    let writer = bench.sealed(stream, starts, records, seal).unwrap();
    bench
        .block(bench.ledger.commit(bench.run, vec![writer], options))
        .unwrap();
}

/// Commits days of the daily stream.
fn days(bench: &Bench, starts: &[&str], records: Vec<CostRecord>, control: Option<ControlTotals>) {
    let seal = Seal {
        control,
        ..sample::seal(Completeness::Complete)
    };
    write(bench, (&daily(), starts), records, seal, sample::trusting());
}

/// Commits the month.
fn commit(bench: &Bench, records: Vec<CostRecord>, control: Option<ControlTotals>) {
    let seal = Seal {
        control,
        ..sample::seal(Completeness::Complete)
    };
    write(bench, (&monthly(), &[DAY]), records, seal, sample::trusting());
}

fn rows(bench: &Bench) -> Vec<Reconciled> {
    let connection = open_read_only(bench.directory.path()).unwrap();
    reconcile(&connection, "2026-08".parse().unwrap(), None).unwrap()
}

/// Currency, books, total, difference and verdict.
fn said(bench: &Bench) -> Vec<String> {
    assert_eq!(bench.findings(), [""; 0]);
    let text = |amount: Option<Decimal>| amount.map_or("-".to_owned(), |amount| amount.to_string());
    let line = |row: &Reconciled| {
        let (told, difference) = (text(row.told), text(row.difference));
        format!(
            "{} {} {told} {difference} {:?}",
            row.currency, row.books, row.verdict
        )
    };
    rows(bench).iter().map(line).collect()
}

#[test]
fn books_agree_with_the_total_that_they_were_committed_with_in_each_currency() {
    let bench = Bench::new();
    let euros = CostRecord {
        billing_currency: "EUR".to_owned(),
        ..record(NEXT, "Compute", "4")
    };
    let records = vec![
        record(DAY, "Compute", "0.1"),
        record(NEXT, "Storage", "0.2"),
        euros,
    ];
    commit(&bench, records, totals(&[("USD", "0.30"), ("EUR", "4")]));
    assert_eq!(said(&bench), ["EUR 4 4 0 Agrees", "USD 0.3 0.3 0 Agrees"]);
    let usd = rows(&bench).remove(1);
    assert_eq!(
        (usd.records, usd.open, usd.told_at),
        (2, 2, Some(sample::at("2026-08-10T12:00:00Z")))
    );
    assert_eq!(usd.invoices.into_iter().collect::<Vec<_>>(), ["INV-8"]);
}

#[test]
fn without_a_total_of_money_nothing_is_compared() {
    let bench = Bench::new();
    let lines = Some(ControlTotals {
        rows: Some(1),
        billed_cost: Vec::new(),
    });
    commit(&bench, vec![record(DAY, "Compute", "1")], lines);
    assert_eq!(said(&bench), ["USD 1 - - NoTotal"]);
}

#[test]
fn a_partition_that_is_read_again_without_a_total_takes_the_total_with_it() {
    let bench = Bench::new();
    let two = || vec![record(DAY, "Compute", "1"), record(NEXT, "Compute", "2")];
    days(&bench, &[DAY, NEXT], two(), totals(&[("USD", "3")]));
    assert_eq!(
        said(&bench),
        ["USD 3 3 0 PartlyCovered"],
        "the month has more days than these"
    );
    days(&bench, &[NEXT], vec![record(NEXT, "Compute", "2")], None);
    assert_eq!(said(&bench), ["USD 3 - - NoTotal"]);
    let starts: Vec<String> = (1..=31)
        .map(|day| format!("2026-08-{day:02}T00:00:00Z"))
        .collect();
    let starts: Vec<&str> = starts.iter().map(String::as_str).collect();
    days(
        &bench,
        &starts[..1],
        vec![record(DAY, "Compute", "1")],
        totals(&[("USD", "1")]),
    );
    days(
        &bench,
        &starts[1..],
        vec![record(NEXT, "Compute", "2")],
        totals(&[("USD", "2")]),
    );
    assert_eq!(
        said(&bench),
        ["USD 3 3 0 Agrees"],
        "two totals that cover the month"
    );
    days(&bench, &starts[30..], Vec::new(), None);
    assert_eq!(said(&bench), ["USD 3 1 0 PartlyCovered"]);
}

#[test]
fn charges_of_another_billing_month_in_the_same_partition_are_not_taken_for_the_months() {
    let bench = Bench::new();
    let late = CostRecord {
        billing_period: "2026-07".parse::<Month>().unwrap().period(),
        ..record(DAY, "Late", "5")
    };
    commit(
        &bench,
        vec![record(DAY, "Compute", "1"), late],
        totals(&[("USD", "6")]),
    );
    assert_eq!(said(&bench), ["USD 1 6 0 PartlyCovered"]);
}

#[test]
fn a_partial_month_is_no_agreement() {
    let bench = Bench::new();
    let seal = Seal {
        control: totals(&[("USD", "1")]),
        ..sample::seal(Completeness::Partial)
    };
    let records = vec![record(DAY, "Compute", "1")];
    write(&bench, (&monthly(), &[DAY]), records, seal, sample::trusting());
    assert_eq!(said(&bench), ["USD 1 1 0 Incomplete"]);
}

#[test]
fn a_held_commit_brings_its_total_when_it_is_accepted_and_not_before() {
    let bench = Bench::new();
    commit(
        &bench,
        vec![record(DAY, "Compute", "10")],
        totals(&[("USD", "10")]),
    );
    // The month is long over: what would withdraw most of it is not believed.
    *bench.clock.0.lock().unwrap() = sample::at("2026-11-10T12:00:00Z");
    let seal = Seal {
        control: totals(&[("USD", "1")]),
        ..sample::seal(Completeness::Complete)
    };
    let records = vec![record(DAY, "Compute", "1")];
    write(
        &bench,
        (&monthly(), &[DAY]),
        records,
        seal,
        CommitOptions::default(),
    );
    assert_eq!(said(&bench), ["USD 10 10 0 Agrees"]);
    bench.block(bench.ledger.accept(2)).unwrap();
    assert_eq!(said(&bench), ["USD 1 1 0 Agrees"]);
}

#[test]
fn records_that_are_not_what_the_total_was_of_differ_also_where_differences_cancel() {
    let bench = Bench::new();
    let one = |day, cost: &str| {
        days(
            &bench,
            &[day],
            vec![record(day, "Compute", cost)],
            totals(&[("USD", cost)]),
        )
    };
    one(DAY, "1");
    one(NEXT, "2");
    let of = |bench: &Bench| {
        let [row] = rows(bench).try_into().unwrap();
        (row.verdict, row.difference.unwrap().to_string())
    };
    bench.doctor(
        "UPDATE record SET content = replace(content, '\"BilledCost\":\"1\"', '\"BilledCost\":\"1.5\"')",
    );
    assert_eq!(of(&bench), (Verdict::Differs, "0.5".to_owned()));
    bench.doctor(
        "UPDATE record SET content = replace(content, '\"BilledCost\":\"2\"', '\"BilledCost\":\"1.5\"')",
    );
    assert_eq!(of(&bench), (Verdict::Differs, "0".to_owned()));
}

#[test]
fn a_total_that_was_changed_is_damage_and_the_checker_names_it() {
    let bench = Bench::new();
    commit(&bench, vec![record(DAY, "Compute", "1")], totals(&[("USD", "1")]));
    bench.doctor("UPDATE control_total SET billed = '{\"USD\":\"2\"}'");
    let connection = open_read_only(bench.directory.path()).unwrap();
    let error = reconcile(&connection, "2026-08".parse().unwrap(), None).unwrap_err();
    assert!(error.to_string().contains("control total"), "{error}");
    let findings = bench.findings();
    assert!(
        findings.iter().any(|it| it.contains("control total 1")),
        "{findings:?}"
    );
}

#[test]
fn totals_are_carried_over_from_a_damaged_ledger_and_a_damaged_one_is_named() {
    use crate::ledger::salvage::{Outcome, salvage};
    for (damage, table, verdict) in [
        (
            "UPDATE record SET content = replace(content, '\"7\"', '\"8\"') WHERE billed = '7'",
            "record",
            Verdict::Agrees,
        ),
        (
            "UPDATE control_total SET billed = '{}'",
            "control_total",
            Verdict::NoTotal,
        ),
    ] {
        let bench = Bench::new();
        commit(&bench, vec![record(DAY, "Compute", "1")], totals(&[("USD", "1")]));
        days(&bench, &[NEXT], vec![record(NEXT, "Compute", "7")], None);
        bench.doctor(damage);
        let directory = bench.closed();
        let now = sample::at("2026-08-11T00:00:00Z");
        let Outcome::Salvaged(told) = salvage(directory.path(), None, now).unwrap() else {
            unreachable!("it is damaged")
        };
        let lost: Vec<&str> = told.lost.iter().map(|lost| lost.table.as_str()).collect();
        assert_eq!(lost, [table], "{told:?}");
        let connection = open_read_only(directory.path()).unwrap();
        let rows = reconcile(&connection, "2026-08".parse().unwrap(), None).unwrap();
        let month = rows.iter().find(|row| row.stream == "monthly").unwrap();
        assert_eq!(month.verdict, verdict);
    }
}
