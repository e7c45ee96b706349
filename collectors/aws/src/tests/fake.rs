//! A small Cost Explorer for unit tests: groups and disjoint filters over a few lines, all periods on one page.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use crate::Aws;
use finops_collector::{
    Collector, Decimal, Failure, HttpRequest, Period, Response,
    jiff::{ToSpan, civil::Date},
    period::start_of,
    testing::{FakeHost, reply},
};
use serde_json::{Value, json};
use std::{cell::RefCell, collections::BTreeMap, rc::Rc};

/// Day, account, record type, service, usage type, cost.
pub(crate) type Line = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
);

/// What is asked of the fake, and what it does not say.
#[derive(Clone, Default)]
pub(crate) struct Fake {
    pub(crate) lines: Rc<RefCell<Vec<Line>>>,
    /// A line that only the overview knows.
    pub(crate) hidden: Rc<RefCell<Option<Line>>>,
}

impl Fake {
    pub(crate) fn host(&self, now: &str) -> FakeHost {
        let fake = self.clone();
        let now: finops_collector::jiff::Timestamp = now.parse().unwrap();
        FakeHost::answering(move |request| fake.answer(request))
            .describing(Aws::describe())
            .at(now.as_second())
    }

    fn answer(&self, request: &HttpRequest) -> Result<Response, Failure> {
        let body: Value = serde_json::from_slice(request.body.as_deref().unwrap()).unwrap();
        let groups: Vec<&str> = body["GroupBy"]
            .as_array()
            .unwrap()
            .iter()
            .map(|group| group["Key"].as_str().unwrap())
            .collect();
        let mut lines = self.lines.borrow().clone();
        if groups.contains(&"LINKED_ACCOUNT") && groups.contains(&"RECORD_TYPE") {
            lines.extend(*self.hidden.borrow());
        }
        let date = |name: &str| {
            body["TimePeriod"][name]
                .as_str()
                .unwrap()
                .parse::<Date>()
                .unwrap()
        };
        let mut results = Vec::new();
        let mut day = date("Start");
        while day < date("End") {
            let mut sums: BTreeMap<Vec<&str>, Decimal> = BTreeMap::new();
            let of_day = lines.iter().filter(|line| line.0.parse::<Date>().unwrap() == day);
            for line in of_day.filter(|line| holds(&body["Filter"], line)) {
                let sum = sums
                    .entry(groups.iter().map(|group| value(group, line)).collect())
                    .or_default();
                *sum = sum.checked_add(line.5.parse().unwrap()).unwrap();
            }
            let shown: Vec<Value> = sums
                .iter()
                .map(|(keys, sum)| {
                    let metric = json!({"Amount": sum.to_string(), "Unit": "USD"});
                    json!({"Keys": keys, "Metrics": {"NetUnblendedCost": metric, "NetAmortizedCost": metric,
                        "UsageQuantity": {"Amount": "1", "Unit": "N/A"}}})
                })
                .collect();
            let next = day.checked_add(1.day()).unwrap();
            results.push(json!({"TimePeriod": {"Start": day.to_string(), "End": next.to_string()}, "Groups": shown, "Estimated": true}));
            day = next;
        }
        Ok(reply(200, &json!({"ResultsByTime": results}).to_string()))
    }
}

fn value<'a>(key: &str, line: &'a Line) -> &'a str {
    match key {
        "LINKED_ACCOUNT" => line.1,
        "RECORD_TYPE" => line.2,
        "SERVICE" => line.3,
        "USAGE_TYPE" => line.4,
        other => unreachable!("{other} is not faked"),
    }
}

fn holds(filter: &Value, line: &Line) -> bool {
    if let Some(parts) = filter.get("And") {
        return parts.as_array().unwrap().iter().all(|part| holds(part, line));
    }
    let Some(among) = filter.get("Dimensions") else {
        return filter.is_null();
    };
    let values = among["Values"].as_array().unwrap();
    values
        .iter()
        .any(|one| one == value(among["Key"].as_str().unwrap(), line))
}

/// From the one day to before the other.
pub(crate) fn days(start: &str, end: &str) -> Period {
    Period {
        start: start_of(start.parse().unwrap()),
        end: start_of(end.parse().unwrap()),
    }
}
