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

fn record(stream: String, scope: String, counts: bool, content: &Value) -> Result<Record, Error> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let must = |name: &str| text(&content[name]).ok_or_else(|| format!("{name} is missing in {content}"));
    let amount = |name: &str| -> Result<Decimal, Error> { Ok(must(name)?.parse()?) };
    let tag = |name: &str| text(&content["Tags"][name]);
    let extra = |name: &str| text(&content["Extra"][name]);
    Ok(Record {
        counted: counts,
        scope,
        period_start: text(&content["ChargePeriod"]["start"]).ok_or("no charge period")?,
        service: must("ServiceName")?,
        category: must("ChargeCategory")?,
        resource: text(&content["ResourceId"]),
        resource_name: text(&content["ResourceName"]),
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
