//! The collector natively, over scripted replies.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod protocol;
mod records;

use crate::OpenAi;
use finops_collector::{
    Collector, Failure, HttpRequest, Level, Outcome, Period, Response,
    jiff::Timestamp,
    period::start_of,
    testing::{FakeHost, reply},
};
use serde_json::{Value, json};

const NOW: &str = "2026-08-03T12:00:00Z";

/// The settings of most tests.
fn settings() -> Value {
    json!({"organization": "org-1", "usage": false})
}

/// From the one day to before the other.
fn days(start: &str, end: &str) -> Period {
    Period {
        start: start_of(start.parse().unwrap()),
        end: start_of(end.parse().unwrap()),
    }
}

fn midnight(day: &str) -> i64 {
    days(day, day).start
}

/// A bucket of a report.
fn bucket(day: &str, results: &Value) -> Value {
    let start = midnight(day);
    json!({"object": "bucket", "start_time": start, "end_time": start + 86_400, "results": results})
}

/// The only page of a report.
fn page(buckets: &[Value]) -> Value {
    json!({"object": "page", "data": buckets, "has_more": false, "next_page": null})
}

/// A line of the costs.
fn line(item: &str, value: &Value) -> Value {
    json!({"object": "organization.costs.result", "amount": {"value": value, "currency": "usd"}, "line_item": item,
        "project_id": "proj_a", "api_key_id": null, "quantity": 1000, "quantity_unit": "tokens"})
}

/// A host at [`NOW`] that has one project and answers the rest by the closure.
fn host(answer: impl Fn(&HttpRequest) -> Result<Response, Failure> + 'static) -> FakeHost {
    FakeHost::answering(move |request| {
        if request.url.contains("/projects?") {
            let projects = json!({"object": "list", "data": [{"id": "proj_a", "name": "Search"}],
                "first_id": "proj_a", "last_id": "proj_a", "has_more": false});
            return Ok(reply(200, &projects.to_string()));
        }
        answer(request)
    })
    .describing(OpenAi::describe())
    .at(NOW.parse::<Timestamp>().unwrap().as_second())
}

/// A host whose costs are these.
fn billing(costs: &Value) -> FakeHost {
    let costs = costs.to_string();
    host(move |_| Ok(reply(200, &costs)))
}

fn run(host: &FakeHost) -> Result<Vec<Outcome>, Failure> {
    host.run::<OpenAi>(&settings(), days("2026-07-31", "2026-08-04"))
}

fn warnings(host: &FakeHost) -> Vec<String> {
    let warned = host.logs().into_iter().filter(|(level, _)| *level == Level::Warn);
    warned.map(|(_, text)| text).collect()
}
