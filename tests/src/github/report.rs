//! The lines of the usage report, and which of them a question gets.

use super::{Options, error};
use crate::{
    Error,
    provider::{Asked, Reply},
};
use finops_decimal::Decimal;
use jiff::{Timestamp, civil::Date};
use serde::Deserialize;
use serde_json::{Number, Value, json};
use std::collections::BTreeMap;

const DATA: &str = include_str!("../../data/github/lines.json");

/// What each line of a large report costs.
pub const LARGE_NET: &str = "0.0001";

/// A line, and when the report shows it.
#[derive(Clone, Debug)]
pub struct Line {
    /// Its day.
    pub day: Date,
    from: Timestamp,
    until: Option<Timestamp>,
    /// By column, as GitHub writes it.
    written: BTreeMap<String, Option<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    columns: Vec<String>,
    rows: Vec<Vec<Option<String>>>,
}

pub(super) fn load() -> Result<Vec<Line>, Error> {
    let file: File = serde_json::from_str(DATA)?;
    let line = |row: Vec<Option<String>>| {
        let written: BTreeMap<_, _> = file.columns.iter().cloned().zip(row).collect();
        let must = |name: &str| {
            written
                .get(name)
                .cloned()
                .flatten()
                .ok_or("a line lacks a column")
        };
        let until = written.get("until").cloned().flatten();
        Ok(Line {
            day: must("day")?.parse()?,
            from: must("from")?.parse()?,
            until: until.map(|until| until.parse()).transpose()?,
            written,
        })
    };
    file.rows.into_iter().map(line).collect()
}

impl Line {
    fn text(&self, column: &str) -> Option<&str> {
        self.written.get(column)?.as_deref()
    }

    /// Whether the report shows it at that moment.
    #[must_use]
    pub fn is_shown(&self, now: Timestamp) -> bool {
        self.from <= now && self.until.is_none_or(|until| now < until)
    }

    /// What it costs.
    ///
    /// # Errors
    /// Where the data is damaged.
    pub fn net(&self) -> Result<Decimal, Error> {
        Ok(self.text("net").ok_or("a line lacks its net amount")?.parse()?)
    }

    fn shown(&self) -> Value {
        // Amounts are JSON numbers, digit by digit as they lie in the data.
        let number = |column: &str| {
            let number = self.text(column).and_then(|text| text.parse::<Number>().ok());
            number.map_or(Value::Null, Value::Number)
        };
        let mut line = json!({
            "date": self.text("date"), "product": self.text("product"), "sku": self.text("sku"),
            "quantity": number("quantity"), "unitType": self.text("unit"), "pricePerUnit": number("price"),
            "grossAmount": number("gross"), "discountAmount": number("discount"), "netAmount": number("net"),
            "organizationName": self.text("org"),
        });
        // Some lines lack the repository, others have an empty one.
        if let (Some(repository), Some(fields)) = (self.text("repo"), line.as_object_mut()) {
            fields.insert("repositoryName".to_owned(), repository.into());
        }
        line
    }
}

/// One line of a large report.
fn large(day: Date, number: usize) -> Value {
    let net = LARGE_NET.parse::<Number>().map_or(Value::Null, Value::Number);
    json!({
        "date": format!("{day}T00:00:00Z"), "product": "actions", "sku": "actions_linux", "quantity": 1, "unitType": "minutes",
        "pricePerUnit": net, "grossAmount": net, "discountAmount": 0, "netAmount": net, "organizationName": "acme",
        "repositoryName": format!("acme/generated-{number:06}"),
    })
}

/// What the report says for the query: of a day, a month, or the whole year.
pub(super) fn answer(lines: &[Line], options: &Options, asked: &Asked) -> Reply {
    let number = |name: &str| asked.param(name).map(|text| text.parse::<i16>());
    let numbers = [number("year"), number("month"), number("day")];
    if numbers.iter().any(|number| matches!(number, Some(Err(_)))) {
        return error(400, "Invalid request.");
    }
    let [year, month, day] = numbers.map(|number| number.and_then(Result::ok));
    let today = jiff::tz::Offset::UTC.to_datetime(asked.now).date();
    let year = year.unwrap_or_else(|| today.year());
    let fits = |date: Date| {
        date.year() == year
            && month.is_none_or(|month| i16::from(date.month()) == month)
            && day.is_none_or(|day| i16::from(date.day()) == day)
    };
    let shown = lines
        .iter()
        .filter(|line| fits(line.day) && line.day <= today && line.is_shown(asked.now));
    let mut items: Vec<Value> = shown.map(Line::shown).collect();
    if let (Some(month), Some(day)) = (month, day)
        && let (Ok(month), Ok(day)) = (i8::try_from(month), i8::try_from(day))
        && let Ok(date) = Date::new(year, month, day)
    {
        items.extend((0..options.large).map(|number| large(date, number)));
    }
    let Some(size) = options.page else {
        return Reply::json(200, &json!({"usageItems": items}));
    };
    let page: usize = asked
        .param("page")
        .and_then(|page| page.parse().ok())
        .unwrap_or(1);
    let rest = items.split_off(items.len().min((page.max(1) - 1) * size));
    let more = rest.len() > size;
    let reply = Reply::json(
        200,
        &json!({"usageItems": rest.into_iter().take(size).collect::<Vec<_>>()}),
    );
    if !more {
        return reply;
    }
    let query = asked
        .query
        .split('&')
        .filter(|pair| !pair.starts_with("page="))
        .collect::<Vec<_>>()
        .join("&");
    let next = format!("https://api.github.com{}?{query}&page={}", asked.path, page + 1);
    reply.with("link", &format!("<{next}>; rel=\"next\""))
}
