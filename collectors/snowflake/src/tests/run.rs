//! What a run commits, what it refuses, and in which pieces.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use super::*;

#[test]
fn days_are_complete_once_they_are_old_enough() {
    // Noon of 3 August: 31 July began 84 h ago, 1 August 60 h ago; 2 August has no row yet.
    let row = |day: &str| format!("{day},AB12345,ACCT,~,PIPE,compute,consumption,capacity,false,USD,1,0.10");
    let fake = billed(&[row("2026-07-30"), row("2026-08-01")]);
    let host = fake.host(noon());
    run(&host, json!({}), date(2026, 7, 30), date(2026, 8, 9)).unwrap();
    let mut seen = Vec::new();
    for commit in host
        .commits()
        .iter()
        .filter(|commit| commit.stream == "spend-billed")
    {
        let completeness = commit.seal.as_ref().unwrap().completeness;
        seen.extend(
            commit
                .partitions
                .iter()
                .map(|start| (finops_collector::period::day_of(*start), completeness)),
        );
    }
    seen.sort_by_key(|entry| entry.0);
    assert_eq!(
        seen,
        [
            (date(2026, 7, 30), Completeness::Complete),
            (date(2026, 7, 31), Completeness::Complete),
            (date(2026, 8, 1), Completeness::Partial),
        ]
    );
}

#[test]
fn a_bill_out_of_reach_leaves_the_estimate_or_fails_as_set() {
    for fake in [used().without("billed"), used()] {
        let fake = fake.rows("metering", &["2026-07-30,PIPE,1,1"]);
        let host = days(&fake, json!({}));
        assert!(
            host.commits()
                .iter()
                .all(|commit| commit.stream != "spend-billed")
        );
        assert!(lines(&host, "spend-estimated").contains(&"2026-07-30 PIPE 3 USD".to_owned()));
        assert!(
            host.logs()
                .iter()
                .any(|(level, line)| *level == Level::Warn && line.contains("only the estimate"))
        );

        let host = fake.host(noon());
        let failure = run(
            &host,
            json!({"money": "currency-view"}),
            date(2026, 7, 30),
            date(2026, 8, 1),
        )
        .unwrap_err();
        assert_eq!(failure.kind, FailureKind::Provider);
        assert!(host.commits().is_empty());
    }
}

#[test]
fn a_failure_in_any_view_of_the_money_commits_nothing() {
    for view in ["hours", "databases", "stages", "metering"] {
        let fake = billed(&[bill("10.00", "WAREHOUSE_METERING", "compute")]).without(view);
        let host = fake.host(noon());
        let failure = run(&host, json!({}), date(2026, 7, 30), date(2026, 8, 1)).unwrap_err();
        assert!(
            failure.message.contains("SNOWFLAKE.USAGE_VIEWER"),
            "{view}: {failure}"
        );
        assert_eq!((host.commits().len(), host.open_writers()), (0, 0), "{view}");
    }
    let fake = used();
    fake.set("users", Table::Refused(503, ""));
    let host = fake.host(noon());
    assert!(
        run(
            &host,
            json!({"money": "estimate"}),
            date(2026, 7, 30),
            date(2026, 8, 1)
        )
        .is_err()
    );
    assert!(host.commits().is_empty());
}

#[test]
fn money_that_is_no_number_and_days_out_of_range_are_malformed() {
    for (row, says) in [
        (bill("abc", "PIPE", "compute"), "column C, row 1"),
        (bill(&"9".repeat(40), "PIPE", "compute"), "too large"),
        (
            bill("1", "PIPE", "compute").replace("2026-07-30", "sometime"),
            "column D, row 1",
        ),
        (
            bill("1", "PIPE", "compute").replace("2026-07-30", "+020000-01-01"),
            "column D, row 1",
        ),
    ] {
        let host = billed(&[row]).host(noon());
        let failure = run(&host, json!({}), date(2026, 7, 30), date(2026, 8, 1)).unwrap_err();
        assert_eq!(failure.kind, FailureKind::MalformedReply);
        assert!(
            failure.message.contains("USAGE_IN_CURRENCY_DAILY") && failure.message.contains(says),
            "{failure}"
        );
        assert!(host.commits().is_empty());
    }
}

#[test]
fn a_long_backfill_goes_month_by_month_and_a_new_run_starts_anew() {
    let row = |day: &str| format!("{day},AB12345,ACCT,~,PIPE,compute,consumption,capacity,false,USD,1,0.10");
    let fake = Fake::new().rows("billed", &[&row("2026-05-05"), &row("2026-07-05")]);
    let host = fake.host(noon());
    let outcomes = run(&host, json!({}), date(2026, 5, 1), date(2026, 8, 1)).unwrap();
    assert_eq!(outcomes.len(), 3);
    let first: Vec<_> = host
        .commits()
        .iter()
        .map(|commit| (commit.partitions.len(), commit.records.len()))
        .collect();
    // June has no row, but the view has: its days are empty, not unknown.
    assert_eq!(first, [(31, 1), (30, 0), (31, 1)]);
    assert_eq!(
        run(&host, json!({}), date(2026, 5, 1), date(2026, 8, 1))
            .unwrap()
            .len(),
        3
    );
    assert_eq!(host.commits().len(), 6);
}

#[test]
fn a_held_commit_does_not_send_the_run_in_a_circle() {
    let row = |day: &str| format!("{day},AB12345,ACCT,~,PIPE,compute,consumption,capacity,false,USD,1,0.10");
    let fake = Fake::new().rows("billed", &[&row("2026-06-05"), &row("2026-07-05")]);
    let host = fake.host(noon());
    host.hold_commits(true);
    assert_eq!(
        run(&host, json!({}), date(2026, 6, 1), date(2026, 8, 1))
            .unwrap()
            .len(),
        1
    );
}

#[test]
fn what_is_not_due_is_not_read() {
    let host = used().host(noon());
    let mut request = host.request(
        &crate::fake::settings(json!({})),
        finops_collector::Period {
            start: noon() - HOUR,
            end: noon(),
        },
    );
    for stream in &mut request.streams {
        stream.due = false;
    }
    let outcome = <crate::Snowflake as finops_collector::Collector>::collect(&host, &request).unwrap();
    assert_eq!(outcome.progress, finops_collector::Progress::Done);
    assert_eq!(host.requests().len(), 1);
}
