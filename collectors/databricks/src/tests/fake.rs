//! A small workspace for unit tests: lines with a day, a SKU and a quantity, whatever the statement's text selects.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use crate::Databricks;
use finops_collector::{
    Collector, Decimal, HttpRequest, Period, Response,
    jiff::{Timestamp, civil::Date},
    period::start_of,
    testing::{FakeHost, reply},
};
use serde_json::{Value, json};
use std::{cell::RefCell, collections::BTreeMap, rc::Rc};

/// Day of use, SKU, quantity.
pub(super) type Line = (&'static str, &'static str, &'static str);
/// A row's cells by the names of their columns; what is absent is null.
pub(super) type Cells = BTreeMap<&'static str, String>;

/// What is asked of the fake, and how it answers.
#[derive(Clone)]
pub(super) struct Fake {
    pub(super) lines: Rc<RefCell<Vec<Line>>>,
    pub(super) prices: Rc<RefCell<BTreeMap<&'static str, &'static str>>>,
    pub(super) currencies: Rc<RefCell<Vec<&'static str>>>,
    /// The newest day on which a line came.
    pub(super) ingested: Rc<RefCell<&'static str>>,
    /// More rows than this are too much for one reply.
    pub(super) most_rows: Rc<RefCell<usize>>,
    /// Whether the usage table lacks the newest columns.
    pub(super) old: Rc<RefCell<bool>>,
    /// How many lines the bill leaves out.
    pub(super) lost: Rc<RefCell<usize>>,
    /// How often each line meets its price.
    pub(super) joined: Rc<RefCell<u32>>,
}

pub(super) const ACCOUNT: &str = "7f3e0f2a-account";

/// The settings of most tests.
pub(super) fn settings() -> Value {
    json!({"host": "https://dbc-1.cloud.databricks.com/", "account-id": ACCOUNT, "warehouse-id": "abc123", "inventory": false})
}

/// From the one day to before the other.
pub(super) fn days(start: &str, end: &str) -> Period {
    Period {
        start: start_of(start.parse().unwrap()),
        end: start_of(end.parse().unwrap()),
    }
}

pub(super) fn body(request: &HttpRequest) -> Value {
    serde_json::from_slice(request.body.as_deref().unwrap_or(b"{}")).unwrap()
}

/// The names that a statement selects.
pub(super) fn columns(sql: &str) -> Vec<String> {
    let start = sql.rfind(") SELECT ").map_or(0, |at| at + 2);
    let start = if sql.starts_with("WITH") { start } else { 0 };
    let items = &sql[start..start + sql[start..].find(" FROM ").unwrap()];
    let names = items
        .split(", ")
        .filter_map(|item| item.rsplit_once(" AS "))
        .map(|(_, name)| name.to_owned());
    names.filter(|name| !name.contains(')')).collect()
}

/// A whole result in one reply.
pub(super) fn result(sql: &str, rows: &[Cells]) -> Value {
    let names = columns(sql);
    let cells = |row: &Cells| -> Vec<Value> {
        names
            .iter()
            .map(|name| row.get(name.as_str()).map_or(Value::Null, |text| json!(text)))
            .collect()
    };
    let data: Vec<Vec<Value>> = rows.iter().map(cells).collect();
    let described: Vec<Value> = names
        .iter()
        .map(|name| json!({"name": name, "type_name": "STRING"}))
        .collect();
    json!({
        "statement_id": "01f0-1", "status": {"state": "SUCCEEDED"},
        "manifest": {"format": "JSON_ARRAY", "total_row_count": data.len(), "truncated": false,
            "schema": {"column_count": names.len(), "columns": described}},
        "result": {"chunk_index": 0, "row_offset": 0, "row_count": data.len(), "data_array": data},
    })
}

pub(super) fn failed(code: &str, message: &str) -> Value {
    json!({"statement_id": "01f0-1", "status": {"state": "FAILED", "error": {"error_code": code, "message": message}}})
}

/// A row of the bill.
pub(super) fn row(day: &str, sku: &str, quantity: &str) -> Cells {
    let text = |text: &str| text.to_owned();
    BTreeMap::from([
        ("day", text(day)),
        ("account", text(ACCOUNT)),
        ("workspace", text("123")),
        ("cloud_name", text("AWS")),
        ("sku", text(sku)),
        ("unit", text("DBU")),
        ("meter", text("COMPUTE_TIME")),
        ("product", text("JOBS")),
        ("jobs_tier", text("CLASSIC")),
        ("job_id", text("77")),
        ("job_run_id", text("7701")),
        ("job_name", text("nightly")),
        ("quantity", text(quantity)),
        ("line_count", text("1")),
        ("all_lines", text("1")),
    ])
}

impl Fake {
    pub(super) fn of(lines: &[Line]) -> Self {
        Self {
            lines: Rc::new(RefCell::new(lines.to_vec())),
            prices: Rc::new(RefCell::new(BTreeMap::from([("JOBS", "0.15"), ("SQL", "0.7")]))),
            currencies: Rc::new(RefCell::new(vec!["USD"])),
            ingested: Rc::new(RefCell::new("2026-08-03")),
            most_rows: Rc::new(RefCell::new(usize::MAX)),
            old: Rc::default(),
            lost: Rc::default(),
            joined: Rc::new(RefCell::new(1)),
        }
    }

    pub(super) fn host(&self, now: &str) -> FakeHost {
        let fake = self.clone();
        let now: Timestamp = now.parse().unwrap();
        FakeHost::answering(move |request| Ok(fake.answer(request)))
            .describing(Databricks::describe())
            .at(now.as_second())
    }

    fn answer(&self, request: &HttpRequest) -> Response {
        let body = body(request);
        let sql = body["statement"].as_str().unwrap_or_default();
        let parameter = |name: &str| -> Option<String> {
            let all = body["parameters"].as_array()?;
            let found = all.iter().find(|parameter| parameter["name"] == name)?;
            Some(found["value"].as_str().unwrap().to_owned())
        };
        let value = match () {
            () if sql.contains("account_prices") => failed("BAD_REQUEST", "[TABLE_OR_VIEW_NOT_FOUND] no"),
            () if sql.contains("AS currency") => {
                let rows: Vec<Cells> = self
                    .currencies
                    .borrow()
                    .iter()
                    .map(|code| {
                        BTreeMap::from([("currency", (*code).to_owned()), ("prices", "9".to_owned())])
                    })
                    .collect();
                result(sql, &rows)
            }
            () if sql.contains("first_account") => result(sql, &self.overview()),
            () if *self.old.borrow() && sql.contains("usage_metadata.app_id") => {
                failed("BAD_REQUEST", "[FIELD_NOT_FOUND] No such struct field `app_id`")
            }
            () => {
                let (first, end) = (parameter("first_day").unwrap(), parameter("end_day").unwrap());
                let part = parameter("part_number").map(|part| {
                    let number = |text: String| text.parse::<usize>().unwrap();
                    (number(part), number(parameter("part_count").unwrap()))
                });
                let rows = self.bill(&first, &end, part);
                match rows.len() > *self.most_rows.borrow() {
                    true => failed(
                        "BAD_REQUEST",
                        "Inline byte limit exceeded: at most 26214400 bytes",
                    ),
                    false => result(sql, &rows),
                }
            }
        };
        reply(200, &value.to_string())
    }

    fn overview(&self) -> Vec<Cells> {
        let mut found: BTreeMap<&str, (u32, Decimal)> = BTreeMap::new();
        for (day, _, quantity) in self.lines.borrow().iter() {
            let of = found.entry(day).or_default();
            of.0 += 1;
            of.1 = of.1.checked_add(quantity.parse().unwrap()).unwrap();
        }
        let row = |(day, (lines, sum)): (&str, (u32, Decimal))| {
            BTreeMap::from([
                ("day", day.to_owned()),
                ("line_count", lines.to_string()),
                ("quantity", sum.to_string()),
                ("ingested", (*self.ingested.borrow()).to_owned()),
                ("first_account", ACCOUNT.to_owned()),
                ("last_account", ACCOUNT.to_owned()),
            ])
        };
        found.into_iter().map(row).collect()
    }

    fn bill(&self, first: &str, end: &str, part: Option<(usize, usize)>) -> Vec<Cells> {
        let lines = self.lines.borrow();
        let inside = lines.iter().enumerate().filter(|(place, (day, _, _))| {
            first <= *day && *day < end && part.is_none_or(|(part, of)| place % of == part)
        });
        let inside = inside.skip(*self.lost.borrow());
        let inside: Vec<&Line> = inside.map(|(_, line)| line).collect();
        let mut groups: BTreeMap<(&str, &str), (u32, Decimal)> = BTreeMap::new();
        for (day, sku, quantity) in &inside {
            let of = groups.entry((day, sku)).or_default();
            of.0 += *self.joined.borrow();
            of.1 = of.1.checked_add(quantity.parse().unwrap()).unwrap();
        }
        let prices = self.prices.borrow();
        let rows = groups.into_iter().map(|((day, sku), (lines, sum))| {
            let mut row = row(day, sku, &sum.to_string());
            row.extend(prices.get(sku).map(|price| ("list_price", (*price).to_owned())));
            row.insert("line_count", lines.to_string());
            row.insert("all_lines", inside.len().to_string());
            row
        });
        rows.collect()
    }
}

/// The days that the statements for the bill asked for, from the request of that number on.
pub(super) fn asked(host: &FakeHost, from: usize) -> Vec<(Date, Date)> {
    let bodies = host
        .requests()
        .into_iter()
        .skip(from)
        .map(|request| body(&request));
    let bills = bodies.filter(|body| {
        body["statement"]
            .as_str()
            .is_some_and(|sql| sql.contains("all_lines"))
    });
    let day = |value: &Value| value["value"].as_str().unwrap().parse().unwrap();
    bills
        .map(|body| (day(&body["parameters"][0]), day(&body["parameters"][1])))
        .collect()
}
