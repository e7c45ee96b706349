//! Which questions are asked, and what becomes of the answers.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use super::fake::{Fake, Line, days};
use crate::{Aws, descriptor::SPEND};
use finops_collector::{Completeness, Decimal, FailureKind, testing::FakeHost};
use serde_json::{Value, json};

const NOW: &str = "2026-08-03T12:00:00Z";
const LINES: [Line; 5] = [
    (
        "2026-08-01",
        "111111111111",
        "Usage",
        "AWS Lambda",
        "Request",
        "1.5",
    ),
    (
        "2026-08-01",
        "111111111111",
        "SavingsPlanNegation",
        "AWS Lambda",
        "Request",
        "-0.5",
    ),
    (
        "2026-08-02",
        "222222222222",
        "Usage",
        "AWS Lambda",
        "Request",
        "2",
    ),
    (
        "2026-08-02",
        "222222222222",
        "Tax",
        "AWS Lambda",
        "NoUsageType",
        "0.25",
    ),
    (
        "2026-07-30",
        "222222222222",
        "Credit",
        "AWS Lambda",
        "NoUsageType",
        "-1",
    ),
];

fn settings() -> Value {
    json!({"account": "123456789012", "pace": 0})
}

fn read() -> (Fake, FakeHost) {
    let fake = Fake::default();
    fake.lines.borrow_mut().extend(LINES);
    let host = fake.host(NOW);
    host.run::<Aws>(&settings(), days("2026-07-01", "2026-08-04"))
        .unwrap();
    (fake, host)
}

fn total(host: &FakeHost) -> Decimal {
    Decimal::sum(host.records(SPEND).iter().map(|record| record.billed_cost)).unwrap()
}

#[test]
fn adjacent_days_are_one_question_and_the_fewest_are_asked() {
    let (_, host) = read();
    // The overview, usage of two accounts, the rest of one account with two record types.
    assert_eq!(host.requests().len(), 4);
    assert_eq!(total(&host), "2.25".parse().unwrap());
    let seal = |start: &str| {
        let start = days(start, "2026-08-04").start;
        let commits = host.commits();
        let commit = commits
            .iter()
            .find(|commit| commit.partitions.contains(&start))
            .unwrap();
        commit.seal.clone().unwrap().completeness
    };
    assert_eq!(
        (seal("2026-08-01"), seal("2026-08-02")),
        (Completeness::Complete, Completeness::Partial)
    );
}

#[test]
fn between_two_whole_readings_only_three_days_are_read() {
    let (fake, host) = read();
    fake.lines.borrow_mut().push((
        "2026-08-02",
        "111111111111",
        "Usage",
        "AWS Lambda",
        "Request",
        "4",
    ));
    host.run::<Aws>(&settings(), days("2026-07-01", "2026-08-04"))
        .unwrap();
    let body = host.requests().last().unwrap().body.clone().unwrap();
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(
        body["TimePeriod"],
        json!({"Start": "2026-08-01", "End": "2026-08-04"})
    );
    assert_eq!(total(&host), "6.25".parse().unwrap());
}

#[test]
fn a_gap_before_those_days_has_everything_read_again() {
    let (_, host) = read();
    let asked = host.requests().len();
    host.run::<Aws>(&settings(), days("2026-06-30", "2026-08-04"))
        .unwrap();
    let body = host.requests()[asked].body.clone().unwrap();
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(body["TimePeriod"]["Start"], "2026-06-30");
}

#[test]
fn cuts_that_do_not_add_up_to_the_overview_are_not_committed() {
    let (fake, host) = read();
    let before = host.commits().len();
    *fake.hidden.borrow_mut() = Some((
        "2026-08-02",
        "222222222222",
        "Usage",
        "AWS Lambda",
        "Request",
        "0.01",
    ));
    let failure = host
        .run::<Aws>(&settings(), days("2026-07-01", "2026-08-04"))
        .unwrap_err();
    assert_eq!(failure.kind, FailureKind::Incomplete);
    assert!(
        failure.message.contains("222222222222 on 2026-08-02"),
        "{failure}"
    );
    assert_eq!((host.commits().len(), host.open_writers()), (before, 0));
}

#[test]
fn many_accounts_with_few_services_are_read_by_service() {
    let fake = Fake::default();
    let account = |number: usize| -> &'static str { format!("{number:012}").leak() };
    let line = |number| -> Line {
        (
            "2026-08-02",
            account(number),
            "Usage",
            "AWS Lambda",
            "Request",
            "0.5",
        )
    };
    fake.lines.borrow_mut().extend((0..40).map(line));
    let host = fake.host(NOW);
    host.run::<Aws>(&settings(), days("2026-08-01", "2026-08-04"))
        .unwrap();
    // The overview, the services, and one service.
    assert_eq!(host.requests().len(), 3);
    assert_eq!(
        (total(&host), host.records(SPEND).len()),
        (Decimal::from(20_u32), 40)
    );
    assert!(
        host.records(SPEND)
            .iter()
            .all(|record| record.sub_account.is_some())
    );
}
