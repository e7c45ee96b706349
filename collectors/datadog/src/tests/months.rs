//! How running totals become days, and days a bill.

use super::{days, host, month, row, settings};
use crate::{Datadog, descriptor::SPEND};
use finops_collector::{
    Completeness, CostRecord, Decimal, FailureKind,
    period::day_of,
    record::{ChargeCategory, Finality},
    testing::FakeHost,
};
use serde_json::json;

fn shown(host: &FakeHost) -> Vec<String> {
    let line = |record: &CostRecord| {
        let category = match record.category {
            ChargeCategory::Adjustment => "adjustment",
            _ => record.pricing.as_ref().unwrap().category.as_deref().unwrap(),
        };
        format!(
            "{} {} {} {category} {}",
            day_of(record.charge_period.start),
            (record.charge_period.end - record.charge_period.start) / 86_400,
            record.service_name,
            record.billed_cost
        )
    };
    let mut lines: Vec<String> = host.records(SPEND).iter().map(line).collect();
    lines.sort();
    lines
}

fn total(host: &FakeHost) -> Decimal {
    Decimal::sum(host.records(SPEND).iter().map(|record| record.billed_cost)).unwrap()
}

fn last_seal(host: &FakeHost) -> Completeness {
    host.commits().last().unwrap().seal.as_ref().unwrap().completeness
}

#[test]
fn running_totals_become_days_and_the_first_of_the_month_begins_with_nothing() {
    let host = host("2026-08-04T12:00:00Z", |path, url| {
        assert_eq!(path, "estimated_cost");
        assert!(
            url.starts_with("https://api.datadoghq.com/api/v2/usage/estimated_cost?view=sub-org&"),
            "{url}"
        );
        assert!(
            url.ends_with("start_date=2026-08-01&end_date=2026-08-04&cost_aggregation=cumulative"),
            "{url}"
        );
        let first = [
            ("infra_host", "committed", "1.5"),
            ("infra_host", "on_demand", "0.1"),
            ("infra_host", "total", "1.6"),
        ];
        let second = [
            ("infra_host", "committed", "3"),
            ("infra_host", "on_demand", "0.1"),
            ("logs", "on_demand", "72"),
        ];
        let third = [
            ("infra_host", "committed", "2.75"),
            ("infra_host", "on_demand", "0.3"),
            ("logs", "on_demand", "72"),
        ];
        // In no order.
        json!({"data": [row("2026-08-03", &third), row("2026-08-01", &first), row("2026-08-02", &second)]})
    });
    host.run::<Datadog>(&settings(json!({})), month("2026-08-04"))
        .unwrap();
    assert_eq!(
        shown(&host),
        [
            "2026-08-01 1 infra_host Committed 1.5",
            "2026-08-01 1 infra_host Standard 0.1",
            "2026-08-02 1 infra_host Committed 1.5",
            "2026-08-02 1 logs Standard 72",
            "2026-08-03 1 infra_host Committed -0.25",
            "2026-08-03 1 infra_host Standard 0.2",
        ]
    );
    assert_eq!(last_seal(&host), Completeness::Partial);
    assert!(host.logs().iter().any(|(_, text)| text.contains("went down")));
    let record = &host.records(SPEND)[0];
    assert_eq!(
        (record.finality, record.currency.as_str()),
        (Finality::Open, "USD")
    );
    assert_eq!(record.sub_account.as_ref().unwrap().id, "o-1");
    assert_eq!(record.billing_account_id, "p-1");
}

#[test]
fn a_missing_day_lies_in_the_next_one_and_a_product_that_is_gone_is_taken_back() {
    let host = host("2026-08-05T12:00:00Z", |_, _| {
        json!({"data": [
            row("2026-08-01", &[("a", "on_demand", "1"), ("b", "on_demand", "5")]),
            row("2026-08-03", &[("a", "on_demand", "4")]),
        ]})
    });
    host.run::<Datadog>(&settings(json!({})), month("2026-08-04"))
        .unwrap();
    assert_eq!(
        shown(&host),
        [
            "2026-08-01 1 a Standard 1",
            "2026-08-01 1 b Standard 5",
            "2026-08-03 1 a Standard 3",
            "2026-08-03 1 b Standard -5",
        ]
    );
    assert!(host.logs().iter().any(|(_, text)| text.contains("lack a day")));
}

#[test]
fn what_was_billed_beyond_the_estimates_is_one_adjustment_for_each_product() {
    let july = |now: &'static str| {
        host(now, |path, url| {
            let estimates = [
                row(
                    "2026-07-01",
                    &[
                        ("a", "on_demand", "1"),
                        ("b", "committed", "2"),
                        ("b", "on_demand", "1"),
                    ],
                ),
                row(
                    "2026-07-31",
                    &[
                        ("a", "on_demand", "10"),
                        ("b", "committed", "2"),
                        ("b", "on_demand", "1"),
                    ],
                ),
            ];
            let bill = row(
                "2026-07-01",
                &[
                    ("a", "on_demand", "9.5"),
                    ("a", "total", "9.5"),
                    ("b", "committed", "3"),
                    ("c", "on_demand", "7"),
                ],
            );
            match path {
                "estimated_cost" => json!({"data": estimates}),
                _ => {
                    assert!(
                        url.ends_with("historical_cost?view=sub-org&start_month=2026-07&end_month=2026-07"),
                        "{url}"
                    );
                    json!({"data": [bill]})
                }
            }
        })
    };
    let before = july("2026-08-15T23:00:00Z");
    before
        .run::<Datadog>(&settings(json!({})), month("2026-07-01"))
        .unwrap();
    assert_eq!(
        (before.requests().len(), total(&before)),
        (1, "13".parse().unwrap())
    );
    assert_eq!(last_seal(&before), Completeness::Complete);
    let billed = july("2026-08-16T00:00:00Z");
    billed
        .run::<Datadog>(&settings(json!({})), month("2026-07-01"))
        .unwrap();
    let adjustments: Vec<String> = shown(&billed)
        .into_iter()
        .filter(|line| line.contains("adjustment"))
        .collect();
    assert_eq!(
        adjustments,
        ["2026-07-01 31 a adjustment -0.5", "2026-07-01 31 c adjustment 7"]
    );
    assert_eq!(total(&billed), "19.5".parse().unwrap());
    assert!(
        billed
            .records(SPEND)
            .iter()
            .all(|record| record.finality == Finality::Final)
    );
}

#[test]
fn an_organization_that_is_not_billed_yet_keeps_its_estimates() {
    let other = |mut row: serde_json::Value| {
        row["attributes"]["public_id"] = "o-2".into();
        row
    };
    let host = host("2026-08-20T00:00:00Z", move |path, _| match path {
        "estimated_cost" => json!({"data": [row("2026-07-31", &[("a", "on_demand", "1")]),
            other(row("2026-07-31", &[("a", "on_demand", "2")]))]}),
        _ => json!({"data": [row("2026-07-01", &[("a", "on_demand", "1.25")])]}),
    });
    host.run::<Datadog>(&settings(json!({})), month("2026-07-01"))
        .unwrap();
    assert_eq!(
        (total(&host), last_seal(&host)),
        ("3.25".parse().unwrap(), Completeness::Partial)
    );
    let open = host
        .records(SPEND)
        .into_iter()
        .filter(|record| record.finality == Finality::Open);
    assert_eq!(
        open.map(|record| record.billed_cost).collect::<Vec<_>>(),
        ["2".parse().unwrap()]
    );
}

#[test]
fn months_too_old_for_estimates_are_read_as_billed() {
    let host = host("2026-08-04T00:00:00Z", |path, url| match path {
        "historical_cost" if url.contains("2026-05") => {
            json!({"data": [row("2026-05-01", &[("a", "on_demand", "4"), ("a", "committed", "0"), ("a", "total", "4")])]})
        }
        _ => json!({"data": []}),
    });
    host.run::<Datadog>(&settings(json!({})), days("2026-05-01", "2026-08-05"))
        .unwrap();
    // Two bills, and estimates of July and August.
    assert_eq!(host.requests().len(), 4);
    assert_eq!(shown(&host), ["2026-05-01 31 a Standard 4"]);
    // Months of which nothing is told are left alone.
    assert_eq!(host.commits().len(), 1);
    assert_eq!(
        host.logs()
            .iter()
            .filter(|(_, text)| text.contains("tells no cost"))
            .count(),
        3
    );
}

#[test]
fn an_unknown_type_counts_and_a_wrong_sum_is_partial() {
    let host = host("2026-08-20T00:00:00Z", |path, _| match path {
        "estimated_cost" => {
            let mut row = row(
                "2026-07-31",
                &[
                    ("a", "reserved", "1"),
                    ("a", "on_demand", "2"),
                    ("a", "total", "3"),
                ],
            );
            row["attributes"]["total_cost"] = 99.into();
            json!({"data": [row]})
        }
        _ => json!({"data": []}),
    });
    host.run::<Datadog>(&settings(json!({})), month("2026-07-01"))
        .unwrap();
    assert_eq!(
        shown(&host),
        ["2026-07-31 1 a Other 1", "2026-07-31 1 a Standard 2"]
    );
    assert_eq!(last_seal(&host), Completeness::Partial);
    let said: Vec<String> = host.logs().into_iter().map(|(_, text)| text).collect();
    assert!(
        said.iter().any(|text| text.contains("type `reserved`")),
        "{said:?}"
    );
    assert!(said.iter().any(|text| text.contains("total_cost")), "{said:?}");
}

#[test]
fn another_accounts_bill_another_month_and_a_missing_cost_are_refused() {
    for (account, data, kind, says) in [
        (
            "p-9",
            row("2026-08-01", &[("a", "on_demand", "1")]),
            FailureKind::Settings,
            "the keys' bill is of o-1, p-1",
        ),
        (
            "p-1",
            row("2026-07-01", &[("a", "on_demand", "1")]),
            FailureKind::MalformedReply,
            "not in 2026-08",
        ),
        (
            "p-1",
            row("2026-08-01", &[("a", "on_demand", "null")]),
            FailureKind::MalformedReply,
            "documented",
        ),
    ] {
        let host = host(
            "2026-08-04T00:00:00Z",
            move |_, _| json!({"data": [data.clone()]}),
        );
        let failure = host
            .run::<Datadog>(&settings(json!({"account": account})), month("2026-08-01"))
            .unwrap_err();
        assert_eq!(failure.kind, kind, "{failure}");
        assert!(failure.message.contains(says), "{failure}");
        assert!(host.commits().is_empty());
    }
}
