//! The one transaction: compare, replace, decide what counts, post, move the checkpoint. All of it or nothing.

use super::{
    archive,
    collapse::{self, Written},
    control,
    emptied::{self, Emptied},
    error::WriteError,
    fingerprint,
    hold::{self, Effect, Expected, HoldPolicy, Repricing},
    moves,
    period::partition_from,
    post,
    record::Period,
    recount,
    replace::{Counting, Tally, replace},
    reprice,
    run::RunId,
    source,
    stage::{self, Completeness, Sealed, Writer, WriterId},
    store::{LedgerError, amount, checksum},
    stream::refuse_retired,
    supersede::{self, Chain},
};
use crate::component::descriptor::LookBack;
use finops_decimal::Decimal;
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};
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

/// What a commit did to its partitions.
pub(super) struct Applied {
    pub(super) receipts: Vec<Receipt>,
    /// Why it should not be believed; empty: it may.
    pub(super) doubts: Vec<String>,
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

/// Replaces the partitions of all writers and posts what that moves.
pub(super) fn apply(
    transaction: &Connection,
    commit: i64,
    writers: &[Writer],
    options: &CommitOptions,
    now: Timestamp,
) -> Result<Applied, WriteError> {
    let mut applied = Applied {
        receipts: Vec::new(),
        doubts: Vec::new(),
    };
    moves::begin(transaction)?;
    let mut stretches: BTreeMap<(i64, Period), Chain> = BTreeMap::new();
    let mut emptied: Vec<Emptied<'_>> = Vec::new();
    for writer in writers {
        let Some(sealed) = &writer.sealed else {
            return Err(WriteError::internal("a writer is committed before it is sealed"));
        };
        let chain = chain_of(transaction, writer)?;
        let counting = match &chain {
            None => Counting::Never,
            Some(chain) if chain.alone() => Counting::Always,
            Some(_) => Counting::Decided,
        };
        let expected = Expected {
            look_back: options.look_back.unwrap_or(writer.definition.look_back),
            requested: options.requested,
            repricing: options.repricing,
            now,
        };
        let written: BTreeMap<i64, Written> = sealed.written.iter().copied().collect();
        let mut receipt = Receipt::default();
        for &start in &writer.partitions {
            let period = partition_from(writer.definition.grain, start)
                .ok_or_else(|| WriteError::internal(format!("{start} is not the start of a partition")))?;
            let stood = reprice::stood_complete(transaction, writer.stream, start)?;
            let partition = upsert_partition(transaction, writer.stream, period, sealed, commit)?;
            let from = (writer.id, start.as_second());
            let tally = match as_it_stands(transaction, writer, sealed, start)? {
                Some(unchanged) => Tally {
                    unchanged,
                    ..Tally::default()
                },
                None => replace(transaction, (commit, partition), from, counting)?,
            };
            if tally.changes() {
                archive::bring_back(transaction, partition)?;
            }
            let before = tally.before();
            let written = written.get(&start.as_second()).copied().unwrap_or_default();
            let ids = (commit, partition, sealed.completeness);
            law_one(transaction, ids, &written, &tally)?;
            receipt.add(&written, &tally);
            if before > 0 && tally.changes() {
                let effect = effect(transaction, (commit, partition, stood), period, &tally)?;
                applied
                    .doubts
                    .extend(hold::doubt(options.hold, &writer.definition, &expected, &effect));
                tell_restated(transaction, writer, now, period, &tally)?;
            }
            if before == 0 && tally.after() == 0 && counting == Counting::Decided {
                emptied.push(Emptied {
                    stream: &writer.definition,
                    stream_row: writer.stream,
                    period,
                    expected,
                });
            }
            if let Some(chain) = chain.as_ref().filter(|chain| !chain.alone())
                && let (Some(stretch), Some(head)) = (chain.stretch(start), chain.members.first())
            {
                stretches.insert((head.stream, stretch), chain.clone());
            }
        }
        move_checkpoint(transaction, writer.stream, sealed, commit)?;
        control::keep(transaction, commit, writer)?;
        applied.receipts.push(receipt);
    }
    for ((_, stretch), chain) in &stretches {
        recount::decide(transaction, chain, *stretch)?;
    }
    let erased = emptied::doubts(transaction, options.hold, &emptied)?;
    applied.doubts.extend(erased);
    if applied.doubts.is_empty() {
        post::post(transaction, commit)?;
        if let Some(first) = applied.receipts.first_mut() {
            first.money = moves::sums(transaction)?;
        }
    }
    Ok(applied)
}

/// How many records a partition has, where it was read just as it stands. What stands may have changed since the writer was
/// sealed: then it is compared after all.
fn as_it_stands(
    transaction: &Connection,
    writer: &Writer,
    sealed: &Sealed,
    start: Timestamp,
) -> Result<Option<u64>, WriteError> {
    let start = start.as_second();
    if sealed.same.binary_search(&start).is_err() {
        return Ok(None);
    }
    let Some((records, print)) = fingerprint::staged(transaction, writer.id, start)? else {
        return Ok(None); // staged by another process, and sorted
    };
    if fingerprint::standing(transaction, writer.stream, start)? == Some(print) {
        return Ok(Some(records));
    }
    collapse::sort_late(transaction, writer.id, start)?;
    Ok(None)
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

/// The chain of a writer's stream; `None` for a view, which never counts.
fn chain_of(transaction: &Connection, writer: &Writer) -> Result<Option<Chain>, LedgerError> {
    let chains = supersede::chains(transaction, writer.source)?;
    Ok(chains
        .into_iter()
        .find(|chain| chain.members.iter().any(|member| member.stream == writer.stream)))
}

fn upsert_partition(
    transaction: &Connection,
    stream: i64,
    period: Period,
    sealed: &Sealed,
    commit: i64,
) -> Result<i64, LedgerError> {
    Ok(transaction
        .prepare_cached(
            "INSERT INTO partition (stream, start, stop, completeness, observed_through, commit_id)
             VALUES (?, ?, ?, ?, ?, ?)
             ON CONFLICT (stream, start) DO UPDATE SET completeness = excluded.completeness,
                 observed_through = excluded.observed_through, commit_id = excluded.commit_id
             RETURNING id",
        )?
        .query_row(
            params![
                stream,
                period.start().as_second(),
                period.end().as_second(),
                sealed.completeness.name(),
                sealed.observed_through,
                commit
            ],
            |row| row.get(0),
        )?)
}

/// The checksum of a checkpoint's row.
pub(super) fn checkpoint_checksum(stream: i64, value: &[u8], commit: i64) -> String {
    checksum([
        stream.to_string().as_bytes(),
        value,
        commit.to_string().as_bytes(),
    ])
}

fn law_one(
    transaction: &Connection,
    (commit, partition, completeness): (i64, i64, Completeness),
    written: &Written,
    tally: &Tally,
) -> Result<(), LedgerError> {
    let whole = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    transaction
        .prepare_cached(
            "INSERT INTO commit_partition (commit_id, partition, before, written, unchanged, revised, added,
                                           withdrawn, merged, after, completeness)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )?
        .execute(params![
            commit,
            partition,
            whole(tally.before()),
            whole(written.records),
            whole(tally.unchanged),
            whole(tally.revised),
            whole(tally.added),
            whole(tally.withdrawn),
            whole(written.merged),
            whole(tally.after()),
            completeness.name()
        ])?;
    Ok(())
}

/// What a change does to the money of a partition, per currency: nothing is told where none falls.
fn effect(
    transaction: &Connection,
    (commit, partition, stood_complete): (i64, i64, bool),
    period: Period,
    tally: &Tally,
) -> Result<Effect, LedgerError> {
    let repriced = if stood_complete && tally.revised > 0 {
        reprice::repriced(transaction, commit, partition)?
    } else {
        0
    };
    let mut money = Vec::new();
    // What all of the partition comes to is only asked where something falls.
    if repriced > 0 || tally.revised + tally.withdrawn > 0 && falls(transaction)? {
        let mut statement = transaction.prepare_cached(
            "SELECT currency, exact_sum(iif(from_commit = ?1, NULL, effective)),
                    exact_sum(iif(until_commit IS NULL, effective, NULL))
             FROM record WHERE partition = ?2 AND (until_commit IS NULL OR until_commit = ?1)
             GROUP BY currency ORDER BY currency",
        )?;
        let mut rows = statement.query(params![commit, partition])?;
        while let Some(row) = rows.next()? {
            let (before, after): (String, String) = (row.get(1)?, row.get(2)?);
            money.push((row.get(0)?, amount(&before)?, amount(&after)?));
        }
    }
    Ok(Effect {
        period,
        after: tally.after(),
        repriced,
        money,
    })
}

/// Whether the changes that were noted of a partition take more of any currency than they bring.
fn falls(transaction: &Connection) -> Result<bool, LedgerError> {
    let mut statement = transaction.prepare_cached(
        "SELECT exact_sum(goes), exact_sum(comes) FROM (
             SELECT currency, effective AS goes, NULL AS comes FROM temp.change CROSS JOIN record ON record.id = change.old
             UNION ALL
             SELECT currency, NULL, effective FROM temp.change CROSS JOIN temp.staged ON staged.id = change.new)
         GROUP BY currency",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (goes, comes): (String, String) = (row.get(0)?, row.get(1)?);
        if amount(&comes)? < amount(&goes)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Tells destinations that figures which stood have changed.
fn tell_restated(
    transaction: &Connection,
    writer: &Writer,
    now: Timestamp,
    period: Period,
    tally: &Tally,
) -> Result<(), LedgerError> {
    if tally.revised + tally.withdrawn == 0 {
        return Ok(());
    }
    let detail = serde_json::json!({
        "stream": writer.definition.name,
        "partition": period.start().to_string(),
        "revised": tally.revised,
        "added": tally.added,
        "withdrawn": tally.withdrawn,
    });
    transaction
        .prepare_cached("INSERT INTO event (source, at, kind, detail) VALUES (?, ?, 'restated', ?)")?
        .execute(params![writer.source, now.as_second(), detail.to_string()])?;
    Ok(())
}

/// Moves the checkpoint, unless a later commit has already moved it on.
fn move_checkpoint(
    transaction: &Connection,
    stream: i64,
    sealed: &Sealed,
    commit: i64,
) -> Result<(), LedgerError> {
    let Some(value) = &sealed.checkpoint else {
        return Ok(());
    };
    let later: Option<i64> = transaction
        .prepare_cached("SELECT 1 FROM checkpoint WHERE stream = ? AND commit_id > ?")?
        .query_row(params![stream, commit], |row| row.get(0))
        .optional()?;
    if later.is_none() {
        transaction
            .prepare_cached(
                "INSERT OR REPLACE INTO checkpoint (stream, value, commit_id, checksum) VALUES (?, ?, ?, ?)",
            )?
            .execute(params![
                stream,
                value,
                commit,
                checkpoint_checksum(stream, value, commit)
            ])?;
    }
    Ok(())
}
