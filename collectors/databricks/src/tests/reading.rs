//! Which days are read, what becomes complete, what is committed and what is not.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use super::fake::{Fake, asked, days, settings};
use crate::{
    Databricks,
    descriptor::{BY_RUN, SPEND},
    plan::{Day, pieces},
};
use finops_collector::{
    Completeness, Decimal, Failure, FailureKind, Level, descriptor::Basis, testing::FakeHost,
};
use serde_json::Value;

const NOW: &str = "2026-08-03T12:00:00Z";
const JULY_ON: (&str, &str) = ("2026-07-01", "2026-08-04");

fn collect(host: &FakeHost, settings: &Value, period: (&str, &str)) -> Result<(), Failure> {
    host.run::<Databricks>(settings, days(period.0, period.1))
        .map(|_| ())
}

fn run(host: &FakeHost) {
    collect(host, &settings(), JULY_ON).unwrap();
}

fn total(host: &FakeHost, stream: &str) -> String {
    let records = host.records(stream);
    Decimal::sum(records.iter().map(|record| record.billed_cost))
        .unwrap()
        .to_string()
}

fn told(host: &FakeHost, text: &str) -> bool {
    let logs = host.logs();
    logs.iter()
        .any(|(level, line)| *level == Level::Warn && line.contains(text))
}

fn completeness(host: &FakeHost, day: &str) -> Option<Completeness> {
    let start = days(day, "2027-01-01").start;
    let commits = host.commits();
    let mut of_day = commits
        .iter()
        .rev()
        .filter(|commit| commit.partitions.contains(&start));
    of_day
        .next()
        .map(|commit| commit.seal.clone().unwrap().completeness)
}

fn basic() -> Fake {
    Fake::of(&[
        ("2026-07-30", "JOBS", "10"),
        ("2026-08-01", "JOBS", "20"),
        ("2026-08-01", "SQL", "1"),
        ("2026-08-02", "SQL", "2.5"),
    ])
}

fn days_of(
    pairs: &[(&str, &str)],
) -> Vec<(
    finops_collector::jiff::civil::Date,
    finops_collector::jiff::civil::Date,
)> {
    pairs
        .iter()
        .map(|(first, end)| (first.parse().unwrap(), end.parse().unwrap()))
        .collect()
}

#[test]
fn a_first_run_books_quantity_times_price_in_both_cuts_and_knows_which_days_are_whole() {
    let host = basic().host(NOW);
    run(&host);
    assert_eq!(asked(&host, 0), days_of(&[("2026-07-30", "2026-08-03")]));
    assert_eq!(total(&host, SPEND), "6.95");
    assert_eq!(total(&host, BY_RUN), "6.95");
    let record = &host.records(SPEND)[0];
    assert_eq!(
        (record.basis, record.list_cost),
        (Some(Basis::ListPrice), Some(record.billed_cost))
    );
    assert_eq!(record.contracted_cost, None);
    for (day, expected) in [
        ("2026-07-29", None),
        ("2026-07-30", Some(Completeness::Complete)),
        ("2026-07-31", Some(Completeness::Complete)),
        ("2026-08-01", Some(Completeness::Complete)),
        ("2026-08-02", Some(Completeness::Partial)),
        ("2026-08-03", None),
    ] {
        assert_eq!(completeness(&host, day), expected, "{day}");
    }
    assert_eq!(host.open_writers(), 0);
}

#[test]
fn a_day_is_not_whole_before_something_newer_came() {
    let fake = basic();
    *fake.ingested.borrow_mut() = "2026-08-01";
    let host = fake.host(NOW);
    run(&host);
    assert_eq!(completeness(&host, "2026-07-30"), Some(Completeness::Complete));
    assert_eq!(completeness(&host, "2026-08-01"), Some(Completeness::Partial));
}

#[test]
fn later_runs_read_the_days_whose_lines_changed_and_unfinished_ones_and_a_retraction_withdraws() {
    let fake = basic();
    let host = fake.host(NOW);
    run(&host);
    let before = host.requests().len();
    run(&host);
    assert_eq!(asked(&host, before), days_of(&[("2026-08-02", "2026-08-03")]));
    // The original and its retraction take each other away; the restatement stays.
    for line in [("2026-07-30", "JOBS", "-10"), ("2026-07-30", "SQL", "3")] {
        fake.lines.borrow_mut().push(line);
    }
    let before = host.requests().len();
    run(&host);
    let expected = days_of(&[("2026-07-30", "2026-07-31"), ("2026-08-02", "2026-08-03")]);
    assert_eq!(asked(&host, before), expected);
    assert_eq!(total(&host, SPEND), "7.55");
    let skus = host
        .records(SPEND)
        .into_iter()
        .map(|record| record.description.unwrap());
    assert_eq!(skus.collect::<Vec<_>>(), ["SQL", "JOBS", "SQL", "SQL"]);
}

#[test]
fn usage_for_days_before_the_look_back_is_read_where_the_books_cover_them() {
    let fake = basic();
    let host = fake.host(NOW);
    run(&host);
    fake.lines.borrow_mut().push(("2026-07-30", "SQL", "1"));
    fake.lines.borrow_mut().push(("2026-06-30", "SQL", "1"));
    let before = host.requests().len();
    collect(&host, &settings(), ("2026-08-01", "2026-08-04")).unwrap();
    let expected = days_of(&[("2026-07-30", "2026-07-31"), ("2026-08-02", "2026-08-03")]);
    assert_eq!(asked(&host, before), expected);
    assert!(told(
        &host,
        "usage came for 2026-06-30, which is before the books begin"
    ));
}

#[test]
fn a_result_that_is_too_large_is_asked_for_in_halves_and_then_in_parts() {
    let fake = basic();
    *fake.most_rows.borrow_mut() = 1;
    let host = fake.host(NOW);
    run(&host);
    assert_eq!(total(&host, SPEND), "6.95");
    assert!(
        host.logs()
            .iter()
            .any(|(_, line)| line.contains("read in 2 parts"))
    );
    assert_eq!(host.open_writers(), 0);
    // Each part is committed with what is read by then: the next run has nothing to do but what is unfinished.
    let before = host.requests().len();
    run(&host);
    assert_eq!(asked(&host, before), days_of(&[("2026-08-02", "2026-08-03")]));
    // What fits in no part is given up.
    *fake.most_rows.borrow_mut() = 0;
    let failure = collect(&fake.host(NOW), &settings(), JULY_ON).unwrap_err();
    assert_eq!(failure.kind, FailureKind::Incomplete);
}

#[test]
fn usage_without_a_price_is_booked_as_such_and_its_day_stays_open_until_there_is_one() {
    let fake = basic();
    fake.prices.borrow_mut().remove("SQL");
    let host = fake.host(NOW);
    run(&host);
    assert_eq!(completeness(&host, "2026-08-01"), Some(Completeness::Partial));
    assert_eq!(completeness(&host, "2026-07-30"), Some(Completeness::Complete));
    let records = host.records(SPEND);
    let unpriced: Vec<_> = records
        .iter()
        .filter(|record| {
            record
                .extra
                .contains(&("x_Unpriced".to_owned(), "true".to_owned()))
        })
        .collect();
    assert_eq!(unpriced.len(), 2);
    for record in unpriced {
        assert!(record.billed_cost.is_zero() && record.list_cost.is_none() && record.consumed.is_some());
        assert_eq!(record.basis, Some(Basis::Estimated));
    }
    assert!(told(&host, "the SKU `SQL` has no price"));
    let seen = host.observations();
    assert_eq!(seen.len(), 2);
    assert!(
        seen.iter()
            .all(|one| one.name == "unpriced-usage" && one.dimensions[1].1 == "SQL")
    );
    fake.prices.borrow_mut().insert("SQL", "0.7");
    run(&host);
    assert_eq!(completeness(&host, "2026-08-01"), Some(Completeness::Complete));
    assert_eq!(total(&host, SPEND), "6.95");
}

#[test]
fn prices_that_overlap_and_lines_that_are_missing_are_not_committed() {
    let fake = basic();
    *fake.joined.borrow_mut() = 2;
    let host = fake.host(NOW);
    let failure = collect(&host, &settings(), JULY_ON).unwrap_err();
    assert_eq!(failure.kind, FailureKind::Incomplete);
    assert!(failure.message.contains("4 lines met 8 prices"), "{failure}");
    assert!(host.commits().is_empty() && host.open_writers() == 0);
    let fake = basic();
    *fake.lost.borrow_mut() = 1;
    let host = fake.host(NOW);
    let failure = collect(&host, &settings(), JULY_ON).unwrap_err();
    assert_eq!(failure.kind, FailureKind::Incomplete);
    assert!(
        failure
            .message
            .contains("0 lines of 2026-07-30 came where the table holds 1"),
        "{failure}"
    );
    assert!(host.commits().is_empty() && host.open_writers() == 0);
}

#[test]
fn a_commit_that_is_held_is_told_of_and_read_again() {
    let fake = basic();
    let host = fake.host(NOW);
    host.hold_commits(true);
    run(&host);
    assert!(told(&host, "held for review"));
    host.hold_commits(false);
    let before = host.requests().len();
    run(&host);
    assert_eq!(asked(&host, before).len(), 1);
    assert_eq!(total(&host, SPEND), "6.95");
}

#[test]
fn the_account_and_the_currency_are_never_guessed() {
    for (key, value, says) in [
        (
            "account-id",
            "another",
            "the usage table is of the account 7f3e0f2a-account",
        ),
        ("currency", "EUR", "there are no prices in EUR, only in USD"),
        ("currency", "euro", "no ISO 4217 code"),
        ("host", "a b", "give the workspace's host name"),
        ("warehouse-id", "a/b", "give the warehouse's id"),
    ] {
        let host = basic().host(NOW);
        let mut settings = settings();
        settings[key] = value.into();
        let failure = collect(&host, &settings, JULY_ON).unwrap_err();
        assert_eq!(failure.kind, FailureKind::Settings, "{failure}");
        assert!(failure.message.contains(says), "{failure}");
        assert!(host.commits().is_empty());
    }
    let fake = basic();
    fake.currencies.borrow_mut().push("EUR");
    let failure = collect(&fake.host(NOW), &settings(), JULY_ON).unwrap_err();
    assert!(failure.message.contains("(EUR, USD): choose one"), "{failure}");
    fake.currencies.borrow_mut().clear();
    let failure = collect(&fake.host(NOW), &settings(), JULY_ON).unwrap_err();
    assert!(failure.message.contains("list_prices is empty"), "{failure}");
    let mut own = settings();
    own["prices"] = "account".into();
    let failure = collect(&basic().host(NOW), &own, JULY_ON).unwrap_err();
    assert_eq!(failure.kind, FailureKind::Credential, "{failure}");
}

#[test]
fn a_usage_table_without_the_newest_columns_is_read_without_them() {
    let fake = basic();
    *fake.old.borrow_mut() = true;
    let host = fake.host(NOW);
    run(&host);
    assert_eq!(total(&host, SPEND), "6.95");
    assert!(told(
        &host,
        "apps, database instances and creators are not told apart"
    ));
}

#[test]
fn days_in_a_row_are_read_together_as_far_as_a_reply_holds_their_lines() {
    let day = |number: i8, lines| Day {
        day: finops_collector::jiff::civil::date(2026, 8, number),
        lines,
        complete: true,
    };
    let chosen = [
        day(1, 30_000),
        day(2, 10_000),
        day(3, 1),
        day(4, 90_000),
        day(6, 1),
        day(7, 0),
        day(8, 1),
    ];
    let days = |start: &str| -> Vec<Vec<i8>> {
        let pieces = pieces(&chosen, days(start, "2027-01-01").start);
        let numbers = |piece: Vec<Day>| piece.into_iter().map(|day| day.day.day()).collect();
        pieces.into_iter().map(numbers).collect()
    };
    assert_eq!(days("2026-08-01"), [vec![1, 2], vec![3], vec![4], vec![6, 7, 8]]);
    // What lies before the asked period stays apart.
    assert_eq!(
        days("2026-08-07"),
        [vec![1, 2], vec![3], vec![4], vec![6], vec![7, 8]]
    );
}
