//! A small BigQuery for unit tests: lines with a day, a time of export and a cost, whatever the query's text selects.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use crate::Gcp;
use finops_collector::{
    Collector, Decimal, Failure, HttpRequest, Period,
    jiff::{Timestamp, civil::Date},
    period::start_of,
    testing::{FakeHost, reply},
};
use serde_json::{Value, json};
use std::{cell::RefCell, collections::BTreeMap, rc::Rc};

/// Day of use, time of export, cost.
pub(crate) type Line = (&'static str, &'static str, &'static str);

/// What is asked of the fake, and how it answers.
#[derive(Clone, Default)]
pub(crate) struct Fake {
    pub(crate) lines: Rc<RefCell<Vec<Line>>>,
    /// How many lines the bill leaves out.
    pub(crate) lost: Rc<RefCell<usize>>,
}

/// The settings of most tests.
pub(crate) fn settings() -> Value {
    json!({"table": "fin.billing.gcp_billing_export_v1_0123AB_4567CD_89EF01"})
}

/// From the one day to before the other.
pub(crate) fn days(start: &str, end: &str) -> Period {
    Period {
        start: start_of(start.parse().unwrap()),
        end: start_of(end.parse().unwrap()),
    }
}

/// What BigQuery says of a table of Cloud Billing.
pub(crate) fn table() -> Value {
    let simple = [
        "billing_account_id",
        "cost",
        "cost_type",
        "currency",
        "usage_start_time",
        "export_time",
        "credits",
    ];
    let mut fields: Vec<Value> = simple.iter().map(|name| json!({"name": name})).collect();
    for (name, inner) in [
        ("invoice", ["month", "publisher_type"]),
        ("service", ["id", "description"]),
        ("usage", ["amount", "unit"]),
    ] {
        fields.push(json!({"name": name, "fields": inner.map(|name| json!({"name": name}))}));
    }
    json!({"location": "EU", "schema": {"fields": fields}, "timePartitioning": {"type": "DAY"}})
}

/// A result on one page.
pub(crate) fn result(rows: &[BTreeMap<&str, Option<String>>]) -> Value {
    let names: Vec<&str> = rows
        .first()
        .into_iter()
        .flat_map(BTreeMap::keys)
        .copied()
        .collect();
    let cells = |row: &BTreeMap<&str, Option<String>>| json!({"f": row.values().map(|v| json!({"v": v})).collect::<Vec<_>>()});
    json!({"jobComplete": true, "totalRows": rows.len().to_string(), "totalBytesProcessed": "1000",
        "jobReference": {"projectId": "fin", "jobId": "job_1", "location": "EU"},
        "schema": {"fields": names.iter().map(|name| json!({"name": name})).collect::<Vec<_>>()},
        "rows": rows.iter().map(cells).collect::<Vec<_>>()})
}

impl Fake {
    pub(crate) fn of(lines: &[Line]) -> Self {
        let fake = Self::default();
        fake.lines.borrow_mut().extend(lines);
        fake
    }

    pub(crate) fn host(&self, now: &str) -> FakeHost {
        let fake = self.clone();
        let now: Timestamp = now.parse().unwrap();
        FakeHost::answering(move |request| Ok(reply(200, &fake.answer(request)?.to_string())))
            .describing(Gcp::describe())
            .at(now.as_second())
    }

    fn answer(&self, request: &HttpRequest) -> Result<Value, Failure> {
        if request.url.contains("/tables/") {
            return Ok(table());
        }
        let body: Value = serde_json::from_slice(request.body.as_deref().unwrap()).unwrap();
        if body["dryRun"] == true {
            return Ok(json!({"jobComplete": true, "totalBytesProcessed": "1000"}));
        }
        let sql = body["query"].as_str().unwrap();
        let mut groups: BTreeMap<&str, (usize, i64, Decimal)> = BTreeMap::new();
        for (day, exported, cost) in self.lines.borrow().iter() {
            let exported: Timestamp = exported.parse().unwrap();
            let of = groups.entry(day).or_default();
            of.0 += 1;
            of.1 = of.1.max(exported.as_microsecond());
            of.2 = of.2.checked_add(cost.parse().unwrap()).unwrap();
        }
        if sql.contains("UNIX_MICROS") {
            let rows: Vec<_> = groups
                .iter()
                .map(|(day, (lines, exported, _))| {
                    BTreeMap::from([
                        ("day", Some((*day).to_owned())),
                        ("line_count", Some(lines.to_string())),
                        ("exported", Some(exported.to_string())),
                    ])
                })
                .collect();
            return Ok(result(&rows));
        }
        let asked = body["queryParameters"][0]["parameterValue"]["arrayValues"]
            .as_array()
            .unwrap();
        let asked: Vec<&str> = asked.iter().map(|day| day["value"].as_str().unwrap()).collect();
        let rows: Vec<_> = groups
            .iter()
            .filter(|(day, _)| asked.contains(day))
            .map(|(day, (lines, _, cost))| row(day, lines.saturating_sub(*self.lost.borrow()), *cost))
            .collect();
        Ok(result(&rows))
    }
}

/// A row of the bill.
pub(crate) fn row(day: &str, lines: usize, cost: Decimal) -> BTreeMap<&'static str, Option<String>> {
    let text = |text: &str| Some(text.to_owned());
    let day: Date = day.parse().unwrap();
    let mut row = BTreeMap::from([
        ("day", text(&day.to_string())),
        ("currency_code", text("USD")),
        ("invoice_month", text(&day.strftime("%Y%m").to_string())),
        ("service_id", text("152E-C115-5142")),
        ("service_name", text("Cloud Run")),
        ("kind", text("regular")),
        ("corrected", text("false")),
        ("is_credit", text("false")),
        ("line_count", text(&lines.to_string())),
        ("cost", text(&cost.to_string())),
    ]);
    for name in [
        "account",
        "project_id",
        "project_name",
        "sku_id",
        "sku_name",
        "region",
        "transaction",
        "seller",
        "unit",
        "pricing_unit",
        "credit_type",
        "credit_id",
        "credit_name",
        "list_cost",
        "amount",
        "priced",
        "label_value",
    ] {
        row.insert(name, None);
    }
    row
}
