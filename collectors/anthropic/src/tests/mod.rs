//! The collector natively, over scripted replies.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod protocol;
mod records;

use crate::Anthropic;
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

/// A bucket of a report.
fn bucket(day: &str, results: &Value) -> Value {
    let next = day
        .parse::<finops_collector::jiff::civil::Date>()
        .unwrap()
        .tomorrow()
        .unwrap();
    json!({"starting_at": format!("{day}T00:00:00Z"), "ending_at": format!("{next}T00:00:00Z"), "results": results})
}

/// The only page of a report.
fn page(buckets: &[Value]) -> Value {
    json!({"data": buckets, "has_more": false, "next_page": null})
}

/// A line of the cost report.
fn line(amount: &Value) -> Value {
    json!({"amount": amount, "currency": "USD", "cost_type": "tokens",
        "description": "Claude Sonnet 5 Usage - Input Tokens", "model": "claude-sonnet-5",
        "token_type": "uncached_input_tokens", "context_window": "0-200k", "service_tier": "standard",
        "workspace_id": "wrkspc_01"})
}

/// A host at [`NOW`] that has one workspace and answers the rest by the closure.
fn host(answer: impl Fn(&HttpRequest) -> Result<Response, Failure> + 'static) -> FakeHost {
    FakeHost::answering(move |request| {
        if request.url.contains("/workspaces?") {
            let workspaces = json!({"data": [{"id": "wrkspc_01", "type": "workspace", "name": "Support"}],
                "first_id": "wrkspc_01", "last_id": "wrkspc_01", "has_more": false});
            return Ok(reply(200, &workspaces.to_string()));
        }
        answer(request)
    })
    .describing(Anthropic::describe())
    .at(NOW.parse::<Timestamp>().unwrap().as_second())
}

/// A host whose costs are these.
fn billing(costs: &Value) -> FakeHost {
    let costs = costs.to_string();
    host(move |_| Ok(reply(200, &costs)))
}

fn run(host: &FakeHost) -> Result<Vec<Outcome>, Failure> {
    host.run::<Anthropic>(&settings(), days("2026-08-01", "2026-08-04"))
}

fn warnings(host: &FakeHost) -> Vec<String> {
    let warned = host.logs().into_iter().filter(|(level, _)| *level == Level::Warn);
    warned.map(|(_, text)| text).collect()
}
