//! Rebasing: a destination's next epoch is begun from what the destination certainly has.
//!
//! What must hold: a destination that keeps what it got is sent just the difference between that and the current records,
//! so that no money is there twice and none is missing; what it has is the settled entries of the epoch that ends. So
//! nothing is rebased while it is unknown whether an entry arrived.

use super::{Moved, current_counted, end_epoch, next_epoch, open_totals};
use crate::ledger::{
    outbox::{DecisionError, destination_row},
    post::{self, OpenEpoch, Postings, Sending},
    store::{LedgerError, amount},
};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior};

/// What the destination has of the epoch that ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// All that is settled.
    Settled,
    /// Nothing: it was emptied.
    Nothing,
}

/// What a rebase did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rebased {
    /// Number of the epoch that began.
    pub epoch: i64,
    /// Entries of the old epoch that were given up, since the new one posts what they were for.
    pub dropped: u64,
    /// Entries of the new epoch that wait for delivery or for the operator's word.
    pub posted: u64,
}

/// Begins a new epoch of a destination. The caller holds the delivery lock.
///
/// # Errors
/// [`DecisionError::Unknown`] where there is no such destination; [`DecisionError::Refused`] for a snapshot, and while
/// entries may or may not have arrived that count.
pub fn rebase(
    connection: &mut Connection,
    name: &str,
    kept: Kept,
    now: Timestamp,
) -> Result<Rebased, DecisionError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let destination = destination_row(&transaction, name)?;
    let sql = "SELECT epoch.id, start_mode FROM epoch JOIN destination ON destination.id = epoch.destination \
               WHERE destination.id = ?1 AND ended IS NULL AND kind = 'journal'";
    let ending: Option<(i64, String)> = transaction
        .query_row(sql, [destination], |row| row.try_into())
        .optional()?;
    let Some((ending, start)) = ending else {
        return Err(DecisionError::Refused(format!(
            "{name} is a snapshot: it is rendered from the current records and has nothing to rebase"
        )));
    };
    if kept == Kept::Settled {
        refuse_unknown(&transaction, destination, name)?;
    }
    let open = "SELECT COUNT(*) FROM entry JOIN posting ON posting.id = entry.posting \
                WHERE epoch = ?1 AND state NOT IN ('settled', 'dropped')";
    let count = |epoch| transaction.query_row(open, [epoch], |row| row.get::<_, i64>(0));
    let dropped = count(ending)?.unsigned_abs();
    end_epoch(&transaction, destination, "rebased", now)?;
    let start = match kept {
        Kept::Settled => start.as_str(),
        Kept::Nothing => "baseline",
    };
    let Some(epoch) = next_epoch(&transaction, destination, start, now)? else {
        return Err(LedgerError::Damaged(format!("the new epoch of destination {destination}")).into());
    };
    match kept {
        Kept::Settled => open_differences(&transaction, &epoch, ending)?,
        Kept::Nothing => {
            transaction.execute(
                "DELETE FROM observation_cursor WHERE destination = ?",
                [destination],
            )?;
            open_totals(&transaction, &epoch, Sending::Send)?;
        }
    }
    let posted = count(epoch.id)?.unsigned_abs();
    transaction.commit()?;
    Ok(Rebased {
        epoch: epoch.number,
        dropped,
        posted,
    })
}

/// Refuses while an entry was sent and it is not known whether it arrived.
fn refuse_unknown(transaction: &Transaction, destination: i64, name: &str) -> Result<(), DecisionError> {
    let sql = "SELECT COUNT(*) FROM entry LEFT JOIN batch ON batch.id = entry.batch WHERE entry.destination = ?1 \
               AND (entry.state = 'ambiguous' OR (entry.state = 'pending' AND maybe_duplicated = 1))";
    let unknown: i64 = transaction.query_row(sql, [destination], |row| row.get(0))?;
    if unknown > 0 {
        return Err(DecisionError::Refused(format!(
            "{unknown} entries were sent to {name} and may have arrived: let the next run find out, then rebase; \
             or, if the server was emptied, give --emptied"
        )));
    }
    Ok(())
}

/// Carries the settled sum of each posting key over from the epoch that ended, and posts what the current records differ.
pub(in crate::ledger) fn open_differences(
    transaction: &Connection,
    epoch: &OpenEpoch,
    ended: i64,
) -> Result<(), LedgerError> {
    let partitions: Vec<(i64, i64)> = {
        let mut statement = transaction.prepare("SELECT id, commit_id FROM partition ORDER BY id")?;
        let rows = statement.query_map([], |row| row.try_into())?;
        rows.collect::<Result<_, _>>()?
    };
    let mut settled = transaction.prepare(
        "SELECT key, dims, currency, exact_sum(amount) FROM posting JOIN entry ON entry.posting = posting.id
         WHERE epoch = ? AND partition = ? AND state = 'settled' GROUP BY posting.id ORDER BY key",
    )?;
    for (partition, commit) in partitions {
        let context = post::context(transaction, partition)?;
        let mut postings = Postings::new();
        let mut rows = settled.query([ended, partition])?;
        while let Some(row) = rows.next()? {
            let (key, dims): (String, String) = (row.get(0)?, row.get(1)?);
            let there = amount(&row.get::<_, String>(3)?)?;
            if !there.is_zero() {
                let of = (key.as_str(), dims.as_str(), row.get(2)?);
                let posting = post::carry(transaction, epoch, &context, commit, of, there)?;
                postings.insert(key, posting);
            }
        }
        let mut moved = Moved::default();
        if context.source.counts {
            moved.plus = current_counted(transaction, partition)?;
        }
        let onto = (postings, Sending::Send);
        post::post_onto(transaction, epoch, &context, commit, &moved, onto)?;
    }
    Ok(())
}

#[cfg(test)]
mod model_tests;
#[cfg(test)]
mod tests;
