//! The view by tag, usage, and settings.

use super::{host, month, row, settings};
use crate::{
    Datadog,
    descriptor::{BY_TAG, SPEND},
};
use finops_collector::{Decimal, FailureKind, period::day_of, testing::FakeHost};
use serde_json::{Value, json};

fn share(tags: Value, values: Value) -> Value {
    json!({"type": "cost_by_tag", "id": "x", "attributes": {"month": "2026-07-01T00:00:00Z", "org_name": "acme",
        "public_id": "o-1", "tag_config_source": "o-1", "tags": tags, "updated_at": "2026-08-19", "values": values}})
}

fn billed(now: &str, pages: impl Fn(&str) -> Value + 'static) -> FakeHost {
    host(now, move |path, url| match path {
        "monthly_cost_attribution" => pages(url),
        "historical_cost" => {
            json!({"data": [row("2026-07-01", &[("infra_host", "on_demand", "10"), ("logs", "on_demand", "3")])]})
        }
        _ => json!({"data": [row("2026-07-31", &[("infra_host", "on_demand", "10")])]}),
    })
}

#[test]
fn shares_of_a_tag_and_what_none_takes_are_the_bill() {
    let host = billed("2026-08-19T00:00:00Z", |url| {
        assert!(
            url.contains("start_month=2026-07&end_month=2026-07&fields=%2A&tag_breakdown_keys=team"),
            "{url}"
        );
        let of = |team: &str, cost: u32| {
            share(
                json!({"team": [team]}),
                json!({"infra_host_total_cost": cost, "infra_host_on_demand_cost": cost,
                "infra_host_percentage_in_org": 50, "logs_total_cost": null}),
            )
        };
        match url.contains("next_record_id=abc%3D") {
            false => json!({"data": [of("core", 4)], "meta": {"pagination": {"next_record_id": "abc="}}}),
            true => {
                json!({"data": [of("web", 5), share(json!({"team": []}), json!({"infra_host_total_cost": 1}))],
                "meta": {"pagination": {"next_record_id": null}}})
            }
        }
    });
    host.run::<Datadog>(&settings(json!({"tag": "team"})), month("2026-07-01"))
        .unwrap();
    let mut shown: Vec<String> = host
        .records(BY_TAG)
        .iter()
        .map(|record| {
            let value = record.tags.first().map_or("-", |(_, value)| value);
            format!("{} {value} {}", record.service_name, record.billed_cost)
        })
        .collect();
    shown.sort();
    assert_eq!(
        shown,
        [
            "infra_host - 1",
            "infra_host core 4",
            "infra_host web 5",
            "logs - 3"
        ]
    );
    let sum = |stream| Decimal::sum(host.records(stream).iter().map(|record| record.billed_cost)).unwrap();
    assert_eq!(sum(BY_TAG), sum(SPEND));
}

#[test]
fn attribution_is_not_asked_for_before_it_is_out_and_an_undivided_one_is_said() {
    let early = billed("2026-08-18T00:00:00Z", |_| unreachable!("not out yet"));
    early
        .run::<Datadog>(&settings(json!({"tag": "team"})), month("2026-07-01"))
        .unwrap();
    assert!(early.records(BY_TAG).is_empty());
    let undivided = billed(
        "2026-08-19T00:00:00Z",
        |_| json!({"data": [share(Value::Null, json!({"infra_host_total_cost": 10}))]}),
    );
    undivided
        .run::<Datadog>(&settings(json!({"tag": "team"})), month("2026-07-01"))
        .unwrap();
    assert_eq!(undivided.records(BY_TAG).len(), 2);
    assert!(
        undivided
            .logs()
            .iter()
            .any(|(_, text)| text.contains("does not divide"))
    );
}

#[test]
fn pages_that_go_round_are_refused_and_leave_the_bill() {
    let host = billed(
        "2026-08-19T00:00:00Z",
        |_| json!({"data": [], "meta": {"pagination": {"next_record_id": "x"}}}),
    );
    let failure = host
        .run::<Datadog>(&settings(json!({"tag": "team"})), month("2026-07-01"))
        .unwrap_err();
    assert_eq!(failure.kind, FailureKind::MalformedReply);
    assert!(host.records(BY_TAG).is_empty() && !host.records(SPEND).is_empty());
}

#[test]
fn the_highest_hour_of_hosts_is_observed_and_hours_without_a_value_are_not() {
    let hour = |at: &str, family: &str, usage: &str, value: Value| {
        json!({"type": "usage_timeseries", "id": "x", "attributes": {"public_id": "o-1", "timestamp": at, "product_family": family,
            "measurements": [{"usage_type": usage, "value": value}]}})
    };
    let host = host("2026-08-04T12:30:00Z", move |path, url| match path {
        "hourly_usage" => {
            assert!(
                url.contains("%5Bstart%5D=2026-08-03T00&") && url.contains("%5Bend%5D=2026-08-04T12&"),
                "{url}"
            );
            json!({"data": [
                hour("2026-08-03T01:00:00+00:00", "infra_hosts", "host_count", 7.into()),
                hour("2026-08-03T02:00:00+00:00", "infra_hosts", "host_count", 9.into()),
                hour("2026-08-03T03:00:00+00:00", "infra_hosts", "host_count", Value::Null),
                hour("2026-08-04T03:00:00+00:00", "infra_hosts", "container_count", Value::Null),
                hour("2026-08-04T01:00:00+00:00", "logs", "ingested_bytes", 5.into()),
                hour("2026-08-04T02:00:00+00:00", "logs", "ingested_bytes", 6.into()),
            ]})
        }
        _ => json!({"data": []}),
    });
    host.run::<Datadog>(
        &settings(json!({"usage": ["infra_hosts", "logs"]})),
        month("2026-08-04"),
    )
    .unwrap();
    let seen: Vec<String> = host
        .observations()
        .iter()
        .map(|seen| format!("{} {} {}", seen.name, day_of(seen.at), seen.value))
        .collect();
    assert_eq!(
        seen,
        [
            "hosts 2026-08-04 9",
            "usage-peak 2026-08-04 6",
            "usage-sum 2026-08-04 11"
        ]
    );
}

#[test]
fn settings_that_cannot_be_are_refused_before_anything_is_asked() {
    let host = host("2026-08-04T00:00:00Z", |_, _| json!({"data": []}));
    for (wrong, says) in [
        (json!({"site": "datadoghq.example"}), "site"),
        (json!({"currency": "dollars"}), "currency"),
        (json!({"site": "ddog-gov.com", "tag": "team"}), "ddog-gov.com"),
        (json!({"usage": ["infra hosts"]}), "usage"),
        (json!({"account": ""}), "account"),
    ] {
        let failure = host
            .run::<Datadog>(&settings(wrong), month("2026-08-01"))
            .unwrap_err();
        assert_eq!(failure.kind, FailureKind::Settings);
        assert!(failure.message.contains(says), "{failure}");
    }
    assert_eq!(host.requests(), []);
    host.run::<Datadog>(
        &settings(json!({"site": "us2.ddog-gov.com"})),
        month("2026-08-04"),
    )
    .unwrap();
    assert!(
        host.requests()[0]
            .url
            .starts_with("https://api.us2.ddog-gov.com/api/v2/usage/")
    );
}
