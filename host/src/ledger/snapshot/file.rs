//! The files of a snapshot in the ledger: which are stale, which stand, and the one transaction after a file was put.

use super::{
    closing::{Closing, close},
    sort::stale,
};
use crate::ledger::{error::instant, month::Month, store::LedgerError};
use jiff::Timestamp;
use rusqlite::{Connection, TransactionBehavior, params};
use std::path::Path;

/// A file, or several of one month by basis, to be rendered.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct StaleFile {
    /// The provider.
    pub provider: String,
    /// The month of its billing periods.
    pub month: Month,
}

/// A file that stands in the directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileFacts {
    /// Its name, relative to the directory.
    pub name: String,
    /// The provider.
    pub provider: String,
    /// The month of its billing periods.
    pub month: Month,
    /// The basis of its amounts.
    pub basis: String,
    /// Its length.
    pub bytes: u64,
    /// SHA-256 of its bytes, lower-case hex.
    pub sha256: String,
    /// Rows, sums and findings, as JSON.
    pub detail: String,
    /// When it was rendered.
    pub rendered: Timestamp,
}

/// The files to render, oldest month first.
///
/// # Errors
/// See [`LedgerError`].
pub fn stale_files(connection: &Connection, epoch: i64) -> Result<Vec<StaleFile>, LedgerError> {
    let mut statement = connection.prepare_cached(
        "SELECT provider, month FROM snapshot_stale WHERE epoch = ? ORDER BY month, provider",
    )?;
    let mut rows = statement.query([epoch])?;
    let mut files = Vec::new();
    while let Some(row) = rows.next()? {
        files.push(StaleFile {
            provider: row.get(0)?,
            month: Month::read(&row.get::<_, String>(1)?)?,
        });
    }
    Ok(files)
}

/// The providers' months that have files or should have.
///
/// # Errors
/// See [`LedgerError`].
pub fn months(connection: &Connection, epoch: i64) -> Result<Vec<StaleFile>, LedgerError> {
    let mut statement = connection.prepare_cached(
        "SELECT provider, month FROM snapshot_file WHERE epoch = ?1
         UNION SELECT provider, month FROM snapshot_month JOIN partition ON partition.id = snapshot_month.partition
             JOIN stream ON stream.id = partition.stream JOIN source ON source.id = stream.source WHERE epoch = ?1
         ORDER BY 2, 1",
    )?;
    let mut rows = statement.query([epoch])?;
    let mut months = Vec::new();
    while let Some(row) = rows.next()? {
        months.push(StaleFile {
            provider: row.get(0)?,
            month: Month::read(&row.get::<_, String>(1)?)?,
        });
    }
    Ok(months)
}

/// Has files rendered again that are not as they were put.
///
/// # Errors
/// See [`LedgerError`].
pub fn still_stale(connection: &mut Connection, epoch: i64, lost: &[StaleFile]) -> Result<(), LedgerError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for file in lost {
        stale(&transaction, epoch, &file.provider, file.month)?;
    }
    transaction.commit()?;
    Ok(())
}

/// The files that stand, by name.
///
/// # Errors
/// See [`LedgerError`].
pub fn files(connection: &Connection, epoch: i64) -> Result<Vec<FileFacts>, LedgerError> {
    let mut statement = connection.prepare_cached(
        "SELECT name, provider, month, basis, bytes, sha256, detail, rendered FROM snapshot_file
         WHERE epoch = ? ORDER BY name",
    )?;
    let mut rows = statement.query([epoch])?;
    let mut files = Vec::new();
    while let Some(row) = rows.next()? {
        files.push(FileFacts {
            name: row.get(0)?,
            provider: row.get(1)?,
            month: Month::read(&row.get::<_, String>(2)?)?,
            basis: row.get(3)?,
            bytes: row.get::<_, i64>(4)?.unsigned_abs(),
            sha256: row.get(5)?,
            detail: row.get(6)?,
            rendered: instant(row.get(7)?)?,
        });
    }
    Ok(files)
}

/// Writes down what now stands of a provider's month, and which sources' months are final by it.
///
/// # Errors
/// See [`LedgerError`]; then nothing has changed, and the files are rendered again.
pub fn put(
    connection: &mut Connection,
    epoch: i64,
    of: &StaleFile,
    (files, closings): (&[FileFacts], &[Closing]),
    now: Timestamp,
) -> Result<(), LedgerError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let month = of.month.to_string();
    transaction.execute(
        "DELETE FROM snapshot_file WHERE epoch = ? AND provider = ? AND month = ?",
        params![epoch, of.provider, month],
    )?;
    for file in files {
        transaction.execute(
            "INSERT INTO snapshot_file (epoch, name, provider, month, basis, bytes, sha256, detail, rendered)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            params![
                epoch,
                file.name,
                file.provider,
                month,
                file.basis,
                i64::try_from(file.bytes).unwrap_or(i64::MAX),
                file.sha256,
                file.detail,
                file.rendered.as_second()
            ],
        )?;
    }
    // Until the manifest is written, too: who dies before that leaves files of which it does not tell.
    transaction.execute(
        "UPDATE snapshot_state SET error = 'a rendering was not finished' WHERE epoch = ?",
        [epoch],
    )?;
    for closing in closings {
        close(&transaction, epoch, closing, now)?;
    }
    transaction.execute(
        "DELETE FROM snapshot_stale WHERE epoch = ? AND provider = ? AND month = ?",
        params![epoch, of.provider, month],
    )?;
    transaction.commit()?;
    Ok(())
}

/// Notes where and how an epoch is rendered, and forgets all that earlier epochs of its destination held: the names of
/// their files in the same directory are given back, to be deleted.
///
/// # Errors
/// See [`LedgerError`].
pub fn forget_ended(
    connection: &mut Connection,
    epoch: i64,
    directory: &Path,
    (version, format): (&str, &str),
) -> Result<Vec<String>, LedgerError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let directory = directory.to_string_lossy();
    transaction.execute(
        "INSERT OR IGNORE INTO snapshot_state (epoch, directory, version, format) VALUES (?, ?, ?, ?)",
        params![epoch, directory, version, format],
    )?;
    let ended =
        "epoch IN (SELECT old.id FROM epoch AS old JOIN epoch AS new ON new.destination = old.destination
                           WHERE new.id = ?1 AND old.ended IS NOT NULL)";
    let names = {
        let mut statement = transaction.prepare(&format!(
            "SELECT name FROM snapshot_file JOIN snapshot_state USING (epoch) WHERE directory = ?2 AND {ended}"
        ))?;
        let rows = statement.query_map(params![epoch, directory], |row| row.get(0))?;
        rows.collect::<Result<Vec<String>, _>>()?
    };
    for table in ["dirty", "month", "stale", "closed", "final", "pending"] {
        transaction.execute(&format!("DELETE FROM snapshot_{table} WHERE {ended}"), [epoch])?;
    }
    transaction.commit()?;
    Ok(names)
}

/// Forgets the files of earlier epochs, once those are deleted that are to be.
///
/// # Errors
/// See [`LedgerError`].
pub fn forget_files(connection: &Connection, epoch: i64) -> Result<(), LedgerError> {
    for table in ["file", "state"] {
        let sql = format!(
            "DELETE FROM snapshot_{table} WHERE epoch IN (SELECT old.id FROM epoch AS old
                 JOIN epoch AS new ON new.destination = old.destination WHERE new.id = ? AND old.ended IS NOT NULL)"
        );
        connection.execute(&sql, [epoch])?;
    }
    Ok(())
}
