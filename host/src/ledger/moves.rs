//! What moves: the records whose money enters or leaves the books, noted in a temporary table until it is posted.
//! What must hold: who makes moves begins with an empty note of them and posts it in the same transaction.

use super::{
    error::damaged,
    store::{LedgerError, amount},
};
use finops_decimal::Decimal;
use rusqlite::{Connection, params};
use std::collections::BTreeMap;

/// Forgets what moved before.
pub(super) fn begin(transaction: &Connection) -> Result<(), LedgerError> {
    transaction
        .prepare_cached("DELETE FROM temp.moved")?
        .execute([])?;
    Ok(())
}

/// The partitions in which something moves.
pub(super) fn partitions(transaction: &Connection) -> Result<Vec<i64>, LedgerError> {
    // From one partition to the next by the key, since there may be a million records in each.
    let mut next = transaction.prepare_cached("SELECT min(partition) FROM temp.moved WHERE partition > ?")?;
    let mut partitions = Vec::new();
    let mut last = i64::MIN;
    while let Some(partition) = next.query_row([last], |row| row.get::<_, Option<i64>>(0))? {
        partitions.push(partition);
        last = partition;
    }
    Ok(partitions)
}

/// How many records leave the books in a partition.
pub(super) fn leaving(transaction: &Connection, partition: i64) -> Result<u64, LedgerError> {
    let count: i64 = transaction
        .prepare_cached("SELECT count(*) FROM temp.moved WHERE partition = ? AND enters = 0")?
        .query_row([partition], |row| row.get(0))?;
    Ok(count.unsigned_abs())
}

/// What enters less what leaves, effective cost by currency, of sources that count. A currency in which nothing moves is left out.
pub(super) fn sums(transaction: &Connection) -> Result<BTreeMap<String, Decimal>, LedgerError> {
    let mut statement = transaction.prepare_cached(
        "SELECT currency, exact_sum(iif(enters, effective, NULL)), exact_sum(iif(enters, NULL, effective))
         FROM temp.moved CROSS JOIN record ON record.id = moved.record
         JOIN partition ON partition.id = moved.partition JOIN stream ON stream.id = partition.stream
         JOIN source ON source.id = stream.source WHERE source.counts = 1 GROUP BY currency",
    )?;
    let mut rows = statement.query([])?;
    let mut sums = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let (enters, leaves): (String, String) = (row.get(1)?, row.get(2)?);
        let sum = amount(&enters)?.checked_sub(amount(&leaves)?);
        sums.insert(
            row.get(0)?,
            sum.map_err(|error| damaged("money of a commit", error))?,
        );
    }
    Ok(sums)
}

/// Notes all current counted records of a source: they enter or leave together.
pub(super) fn all_of_source(transaction: &Connection, source: i64, enters: bool) -> Result<(), LedgerError> {
    transaction
        .prepare_cached(
            "INSERT INTO temp.moved (partition, enters, record)
             SELECT partition.id, ?2, record.id FROM stream JOIN partition ON partition.stream = stream.id
             JOIN record ON record.partition = partition.id
             WHERE source = ?1 AND until_commit IS NULL AND counts = 1",
        )?
        .execute(params![source, enters])?;
    Ok(())
}
