//! Which days are read, what becomes complete, and what is never erased.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use super::fake::{Fake, days, settings};
use crate::{Gcp, descriptor::SPEND};
use finops_collector::{Completeness, Decimal, FailureKind, Level, Period, testing::FakeHost};
use serde_json::Value;

const NOW: &str = "2026-08-03T12:00:00Z";
const JULY_ON: (&str, &str) = ("2026-07-01", "2026-08-04");

fn run(host: &FakeHost, period: (&str, &str)) {
    host.run::<Gcp>(&settings(), days(period.0, period.1)).unwrap();
}

fn total(host: &FakeHost) -> String {
    let records = host.records(SPEND);
    Decimal::sum(records.iter().map(|record| record.billed_cost))
        .unwrap()
        .to_string()
}

/// The days that the last queries for lines asked for, one query after the other.
fn asked(host: &FakeHost, from: usize) -> Vec<Vec<String>> {
    let bodies = host
        .requests()
        .into_iter()
        .skip(from)
        .filter_map(|request| request.body);
    let bodies = bodies.map(|body| serde_json::from_slice::<Value>(&body).unwrap());
    bodies
        .filter(|body| body["dryRun"] != true)
        .filter_map(|body| {
            let days = body["queryParameters"][0]["parameterValue"]["arrayValues"]
                .as_array()?
                .clone();
            Some(
                days.iter()
                    .map(|day| day["value"].as_str().unwrap().to_owned())
                    .collect(),
            )
        })
        .collect()
}

fn basic() -> Fake {
    Fake::of(&[
        ("2026-07-30", "2026-07-31T04:00:00Z", "1.5"),
        ("2026-08-01", "2026-08-02T04:00:00Z", "2"),
        ("2026-08-02", "2026-08-03T09:00:00Z", "4"),
    ])
}

#[test]
fn a_first_run_reads_month_by_month_and_knows_which_days_are_whole() {
    let host = basic().host(NOW);
    run(&host, JULY_ON);
    assert_eq!(
        asked(&host, 0),
        [vec!["2026-07-30"], vec!["2026-08-01", "2026-08-02"]]
    );
    assert_eq!(total(&host), "7.5");
    let completeness = |day: &str| {
        let start = days(day, "2026-09-01").start;
        let commits = host.commits();
        let commit = commits.iter().find(|commit| commit.partitions.contains(&start));
        commit.map(|commit| commit.seal.clone().unwrap().completeness)
    };
    // The newest export was on 3 August at nine: the first of August is whole, the second is not. The 31st has no line and is empty;
    // of the 29th and the third of August the table says nothing.
    for (day, expected) in [
        ("2026-07-29", None),
        ("2026-07-30", Some(Completeness::Complete)),
        ("2026-07-31", Some(Completeness::Complete)),
        ("2026-08-01", Some(Completeness::Complete)),
        ("2026-08-02", Some(Completeness::Partial)),
        ("2026-08-03", None),
    ] {
        assert_eq!(completeness(day), expected, "{day}");
    }
}

#[test]
fn later_runs_read_days_that_something_came_for_and_unfinished_ones() {
    let fake = basic();
    let host = fake.host(NOW);
    run(&host, JULY_ON);
    let before = host.requests().len();
    run(&host, JULY_ON);
    assert_eq!(asked(&host, before), [vec!["2026-08-02"]]);
    // A late line of July, exported before the watermark but within the hours that are looked at again.
    fake.lines
        .borrow_mut()
        .push(("2026-07-30", "2026-08-03T05:00:00Z", "0.25"));
    let before = host.requests().len();
    run(&host, JULY_ON);
    assert_eq!(asked(&host, before), [vec!["2026-07-30"], vec!["2026-08-02"]]);
    assert_eq!(total(&host), "7.75");
}

#[test]
fn lines_older_than_the_look_back_are_read_where_the_books_cover_them() {
    let fake = basic();
    let host = fake.host(NOW);
    run(&host, JULY_ON);
    fake.lines
        .borrow_mut()
        .push(("2026-07-30", "2026-08-03T10:00:00Z", "0.25"));
    fake.lines
        .borrow_mut()
        .push(("2026-06-30", "2026-08-03T10:00:00Z", "9"));
    let before = host.requests().len();
    // The look-back has moved on to August.
    run(&host, ("2026-08-01", "2026-08-04"));
    assert_eq!(asked(&host, before), [vec!["2026-07-30"], vec!["2026-08-02"]]);
    assert_eq!(total(&host), "7.75");
    let told = |text: &str| {
        host.logs()
            .iter()
            .any(|(level, line)| *level == Level::Warn && line.contains(text))
    };
    assert!(told("lines came for 2026-06-30, which is before the books begin"));
    // Asked for by hand, they are read, and from then on the books cover them.
    let before = host.requests().len();
    run(&host, ("2026-06-01", "2026-08-04"));
    assert_eq!(asked(&host, before)[0], ["2026-06-30"]);
    assert_eq!(total(&host), "16.75");
}

#[test]
fn fewer_lines_than_the_table_holds_are_not_committed() {
    let fake = basic();
    let host = fake.host(NOW);
    *fake.lost.borrow_mut() = 1;
    let failure = host
        .run::<Gcp>(&settings(), days(JULY_ON.0, JULY_ON.1))
        .unwrap_err();
    assert_eq!(failure.kind, FailureKind::Incomplete);
    assert!(
        failure
            .message
            .contains("0 lines of 2026-07-30 came where the table holds 1"),
        "{failure}"
    );
    assert_eq!((host.commits().len(), host.open_writers()), (0, 0));
}

#[test]
fn a_day_that_lost_its_lines_keeps_its_money() {
    let fake = basic();
    let host = fake.host(NOW);
    run(&host, JULY_ON);
    fake.lines.borrow_mut().retain(|line| line.0 != "2026-08-01");
    run(&host, JULY_ON);
    assert_eq!(total(&host), "7.5");
    fake.lines.borrow_mut().retain(|line| line.0 == "2026-07-30");
    let failure = host
        .run::<Gcp>(&settings(), days(JULY_ON.0, JULY_ON.1))
        .unwrap_err();
    assert_eq!(failure.kind, FailureKind::Incomplete);
    assert_eq!(total(&host), "7.5");
}

#[test]
fn everything_is_read_again_after_a_week() {
    let fake = basic();
    let host = fake.host(NOW);
    run(&host, JULY_ON);
    finops_collector::Host::sleep(&host, std::time::Duration::from_secs(7 * 86_400));
    let before = host.requests().len();
    run(&host, JULY_ON);
    assert_eq!(asked(&host, before).concat().len(), 3);
}

#[test]
fn a_view_switched_on_later_reads_all_days_and_another_label_reads_them_again() {
    let host = basic().host(NOW);
    run(&host, JULY_ON);
    let mut settings = settings();
    for label in ["team", "cost-center"] {
        settings["label"] = label.into();
        let before = host.requests().len();
        host.run::<Gcp>(&settings, days(JULY_ON.0, JULY_ON.1)).unwrap();
        // 2 August is unfinished in the bill; the view reads everything.
        assert_eq!(asked(&host, before).concat().len(), 1 + 3, "{label}");
        let records = host.records("by-label");
        assert_eq!(
            Decimal::sum(records.iter().map(|record| record.billed_cost))
                .unwrap()
                .to_string(),
            "7.5"
        );
    }
}

#[test]
fn records_carry_the_invoice_month_of_los_angeles() {
    let host = basic().host("2026-08-12T12:00:00Z");
    run(&host, ("2026-07-01", "2026-08-13"));
    let record = &host.records(SPEND)[0];
    let billing = record.billing_period.unwrap();
    let hours = |period: Period| (period.start - days("2026-07-01", "2026-08-01").start) / 3_600;
    assert_eq!(
        (hours(billing), record.finality),
        (7, finops_collector::record::Finality::Final)
    );
}
