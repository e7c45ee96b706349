//! The collector natively, against scripted replies.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use crate::{Confluent, descriptor::SPEND};
use finops_collector::{
    Collector, CostRecord, Decimal, Failure, FailureKind, Level, Period, Response,
    jiff::Timestamp,
    period::{DAY, start_of},
    record::{ChargeCategory, Finality},
    testing::{FakeHost, reply},
};
use serde_json::{Value, json};

const NOW: &str = "2026-08-03T12:00:00Z";

fn days(start: &str, end: &str) -> Period {
    Period {
        start: start_of(start.parse().unwrap()),
        end: start_of(end.parse().unwrap()),
    }
}

/// July and the open August.
fn asked() -> Period {
    days("2026-07-01", "2026-09-01")
}

fn settings() -> Value {
    json!({"organization": "org-1"})
}

/// A row of one CKU on a day.
fn row(day: &str, more: &Value) -> Value {
    let end = day.parse::<finops_collector::jiff::civil::Date>().unwrap();
    let mut row = json!({"id": "dlz-1", "start_date": day, "end_date": end.tomorrow().unwrap().to_string(), "granularity": "DAILY",
        "product": "KAFKA", "line_type": "KAFKA_NUM_CKUS", "network_access_type": "PRIVATE_LINK", "price": 1.5, "unit": "CKU-hour",
        "quantity": 24.0, "original_amount": 36.0, "discount_amount": 7.2, "amount": 28.8,
        "resource": {"id": "lkc-1", "display_name": "prod", "environment": {"id": "env-1"}}});
    for (name, value) in more.as_object().unwrap() {
        row[name] = value.clone();
    }
    row
}

fn list(rows: &[Value], next: Option<&str>) -> Value {
    json!({"api_version": "billing/v1", "kind": "CostList", "metadata": {"next": next, "total_size": rows.len()}, "data": rows})
}

fn host(answer: impl Fn(&str) -> Response + 'static) -> FakeHost {
    let now: Timestamp = NOW.parse().unwrap();
    FakeHost::answering(move |request| Ok(answer(&request.url)))
        .describing(Confluent::describe())
        .at(now.as_second())
}

/// A host whose July has these rows, and whose August has none.
fn of_july(rows: Vec<Value>) -> FakeHost {
    host(move |url| {
        let rows = if url.contains("start_date=2026-07-01") {
            rows.as_slice()
        } else {
            &[]
        };
        reply(200, &list(rows, None).to_string())
    })
}

fn read(rows: Vec<Value>) -> (Vec<CostRecord>, Vec<String>) {
    let host = of_july(rows);
    host.run::<Confluent>(&settings(), asked()).unwrap();
    let warnings = host
        .logs()
        .into_iter()
        .filter(|line| line.0 == Level::Warn)
        .map(|line| line.1);
    (host.records(SPEND), warnings.collect())
}

fn failure(rows: Vec<Value>) -> Failure {
    let host = of_july(rows);
    let failure = host.run::<Confluent>(&settings(), asked()).unwrap_err();
    assert_eq!((host.commits().len(), host.open_writers()), (0, 0));
    failure
}

fn decimal(text: &str) -> Decimal {
    text.parse().unwrap()
}

#[test]
fn months_are_asked_for_up_to_today_and_an_empty_open_month_changes_nothing() {
    let host = of_july(vec![row("2026-07-05", &json!({}))]);
    host.run::<Confluent>(&settings(), asked()).unwrap();
    let urls: Vec<String> = host.requests().into_iter().map(|request| request.url).collect();
    assert_eq!(
        urls,
        [
            "https://api.confluent.cloud/billing/v1/costs?start_date=2026-07-01&end_date=2026-08-01&page_size=10000",
            "https://api.confluent.cloud/billing/v1/costs?start_date=2026-08-01&end_date=2026-08-03&page_size=10000"
        ]
    );
    assert_eq!(host.sleeps().len(), 1);
    assert_eq!(host.commits().len(), 1);
    let record = &host.records(SPEND)[0];
    assert_eq!(
        record.charge_period.end - record.charge_period.start,
        DAY,
        "{record:?}"
    );
    assert_eq!(record.finality, Finality::Open);
    assert_eq!(
        (record.billed_cost, record.list_cost),
        (decimal("28.8"), Some(decimal("36")))
    );
    let pricing = record.pricing.clone().unwrap();
    assert_eq!(pricing.list_unit_price, Some(decimal("1.5")));
    let resource = record.resource.clone().unwrap();
    assert_eq!(
        (resource.id.as_str(), resource.kind.as_deref()),
        ("lkc-1", Some("Kafka Cluster"))
    );
}

#[test]
fn months_of_more_than_a_year_ago_are_not_asked_for() {
    let host = of_july(vec![]);
    host.run::<Confluent>(&settings(), days("2025-07-15", "2025-10-01"))
        .unwrap();
    assert_eq!(host.requests().len(), 1);
    assert!(
        host.requests()[0]
            .url
            .contains("start_date=2025-09-01&end_date=2025-10-01")
    );
    assert!(
        host.logs()
            .iter()
            .any(|line| line.1.contains("2025-08 begins before"))
    );
}

#[test]
fn with_windows_of_a_day_each_day_is_asked_for_after_a_pause() {
    let host = host(|url| {
        let day = &url[url.find("start_date=").unwrap() + 11..][..10];
        reply(200, &list(&[row(day, &json!({}))], None).to_string())
    });
    let settings = json!({"organization": "org-1", "windows": "day", "pause": 7});
    host.run::<Confluent>(&settings, asked()).unwrap();
    assert_eq!(host.requests().len(), 33);
    assert!(
        host.requests()[32]
            .url
            .contains("start_date=2026-08-02&end_date=2026-08-03")
    );
    assert!(host.sleeps().iter().all(|pause| pause.as_secs() == 7));
    assert_eq!((host.records(SPEND).len(), host.commits().len()), (33, 2));
}

#[test]
fn totals_over_several_days_stand_on_their_first_day_and_are_warned_of() {
    let total = row("2026-07-01", &json!({"end_date": "2026-08-01"}));
    let support = json!({"end_date": "2026-08-01", "product": "SUPPORT_CLOUD_BUSINESS", "line_type": "SUPPORT", "resource": null});
    let (records, warnings) = read(vec![total, row("2026-07-01", &support)]);
    assert!(
        records
            .iter()
            .all(|record| record.charge_period == days("2026-07-01", "2026-08-01"))
    );
    assert_eq!(records[1].category, ChargeCategory::Purchase);
    assert!(records[1].consumed.is_none() && records[1].pricing.is_some());
    assert_eq!(
        warnings
            .iter()
            .filter(|line| line.contains("windows = \"day\""))
            .count(),
        1
    );
    let (_, warnings) = read(vec![row("2026-07-01", &support)]);
    assert!(
        !warnings.iter().any(|line| line.contains("windows")),
        "{warnings:?}"
    );
}

#[test]
fn a_row_of_other_days_is_refused_rather_than_counted_twice() {
    for day in ["2026-06-30", "2026-08-01"] {
        let failure = failure(vec![row(day, &json!({}))]);
        assert_eq!(failure.kind, FailureKind::MalformedReply);
        assert!(failure.message.contains(day), "{failure}");
    }
}

#[test]
fn both_shapes_of_an_environment_are_read() {
    let legacy = json!({"resource": {"id": "lkc-2", "environment": "prod"}, "environment": {"id": "env-2"}});
    let text = json!({"resource": {"id": "lcc-3", "environment": "env-3"}, "environment": null});
    let none = json!({"resource": {"display_name": ""}});
    let (records, _) = read(vec![
        row("2026-07-01", &json!({})),
        row("2026-07-01", &legacy),
        row("2026-07-01", &text),
        row("2026-07-01", &none),
    ]);
    let environments: Vec<_> = records
        .iter()
        .map(|record| record.sub_account.clone().map(|of| of.id))
        .collect();
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(environments, [some("env-1"), some("env-2"), some("env-3"), None]);
    assert!(records[3].resource.is_none());
    assert!(
        records[3]
            .extra
            .contains(&("x_Attribution".to_owned(), "unattributed".to_owned()))
    );
}

#[test]
fn a_missing_amount_is_list_less_discount_and_a_missing_both_is_refused() {
    let (records, warnings) = read(vec![
        row("2026-07-01", &json!({"amount": null})),
        row("2026-07-02", &json!({"amount": null, "discount_amount": null})),
        row("2026-07-03", &json!({"amount": 28.799999999999997})),
        row("2026-07-04", &json!({"amount": 30})),
        row(
            "2026-07-05",
            &json!({"amount": 0, "original_amount": 0, "discount_amount": 0, "quantity": 0}),
        ),
    ]);
    let costs: Vec<String> = records
        .iter()
        .map(|record| record.billed_cost.to_string())
        .collect();
    assert_eq!(costs, ["28.8", "36", "28.799999999999997", "30"]);
    assert_eq!(warnings.iter().filter(|line| line.contains("differ")).count(), 1);
    let failure = failure(vec![row(
        "2026-07-01",
        &json!({"amount": null, "original_amount": null}),
    )]);
    assert!(
        failure.message.contains("neither amount nor original_amount"),
        "{failure}"
    );
}

#[test]
fn credits_and_what_is_not_known_pass_through_under_their_own_names() {
    let credit = json!({"product": null, "line_type": "PROMO_CREDIT", "amount": -5.5, "original_amount": -5.5,
        "discount_amount": 0, "quantity": null, "price": null, "resource": null});
    let future =
        json!({"product": "TELEPATHY", "line_type": "THOUGHTS", "unit": "Thoughts", "price": 1.4999});
    let (records, warnings) = read(vec![row("2026-07-01", &credit), row("2026-07-02", &future)]);
    assert_eq!(records[0].category, ChargeCategory::Credit);
    assert_eq!(
        (records[0].billed_cost, records[0].list_cost),
        (decimal("-5.5"), None)
    );
    let record = &records[1];
    assert_eq!(
        (record.service_name.as_str(), record.service_category.as_str()),
        ("TELEPATHY", "Other")
    );
    assert_eq!(record.sku.clone().unwrap().id.unwrap(), "THOUGHTS");
    assert_eq!(record.consumed.clone().unwrap().unit, "Thoughts");
    assert_eq!(record.pricing.clone().unwrap().list_unit_price, None);
    for name in ["TELEPATHY", "THOUGHTS"] {
        assert!(warnings.iter().any(|line| line.contains(name)), "{warnings:?}");
    }
}

#[test]
fn pages_are_asked_for_by_their_token_alone_and_a_foreign_link_is_refused() {
    let pages = |next: &'static str| {
        host(move |url| {
            let (day, link) = match url.contains("page_token=") {
                false => ("2026-07-01", Some(next)),
                true => ("2026-07-02", None),
            };
            let rows = match url.contains("start_date=2026-07-01") {
                true => vec![row(day, &json!({}))],
                false => vec![],
            };
            let link = link.filter(|_| !rows.is_empty());
            reply(200, &list(&rows, link).to_string())
        })
    };
    let whole = pages("https://api.confluent.cloud/billing/v1/costs?page_token=UvmD%3D&x=1");
    whole.run::<Confluent>(&settings(), asked()).unwrap();
    assert_eq!(whole.records(SPEND).len(), 2);
    assert!(
        whole.requests()[1]
            .url
            .ends_with("end_date=2026-08-01&page_size=10000&page_token=UvmD%3D")
    );
    for (link, says) in [
        (
            "https://evil.example/billing/v1/costs?page_token=a",
            "another host",
        ),
        ("https://api.confluent.cloud/billing/v1/costs", "no page_token"),
        ("https://api.confluent.cloud/?page_token=a\u{7}b", "no page_token"),
    ] {
        let host = pages(link);
        let failure = host.run::<Confluent>(&settings(), asked()).unwrap_err();
        assert_eq!(failure.kind, FailureKind::MalformedReply);
        assert!(failure.message.contains(says), "{failure}");
        assert_eq!((host.requests().len(), host.commits().len()), (1, 0));
    }
    let circle = host(|_| {
        let link = "/billing/v1/costs?page_token=a";
        reply(
            200,
            &list(&[row("2026-07-01", &json!({}))], Some(link)).to_string(),
        )
    });
    let failure = circle.run::<Confluent>(&settings(), asked()).unwrap_err();
    assert!(failure.message.contains("circle"), "{failure}");
}

#[test]
fn a_list_without_rows_or_metadata_is_not_an_empty_one() {
    for body in [
        r#"{"metadata": {"total_size": 0}}"#,
        r#"{"data": []}"#,
        r#"{"data": [], "metadata": {"total_size": 3}}"#,
        r#"{"data": null, "metadata": {"total_size": 1}}"#,
    ] {
        let host = host(move |_| reply(200, body));
        assert!(host.run::<Confluent>(&settings(), asked()).is_err(), "{body}");
        assert!(host.commits().is_empty());
    }
    let host = host(|_| reply(200, r#"{"data": null, "metadata": {}}"#));
    host.run::<Confluent>(&settings(), asked()).unwrap();
}

#[test]
fn a_spurious_refusal_is_asked_about_once_more() {
    let old = r#"{"errors":[{"status":"400","detail":"start date is too far in the past"}]}"#;
    let mut replies = vec![reply(400, old)];
    replies.extend((0..2).map(|_| reply(200, &list(&[], None).to_string())));
    let now: Timestamp = NOW.parse().unwrap();
    let host = FakeHost::replying(replies)
        .at(now.as_second())
        .describing(Confluent::describe());
    host.run::<Confluent>(&settings(), asked()).unwrap();
    assert_eq!(host.sleeps()[0].as_secs(), 30);
    let host = FakeHost::replying([reply(400, old), reply(400, old)])
        .at(now.as_second())
        .describing(Confluent::describe());
    let failure = host.run::<Confluent>(&settings(), asked()).unwrap_err();
    assert_eq!((failure.kind, failure.status), (FailureKind::Provider, Some(400)));
}

#[test]
fn an_organization_that_is_none_is_refused() {
    for id in ["", "two words"] {
        let host = of_july(vec![]);
        let failure = host
            .run::<Confluent>(&json!({"organization": id}), asked())
            .unwrap_err();
        assert_eq!(failure.kind, FailureKind::Settings);
    }
}
