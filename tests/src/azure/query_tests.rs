//! The simulated query is held against the fact sheet's words.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use super::*;
use crate::azure::bill::Bill;
use std::collections::BTreeSet;

const MANNER: Manner<'_> = Manner {
    page: 1_000,
    most_groups: 2,
    cost_column: "Cost",
    shift: 0,
    next_host: "management.azure.com",
    turn: 0,
};

fn question() -> Value {
    json!({"type": "ActualCost", "timeframe": "Custom",
        "timePeriod": {"from": "2026-07-01T00:00:00Z", "to": "2026-07-31T23:59:59Z"},
        "dataset": {"granularity": "Daily", "aggregation": {"totalCost": {"name": "Cost", "function": "Sum"}},
            "grouping": [{"type": "Dimension", "name": "ServiceName"}, {"type": "Dimension", "name": "Meter"}]}})
}

fn ask(scope: &str, question: &Value, skip: usize, manner: Manner<'_>) -> (u16, Value) {
    let body = question.to_string();
    let asked = Asked {
        scope,
        skip,
        body: body.as_bytes(),
    };
    let bill = Bill::load().unwrap();
    let now = "2026-08-03T12:00:00Z".parse().unwrap();
    let reply = answer(&asked, bill.known(now), manner);
    let (status, body) = reply.parts();
    (status, serde_json::from_slice(body).unwrap_or_default())
}

fn scope() -> String {
    format!("subscriptions/{SHOP}")
}

#[test]
fn small_costs_are_written_with_an_exponent() {
    for (cost, text) in [
        ("-0.0000000001", "-1.0E-10"),
        ("0.0000123", "1.23E-05"),
        ("0.00012", "0.00012"),
        ("24", "24.0"),
        ("0", "0.0"),
    ] {
        let written = number(cost.parse().unwrap()).to_string();
        assert!(written.eq_ignore_ascii_case(text), "{written} is not {text}");
    }
}

#[test]
fn what_azure_refuses_is_refused() {
    let changed = |pointer: &str, value: Value| {
        let mut question = question();
        *question.pointer_mut(pointer).unwrap() = value;
        question
    };
    let three = json!([{"type": "Dimension", "name": "ServiceName"}, {"type": "Dimension", "name": "Meter"},
        {"type": "Dimension", "name": "ChargeType"}]);
    for (question, says) in [
        (
            changed("/timePeriod/from", json!("2026-06-30T00:00:00Z")),
            "31 days",
        ),
        (changed("/dataset/grouping", three), "Too many"),
        (
            changed("/dataset/grouping/0/name", json!("ServiceTier")),
            "valid values",
        ),
        (
            changed("/dataset/aggregation/totalCost/name", json!("PreTaxCost")),
            "'Cost'",
        ),
        (Value::Null, "Dataset is invalid"),
    ] {
        let (status, answer) = ask(&scope(), &question, 0, MANNER);
        assert_eq!((status, &answer["error"]["code"]), (400, &json!("BadRequest")));
        assert!(
            answer["error"]["message"].as_str().unwrap().contains(says),
            "{answer}"
        );
    }
    assert_eq!(ask("subscriptions/none", &question(), 0, MANNER).0, 404);
    let by_resource = changed("/dataset/grouping/0/name", json!("ResourceId"));
    assert_eq!(ask(MANAGEMENT_GROUP, &by_resource, 0, MANNER).0, 400);
}

#[test]
fn pages_hold_each_row_once_and_the_columns_move() {
    let small = Manner { page: 100, ..MANNER };
    let (mut rows, mut skip) = (BTreeSet::new(), 0);
    loop {
        let (status, answer) = ask(&scope(), &question(), skip, small);
        assert_eq!(status, 200);
        for row in answer["properties"]["rows"].as_array().unwrap() {
            assert!(rows.insert(row.to_string()), "{row} twice");
        }
        let Some(link) = answer["properties"]["nextLink"].as_str() else {
            break;
        };
        assert!(link.contains("api-version=2023-03-01&$skiptoken="), "{link}");
        skip = link.rsplit('=').next().unwrap().parse().unwrap();
    }
    let (_, whole) = ask(&scope(), &question(), 0, MANNER);
    assert_eq!(rows.len(), whole["properties"]["rows"].as_array().unwrap().len());
    let names = |turn| {
        let (_, answer) = ask(&scope(), &question(), 0, Manner { turn, ..MANNER });
        let columns = answer["properties"]["columns"].as_array().unwrap().clone();
        columns
            .iter()
            .map(|column| column["name"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        names(0),
        ["totalCost", "UsageDate", "ServiceName", "Meter", "Currency"]
    );
    assert_eq!(
        names(1),
        ["UsageDate", "ServiceName", "Meter", "Currency", "Cost"]
    );
}

#[test]
fn an_unused_reservation_is_amortized_alone_and_its_purchase_actual_alone() {
    let by_type = |kind: &str| {
        let mut question = question();
        question["type"] = json!(kind);
        question["dataset"]["grouping"] = json!([{"type": "Dimension", "name": "ChargeType"}]);
        let (_, answer) = ask(&scope(), &question, 0, MANNER);
        let rows = answer["properties"]["rows"].as_array().unwrap().clone();
        rows.iter()
            .map(|row| row[2].as_str().unwrap().to_owned())
            .collect::<BTreeSet<_>>()
    };
    assert!(!by_type("ActualCost").contains("UnusedReservation"));
    assert!(by_type("AmortizedCost").contains("UnusedReservation"));
    let mut empty = question();
    empty["timePeriod"] = json!({"from": "2026-01-01T00:00:00Z", "to": "2026-01-02T23:59:59Z"});
    assert_eq!(ask(&scope(), &empty, 0, MANNER), (204, Value::Null));
}
