//! The collector natively, against scripted replies.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod months;
mod views;

use crate::Datadog;
use finops_collector::{
    Collector, Failure, HttpRequest, Period, Response,
    jiff::Timestamp,
    period::start_of,
    testing::{FakeHost, reply},
};
use serde_json::{Value, json};

/// A host at a time whose replies the closure gives by the path's last word and the whole URL.
fn host(now: &str, answer: impl Fn(&str, &str) -> Value + 'static) -> FakeHost {
    let now: Timestamp = now.parse().unwrap();
    let answered = move |request: &HttpRequest| -> Result<Response, Failure> {
        let path = request.url.split('?').next().unwrap();
        Ok(reply(
            200,
            &answer(path.rsplit('/').next().unwrap(), &request.url).to_string(),
        ))
    };
    FakeHost::answering(answered)
        .describing(Datadog::describe())
        .at(now.as_second())
}

fn settings(more: Value) -> Value {
    let mut settings = json!({"account": "p-1", "usage": [], "pace": 0});
    for (name, value) in more.as_object().unwrap() {
        settings[name] = value.clone();
    }
    settings
}

/// The month of that day.
fn month(day: &str) -> Period {
    Period::of_month(day.parse().unwrap())
}

/// From the one day to before the other.
fn days(start: &str, end: &str) -> Period {
    Period {
        start: start_of(start.parse().unwrap()),
        end: start_of(end.parse().unwrap()),
    }
}

/// A row of organization `o-1`: product, type, cost.
fn row(date: &str, charges: &[(&str, &str, &str)]) -> Value {
    let charges: Vec<Value> = charges
        .iter()
        .map(|(product, kind, cost)| {
            let cost: Value = serde_json::from_str(cost).unwrap();
            json!({"product_name": product, "charge_type": kind, "cost": cost})
        })
        .collect();
    json!({"type": "cost_by_org", "id": "x", "attributes": {"org_name": "acme", "public_id": "o-1", "account_name": "ACME",
        "account_public_id": "p-1", "region": "us", "date": format!("{date}T00:00:00+00:00"), "charges": charges}})
}
