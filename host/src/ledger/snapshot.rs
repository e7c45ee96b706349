//! A snapshot destination in the ledger: which of its files are stale, which months are final in them, and what became of
//! records that a final file has.
//!
//! What must hold, per epoch and source: the rows of final files and those of open ones together are the current counted
//! billed records. So a record of a final month that changed afterwards is a correction, minus what the files have and
//! plus what they lack, until a final file has that correction too. Only the holder of the snapshot lock renders.

mod closing;
mod file;
mod overview;
mod sort;
#[cfg(test)]
mod tests;

pub use closing::{Closing, closing, ripe};
pub use file::{
    FileFacts, StaleFile, files, forget_ended, forget_files, months, put, stale_files, still_stale,
};
pub use overview::{SnapshotRow, snapshots};
pub use sort::{sort, unsorted};

use super::{error::instant, month::Month, moves, record::Source, store::LedgerError};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};
use std::collections::BTreeSet;

/// Makes the tables and views of a ledger that has none yet.
pub(super) fn add_tables(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(include_str!("snapshot.sql"))?;
    add_views(connection)
}

/// Makes the views for other programs, instead of those that there were.
pub(super) fn add_views(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(include_str!("views.sql"))
}

/// Notes for all snapshots that counted records of partitions changed: of those in which something moves.
pub(super) fn mark(transaction: &Connection) -> Result<(), LedgerError> {
    let mut mark = transaction.prepare_cached(
        "INSERT OR IGNORE INTO snapshot_dirty (epoch, partition)
         SELECT epoch.id, ? FROM epoch JOIN destination ON destination.id = epoch.destination
         WHERE ended IS NULL AND kind = 'snapshot'",
    )?;
    for partition in moves::partitions(transaction)? {
        mark.execute([partition])?;
    }
    Ok(())
}

/// Begins a snapshot's open epoch: everything is to be rendered.
pub(super) fn begin(transaction: &Connection, destination: i64) -> Result<(), LedgerError> {
    transaction.execute(
        "INSERT OR IGNORE INTO snapshot_dirty (epoch, partition)
         SELECT epoch.id, partition.id FROM epoch, partition WHERE destination = ? AND ended IS NULL",
        [destination],
    )?;
    Ok(())
}

/// The open epoch of a snapshot destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotEpoch {
    /// Row id.
    pub id: i64,
    /// Its number at its destination.
    pub number: i64,
    /// Why the destination is paused; `None`: it is not.
    pub paused: Option<String>,
}

/// The open epoch of a destination.
///
/// # Errors
/// See [`LedgerError`]; a destination without one is damage.
pub fn epoch(connection: &Connection, destination: i64) -> Result<SnapshotEpoch, LedgerError> {
    let found = connection
        .query_row(
            "SELECT epoch.id, number, iif(state = 'paused', COALESCE(reason, 'by the operator'), NULL)
             FROM epoch JOIN destination ON destination.id = epoch.destination
             WHERE destination.id = ? AND ended IS NULL AND kind = 'snapshot'",
            [destination],
            |row| {
                Ok(SnapshotEpoch {
                    id: row.get(0)?,
                    number: row.get(1)?,
                    paused: row.get(2)?,
                })
            },
        )
        .optional()?;
    found.ok_or_else(|| LedgerError::Damaged(format!("destination {destination} is no open snapshot")))
}

/// The name of this ledger: made once, kept with it. A directory of files belongs to one ledger.
///
/// # Errors
/// See [`LedgerError`].
pub fn ledger_name(connection: &Connection) -> Result<String, LedgerError> {
    connection.execute(
        "INSERT OR IGNORE INTO meta (key, value) VALUES ('ledger', lower(hex(randomblob(16))))",
        [],
    )?;
    Ok(
        connection.query_row("SELECT value FROM meta WHERE key = 'ledger'", [], |row| {
            row.get(0)
        })?,
    )
}

/// The name of this ledger, where it has one; empty: it has none yet.
///
/// # Errors
/// See [`LedgerError`].
pub fn known_name(connection: &Connection) -> Result<String, LedgerError> {
    let name = connection
        .query_row("SELECT value FROM meta WHERE key = 'ledger'", [], |row| {
            row.get(0)
        })
        .optional()?;
    Ok(name.unwrap_or_default())
}

/// The months that are final for a source.
fn closed_months(connection: &Connection, epoch: i64, source: i64) -> Result<BTreeSet<Month>, LedgerError> {
    let mut statement =
        connection.prepare_cached("SELECT month FROM snapshot_closed WHERE epoch = ? AND source = ?")?;
    let months = statement.query_map(params![epoch, source], |row| row.get::<_, String>(0))?;
    months.map(|month| Month::read(&month?)).collect()
}

/// The month in which corrections of a month are told: the next that is not final.
fn told_in(month: Month, closed: &BTreeSet<Month>) -> Option<Month> {
    let mut next = month.next()?;
    while closed.contains(&next) {
        next = next.next()?;
    }
    Some(next)
}

/// A row of a file, besides the records that stand in it regularly: a record and its sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SignedRecord {
    /// Row id of the record.
    pub record: i64,
    /// Whether its amounts are taken back.
    pub taken_back: bool,
}

/// What a source tells in a month's file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// The month is open: its current records, and these corrections of earlier months.
    Open(Vec<SignedRecord>),
    /// The month is final: these, and nothing else.
    Final(Vec<SignedRecord>),
}

/// What a source tells in a month's billed file. Records stand in the order of stream, partition and key, corrections last:
/// the order in which they stood while the month was open.
///
/// # Errors
/// See [`LedgerError`].
pub fn told(connection: &Connection, epoch: i64, source: i64, month: Month) -> Result<Told, LedgerError> {
    let closed = closed_months(connection, epoch, source)?;
    if closed.contains(&month) {
        let mut statement = connection.prepare_cached(
            "SELECT record.id, sign FROM snapshot_final AS f JOIN whole_record AS record ON record.id = f.record
             JOIN partition ON partition.id = record.partition JOIN stream ON stream.id = partition.stream
             WHERE f.epoch = ? AND f.source = ? AND f.month = ?
             ORDER BY substr(json_extract(content, '$.BillingPeriod.start'), 1, 7) <> f.month, name, start, key, sign",
        )?;
        let rows = statement.query_map(params![epoch, source, month.to_string()], signed)?;
        return Ok(Told::Final(rows.collect::<Result<_, _>>()?));
    }
    let mut statement = connection.prepare_cached(
        "SELECT record.id, sign, p.month FROM snapshot_pending AS p JOIN record ON record.id = p.record
         JOIN partition ON partition.id = record.partition JOIN stream ON stream.id = partition.stream
         WHERE p.epoch = ? AND p.source = ? ORDER BY name, start, key, sign",
    )?;
    let mut rows = statement.query(params![epoch, source])?;
    let mut told = Vec::new();
    while let Some(row) = rows.next()? {
        let of = Month::read(&row.get::<_, String>(2)?)?;
        if told_in(of, &closed) == Some(month) {
            told.push(signed(row)?);
        }
    }
    Ok(Told::Open(told))
}

fn signed(row: &rusqlite::Row<'_>) -> rusqlite::Result<SignedRecord> {
    Ok(SignedRecord {
        record: row.get(0)?,
        taken_back: row.get::<_, i64>(1)? < 0,
    })
}

/// The sources of a provider that may have rows in its files, by row and path, in the order of their paths.
///
/// # Errors
/// See [`LedgerError`].
pub fn sources_of(
    connection: &Connection,
    epoch: i64,
    provider: &str,
) -> Result<Vec<(i64, String)>, LedgerError> {
    let mut statement = connection.prepare_cached(
        "SELECT id, provider, billing_account, scope FROM source WHERE provider = ?2 AND id IN (
             SELECT source FROM snapshot_month JOIN partition ON partition.id = snapshot_month.partition
                 JOIN stream ON stream.id = partition.stream WHERE epoch = ?1
             UNION SELECT source FROM snapshot_closed WHERE epoch = ?1)
         ORDER BY billing_account, scope",
    )?;
    let rows = statement.query_map(params![epoch, provider], |row| {
        let source = Source {
            provider: row.get(1)?,
            billing_account: row.get(2)?,
            scope: row.get(3)?,
        };
        Ok((row.get(0)?, source.path()))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// How a rendering ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// All files show the ledger as of this commit.
    UpToDate(i64),
    /// Something failed, for this reason.
    Failed(String),
}

/// The last commit that a reader sees.
///
/// # Errors
/// See [`LedgerError`].
pub fn last_commit(connection: &Connection) -> Result<i64, LedgerError> {
    Ok(connection.query_row("SELECT COALESCE(max(id), 0) FROM commits", [], |row| row.get(0))?)
}

/// Writes down how a rendering went.
///
/// # Errors
/// See [`LedgerError`].
pub fn rendered(
    connection: &Connection,
    epoch: i64,
    outcome: &Outcome,
    now: Timestamp,
) -> Result<(), LedgerError> {
    match outcome {
        Outcome::UpToDate(commit) => connection.execute(
            "UPDATE snapshot_state SET error = NULL, rendered = ?2, examined = ?3 WHERE epoch = ?1",
            params![epoch, now.as_second(), commit],
        )?,
        Outcome::Failed(why) => connection.execute(
            "UPDATE snapshot_state SET error = ?2 WHERE epoch = ?1",
            params![epoch, why],
        )?,
    };
    Ok(())
}

/// An optional instant of the database.
fn optional_instant(seconds: Option<i64>) -> Result<Option<Timestamp>, LedgerError> {
    seconds.map(instant).transpose()
}
