//! What waits for a destination, read from the ledger: entries, observations and events of one source, oldest first.

use super::{DestinationRow, SourceRow, instant};
use crate::ledger::store::{LedgerError, amount};
use finops_decimal::Decimal;
use jiff::Timestamp;
use rusqlite::{Row, Transaction};
use serde_json::{Map, Value};

/// Observations, and events, that one batch carries at most.
const MAX_EXTRAS: usize = 500;

/// An entry as a batch carries it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Row id.
    pub row: i64,
    /// SHA-256 that names it everywhere.
    pub entry_id: String,
    /// SHA-256 of the dimensions.
    pub posting_key: String,
    /// The dimensions as JSON: texts, and the objects `tags` and `extra`.
    pub dims: String,
    /// ISO 4217: the destination's, where it is converted.
    pub currency: String,
    /// The change.
    pub amount: Decimal,
    /// The posting's total after it.
    pub total_after: Decimal,
    /// What it was converted from.
    pub original: Option<Original>,
    /// Its place among the posting's entries, from 1.
    pub sequence: i64,
    /// The destination's epoch.
    pub epoch: i64,
}

/// An entry as the provider bills it, where the destination is sent another currency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Original {
    /// ISO 4217.
    pub currency: String,
    /// The change.
    pub amount: Decimal,
    /// The posting's total after it.
    pub total_after: Decimal,
    /// What one unit was converted at.
    pub rate: Decimal,
    /// The first day of that rate, as the operator's file has it.
    pub rate_from: String,
}

/// A keyed number that is not money.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observation {
    /// Which cursor value it stands for.
    pub seq: i64,
    /// Its kind.
    pub name: String,
    /// What it was observed of.
    pub dims: Value,
    /// The number.
    pub value: Decimal,
    /// Its unit.
    pub unit: String,
    /// When it held.
    pub at: Timestamp,
}

/// Something that happened in a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Row id, and cursor value.
    pub row: i64,
    /// When.
    pub at: Timestamp,
    /// Finished, restated, denied call, dead letter.
    pub kind: String,
    /// JSON, or plain text.
    pub detail: String,
}

pub(super) fn entries(
    transaction: &Transaction<'_>,
    destination: DestinationRow,
    source: SourceRow,
    limit: usize,
) -> Result<Vec<Entry>, LedgerError> {
    let sql = "SELECT e.id, e.entry_id, p.key, p.dims, p.currency, e.amount, e.total_after, e.sequence, k.number, \
        c.currency, c.amount, c.total_after, c.rate, c.rate_from \
        FROM entry e CROSS JOIN posting p ON p.id = e.posting CROSS JOIN epoch k ON k.id = p.epoch \
        LEFT JOIN conversion c ON c.entry = e.id \
        WHERE e.destination = ?1 AND e.source = ?2 AND e.state = 'pending' AND e.batch IS NULL AND k.ended IS NULL \
        ORDER BY e.id LIMIT ?3";
    read(transaction, sql, (destination, source, limit), |row| {
        let entry = Entry {
            row: row.get(0)?,
            entry_id: row.get(1)?,
            dims: row.get(3)?,
            posting_key: row.get(2)?,
            currency: row.get(4)?,
            amount: amount(&row.get::<_, String>(5)?)?,
            total_after: amount(&row.get::<_, String>(6)?)?,
            original: None,
            sequence: row.get(7)?,
            epoch: row.get(8)?,
        };
        match row.get::<_, Option<String>>(9)? {
            None => Ok(entry),
            Some(currency) => converted(entry, currency, row),
        }
    })
}

/// The entry as the destination is sent it, in that currency.
fn converted(entry: Entry, currency: String, row: &Row<'_>) -> Result<Entry, LedgerError> {
    let original = Original {
        currency: entry.currency,
        amount: entry.amount,
        total_after: entry.total_after,
        rate: amount(&row.get::<_, String>(12)?)?,
        rate_from: row.get(13)?,
    };
    Ok(Entry {
        currency,
        amount: amount(&row.get::<_, String>(10)?)?,
        total_after: amount(&row.get::<_, String>(11)?)?,
        original: Some(original),
        ..entry
    })
}

/// The dimensions of an entry, from the JSON of its posting.
pub(super) fn dimensions(entry_id: &str, json: &str) -> Result<Map<String, Value>, LedgerError> {
    match serde_json::from_str(json) {
        Ok(Value::Object(dims)) => Ok(dims),
        _ => Err(LedgerError::Damaged(format!(
            "the dimensions of entry {entry_id} are no JSON object"
        ))),
    }
}

pub(super) fn observations(
    transaction: &Transaction<'_>,
    destination: DestinationRow,
    source: SourceRow,
) -> Result<Vec<Observation>, LedgerError> {
    let sql = "SELECT seq, name, dims, value, unit, at FROM observation WHERE source = ?2 AND seq > \
        COALESCE((SELECT c.seq FROM observation_cursor c WHERE c.destination = ?1 AND c.source = ?2), 0) \
        ORDER BY seq LIMIT ?3";
    read(transaction, sql, (destination, source, MAX_EXTRAS), |row| {
        let (seq, dims): (i64, String) = (row.get(0)?, row.get(2)?);
        Ok(Observation {
            seq,
            name: row.get(1)?,
            dims: serde_json::from_str(&dims)
                .map_err(|error| LedgerError::Damaged(format!("observation {seq}: {error}")))?,
            value: amount(&row.get::<_, String>(3)?)?,
            unit: row.get(4)?,
            at: instant(row.get(5)?)?,
        })
    })
}

pub(super) fn events(
    transaction: &Transaction<'_>,
    destination: DestinationRow,
    source: SourceRow,
) -> Result<Vec<Event>, LedgerError> {
    let sql = "SELECT id, at, kind, detail FROM event WHERE source = ?2 AND id > \
        COALESCE((SELECT c.event FROM event_cursor c WHERE c.destination = ?1 AND c.source = ?2), 0) \
        ORDER BY id LIMIT ?3";
    read(transaction, sql, (destination, source, MAX_EXTRAS), |row| {
        Ok(Event {
            row: row.get(0)?,
            at: instant(row.get(1)?)?,
            kind: row.get(2)?,
            detail: row.get(3)?,
        })
    })
}

fn read<T>(
    transaction: &Transaction<'_>,
    sql: &str,
    parameters: (i64, i64, usize),
    item: impl Fn(&Row<'_>) -> Result<T, LedgerError>,
) -> Result<Vec<T>, LedgerError> {
    let (destination, source, limit) = parameters;
    let mut statement = transaction.prepare_cached(sql)?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut rows = statement.query((destination, source, limit))?;
    let mut items = Vec::new();
    while let Some(row) = rows.next()? {
        items.push(item(row)?);
    }
    Ok(items)
}
