//! Counting anew: what enters and leaves the books when the rule of superseding, or the operator, decides otherwise.

use super::{
    post::{self, Moves},
    record::Period,
    store::LedgerError,
    supersede::{self, Chain},
};
use rusqlite::{Connection, params};

/// Lets the rule decide a stretch of time, and notes what moves by it.
pub(super) fn decide(
    transaction: &Connection,
    chain: &Chain,
    stretch: Period,
    moves: &mut Moves,
) -> Result<(), LedgerError> {
    let mut update = transaction.prepare_cached("UPDATE record SET counts = ? WHERE id = ?")?;
    for flip in chain.flips(transaction, stretch)? {
        update.execute(params![flip.counts, flip.record])?;
        let moved = moves.entry(flip.partition).or_default();
        if flip.counts {
            moved.plus.push(flip.record);
        } else {
            moved.minus.push(flip.record);
        }
    }
    Ok(())
}

/// Counts a source anew after its chains have changed, posts what moves, and tells it.
pub(super) fn recount(transaction: &Connection, source: i64) -> Result<Moves, LedgerError> {
    let mut moves = Moves::new();
    leave(transaction, source, &mut moves)?;
    for chain in supersede::chains(transaction, source)? {
        for stretch in chain.stretches(transaction)? {
            decide(transaction, &chain, stretch, &mut moves)?;
        }
    }
    post_without_commit(transaction, &moves)?;
    Ok(moves)
}

/// Posts what no commit did: the entries belong to the commit that last touched their partition, whose records they
/// speak of.
pub(super) fn post_without_commit(transaction: &Connection, moves: &Moves) -> Result<(), LedgerError> {
    for (&partition, moved) in moves {
        let commit = transaction.query_row(
            "SELECT commit_id FROM partition WHERE id = ?",
            [partition],
            |row| row.get(0),
        )?;
        post::post(transaction, commit, &Moves::from([(partition, moved.clone())]))?;
    }
    Ok(())
}

/// Records of retired streams that nothing succeeds leave the books.
fn leave(transaction: &Connection, source: i64, moves: &mut Moves) -> Result<(), LedgerError> {
    let mut statement = transaction.prepare_cached(
        "SELECT partition.id, record.id FROM stream JOIN partition ON partition.stream = stream.id
         JOIN record ON record.partition = partition.id
         WHERE source = ? AND retired_by = '' AND until_commit IS NULL AND counts = 1 ORDER BY 1, 2",
    )?;
    let rows = statement.query_map([source], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let leaving: Vec<(i64, i64)> = rows.collect::<Result<_, _>>()?;
    let mut update = transaction.prepare_cached("UPDATE record SET counts = 0 WHERE id = ?")?;
    for (partition, record) in leaving {
        update.execute([record])?;
        moves.entry(partition).or_default().minus.push(record);
    }
    Ok(())
}
