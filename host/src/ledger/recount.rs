//! Counting anew: what enters and leaves the books when the rule of superseding, or the operator, decides otherwise.

use super::{
    moves,
    post::{self, Rows, Sending},
    record::Period,
    snapshot,
    store::LedgerError,
    supersede::{self, Chain},
};
use rusqlite::Connection;

/// Lets the rule decide a stretch of time, and notes what moves by it.
pub(super) fn decide(transaction: &Connection, chain: &Chain, stretch: Period) -> Result<(), LedgerError> {
    chain.find_flips(transaction, stretch)?;
    transaction
        .prepare_cached("UPDATE record SET counts = 1 - counts WHERE id IN (SELECT record FROM temp.flip)")?
        .execute([])?;
    transaction
        .prepare_cached(
            "INSERT INTO temp.moved (partition, enters, record) SELECT partition, counts, record FROM temp.flip",
        )?
        .execute([])?;
    Ok(())
}

/// Counts a source anew after its chains have changed, posts what moves, and leaves it noted.
pub(super) fn recount(transaction: &Connection, source: i64) -> Result<(), LedgerError> {
    moves::begin(transaction)?;
    leave(transaction, source)?;
    for chain in supersede::chains(transaction, source)? {
        for stretch in chain.stretches(transaction)? {
            decide(transaction, &chain, stretch)?;
        }
    }
    post_without_commit(transaction)
}

/// Posts what no commit did: the entries belong to the commit that last touched their partition, whose records they
/// speak of.
pub(super) fn post_without_commit(transaction: &Connection) -> Result<(), LedgerError> {
    snapshot::mark(transaction)?;
    let epochs = post::open_epochs(transaction)?;
    for partition in moves::partitions(transaction)? {
        let commit = transaction.query_row(
            "SELECT commit_id FROM partition WHERE id = ?",
            [partition],
            |row| row.get(0),
        )?;
        let context = post::context(transaction, partition)?;
        for epoch in &epochs {
            post::post_partition(transaction, epoch, &context, commit, (Rows::Moved, Sending::Send))?;
        }
    }
    Ok(())
}

/// Records of retired streams that nothing succeeds leave the books.
fn leave(transaction: &Connection, source: i64) -> Result<(), LedgerError> {
    transaction
        .prepare_cached(
            "INSERT INTO temp.moved (partition, enters, record)
             SELECT partition.id, 0, record.id FROM stream JOIN partition ON partition.stream = stream.id
             JOIN record ON record.partition = partition.id
             WHERE source = ? AND retired_by = '' AND until_commit IS NULL AND counts = 1",
        )?
        .execute([source])?;
    transaction
        .prepare_cached("UPDATE record SET counts = 0 WHERE id IN (SELECT record FROM temp.moved)")?
        .execute([])?;
    Ok(())
}
