//! The simulated Cost Explorer against the fact sheet's words.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use super::{
    bill::Bill,
    ce::{Asking, cost_and_usage},
    ce_values::values,
};
use finops_decimal::Decimal;
use serde_json::{Value, json};

fn ask(body: &Value, page: usize, with_resources: bool) -> Result<Value, (&'static str, String)> {
    let bill = Bill::load().unwrap();
    let asking = Asking {
        bill: &bill,
        now: "2026-08-03T12:00:00Z".parse().unwrap(),
        page,
        resources: true,
    };
    cost_and_usage(asking, body.to_string().as_bytes(), with_resources)
}

fn question(more: Value) -> Value {
    let mut body = json!({"TimePeriod": {"Start": "2026-07-30", "End": "2026-08-03"}, "Granularity": "DAILY",
        "Metrics": ["UnblendedCost"]});
    body.as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    body
}

fn by(key: &str) -> Value {
    json!({"Type": "DIMENSION", "Key": key})
}

fn amount(metrics: &Value) -> Decimal {
    metrics["UnblendedCost"]["Amount"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap()
}

fn sum(reply: &Value) -> Decimal {
    let results = reply["ResultsByTime"].as_array().unwrap();
    let groups = results
        .iter()
        .flat_map(|result| result["Groups"].as_array().unwrap());
    Decimal::sum(groups.map(|group| amount(&group["Metrics"]))).unwrap()
}

#[test]
fn without_groups_the_total_is_filled_and_with_them_it_is_empty() {
    let total = ask(&question(json!({})), 100, false).unwrap();
    let days = total["ResultsByTime"].as_array().unwrap();
    assert_eq!((days.len(), days[0]["Groups"].clone()), (4, json!([])));
    let grouped = ask(&question(json!({"GroupBy": [by("SERVICE")]})), 1_000, false).unwrap();
    assert_eq!(grouped["ResultsByTime"][0]["Total"], json!({}));
    let totals = Decimal::sum(days.iter().map(|day| amount(&day["Total"]))).unwrap();
    assert_eq!(sum(&grouped), totals);
}

#[test]
fn pages_hold_all_groups_once_and_want_the_same_question() {
    let body = question(json!({"GroupBy": [by("SERVICE"), by("USAGE_TYPE")]}));
    let whole = ask(&body, 1_000, false).unwrap();
    assert_eq!(whole.get("NextPageToken"), None);
    let (mut body, mut paged, mut pages) = (body, Decimal::ZERO, 0);
    loop {
        let page = ask(&body, 7, false).unwrap();
        paged = paged.checked_add(sum(&page)).unwrap();
        pages += 1;
        match page.get("NextPageToken") {
            Some(token) => body["NextPageToken"] = token.clone(),
            None => break,
        }
    }
    assert!(pages > 5);
    assert_eq!(paged, sum(&whole));
    body["Metrics"] = json!(["AmortizedCost"]);
    assert_eq!(ask(&body, 7, false).unwrap_err().0, "RequestChangedException");
}

#[test]
fn what_aws_refuses_is_refused_in_its_words() {
    let service = json!({"Dimensions": {"Key": "SERVICE", "Values": ["AWS Lambda"]}});
    let two_roots = json!({"Dimensions": service["Dimensions"], "Not": service});
    for (more, with_resources, says) in [
        (json!({"Filter": two_roots}), false, "more than one roots"),
        (
            json!({"GroupBy": [by("SERVICE"), by("REGION"), by("USAGE_TYPE")]}),
            false,
            "at most 2",
        ),
        (json!({"GroupBy": [by("RESOURCE_ID")]}), false, "RESOURCE_ID"),
        (
            json!({"GroupBy": [by("RESOURCE_ID")]}),
            true,
            "Filter is required",
        ),
        (
            json!({"GroupBy": [{"Type": "NOTHING", "Key": "x"}]}),
            false,
            "Group Definition type is invalid.",
        ),
        (json!({"Filter": {"And": [service]}}), false, "at least 2"),
        (
            json!({"TimePeriod": {"Start": "2026-08-04", "End": "2026-08-05"}}),
            false,
            "after today",
        ),
        (
            json!({"TimePeriod": {"Start": "2026-08-03", "End": "2026-08-03"}}),
            false,
            "before end date",
        ),
    ] {
        let (code, message) = ask(&question(more), 100, with_resources).unwrap_err();
        assert_eq!(code, "ValidationException", "{message}");
        assert!(message.contains(says), "{message}");
    }
}

#[test]
fn filters_and_their_negation_part_the_bill() {
    let of = |filter: Value| {
        sum(&ask(
            &question(json!({"GroupBy": [by("SERVICE")], "Filter": filter})),
            1_000,
            false,
        )
        .unwrap())
    };
    let usage = json!({"Dimensions": {"Key": "RECORD_TYPE", "Values": ["Usage", "SavingsPlanNegation"]}});
    let core = json!({"Tags": {"Key": "team", "Values": ["core"]}});
    let whole = sum(&ask(&question(json!({"GroupBy": [by("SERVICE")]})), 1_000, false).unwrap());
    for filter in [usage.clone(), core.clone(), json!({"Or": [usage, core]})] {
        let rest = of(json!({"Not": filter}));
        assert_eq!(of(filter).checked_add(rest).unwrap(), whole);
    }
}

#[test]
fn values_of_dimensions_and_tags_are_listed() {
    let bill = Bill::load().unwrap();
    let asking = Asking {
        bill: &bill,
        now: "2026-08-03T12:00:00Z".parse().unwrap(),
        page: 1,
        resources: true,
    };
    let body = |more: &str| format!(r#"{{"TimePeriod":{{"Start":"2026-07-01","End":"2026-07-02"}},{more}}}"#);
    let accounts = values(asking, body(r#""Dimension":"LINKED_ACCOUNT""#).as_bytes(), false).unwrap();
    assert_eq!(accounts["DimensionValues"].as_array().unwrap().len(), 3);
    let teams = values(asking, body(r#""TagKey":"team""#).as_bytes(), true).unwrap();
    assert_eq!(teams["Tags"], json!(["", "core", "data", "web"]));
}
