//! Staging: a writer's records before they are committed, in temporary tables (`temporary.sql`).
//! What must hold: nothing here changes what stands; a sealed writer holds one record of each key and takes no more.

use super::{
    collapse, control,
    error::{WriteError, damaged, instant},
    fingerprint,
    record::Source,
    run::{self, RunId},
    runs::{self, Entry, Ordering},
    source,
    store::LedgerError,
    stream,
    writing::Batch,
};
use crate::{component::descriptor::Stream, foreign::Foreign};
use finops_decimal::Decimal;
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};
use serde::{Deserialize, Serialize};

/// Most partitions that one writer takes.
const MAX_PARTITIONS: usize = 20_000;
/// Most bytes that a checkpoint may have.
const MAX_CHECKPOINT: usize = 64 * 1024;

/// A writer of some partitions of one stream and source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WriterId(pub(super) i64);

/// Whether a partition holds all that the provider has for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Completeness {
    /// Everything that the provider has for it now.
    Complete,
    /// Known to lack something; supersedes nothing.
    Partial,
}

impl Completeness {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Partial => "partial",
        }
    }

    pub(super) fn from_name(name: &str) -> Result<Self, LedgerError> {
        match name {
            "complete" => Ok(Self::Complete),
            "partial" => Ok(Self::Partial),
            other => Err(damaged("completeness", other)),
        }
    }
}

/// What a reply says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ControlTotals {
    /// Number of rows; a line that was repeated may be counted once or each time.
    pub rows: Option<u64>,
    /// Sum of the billed cost per currency, repeated lines once; empty: not told.
    pub billed_cost: Vec<(String, Decimal)>,
}

/// How a writer's partitions are to be committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seal {
    /// Whether they hold everything.
    pub completeness: Completeness,
    /// Up to when the figures were observed at the provider.
    pub observed_through: Timestamp,
    /// Totals to check the records against.
    pub control: Option<ControlTotals>,
    /// Replaces the checkpoint of the stream and source.
    pub checkpoint: Option<Vec<u8>>,
}

/// What a seal leaves in the database for the commit.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Sealed {
    pub(super) completeness: Completeness,
    pub(super) observed_through: i64,
    pub(super) checkpoint: Option<Vec<u8>>,
    /// Per partition, in order of their starts: records written, and of these merged into another.
    pub(super) written: Vec<(i64, collapse::Written)>,
    /// The partitions that were read as they stood then: what is staged for them is not sorted.
    #[serde(default)]
    pub(super) same: Vec<i64>,
    /// The control totals with which the records agreed.
    #[serde(default)]
    pub(super) control: Option<control::Told>,
}

impl Sealed {
    /// What was written into the partition that starts then.
    pub(super) fn written_of(&self, start: Timestamp) -> collapse::Written {
        let found = self
            .written
            .binary_search_by_key(&start.as_second(), |&(start, _)| start);
        found
            .ok()
            .and_then(|index| self.written.get(index))
            .map_or_else(collapse::Written::default, |&(_, written)| written)
    }
}

/// A staged writer as the database has it.
#[derive(Debug)]
pub(super) struct Writer {
    pub(super) id: i64,
    pub(super) run: i64,
    pub(super) stream: i64,
    pub(super) source: i64,
    pub(super) definition: Stream,
    /// Starts in order, without repeats.
    pub(super) partitions: Vec<Timestamp>,
    pub(super) sealed: Option<Sealed>,
    /// Whether a held commit has used it up and keeps it.
    pub(super) kept: bool,
}

/// Opens a writer: claims the source, checks the partitions, registers the stream.
pub(super) fn open(
    connection: &mut Connection,
    run: RunId,
    definition: &Stream,
    of: &Source,
    mut partitions: Vec<Timestamp>,
    now: Timestamp,
) -> Result<Routing, WriteError> {
    partitions.sort_unstable();
    partitions.dedup();
    let name = Foreign::new(definition.name.as_str());
    if partitions.is_empty() || partitions.len() > MAX_PARTITIONS {
        return Err(WriteError::internal(format!(
            "a writer takes 1 to {MAX_PARTITIONS} partitions, not {}",
            partitions.len()
        )));
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let claimant = run::claimant(&transaction, run)?;
    for &start in &partitions {
        if super::period::partition_from(definition.grain, start).is_none() {
            let grain = stream::grain_name(definition.grain);
            return Err(WriteError::internal(format!(
                "{start} is not the start of a partition: those of the stream {name} are whole {grain}s in UTC"
            )));
        }
    }
    let source = source::claim(&transaction, of, &claimant)?;
    let stream = stream::register(&transaction, source, definition)?;
    stream::register_declared(&transaction, source, run.0)?;
    refuse_immutable(&transaction, stream, definition, &partitions, now)?;
    let starts: Vec<i64> = partitions.iter().map(|start| start.as_second()).collect();
    let starts = serde_json::to_string(&starts).map_err(|error| damaged("partitions", error))?;
    transaction.execute(
        "INSERT INTO staged_writer (run, stream, partitions) VALUES (?, ?, ?)",
        params![run.0, stream, starts],
    )?;
    let id = transaction.last_insert_rowid();
    transaction.commit()?;
    Ok(Routing {
        writer: WriterId(id),
        run: run.0,
        definition: definition.clone(),
        partitions,
    })
}

/// A partition that the provider no longer answers for stays as it is.
fn refuse_immutable(
    transaction: &Transaction,
    stream: i64,
    definition: &Stream,
    partitions: &[Timestamp],
    now: Timestamp,
) -> Result<(), WriteError> {
    let Some(days) = definition.retention else {
        return Ok(());
    };
    let horizon = now.as_second() - i64::from(days) * 86_400;
    let mut standing = transaction.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM partition WHERE stream = ? AND start = ? AND stop <= ?)",
    )?;
    for start in partitions {
        if standing.query_row(params![stream, start.as_second(), horizon], |row| row.get(0))? {
            return Err(WriteError::denied(format!(
                "the partition {start} of the stream {} is older than the {days} days that the provider keeps: \
                 it stays as it is",
                Foreign::new(definition.name.as_str())
            )));
        }
    }
    Ok(())
}

/// A writer by its id.
pub(super) fn load(connection: &Connection, id: WriterId) -> Result<Writer, WriteError> {
    let row = connection
        .prepare_cached(
            "SELECT run, stream, source, definition, partitions, seal, commit_id IS NOT NULL FROM staged_writer
             JOIN stream ON stream.id = staged_writer.stream WHERE staged_writer.id = ?",
        )?
        .query_row([id.0], |row| {
            Ok((
                (row.get(0)?, row.get(1)?, row.get(2)?),
                row.get::<_, String>(3)?,
                row.get::<_, String>(4)?,
                row.get::<_, Option<String>>(5)?,
                row.get(6)?,
            ))
        })
        .optional()?;
    let Some(((run, stream, source), definition, starts, seal, kept)) = row else {
        return Err(no_such_writer());
    };
    let starts: Vec<i64> = serde_json::from_str(&starts).map_err(|error| damaged("partitions", error))?;
    let sealed = seal.map(|json| serde_json::from_str(&json)).transpose();
    Ok(Writer {
        id: id.0,
        run,
        stream,
        source,
        definition: stream::definition(&definition)?,
        partitions: starts.into_iter().map(instant).collect::<Result<_, _>>()?,
        sealed: sealed.map_err(|error| damaged("seal", error))?,
        kept,
    })
}

pub(super) fn no_such_writer() -> WriteError {
    WriteError::internal("there is no such writer: it was committed or discarded")
}

/// Where a writer's records go: all that writing needs to know of it.
#[derive(Debug)]
pub(super) struct Routing {
    pub(super) writer: WriterId,
    pub(super) run: i64,
    pub(super) definition: Stream,
    /// Starts in order, without repeats.
    pub(super) partitions: Vec<Timestamp>,
}

/// Where a writer's staged records begin and end, by `staged.id`.
pub(super) fn bounds(writer: i64) -> (i64, i64) {
    (writer << 32, (writer + 1) << 32)
}

/// Stages records that were made ready, behind those that were staged before. All of them or none.
pub(super) fn insert(connection: &mut Connection, writer: WriterId, batch: &Batch) -> Result<(), WriteError> {
    // Nothing but temporary tables is touched: no other process waits for this transaction.
    let transaction = connection.transaction()?;
    let (from, to) = bounds(writer.0);
    let first: i64 = transaction
        .prepare_cached("SELECT COALESCE(max(id) + 1, ?1) FROM temp.staged WHERE id >= ?1 AND id < ?2")?
        .query_row([from, to], |row| row.get(0))?;
    {
        let mut insert = transaction.prepare_cached(
            "INSERT INTO temp.staged (id, start, key, revision, content, service, currency, billed, effective, list,
                                      contracted)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )?;
        let text = batch.text.as_str();
        for (id, record) in (first..).zip(&batch.records) {
            let places = &record.places;
            insert.execute(params![
                id,
                record.start,
                record.key,
                record.revision,
                places.content.of(text),
                places.service.of(text),
                places.currency.of(text),
                places.billed.of(text),
                places.effective.of(text),
                places.list.map(|place| place.of(text)),
                places.contracted.map(|place| place.of(text))
            ])?;
        }
        let entries = (first..).zip(&batch.records).map(|(id, record)| {
            Ok(Entry {
                start: record.start,
                key: record.key,
                staged: id,
                revision: record.revision,
            })
        });
        runs::note(&transaction, writer.0, entries)?;
        for (&start, &(records, print)) in &batch.prints {
            fingerprint::note(&transaction, (writer.0, start), records, print)?;
        }
    }
    transaction.commit()?;
    Ok(())
}

/// Ends writing: merges records of equal key and checks the control totals.
pub(super) fn seal(connection: &mut Connection, writer: WriterId, seal: &Seal) -> Result<(), WriteError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let writer = load(&transaction, writer)?;
    if writer.sealed.is_some() {
        return Err(WriteError::internal("the writer is sealed already"));
    }
    if seal
        .checkpoint
        .as_ref()
        .is_some_and(|bytes| bytes.len() > MAX_CHECKPOINT)
    {
        return Err(WriteError::internal(format!(
            "a checkpoint has at most {MAX_CHECKPOINT} bytes"
        )));
    }
    let same = fingerprint::same(&transaction, writer.id, writer.stream)?;
    let written = collapse::collapse(&transaction, writer.id, &same)?;
    if let Some(control) = &seal.control {
        collapse::check_control(&transaction, writer.id, &written, control)?;
    }
    let sealed = Sealed {
        completeness: seal.completeness,
        observed_through: seal.observed_through.as_second(),
        checkpoint: seal.checkpoint.clone(),
        written: written.into_iter().collect(),
        same: same.into_iter().map(|(start, _)| start).collect(),
        control: seal
            .control
            .as_ref()
            .map(control::Told::of)
            .transpose()?
            .flatten(),
    };
    let json = serde_json::to_string(&sealed).map_err(|error| damaged("seal", error))?;
    transaction.execute(
        "UPDATE staged_writer SET seal = ? WHERE id = ?",
        params![json, writer.id],
    )?;
    transaction.commit()?;
    Ok(())
}

/// Discards a writer that its guest gives up; one that a held commit keeps stays.
pub(super) fn abandon(connection: &mut Connection, writer: WriterId) -> Result<(), LedgerError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let open: bool = transaction
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM staged_writer WHERE id = ? AND commit_id IS NULL)")?
        .query_row([writer.0], |row| row.get(0))?;
    if open {
        discard(&transaction, writer.0)?;
    }
    transaction.commit()?;
    Ok(())
}

/// Deletes a writer and what it staged, as if it had never been opened.
pub(super) fn discard(connection: &Connection, writer: i64) -> Result<(), LedgerError> {
    sweep(connection, writer)?;
    forget(connection, writer)
}

/// Deletes a writer, but for what it staged in this process: [`sweep`] takes long where that was much.
pub(super) fn forget(connection: &Connection, writer: i64) -> Result<(), LedgerError> {
    connection
        .prepare_cached("DELETE FROM staged_record WHERE writer = ?")?
        .execute([writer])?;
    connection
        .prepare_cached("DELETE FROM staged_writer WHERE id = ?")?
        .execute([writer])?;
    Ok(())
}

/// Empties the temporary tables of a writer. Where nobody else has staged anything they are emptied whole, which does not
/// visit the rows.
pub(super) fn sweep(connection: &Connection, writer: i64) -> Result<(), LedgerError> {
    let (from, to) = bounds(writer);
    let others: bool = connection
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM temp.staged WHERE id < ?1) OR EXISTS (SELECT 1 FROM temp.staged WHERE id >= ?2)
                 OR EXISTS (SELECT 1 FROM temp.sealed WHERE writer < ?3)
                 OR EXISTS (SELECT 1 FROM temp.sealed WHERE writer > ?3)",
        )?
        .query_row([from, to, writer], |row| row.get(0))?;
    if others {
        connection
            .prepare_cached("DELETE FROM temp.staged WHERE id >= ? AND id < ?")?
            .execute([from, to])?;
        connection
            .prepare_cached("DELETE FROM temp.staged_run WHERE id >= ? AND id < ?")?
            .execute([from, to])?;
        connection
            .prepare_cached("DELETE FROM temp.sealed WHERE writer = ?")?
            .execute([writer])?;
    } else {
        connection.execute_batch(
            "DELETE FROM temp.staged; DELETE FROM temp.staged_run; DELETE FROM temp.sealed;",
        )?;
    }
    connection
        .prepare_cached("DELETE FROM temp.staged_print WHERE writer = ?")?
        .execute([writer])?;
    Ok(())
}

/// Keeps what a writer staged for a commit that is held: it outlives the process.
pub(super) fn keep(connection: &Connection, writer: i64) -> Result<(), LedgerError> {
    let (from, to) = bounds(writer);
    connection
        .prepare_cached(
            "INSERT INTO staged_record (writer, seq, start, key, revision, content)
             SELECT ?3, id - ?1, start, key, revision, content FROM temp.staged WHERE id >= ?1 AND id < ?2",
        )?
        .execute([from, to, writer])?;
    sweep(connection, writer)
}

/// Takes up what [`keep`] kept, as if it had just been sealed.
pub(super) fn take_up(connection: &Connection, writer: i64) -> Result<(), LedgerError> {
    let (from, to) = bounds(writer);
    sweep(connection, writer)?;
    connection
        .prepare_cached(
            "INSERT INTO temp.staged (id, start, key, revision, content, service, currency, billed, effective, list,
                                      contracted)
             SELECT ?1 + seq, start, key, revision, content, content ->> '$.ServiceName', content ->> '$.BillingCurrency',
                    content ->> '$.BilledCost', content ->> '$.EffectiveCost', content ->> '$.ListCost',
                    content ->> '$.ContractedCost'
             FROM staged_record WHERE writer = ?2",
        )?
        .execute([from, writer])?;
    let mut staged = connection.prepare_cached(
        "SELECT start, key, id, revision FROM temp.staged WHERE id >= ? AND id < ? ORDER BY start, key",
    )?;
    let mut rows = staged.query([from, to])?;
    let mut order = Ordering::begin(connection, writer)?;
    while let Some(row) = rows.next()? {
        order.add(&Entry {
            start: row.get(0)?,
            key: row.get(1)?,
            staged: row.get(2)?,
            revision: row.get(3)?,
        })?;
    }
    order.end()
}
