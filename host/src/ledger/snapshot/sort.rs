//! Sorting changed partitions into the files that are stale because of them, and into corrections of final months.
//! What must hold: it is one transaction, so that after it all is known of a partition or nothing.

use super::{closed_months, told_in};
use crate::ledger::{month::Month, store::LedgerError};
use rusqlite::{Connection, Transaction, TransactionBehavior, params};
use std::collections::BTreeSet;

/// A record that counts now: of table `record`, joined with its partition, stream and source.
const COUNTS: &str =
    "record.until_commit IS NULL AND record.counts = 1 AND source.counts = 1 AND view_of IS NULL";
const JOINED: &str = "whole_record AS record JOIN partition ON partition.id = record.partition
     JOIN stream ON stream.id = partition.stream JOIN source ON source.id = stream.source";
/// The month of a record.
const MONTH: &str = "substr(json_extract(content, '$.BillingPeriod.start'), 1, 7)";

/// Whether there are partitions that changed and were not sorted: then a rendering of this state would not be whole.
///
/// # Errors
/// See [`LedgerError`].
pub fn unsorted(connection: &Connection, epoch: i64) -> Result<bool, LedgerError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM snapshot_dirty WHERE epoch = ?)";
    Ok(connection.query_row(sql, [epoch], |row| row.get(0))?)
}

/// Sorts the partitions that changed.
///
/// # Errors
/// See [`LedgerError`]; then nothing has changed.
pub fn sort(connection: &mut Connection, epoch: i64) -> Result<(), LedgerError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let dirty: Vec<i64> = {
        let mut statement = transaction
            .prepare_cached("SELECT partition FROM snapshot_dirty WHERE epoch = ? ORDER BY partition")?;
        let rows = statement.query_map([epoch], |row| row.get(0))?;
        rows.collect::<Result<_, _>>()?
    };
    for partition in dirty {
        sort_partition(&transaction, epoch, partition)?;
    }
    transaction.execute("DELETE FROM snapshot_dirty WHERE epoch = ?", [epoch])?;
    transaction.commit()?;
    Ok(())
}

fn sort_partition(transaction: &Transaction, epoch: i64, partition: i64) -> Result<(), LedgerError> {
    let (source, provider): (i64, String) = transaction
        .prepare_cached(
            "SELECT source.id, provider FROM partition JOIN stream ON stream.id = partition.stream
             JOIN source ON source.id = stream.source WHERE partition.id = ?",
        )?
        .query_row([partition], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let before = months(
        transaction,
        "SELECT month FROM snapshot_month WHERE epoch = ?1 AND partition = ?2",
        epoch,
        partition,
    )?;
    let distinct =
        format!("SELECT DISTINCT {MONTH} FROM {JOINED} WHERE record.partition = ?2 AND {COUNTS} AND ?1 = ?1");
    let now = months(transaction, &distinct, epoch, partition)?;
    for gone in before.difference(&now) {
        transaction
            .prepare_cached("DELETE FROM snapshot_month WHERE epoch = ? AND partition = ? AND month = ?")?
            .execute(params![epoch, partition, gone.to_string()])?;
    }
    for new in now.difference(&before) {
        transaction
            .prepare_cached("INSERT INTO snapshot_month (epoch, partition, month) VALUES (?, ?, ?)")?
            .execute(params![epoch, partition, new.to_string()])?;
    }
    let closed = closed_months(transaction, epoch, source)?;
    if !closed.is_empty() {
        correct(transaction, epoch, source, partition)?;
    }
    for &month in before.union(&now) {
        stale(transaction, epoch, &provider, month)?;
        if closed.contains(&month)
            && let Some(month) = told_in(month, &closed)
        {
            stale(transaction, epoch, &provider, month)?;
        }
    }
    Ok(())
}

/// The file of a month is to be rendered.
pub(super) fn stale(
    connection: &Connection,
    epoch: i64,
    provider: &str,
    month: Month,
) -> Result<(), LedgerError> {
    connection
        .prepare_cached("INSERT OR IGNORE INTO snapshot_stale (epoch, provider, month) VALUES (?, ?, ?)")?
        .execute(params![epoch, provider, month.to_string()])?;
    Ok(())
}

/// Finds the corrections of a partition anew: records of final months that no final file has, and those that one has and
/// that do not count any more.
fn correct(transaction: &Transaction, epoch: i64, source: i64, partition: i64) -> Result<(), LedgerError> {
    transaction
        .prepare_cached("DELETE FROM snapshot_pending WHERE epoch = ? AND partition = ?")?
        .execute(params![epoch, partition])?;
    let lacking = format!(
        "INSERT INTO snapshot_pending (epoch, partition, record, source, month, sign)
         SELECT ?1, ?2, record.id, ?3, {MONTH}, 1 FROM {JOINED}
         WHERE record.partition = ?2 AND {COUNTS} AND json_extract(content, '$.Basis') = 'billed'
           AND {MONTH} IN (SELECT month FROM snapshot_closed WHERE epoch = ?1 AND source = ?3)
           AND record.id NOT IN (SELECT record FROM snapshot_final WHERE epoch = ?1 AND partition = ?2
                                 GROUP BY record HAVING sum(sign) > 0)"
    );
    transaction
        .prepare_cached(&lacking)?
        .execute(params![epoch, partition, source])?;
    let too_many = format!(
        "INSERT INTO snapshot_pending (epoch, partition, record, source, month, sign)
         SELECT ?1, ?2, record.id, ?3, {MONTH}, -1 FROM {JOINED}
         WHERE record.id IN (SELECT record FROM snapshot_final WHERE epoch = ?1 AND partition = ?2
                             GROUP BY record HAVING sum(sign) > 0)
           AND NOT ({COUNTS})"
    );
    transaction
        .prepare_cached(&too_many)?
        .execute(params![epoch, partition, source])?;
    Ok(())
}

fn months(
    transaction: &Transaction,
    sql: &str,
    epoch: i64,
    partition: i64,
) -> Result<BTreeSet<Month>, LedgerError> {
    let mut statement = transaction.prepare_cached(sql)?;
    let months = statement.query_map(params![epoch, partition], |row| row.get::<_, String>(0))?;
    months.map(|month| Month::read(&month?)).collect()
}
