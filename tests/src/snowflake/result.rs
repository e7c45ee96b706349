//! Results as the SQL API gives them: cells as text, metadata, partitions; and the big mode, which repeats rows.

use super::sql::{Column, SqlError, Type, Zone};
use finops_decimal::Decimal;
use jiff::{Timestamp, civil::Date, tz::Offset};
use rusqlite::types::ValueRef;
use serde_json::{Value, json};
use std::{borrow::Cow, collections::BTreeMap};

/// One row: each cell a text or NULL.
pub(crate) type Row = Vec<Option<String>>;

/// A statement's whole result.
#[derive(Clone, Debug)]
pub(crate) struct ResultSet {
    pub(crate) columns: Vec<Column>,
    /// The views that it was read from, as SCHEMA.VIEW.
    pub(crate) views: Vec<String>,
    pub(crate) rows: Vec<Row>,
    /// In big mode every row comes so many times, under a service type of its own from the second on.
    pub(crate) copies: usize,
}

impl ResultSet {
    /// All rows, copies included.
    pub(crate) fn row_count(&self) -> usize {
        self.rows.len() * self.copies
    }

    /// How many partitions of `size` rows there are; at least one.
    pub(crate) fn partitions(&self, size: usize) -> usize {
        self.row_count().div_ceil(size).max(1)
    }

    /// The rows of one partition.
    pub(crate) fn partition(&self, number: usize, size: usize) -> Vec<Cow<'_, Row>> {
        let from = number.saturating_mul(size);
        let to = from.saturating_add(size).min(self.row_count());
        (from..to).filter_map(|at| self.row(at)).collect()
    }

    fn row(&self, at: usize) -> Option<Cow<'_, Row>> {
        let row = self.rows.get(at / self.copies)?;
        let copy = at % self.copies;
        if copy == 0 {
            return Some(Cow::Borrowed(row));
        }
        let service = self
            .columns
            .iter()
            .position(|column| column.name == "SERVICE_TYPE")?;
        let mut row = row.clone();
        if let Some(cell) = row.get_mut(service) {
            *cell = Some(format!("SYNTHETIC_{copy}"));
        }
        Some(Cow::Owned(row))
    }

    /// `resultSetMetaData`.
    pub(crate) fn metadata(&self, size: usize, nullable: bool) -> Value {
        let row_type: Vec<Value> = self
            .columns
            .iter()
            .map(|column| row_type(column, nullable))
            .collect();
        let partitions: Vec<Value> = (0..self.partitions(size))
            .map(|number| {
                let rows = self.row_count().saturating_sub(number * size).min(size);
                json!({"rowCount": rows, "uncompressedSize": rows * 64 + 2, "compressedSize": rows * 16 + 2})
            })
            .collect();
        json!({"numRows": self.row_count(), "format": "jsonv2", "partitionInfo": partitions, "rowType": row_type})
    }
}

fn row_type(column: &Column, nullable: bool) -> Value {
    let name = &column.name;
    match column.kind {
        Type::Fixed(scale) => {
            json!({"name": name, "type": "fixed", "precision": 38, "scale": scale, "nullable": nullable})
        }
        Type::Float => json!({"name": name, "type": "real", "nullable": nullable}),
        Type::Text | Type::Null => {
            json!({"name": name, "type": "text", "length": 16_777_216, "nullable": nullable})
        }
        Type::Date => json!({"name": name, "type": "date", "nullable": nullable}),
        Type::Boolean => json!({"name": name, "type": "boolean", "nullable": nullable}),
        Type::Timestamp(zone) => {
            let kind = match zone {
                Zone::Local => "timestamp_ltz",
                Zone::None => "timestamp_ntz",
                Zone::Explicit => "timestamp_tz",
            };
            json!({"name": name, "type": kind, "precision": 0, "scale": 9, "nullable": nullable})
        }
    }
}

/// One cell as text: numbers with all digits of their scale, dates as days and timestamps as seconds since the epoch,
/// unless the request's parameters set a format.
pub(crate) fn cell(
    value: ValueRef<'_>,
    kind: Type,
    offset: i32,
    parameters: &BTreeMap<String, String>,
) -> Result<Option<String>, SqlError> {
    let text = match value {
        ValueRef::Null => return Ok(None),
        ValueRef::Integer(number) => number.to_string(),
        ValueRef::Text(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        _ => return Err(SqlError::value("a float or blob in a result")),
    };
    let shown = match kind {
        Type::Text | Type::Null => Some(text.clone()),
        Type::Boolean => Some(if text == "0" { "false" } else { "true" }.to_owned()),
        Type::Fixed(scale) => text.parse().ok().map(|number| super::sql::fixed(number, scale)),
        Type::Float => text.parse().ok().map(scientific),
        Type::Date => match parameters.get("DATE_OUTPUT_FORMAT") {
            Some(format) => moment(&text, 0, format),
            None => days(&text),
        },
        Type::Timestamp(zone) => timestamp(&text, zone, offset, parameters),
    };
    shown
        .map(Some)
        .ok_or_else(|| SqlError::value(format!("Value '{text}' is not recognized")))
}

fn days(text: &str) -> Option<String> {
    let date: Date = text.parse().ok()?;
    let span = Date::constant(1970, 1, 1).until(date).ok()?;
    Some(span.get_days().to_string())
}

fn timestamp(text: &str, zone: Zone, offset: i32, parameters: &BTreeMap<String, String>) -> Option<String> {
    let own = match zone {
        Zone::Local => "TIMESTAMP_LTZ_OUTPUT_FORMAT",
        Zone::None => "TIMESTAMP_NTZ_OUTPUT_FORMAT",
        Zone::Explicit => "TIMESTAMP_TZ_OUTPUT_FORMAT",
    };
    let format = parameters
        .get(own)
        .or_else(|| parameters.get("TIMESTAMP_OUTPUT_FORMAT"));
    if let Some(format) = format.filter(|format| !format.is_empty()) {
        return moment(text, offset, format);
    }
    let at: Timestamp = text.parse().ok()?;
    let seconds = format!("{}.{:09}", at.as_second(), at.subsec_nanosecond());
    Some(match zone {
        Zone::Explicit => format!("{seconds} {}", offset / 60 + 1440),
        Zone::Local | Zone::None => seconds,
    })
}

fn moment(text: &str, offset: i32, format: &str) -> Option<String> {
    let offset = Offset::from_seconds(offset).ok()?;
    let at = super::sql::local(text, offset).ok()?;
    Some(super::sql::formatted(at, offset, format))
}

/// A FLOAT from 10^12 on is written with an exponent, all its digits kept.
fn scientific(number: Decimal) -> String {
    let plain = number.to_string();
    let (sign, digits) = plain
        .strip_prefix('-')
        .map_or(("", plain.as_str()), |digits| ("-", digits));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.len() < 13 {
        return plain;
    }
    let (first, rest) = whole.split_at(1);
    let rest = format!("{rest}{fraction}");
    let rest = rest.trim_end_matches('0');
    let point = if rest.is_empty() { "" } else { "." };
    format!("{sign}{first}{point}{rest}e+{}", whole.len() - 1)
}
