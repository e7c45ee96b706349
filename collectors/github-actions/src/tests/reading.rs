//! Which reports are asked for, and what becomes of the answers.

use super::{host, line, report, settings, since};
use crate::{GitHub, descriptor::SPEND};
use finops_collector::{Completeness, Failure, FailureKind, period::start_of, testing::reply};
use serde_json::json;
use std::{cell::Cell, rc::Rc, time::Duration};

#[test]
fn each_day_is_asked_for_by_itself_and_between_two_whole_readings_only_the_last_four() {
    let host = host(|_, day| report(&[line(day, json!({}))]));
    host.run::<GitHub>(&settings(), since("2026-07-01")).unwrap();
    let first = &host.requests()[0];
    assert_eq!(
        first.url,
        "https://api.github.com/organizations/acme/settings/billing/usage?year=2026&month=7&day=1"
    );
    let version = ("X-GitHub-Api-Version".to_owned(), "2022-11-28".to_owned());
    assert!(first.headers.contains(&version));
    assert_eq!((host.requests().len(), host.records(SPEND).len()), (34, 34));
    host.run::<GitHub>(&settings(), since("2026-07-01")).unwrap();
    assert_eq!(host.requests().len(), 38);
    let completeness = |day: &str| {
        let start = start_of(day.parse().unwrap());
        let commits = host.commits();
        let commit = commits
            .iter()
            .rev()
            .find(|commit| commit.partitions == [start])
            .unwrap();
        commit.seal.clone().unwrap().completeness
    };
    assert_eq!(
        (completeness("2026-07-31"), completeness("2026-08-01")),
        (Completeness::Complete, Completeness::Partial)
    );
}

#[test]
fn what_fails_leaves_the_days_before_it_and_nothing_of_its_own() {
    let host = host(|_, day| match day {
        "2026-07-31" => Ok(reply(200, r#"{"usageItems":[{"date":"2026-07-31","netAm"#)),
        _ => report(&[line(day, json!({}))]),
    });
    let failure = host.run::<GitHub>(&settings(), since("2026-07-29")).unwrap_err();
    assert_eq!(failure.kind, FailureKind::MalformedReply);
    assert!(
        failure.message.contains("the usage report of 2026-07-31"),
        "{failure}"
    );
    assert_eq!((host.records(SPEND).len(), host.open_writers()), (2, 0));
    assert!(
        host.commits()
            .iter()
            .all(|commit| commit.seal.as_ref().unwrap().checkpoint.is_none())
    );
}

#[test]
fn what_a_cut_reading_left_out_is_read_first_the_next_time() {
    let left = Rc::new(Cell::new(3));
    let limited = Rc::clone(&left);
    let host = host(move |_, day| {
        if limited.get() == 0 {
            return Ok(reply(429, "{}"));
        }
        limited.set(limited.get() - 1);
        report(&[line(day, json!({}))])
    });
    for days in [3, 6] {
        left.set(3);
        assert!(host.run::<GitHub>(&settings(), since("2026-07-01")).is_err());
        assert_eq!(host.records(SPEND).len(), days);
    }
}

#[test]
fn a_limit_written_as_403_is_waited_for_a_few_times() {
    let refusals = Rc::new(Cell::new(2));
    let left = Rc::clone(&refusals);
    let limited = move |day: &str| {
        if left.get() == 0 {
            return report(&[line(day, json!({}))]);
        }
        left.set(left.get() - 1);
        Ok(reply(
            403,
            r#"{"message":"You have exceeded a secondary rate limit."}"#,
        ))
    };
    let host = host(move |_, day| limited(day));
    host.run::<GitHub>(&settings(), since("2026-08-03")).unwrap();
    assert_eq!(host.sleeps(), [60, 120].map(Duration::from_secs));
    refusals.set(9);
    let failure = host.run::<GitHub>(&settings(), since("2026-08-03")).unwrap_err();
    assert_eq!(failure.kind, FailureKind::Throttled);
}

#[test]
fn next_pages_are_read_on_the_same_host_only() {
    let paged = |link: &'static str| {
        host(move |request, day| {
            let mut response = report(&[line(day, json!({}))])?;
            if !request.url.ends_with("page=2") {
                response
                    .headers
                    .push(("link".to_owned(), format!("<{link}>; rel=\"next\"")));
            }
            Ok(response)
        })
    };
    let more =
        paged("https://api.github.com/organizations/1/settings/billing/usage?year=2026&month=8&day=3&page=2");
    more.run::<GitHub>(&settings(), since("2026-08-03")).unwrap();
    assert_eq!(more.records(SPEND).len(), 2);
    let elsewhere = paged("https://evil.example/?year=2026&month=8&day=3");
    let failure: Failure = elsewhere
        .run::<GitHub>(&settings(), since("2026-08-03"))
        .unwrap_err();
    assert!(failure.message.contains("another host"), "{failure}");
    assert_eq!(elsewhere.records(SPEND), []);
}

#[test]
fn settings_that_cannot_be_are_refused_before_anything_is_asked() {
    let host = host(|_, _| report(&[]));
    for (wrong, says) in [
        (json!({"account": "acme/../x"}), "account"),
        (json!({"account": "acme", "cost-center": "1"}), "enterprise"),
        (
            json!({"account": "acme", "api-host": "github.example.com"}),
            "api-host",
        ),
        (
            json!({"account": "acme", "api-host": "api.evil.example.ghe.com"}),
            "api-host",
        ),
    ] {
        let failure = host.run::<GitHub>(&wrong, since("2026-08-03")).unwrap_err();
        assert_eq!(failure.kind, FailureKind::Settings);
        assert!(failure.message.contains(says), "{failure}");
    }
    assert_eq!(host.requests(), []);
    let center = json!({"account": "acme", "account-kind": "enterprise", "cost-center": "a1-b2", "api-host": "api.acme.ghe.com"});
    host.run::<GitHub>(&center, since("2026-08-03")).unwrap();
    assert_eq!(
        host.requests()[0].url,
        "https://api.acme.ghe.com/enterprises/acme/settings/billing/usage?year=2026&month=8&day=3&cost_center_id=a1-b2"
    );
    let source = &host.commits()[0].source;
    assert_eq!(
        (source.billing_account.as_str(), source.scope.as_str()),
        ("enterprises/acme", "a1-b2")
    );
}
