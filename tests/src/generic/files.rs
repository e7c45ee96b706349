//! A home-grown bill as files: `/costs/bill.csv`, `/costs/bill.json`, and a CSV file a month.

use crate::{
    Error,
    provider::{Asked, Reply},
};
use jiff::{Timestamp, civil::Date};
use serde::Deserialize;

/// A row.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Row {
    pub(super) day: String,
    pub(super) amount: String,
    product: String,
    kind: String,
    team: String,
    room: String,
    kwh: String,
    since: Date,
    #[serde(default)]
    until: Option<Date>,
}

pub(super) fn load() -> Result<Vec<Row>, Error> {
    Ok(serde_json::from_str(include_str!(
        "../../data/generic/lines.json"
    ))?)
}

/// The rows that are in the files at a time.
pub(super) fn visible(rows: &[Row], now: Timestamp) -> impl Iterator<Item = &Row> {
    let today: Option<Date> = now.to_string().get(..10).and_then(|day| day.parse().ok());
    let there = move |row: &&Row| {
        today.is_some_and(|today| row.since <= today && row.until.is_none_or(|until| today < until))
    };
    rows.iter().filter(there)
}

pub(super) fn answer(rows: &[Row], copies: usize, asked: &Asked) -> Reply {
    let path = asked.path.as_str();
    let month = path
        .strip_prefix("/costs/")
        .and_then(|name| name.strip_suffix(".csv"));
    let rows: Vec<&Row> = visible(rows, asked.now).collect();
    match (asked.method.as_str(), path, month) {
        ("GET", "/costs/bill.json", _) => Reply::new(200, "application/json", json(&rows, copies)),
        ("GET", "/costs/bill.csv", _) => Reply::new(200, "text/csv", csv(&rows, copies)),
        ("GET", _, Some(month)) if rows.iter().any(|row| row.day.starts_with(month)) => {
            let of: Vec<&Row> = rows
                .into_iter()
                .filter(|row| row.day.starts_with(month))
                .collect();
            Reply::new(200, "text/csv", csv(&of, copies))
        }
        _ => Reply::new(404, "text/plain", "404 page not found\n"),
    }
}

fn csv(rows: &[&Row], copies: usize) -> String {
    let mut text = "date,amount,product,kind,team,room,kwh,unit,copy\n".to_owned();
    for row in rows {
        for copy in 0..copies {
            text.push_str(&format!(
                "{},{},\"{}\",{},{},{},{},{},{copy}\n",
                row.day,
                row.amount,
                row.product,
                row.kind,
                row.team,
                row.room,
                row.kwh,
                unit(row)
            ));
        }
    }
    text
}

/// Amounts stand as JSON numbers, digit by digit.
fn json(rows: &[&Row], copies: usize) -> String {
    let mut items = Vec::new();
    for row in rows {
        for copy in 0..copies {
            let quantity = if row.kwh.is_empty() { "null" } else { &row.kwh };
            items.push(format!(
                r#"{{"date":"{}T00:00:00Z","amount":{},"product":{:?},"kind":{:?},"owner":{{"team":{:?}}},"room":{:?},"kwh":{quantity},"unit":{:?},"copy":{copy}}}"#,
                row.day,
                row.amount,
                row.product,
                row.kind,
                row.team,
                row.room,
                unit(row)
            ));
        }
    }
    format!(
        r#"{{"generated":"nightly","data":{{"items":[{}]}}}}"#,
        items.join(",")
    )
}

fn unit(row: &Row) -> &'static str {
    if row.kwh.is_empty() { "" } else { "kWh" }
}
