//! Counting anew: what enters and leaves the books when the rule of superseding decides otherwise.

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

/// Counts a source anew after its chains have changed. No commit did this: the entries belong to the commit that
/// last touched their partition, whose records they speak of.
pub(super) fn recount(transaction: &Connection, source: i64) -> Result<(), LedgerError> {
    let mut moves = Moves::new();
    for chain in supersede::chains(transaction, source)? {
        for stretch in chain.stretches(transaction)? {
            decide(transaction, &chain, stretch, &mut moves)?;
        }
    }
    for (partition, moved) in moves {
        let commit = transaction.query_row(
            "SELECT commit_id FROM partition WHERE id = ?",
            [partition],
            |row| row.get(0),
        )?;
        post::post(transaction, commit, &Moves::from([(partition, moved)]))?;
    }
    Ok(())
}
