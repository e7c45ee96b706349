//! The one transaction: compare, replace, decide what counts, post, move the checkpoint. All of it or nothing.

mod apply;
mod checkpoint;
mod effect;

pub(super) use self::{apply::apply, checkpoint::checksum_of as checkpoint_checksum};

use super::{
    collapse::Written,
    error::WriteError,
    hold::{HoldPolicy, Repricing},
    record::Period,
    replace::Tally,
    run::RunId,
    source,
    stage::{self, Writer, WriterId},
    stream::refuse_retired,
};
use crate::component::descriptor::LookBack;
use finops_decimal::Decimal;
use jiff::Timestamp;
use rusqlite::{Connection, TransactionBehavior, params};
use std::collections::{BTreeMap, BTreeSet};

/// What a commit may change unasked.
#[derive(Clone, Debug, Default)]
pub struct CommitOptions {
    /// The period that the operator asked for by hand.
    pub requested: Option<Period>,
    /// The operator's look-back, instead of the stream's.
    pub look_back: Option<LookBack>,
    /// What is held for review.
    pub hold: HoldPolicy,
    /// Whether prices of the past may change.
    pub repricing: Repricing,
}

/// What a commit changed, in records of one writer.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Receipt {
    /// Records written.
    pub written: u64,
    /// Same as before.
    pub unchanged: u64,
    /// Same key, other content.
    pub revised: u64,
    /// New keys.
    pub added: u64,
    /// Keys that are gone.
    pub withdrawn: u64,
    /// Written records merged into another of the same key.
    pub merged: u64,
    /// Of the merged, identical repeats of a line id: worth a warning.
    pub repeated: u64,
    /// Not applied: held for the operator's review.
    pub held: bool,
    /// What the whole commit brought into the books, effective cost by currency; on the receipt of its first writer alone.
    pub money: BTreeMap<String, Decimal>,
}

impl Receipt {
    fn add(&mut self, written: &Written, tally: &Tally) {
        self.written += written.records;
        self.merged += written.merged;
        self.repeated += written.repeated;
        self.unchanged += tally.unchanged;
        self.revised += tally.revised;
        self.added += tally.added;
        self.withdrawn += tally.withdrawn;
    }
}

/// Commits sealed writers of a run. What they staged is left, and no use any more.
pub(super) fn commit(
    connection: &mut Connection,
    run: RunId,
    writers: &[WriterId],
    options: &CommitOptions,
    now: Timestamp,
) -> Result<Vec<Receipt>, WriteError> {
    let mut transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let writers: Vec<Writer> = writers
        .iter()
        .map(|&id| stage::load(&transaction, id))
        .collect::<Result<_, _>>()?;
    check_writers(run, &writers)?;
    refuse_closed(&transaction, &writers)?;
    transaction.execute(
        "INSERT INTO commits (run, at, state) VALUES (?, ?, 'applied')",
        params![run.0, now.as_second()],
    )?;
    let commit = transaction.last_insert_rowid();
    super::held::replace_older(&transaction, commit, &writers)?;
    for writer in &writers {
        transaction.execute(
            "UPDATE stream SET last_read = ? WHERE id = ?",
            params![now.as_second(), writer.stream],
        )?;
    }
    let savepoint = transaction.savepoint()?;
    let applied = apply(&savepoint, commit, &writers, options, now)?;
    let receipts = if applied.doubts.is_empty() {
        savepoint.commit()?;
        for writer in &writers {
            stage::forget(&transaction, writer.id)?;
        }
        applied.receipts
    } else {
        drop(savepoint); // rolls back
        super::held::keep(&transaction, commit, &writers, &applied.doubts)?;
        let held = |receipt| Receipt {
            held: true,
            ..receipt
        };
        applied.receipts.into_iter().map(held).collect()
    };
    transaction.commit()?;
    Ok(receipts)
}

fn check_writers(run: RunId, writers: &[Writer]) -> Result<(), WriteError> {
    let mut seen = BTreeSet::new();
    for writer in writers {
        if writer.run != run.0 {
            return Err(WriteError::internal("the writer belongs to another run"));
        }
        if writer.kept {
            return Err(WriteError::internal(
                "the writer was used up by a commit that is held",
            ));
        }
        if writer.sealed.is_none() {
            return Err(WriteError::internal("a writer is committed before it is sealed"));
        }
        for start in &writer.partitions {
            if !seen.insert((writer.stream, *start)) {
                return Err(WriteError::internal(format!(
                    "two writers of one commit replace the partition {start}"
                )));
            }
        }
    }
    Ok(())
}

/// Refuses what was frozen or retired after its writer was opened.
pub(super) fn refuse_closed(transaction: &Connection, writers: &[Writer]) -> Result<(), WriteError> {
    for writer in writers {
        source::refuse_frozen(transaction, writer.source)?;
        let retired_by = transaction
            .prepare_cached("SELECT retired_by FROM stream WHERE id = ?")?
            .query_row([writer.stream], |row| row.get(0))?;
        refuse_retired(&writer.definition.name, retired_by)?;
    }
    Ok(())
}
