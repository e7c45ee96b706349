//! The collector natively, against scripted reports.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod reading;
mod records;

use crate::GitHub;
use finops_collector::{
    Collector, Failure, HttpRequest, Period, Response,
    jiff::Timestamp,
    period::start_of,
    testing::{FakeHost, reply},
};
use serde_json::{Value, json};

/// A host on 2026-08-03 at noon whose reports the closure answers by day.
fn host(answer: impl Fn(&HttpRequest, &str) -> Result<Response, Failure> + 'static) -> FakeHost {
    let now: Timestamp = "2026-08-03T12:00:00Z".parse().unwrap();
    FakeHost::answering(move |request| {
        let (_, query) = request.url.split_once("?year=").unwrap();
        let numbers: Vec<u32> = query
            .split(|character: char| !character.is_ascii_digit())
            .filter_map(|part| part.parse().ok())
            .collect();
        answer(
            request,
            &format!("{}-{:02}-{:02}", numbers[0], numbers[1], numbers[2]),
        )
    })
    .describing(GitHub::describe())
    .at(now.as_second())
}

fn settings() -> Value {
    json!({"account": "Acme"})
}

fn since(start: &str) -> Period {
    Period {
        start: start_of(start.parse().unwrap()),
        end: start_of("2026-08-04".parse().unwrap()),
    }
}

/// A line of the report; `more` replaces its fields.
fn line(day: &str, more: Value) -> Value {
    let mut line = json!({"date": format!("{day}T00:00:00Z"), "product": "actions", "sku": "actions_linux", "quantity": 412,
        "unitType": "minutes", "pricePerUnit": 0.006, "grossAmount": 2.472, "discountAmount": 2, "netAmount": 0.472,
        "organizationName": "acme", "repositoryName": "acme/api"});
    for (name, value) in more.as_object().unwrap() {
        line[name] = value.clone();
    }
    line
}

fn report(lines: &[Value]) -> Result<Response, Failure> {
    Ok(reply(200, &json!({"usageItems": lines}).to_string()))
}
