//! A small Cost Management for unit tests: groups and filters over a few lines, all on one page or two rows a page.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use crate::Azure;
use finops_collector::{
    Collector, Decimal, Failure, HttpRequest, Period, Response,
    jiff::Timestamp,
    period::start_of,
    testing::{FakeHost, reply},
};
use serde_json::{Value, json};
use std::{cell::RefCell, collections::BTreeMap, rc::Rc};

/// Day, subscription, charge type, service, meter, actual and amortized cost.
pub(crate) type Line = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    Option<&'static str>,
    Option<&'static str>,
);

/// Changes an answer on its way out.
pub(crate) type Twist = Rc<dyn Fn(&Value, &mut Value)>;

#[derive(Clone, Default)]
pub(crate) struct Fake {
    pub(crate) lines: Rc<RefCell<Vec<Line>>>,
    pub(crate) twist: Rc<RefCell<Option<Twist>>>,
}

impl Fake {
    pub(crate) fn of(lines: &[Line]) -> Self {
        let fake = Self::default();
        fake.lines.borrow_mut().extend_from_slice(lines);
        fake
    }

    /// From now on every answer goes through this.
    pub(crate) fn twist(&self, twist: impl Fn(&Value, &mut Value) + 'static) {
        *self.twist.borrow_mut() = Some(Rc::new(twist));
    }

    pub(crate) fn host(&self, now: &str) -> FakeHost {
        let fake = self.clone();
        let now: Timestamp = now.parse().unwrap();
        FakeHost::answering(move |request| fake.answer(request))
            .describing(Azure::describe())
            .at(now.as_second())
    }

    fn answer(&self, request: &HttpRequest) -> Result<Response, Failure> {
        let body: Value = serde_json::from_slice(request.body.as_deref().unwrap()).unwrap();
        let actual = body["type"] == "ActualCost";
        let groups: Vec<&str> = body["dataset"]["grouping"]
            .as_array()
            .unwrap()
            .iter()
            .map(|group| group["name"].as_str().unwrap())
            .collect();
        let asked = |name: &str| body["timePeriod"][name].as_str().unwrap()[..10].to_owned();
        let (from, to) = (asked("from"), asked("to"));
        let mut sums: BTreeMap<(&str, Vec<&str>), Decimal> = BTreeMap::new();
        let lines = self.lines.borrow().clone();
        for line in &lines {
            let cost = if actual { line.5 } else { line.6 };
            let inside = from.as_str() <= line.0 && line.0 <= to.as_str();
            let Some(cost) = cost.filter(|_| inside && holds(&body["dataset"]["filter"], line)) else {
                continue;
            };
            let key = (line.0, groups.iter().map(|group| value(group, line)).collect());
            let sum = sums.entry(key).or_default();
            *sum = sum.checked_add(cost.parse().unwrap()).unwrap();
        }
        if sums.is_empty() {
            return Ok(reply(204, ""));
        }
        let rows: Vec<Value> = sums
            .iter()
            .map(|((day, keys), sum)| {
                let number: Value = serde_json::from_str(&sum.to_string()).unwrap();
                let day: u32 = day.replace('-', "").parse().unwrap();
                let mut row = vec![json!("EUR"), json!(day)];
                row.extend(keys.iter().map(|key| json!(key)));
                row.push(number);
                Value::Array(row)
            })
            .collect();
        let mut names = vec!["Currency", "UsageDate"];
        names.extend(&groups);
        names.push("totalCost");
        let columns: Vec<Value> = names.iter().map(|name| json!({"name": name})).collect();
        let mut answer = json!({"properties": {"nextLink": null, "columns": columns, "rows": rows}});
        if let Some(twist) = self.twist.borrow().as_ref() {
            twist(&body, &mut answer);
        }
        match answer["status"].as_u64() {
            Some(status) => Ok(reply(u16::try_from(status).unwrap(), &answer.to_string())),
            None => Ok(reply(200, &answer.to_string())),
        }
    }
}

fn value(name: &str, line: &Line) -> &'static str {
    match name {
        "SubscriptionId" => line.1,
        "ChargeType" => line.2,
        "ServiceName" => line.3,
        "Meter" => line.4,
        other => unreachable!("{other} is not faked"),
    }
}

fn holds(filter: &Value, line: &Line) -> bool {
    if let Some(parts) = filter.get("and") {
        return parts.as_array().unwrap().iter().all(|part| holds(part, line));
    }
    let Some(among) = filter.get("dimensions") else {
        return filter.is_null();
    };
    let values = among["values"].as_array().unwrap();
    values
        .iter()
        .any(|one| one == value(among["name"].as_str().unwrap(), line))
}

/// From the one day to before the other.
pub(crate) fn days(start: &str, end: &str) -> Period {
    Period {
        start: start_of(start.parse().unwrap()),
        end: start_of(end.parse().unwrap()),
    }
}
