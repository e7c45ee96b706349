//! The organization's rows and their versions; what a moment of the clock sees of them.

use crate::Error;
use finops_decimal::Decimal;
use jiff::{Timestamp, civil::Date};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// A row of the list, as it is written into JSON.
pub type Row = Map<String, Value>;

/// What a row of the list covers. Sources disagree, so there is both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A day.
    Days,
    /// All that was asked for.
    Totals,
}

/// A version of a row.
#[derive(Clone, Debug, Deserialize)]
struct Version {
    since: Timestamp,
    until: Option<Timestamp>,
    row: Row,
}

/// All rows.
#[derive(Clone, Debug)]
pub struct Rows {
    versions: Vec<Version>,
    copies: usize,
}

/// What a moment sees of a window: each row so many times, though it is kept once.
pub(super) struct List {
    rows: Vec<Row>,
    copies: usize,
}

impl List {
    pub(super) fn len(&self) -> usize {
        self.rows.len() * self.copies
    }

    /// A row by its place in the list. A copy is of a resource of its own.
    pub(super) fn row(&self, at: usize) -> Option<Row> {
        let copy = at % self.copies;
        let mut row = self.rows.get(at / self.copies)?.clone();
        if copy > 0 {
            let resource = json!({"id": format!("lkc-copy{copy:06}"), "environment": {"id": "env-prod1"}});
            row.insert("resource".to_owned(), resource);
        }
        Some(row)
    }
}

impl Rows {
    pub(super) fn load(copies: usize) -> Result<Self, Error> {
        Ok(Self {
            versions: serde_json::from_str(include_str!("../../data/confluent/rows.json"))?,
            copies: copies.max(1),
        })
    }

    /// Takes all rows away.
    pub fn clear(&mut self) {
        self.versions.clear();
    }

    /// What is seen at a moment of the days asked for.
    pub(super) fn list(&self, now: Timestamp, (first, end): (Date, Date), shape: Shape) -> List {
        let inside = self.versions.iter().filter(|version| {
            let start: Option<Date> = text(&version.row, "start_date").parse().ok();
            let seen = version.since <= now && version.until.is_none_or(|until| now < until);
            seen && start.is_some_and(|start| (first..end).contains(&start))
        });
        let rows: Vec<Row> = inside.map(|version| version.row.clone()).collect();
        let rows = match shape {
            Shape::Days => rows,
            Shape::Totals => totals(rows, (first, end)),
        };
        List {
            rows,
            copies: self.copies,
        }
    }

    /// What a month (`2026-07`) is invoiced with at a moment: dollars.
    ///
    /// # Errors
    /// Where an amount is none.
    pub fn invoice(&self, now: Timestamp, month: &str) -> Result<Decimal, Error> {
        let first: Date = format!("{month}-01").parse()?;
        let list = self.list(now, (first, first.last_of_month().tomorrow()?), Shape::Days);
        let mut sum = Decimal::ZERO;
        for row in &list.rows {
            sum = sum.checked_add(charged(row)?)?;
        }
        Ok(sum.checked_mul(u32::try_from(self.copies)?.into())?)
    }
}

fn text<'a>(row: &'a Row, name: &str) -> &'a str {
    row.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn number(row: &Row, name: &str) -> Result<Option<Decimal>, Error> {
    let value = row.get(name).filter(|value| !value.is_null());
    Ok(value.map(|value| value.to_string().parse()).transpose()?)
}

/// `amount` is optional; the list price less the discount is what it would be.
fn charged(row: &Row) -> Result<Decimal, Error> {
    if let Some(amount) = number(row, "amount")? {
        return Ok(amount);
    }
    let original = number(row, "original_amount")?.ok_or("a row without money")?;
    Ok(original.checked_sub(number(row, "discount_amount")?.unwrap_or_default())?)
}

/// A row for all days of each line, its amounts added up.
fn totals(rows: Vec<Row>, (first, end): (Date, Date)) -> Vec<Row> {
    let mut sums: BTreeMap<String, Row> = BTreeMap::new();
    for mut row in rows {
        row.insert("start_date".to_owned(), first.to_string().into());
        row.insert("end_date".to_owned(), end.to_string().into());
        row.remove("granularity");
        let parts = [
            "product",
            "line_type",
            "unit",
            "price",
            "resource",
            "network_access_type",
        ];
        let key: Vec<String> = parts
            .map(|name| row.get(name).map(ToString::to_string).unwrap_or_default())
            .into();
        let Some(sum) = sums.get_mut(&key.concat()) else {
            sums.insert(key.concat(), row);
            continue;
        };
        for name in ["quantity", "original_amount", "discount_amount", "amount"] {
            let known = number(sum, name).ok().flatten();
            let more = number(&row, name).ok().flatten();
            if let Some(total) = known
                .zip(more)
                .and_then(|(one, other)| one.checked_add(other).ok())
            {
                let total = serde_json::from_str(&total.to_string()).unwrap_or_default();
                sum.insert(name.to_owned(), total);
            }
        }
    }
    sums.into_values().collect()
}
