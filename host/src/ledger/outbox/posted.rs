//! What was posted since a moment, added up: what a dry run would have sent. Reads only.

use crate::ledger::store::{LedgerError, amount};
use finops_decimal::Decimal;
use rusqlite::Connection;
use serde::Serialize;

/// Entries of one destination in one currency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Posted {
    /// Where they go.
    pub destination: String,
    /// ISO 4217, as the provider bills.
    pub currency: String,
    /// How many.
    pub entries: u64,
    /// Their exact sum.
    pub sum: Decimal,
}

/// The row of the last entry that there is; 0 before the first.
///
/// # Errors
/// Storage.
pub fn last_entry(connection: &Connection) -> Result<i64, LedgerError> {
    Ok(connection.query_row("SELECT COALESCE(MAX(id), 0) FROM entry", [], |row| row.get(0))?)
}

/// What was posted after that row.
///
/// # Errors
/// Storage, or a damaged row.
pub fn posted_since(connection: &Connection, row: i64) -> Result<Vec<Posted>, LedgerError> {
    let mut statement = connection.prepare(
        "SELECT name, posting.currency, COUNT(*), exact_sum(amount) FROM entry
         JOIN posting ON posting.id = entry.posting JOIN destination ON destination.id = entry.destination
         WHERE entry.id > ? GROUP BY 1, 2 ORDER BY 1, 2",
    )?;
    let mut rows = statement.query([row])?;
    let mut posted = Vec::new();
    while let Some(row) = rows.next()? {
        posted.push(Posted {
            destination: row.get(0)?,
            currency: row.get(1)?,
            entries: row.get::<_, i64>(2)?.unsigned_abs(),
            sum: amount(&row.get::<_, String>(3)?)?,
        });
    }
    Ok(posted)
}
