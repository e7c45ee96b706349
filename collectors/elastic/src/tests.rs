//! The collector natively, against scripted replies.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use crate::{Elastic, descriptor::SPEND};
use finops_collector::{
    Collector, CostRecord, Decimal, FailureKind, Host, HttpRequest, Level, Period, Response,
    jiff::Timestamp,
    period::start_of,
    record::{ChargeCategory, Finality},
    testing::{FakeHost, reply},
};
use serde_json::{Value, json};
use std::time::Duration;

const NOW: &str = "2026-08-03T12:00:00Z";

fn days(start: &str, end: &str) -> Period {
    Period {
        start: start_of(start.parse().unwrap()),
        end: start_of(end.parse().unwrap()),
    }
}

fn asked() -> Period {
    days("2026-07-01", "2026-09-01")
}

fn settings() -> Value {
    json!({"organization": "3166899605"})
}

/// A line of 24 hours, changed.
fn line(more: &Value) -> Value {
    let mut line = json!({"name": "Cloud Standard, AWS us-east-1", "type": "capacity", "kind": "elasticsearch",
        "sku": "aws.es.datahot.c6gd_us-east-1_4096_2", "unit": "hour", "quantity": {"value": 24, "formatted_value": "24 hours"},
        "display_quantity": {"value": 24}, "rate": {"value": 0.3072}, "total_ecu": 7.3728, "quantities": []});
    for (name, value) in more.as_object().unwrap() {
        line[name] = value.clone();
    }
    line
}

fn costs(total: &Value, lines: &[Value]) -> Value {
    json!({"total_ecu": total, "instances": [{"id": "i-1", "name": "prod-logs", "type": "deployment", "product_line_items": lines}]})
}

fn host(answer: impl Fn(&HttpRequest) -> Response + 'static) -> FakeHost {
    let now: Timestamp = NOW.parse().unwrap();
    FakeHost::answering(move |request| Ok(answer(request)))
        .describing(Elastic::describe())
        .at(now.as_second())
}

/// What a day's reply becomes, and the warnings.
fn read(day: &str, settings: &Value, body: &Value) -> (Vec<CostRecord>, Vec<String>) {
    let body = body.to_string();
    let host = host(move |_| reply(200, &body));
    let start: finops_collector::jiff::civil::Date = day.parse().unwrap();
    host.run::<Elastic>(settings, Period::of_day(start)).unwrap();
    let warnings = host
        .logs()
        .into_iter()
        .filter(|line| line.0 == Level::Warn)
        .map(|line| line.1);
    (host.records(SPEND), warnings.collect())
}

fn decimal(text: &str) -> Decimal {
    text.parse().unwrap()
}

#[test]
fn a_line_becomes_a_record_of_its_deployment_at_an_ecus_list_price() {
    let (records, warnings) = read(
        "2026-07-05",
        &settings(),
        &costs(&json!(7.3728), &[line(&json!({}))]),
    );
    assert!(warnings.is_empty(), "{warnings:?}");
    let [record] = records.as_slice() else {
        unreachable!("{records:?}")
    };
    assert_eq!(
        (record.billed_cost, record.list_cost, record.currency.as_str()),
        (decimal("7.3728"), Some(decimal("7.3728")), "USD")
    );
    assert_eq!(
        (record.service_name.as_str(), record.service_category.as_str()),
        ("Elastic Cloud deployment", "Databases")
    );
    assert_eq!(record.region.clone().unwrap().id, "us-east-1");
    assert_eq!(record.host_provider.as_deref(), Some("AWS"));
    let pricing = record.pricing.clone().unwrap();
    assert_eq!(
        (
            pricing.card.as_deref(),
            pricing.currency.as_deref(),
            pricing.list_unit_price
        ),
        (Some("ecu-price@default"), Some("ECU"), Some(decimal("0.3072")))
    );
    assert_eq!(record.finality, Finality::Open);
    assert_eq!(record.resource.clone().unwrap().name.unwrap(), "prod-logs");
}

#[test]
fn the_price_of_an_ecu_follows_its_dates_and_another_currency_has_no_list_cost() {
    let settings = json!({"organization": "1", "currency": "EUR",
        "ecu-price": [{"from": "2026-07-01", "price": "0.9"}, {"from": "2026-07-05", "price": "0.85"}]});
    let body = costs(&json!(7.3728), &[line(&json!({}))]);
    for (day, cost, card) in [
        ("2026-07-04", "6.63552", "ecu-price@2026-07-01"),
        ("2026-07-05", "6.26688", "ecu-price@2026-07-05"),
    ] {
        let (records, _) = read(day, &settings, &body);
        let record = &records[0];
        assert_eq!((record.billed_cost, record.list_cost), (decimal(cost), None));
        let pricing = record.pricing.clone().unwrap();
        assert_eq!(
            (pricing.card.as_deref(), pricing.list_unit_price),
            (Some(card), None)
        );
    }
    // No euro is made of an ECU without a price.
    let host = host(|_| reply(200, "{}"));
    let failure = host
        .run::<Elastic>(&settings, days("2026-06-30", "2026-07-01"))
        .unwrap_err();
    assert_eq!(failure.kind, FailureKind::Settings);
    assert!(
        failure.message.contains("ecu-price") && host.requests().is_empty(),
        "{failure}"
    );
}

#[test]
fn each_day_is_asked_for_up_to_yesterday_and_then_only_the_last_week() {
    let host = host(|_| reply(200, r#"{"total_ecu": 0, "instances": null}"#));
    host.run::<Elastic>(&settings(), asked()).unwrap();
    let urls: Vec<String> = host.requests().into_iter().map(|request| request.url).collect();
    assert_eq!(urls.len(), 33);
    assert_eq!(
        urls[32],
        "https://cloud.elastic.co/api/v2/billing/organizations/3166899605/costs/instances?from=2026-08-02T00:00:00Z\
         &to=2026-08-03T00:00:00Z&include_names=true"
    );
    assert!(host.sleeps().iter().all(|pause| *pause == Duration::from_secs(1)));
    // Whole days without usage are empty; of the two youngest nothing is said yet.
    assert_eq!(host.commits().len(), 31);
    host.run::<Elastic>(&settings(), asked()).unwrap();
    assert_eq!(host.requests().len(), 33 + 7);
    host.sleep(Duration::from_secs(3 * 86_400));
    host.run::<Elastic>(&settings(), asked()).unwrap();
    assert_eq!(host.requests().len(), 33 + 7 + 36);
}

#[test]
fn what_a_total_has_more_than_its_lines_is_booked_and_told_of() {
    let known = [
        line(&json!({})),
        line(&json!({"total_ecu": 0.0236, "sku": "aws.data-transfer-out", "type": "data_out"})),
    ];
    // What rounding makes is nothing.
    let (records, warnings) = read("2026-07-05", &settings(), &costs(&json!(7.3965), &known));
    assert_eq!((records.len(), warnings.len()), (2, 0));
    for (total, left) in [("14.0214", "6.625"), ("7", "-0.3964")] {
        let (records, warnings) = read("2026-07-05", &settings(), &costs(&json!(total), &known));
        assert!(warnings[0].contains("unattributed"), "{warnings:?}");
        let residual = records
            .iter()
            .find(|record| record.category == ChargeCategory::Adjustment);
        assert_eq!(residual.unwrap().billed_cost, decimal(left));
        let sum = Decimal::sum(records.iter().map(|record| record.billed_cost)).unwrap();
        assert_eq!(sum, decimal(total));
    }
    // An instance that tells its total without lines keeps it.
    let body = json!({"total_ecu": 5, "instances": [{"id": "i-1", "type": "security", "total_ecu": 5, "product_line_items": null}]});
    let (records, _) = read("2026-07-05", &settings(), &body);
    assert_eq!(records[0].resource.clone().unwrap().id, "i-1");
    let (records, _) = read(
        "2026-07-05",
        &settings(),
        &json!({"total_ecu": 5, "instances": null}),
    );
    assert_eq!(
        (records[0].billed_cost, records[0].resource.clone()),
        (decimal("5"), None)
    );
}

#[test]
fn what_is_not_known_passes_through_and_what_is_nothing_is_left_out() {
    let lines = [
        line(&json!({"type": "telepathy", "sku": "thoughts_1", "kind": null, "unit": "1000 Thoughts"})),
        line(&json!({"type": "data_in", "total_ecu": 0, "quantity": {"value": 0}})),
        line(
            &json!({"sku": "aws.kibana_us-east-1_1024_1", "kind": "kibana", "rate": {"value": 0}, "total_ecu": 0.0}),
        ),
        line(
            &json!({"sku": null, "type": null, "quantity": null, "unit": null, "name": null, "rate": null, "total_ecu": 1}),
        ),
    ];
    let body = json!({"total_ecu": 8.3728, "instances": [{"id": "p-1", "name": "", "type": "clairvoyance", "product_line_items": lines}]});
    let (records, warnings) = read("2026-07-05", &settings(), &body);
    assert_eq!(records.len(), 3);
    assert_eq!(
        (
            records[0].service_name.as_str(),
            records[0].service_category.as_str()
        ),
        ("Elastic Cloud clairvoyance", "Other")
    );
    assert_eq!(records[0].consumed.clone().unwrap().unit, "1000 Thoughts");
    assert_eq!(records[0].sku.clone().unwrap().meter.unwrap(), "telepathy");
    assert!(records[2].sku.is_none() && records[2].consumed.is_none());
    for name in ["telepathy", "clairvoyance", "`none`"] {
        assert!(warnings.iter().any(|line| line.contains(name)), "{warnings:?}");
    }
}

#[test]
fn a_reply_that_is_not_whole_is_no_day_without_usage_and_what_was_read_before_stays() {
    for body in [
        "{}",
        r#"{"total_ecu": 1}"#,
        r#"{"instances": []}"#,
        r#"{"total_ecu": 1, "instances": [{"#,
        "<html>",
    ] {
        let host = host(move |request| match request.url.contains("from=2026-07-03") {
            true => reply(200, body),
            false => reply(200, &costs(&json!(7.3728), &[line(&json!({}))]).to_string()),
        });
        let failure = host.run::<Elastic>(&settings(), asked()).unwrap_err();
        assert_eq!(failure.kind, FailureKind::MalformedReply, "{body}");
        assert!(failure.message.contains("costs of 2026-07-03"), "{failure}");
        assert_eq!((host.commits().len(), host.open_writers()), (2, 0));
    }
}

#[test]
fn settings_that_could_lead_elsewhere_are_refused() {
    for (key, value) in [
        ("organization", "1/../2"),
        ("organization", ""),
        ("currency", "euro"),
    ] {
        let host = host(|_| reply(200, "{}"));
        let mut settings = settings();
        settings[key] = value.into();
        let failure = host.run::<Elastic>(&settings, asked()).unwrap_err();
        assert_eq!(failure.kind, FailureKind::Settings);
        assert!(host.requests().is_empty());
    }
}
