//! The ledger's file as an auditor reads it: plain SQL over the documented schema, no code of the host.

use crate::{Error, snowflake::golden::Record};
use finops_decimal::Decimal;
use rusqlite::{Connection, OpenFlags};
use serde_json::Value;
use std::{collections::BTreeMap, path::Path};

/// Opens the ledger of a state directory for reading.
///
/// # Errors
/// Where there is none.
pub fn open(state: &Path) -> Result<Connection, Error> {
    Ok(Connection::open_with_flags(
        state.join("ledger.db"),
        OpenFlags::SQLITE_OPEN_READ_ONLY,
    )?)
}

/// The current records, in the shape of the golden ones and in their order. Records of amount zero are left out.
///
/// # Errors
/// Where the ledger cannot be read.
pub fn snowflake_records(state: &Path) -> Result<Vec<Record>, Error> {
    let connection = open(state)?;
    let sql = "SELECT stream.name, source.scope, record.counts, record.content FROM record
               JOIN partition ON partition.id = record.partition
               JOIN stream ON stream.id = partition.stream
               JOIN source ON source.id = stream.source
               WHERE record.until_commit IS NULL";
    let mut statement = connection.prepare(sql)?;
    let mut rows = statement.query([])?;
    let mut records = Vec::new();
    while let Some(row) = rows.next()? {
        let content: Value = serde_json::from_str(&row.get::<_, String>(3)?)?;
        let record = record(row.get(0)?, row.get(1)?, row.get(2)?, &content)?;
        if !(record.billed.is_zero() && record.effective.is_zero()) {
            records.push(record);
        }
    }
    records.sort();
    Ok(records)
}

/// The content of every current record of a stream, as the ledger keeps it.
///
/// # Errors
/// Where the ledger cannot be read.
pub fn contents(state: &Path, stream: &str) -> Result<Vec<Value>, Error> {
    let connection = open(state)?;
    let sql = "SELECT record.content FROM record
               JOIN partition ON partition.id = record.partition
               JOIN stream ON stream.id = partition.stream
               WHERE record.until_commit IS NULL AND stream.name = ?";
    let mut statement = connection.prepare(sql)?;
    let rows = statement.query_map([stream], |row| row.get::<_, String>(0))?;
    rows.map(|row| Ok(serde_json::from_str(&row?)?)).collect()
}

/// A text of a record's content; `Extra.x_RecordType` lies in an object.
#[must_use]
pub fn text(content: &Value, path: &str) -> Option<String> {
    let found = path.split('.').try_fold(content, |at, name| at.get(name))?;
    found.as_str().map(str::to_owned)
}

/// An amount of a record's content.
///
/// # Errors
/// Where it is not there or no decimal.
pub fn amount(content: &Value, name: &str) -> Result<Decimal, Error> {
    Ok(text(content, name)
        .ok_or_else(|| format!("{name} is missing in {content}"))?
        .parse()?)
}

/// What a stream's records add up to, by day.
///
/// # Errors
/// Where the ledger cannot be read, or a sum does not fit.
pub fn billed_by_day(state: &Path, stream: &str) -> Result<BTreeMap<String, Decimal>, Error> {
    let mut days: BTreeMap<String, Decimal> = BTreeMap::new();
    for content in contents(state, stream)? {
        let day = text(&content, "ChargePeriod.start").unwrap_or_default();
        let sum = days
            .entry(day.get(..10).unwrap_or_default().to_owned())
            .or_default();
        *sum = sum.checked_add(amount(&content, "BilledCost")?)?;
    }
    Ok(days)
}

/// What a stream's records add up to, by currency: those whose `ChargePeriod.start` or `BillingPeriod.start`, whichever is named,
/// starts with a text.
///
/// # Errors
/// Where the ledger cannot be read, a record lacks what is asked for, or a sum does not fit.
pub fn billed(
    state: &Path,
    stream: &str,
    (period, begins): (&str, &str),
) -> Result<BTreeMap<String, Decimal>, Error> {
    let mut sums: BTreeMap<String, Decimal> = BTreeMap::new();
    for content in contents(state, stream)? {
        let must = |path: &str| text(&content, path).ok_or_else(|| format!("{path} is missing in {content}"));
        if must(period)?.starts_with(begins) {
            let sum = sums.entry(must("BillingCurrency")?).or_default();
            *sum = sum.checked_add(amount(&content, "BilledCost")?)?;
        }
    }
    Ok(sums)
}

/// The newest of every observation: name, dimensions as JSON, value.
///
/// # Errors
/// Where the ledger cannot be read.
pub fn observations(state: &Path) -> Result<Vec<(String, String, String)>, Error> {
    let connection = open(state)?;
    let mut statement = connection.prepare("SELECT name, dims, value FROM observation ORDER BY 1, 2")?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn record(stream: String, scope: String, counts: bool, content: &Value) -> Result<Record, Error> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let column = |name: &str| content.get(name).and_then(text);
    let must = |name: &str| column(name).ok_or_else(|| format!("{name} is missing in {content}"));
    let amount = |name: &str| -> Result<Decimal, Error> { Ok(must(name)?.parse()?) };
    let inner = |object: &str, name: &str| {
        content
            .get(object)
            .and_then(|object| object.get(name))
            .and_then(text)
    };
    let tag = |name: &str| inner("Tags", name);
    let extra = |name: &str| inner("Extra", name);
    Ok(Record {
        counted: counts,
        scope,
        period_start: inner("ChargePeriod", "start").ok_or("no charge period")?,
        service: must("ServiceName")?,
        category: must("ChargeCategory")?,
        resource: column("ResourceId"),
        resource_name: column("ResourceName"),
        user: tag("user"),
        role: tag("role"),
        query_tag: tag("query_tag"),
        attribution: extra("x_Attribution"),
        storage_kind: extra("x_StorageKind"),
        balance_source: extra("x_BalanceSource"),
        billing_type: extra("x_BillingType"),
        rating_type: extra("x_RatingType"),
        currency: must("BillingCurrency")?,
        billed: amount("BilledCost")?,
        effective: amount("EffectiveCost")?,
        basis: must("Basis")?,
        stream,
    })
}

/// The counted effective cost per currency.
///
/// # Errors
/// Where the ledger cannot be read, or a sum does not fit.
pub fn counted(records: &[Record]) -> Result<BTreeMap<String, Decimal>, Error> {
    let mut sums: BTreeMap<String, Decimal> = BTreeMap::new();
    for record in records.iter().filter(|record| record.counted) {
        let sum = sums.entry(record.currency.clone()).or_default();
        *sum = sum.checked_add(record.effective)?;
    }
    Ok(sums)
}

/// Entries by state.
///
/// # Errors
/// Where the ledger cannot be read.
pub fn entries(state: &Path) -> Result<BTreeMap<String, u64>, Error> {
    let connection = open(state)?;
    let mut statement = connection.prepare("SELECT state, count(*) FROM entry GROUP BY state")?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get::<_, i64>(1)?)))?;
    let mut counts = BTreeMap::new();
    for row in rows {
        let (state, count) = row?;
        counts.insert(state, u64::try_from(count)?);
    }
    Ok(counts)
}
