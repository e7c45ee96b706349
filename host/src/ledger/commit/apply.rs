//! Replaces the partitions of sealed writers by what they wrote, decides what counts, and posts what that moves.

use super::{CommitOptions, Receipt, checkpoint, effect::effect};
use crate::ledger::{
    archive,
    collapse::{self, Written},
    control,
    emptied::{self, Emptied},
    error::WriteError,
    fingerprint,
    hold::{self, Expected},
    moves,
    period::partition_from,
    post,
    record::Period,
    recount,
    replace::{Counting, Tally, replace},
    reprice,
    stage::{Completeness, Sealed, Writer},
    store::LedgerError,
    supersede::{self, Chain},
};
use jiff::Timestamp;
use rusqlite::{Connection, params};
use std::collections::BTreeMap;

/// What a commit did to its partitions.
pub(in crate::ledger) struct Applied {
    pub(in crate::ledger) receipts: Vec<Receipt>,
    /// Why it should not be believed; empty: it may.
    pub(in crate::ledger) doubts: Vec<String>,
}

/// Replaces the partitions of all writers and posts what that moves.
pub(in crate::ledger) fn apply(
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
        let mut receipt = Receipt::default();
        for &start in &writer.partitions {
            let replaced = replace_partition(transaction, commit, (writer, sealed), start, counting)?;
            receipt.add(&replaced.written, &replaced.tally);
            if replaced.changes_what_stood() {
                let effect = effect(transaction, commit, &replaced)?;
                applied
                    .doubts
                    .extend(hold::doubt(options.hold, &writer.definition, &expected, &effect));
                tell_restated(transaction, writer, now, &replaced)?;
            }
            if replaced.is_empty_as_before() && counting == Counting::Decided {
                emptied.push(Emptied {
                    stream: &writer.definition,
                    stream_row: writer.stream,
                    period: replaced.period,
                    expected,
                });
            }
            if let Some(chain) = chain.as_ref().filter(|chain| !chain.alone())
                && let (Some(stretch), Some(head)) = (chain.stretch(start), chain.members.first())
            {
                stretches.insert((head.stream, stretch), chain.clone());
            }
        }
        checkpoint::advance(transaction, writer.stream, sealed, commit)?;
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

/// A partition of which a writer's records have taken the place of what stood.
pub(super) struct Replaced {
    /// Its row.
    pub(super) partition: i64,
    pub(super) period: Period,
    /// Whether what stood was complete.
    pub(super) stood_complete: bool,
    pub(super) written: Written,
    pub(super) tally: Tally,
}

impl Replaced {
    fn changes_what_stood(&self) -> bool {
        self.tally.before() > 0 && self.tally.changes()
    }

    fn is_empty_as_before(&self) -> bool {
        self.tally.before() == 0 && self.tally.after() == 0
    }
}

fn replace_partition(
    transaction: &Connection,
    commit: i64,
    (writer, sealed): (&Writer, &Sealed),
    start: Timestamp,
    counting: Counting,
) -> Result<Replaced, WriteError> {
    let period = partition_from(writer.definition.grain, start)
        .ok_or_else(|| WriteError::internal(format!("{start} is not the start of a partition")))?;
    let stood_complete = reprice::stood_complete(transaction, writer.stream, start)?;
    let partition = upsert_partition(transaction, writer.stream, period, sealed, commit)?;
    let tally = match as_it_stands(transaction, writer, sealed, start)? {
        Some(unchanged) => Tally {
            unchanged,
            ..Tally::default()
        },
        None => replace(
            transaction,
            (commit, partition),
            (writer.id, start.as_second()),
            counting,
        )?,
    };
    if tally.changes() {
        archive::bring_back(transaction, partition)?;
    }
    let replaced = Replaced {
        partition,
        period,
        stood_complete,
        written: sealed.written_of(start),
        tally,
    };
    law_one(transaction, commit, sealed.completeness, &replaced)?;
    Ok(replaced)
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

fn law_one(
    transaction: &Connection,
    commit: i64,
    completeness: Completeness,
    replaced: &Replaced,
) -> Result<(), LedgerError> {
    let Replaced { written, tally, .. } = replaced;
    let whole = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    transaction
        .prepare_cached(
            "INSERT INTO commit_partition (commit_id, partition, before, written, unchanged, revised, added,
                                           withdrawn, merged, after, completeness)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )?
        .execute(params![
            commit,
            replaced.partition,
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

/// Tells destinations that figures which stood have changed.
fn tell_restated(
    transaction: &Connection,
    writer: &Writer,
    now: Timestamp,
    replaced: &Replaced,
) -> Result<(), LedgerError> {
    let tally = &replaced.tally;
    if tally.revised + tally.withdrawn == 0 {
        return Ok(());
    }
    let detail = serde_json::json!({
        "stream": writer.definition.name,
        "partition": replaced.period.start().to_string(),
        "revised": tally.revised,
        "added": tally.added,
        "withdrawn": tally.withdrawn,
    });
    transaction
        .prepare_cached("INSERT INTO event (source, at, kind, detail) VALUES (?, ?, 'restated', ?)")?
        .execute(params![writer.source, now.as_second(), detail.to_string()])?;
    Ok(())
}
