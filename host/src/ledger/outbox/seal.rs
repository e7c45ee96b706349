//! Sealing: choosing what the next batch carries and storing its exact bytes.
//!
//! What must hold: a batch carries one source, its oldest pending entries, in order; a source with an open batch waits;
//! the bytes are stored before any of them is sent.

use super::{BatchSource, DestinationRow, SourceRow, instant};
use crate::ledger::store::{LedgerError, amount, checksum};
use finops_decimal::Decimal;
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, Transaction, TransactionBehavior};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Observations, and events, that one batch carries at most.
const MAX_EXTRAS: usize = 500;

/// Whether observations and events travel along.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extras {
    /// They do.
    With,
    /// Entries only, or there are none.
    Without,
}

/// How much of a source the next batch may carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// Entries at most; at least one is always taken.
    pub entries: usize,
    /// Whether observations and events may travel with entries. Once no entry waits they travel alone.
    pub extras: Extras,
}

/// How to seal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealOrder {
    /// Name of the batch at the destination; never used twice.
    pub uid: String,
    /// The current instant.
    pub now: Timestamp,
    /// Longest body, in bytes. A single entry that is longer still travels, alone.
    pub bytes: usize,
    /// The share of a source that `shares` does not name.
    pub share: Share,
    /// Smaller shares of sources whose last batch was refused.
    pub shares: BTreeMap<SourceRow, Share>,
}

/// An entry as a batch carries it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Row id.
    pub row: i64,
    /// SHA-256 that names it everywhere.
    pub entry_id: String,
    /// SHA-256 of the dimensions.
    pub posting_key: String,
    /// The dimensions: texts, and the objects `tags` and `extra`.
    pub dims: Map<String, Value>,
    /// ISO 4217.
    pub currency: String,
    /// The change.
    pub amount: Decimal,
    /// The posting's total after it.
    pub total_after: Decimal,
    /// Its place among the posting's entries, from 1.
    pub sequence: i64,
    /// The destination's epoch.
    pub epoch: i64,
}

/// A keyed number that is not money.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observation {
    /// Which cursor value it stands for.
    pub seq: i64,
    /// Its kind.
    pub name: String,
    /// What it was observed of.
    pub dims: Value,
    /// The number.
    pub value: Decimal,
    /// Its unit.
    pub unit: String,
    /// When it held.
    pub at: Timestamp,
}

/// Something that happened in a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Row id, and cursor value.
    pub row: i64,
    /// When.
    pub at: Timestamp,
    /// Finished, restated, denied call, dead letter.
    pub kind: String,
    /// JSON, or plain text.
    pub detail: String,
}

/// What a batch carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contents {
    /// Whose it is.
    pub source: BatchSource,
    /// The measure that the destination takes.
    pub measure: String,
    /// Oldest first.
    pub entries: Vec<Entry>,
    /// By `seq`.
    pub observations: Vec<Observation>,
    /// Oldest first.
    pub events: Vec<Event>,
}

impl Contents {
    fn len(&self) -> usize {
        self.entries.len() + self.observations.len() + self.events.len()
    }

    /// Keeps the first so many: entries, then observations, then events. What is cut off stays in the outbox.
    fn keep(&mut self, count: usize) {
        self.entries.truncate(count);
        let rest = count - self.entries.len();
        self.observations.truncate(rest);
        let rest = rest - self.observations.len();
        self.events.truncate(rest);
    }
}

/// Seals the next batch, if anything waits: its row id.
pub(super) fn seal_next(
    connection: &mut Connection,
    destination: DestinationRow,
    order: &SealOrder,
    render: &dyn Fn(&Contents) -> Result<Vec<u8>, LedgerError>,
) -> Result<Option<i64>, LedgerError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let Some(contents) = choose(&transaction, destination, order)? else {
        return Ok(None);
    };
    let (contents, body) = fit(contents, order.bytes, render)?;
    let sql = "INSERT INTO batch (uid, destination, source, body, state, sealed_at, observation_seq, event_id, checksum) \
               VALUES (?1, ?2, ?3, ?4, 'sealed', ?5, ?6, ?7, ?8)";
    transaction.execute(
        sql,
        (
            &order.uid,
            destination,
            contents.source.id,
            &body,
            order.now.as_second(),
            contents.observations.last().map(|last| last.seq),
            contents.events.last().map(|last| last.row),
            checksum([order.uid.as_bytes(), &body]),
        ),
    )?;
    let batch = transaction.last_insert_rowid();
    {
        let mut claim = transaction.prepare_cached("UPDATE entry SET batch = ?1 WHERE id = ?2")?;
        for entry in &contents.entries {
            claim.execute((batch, entry.row))?;
        }
    }
    transaction.commit()?;
    Ok(Some(batch))
}

/// Cuts the contents until the body is short enough, or nothing more can be cut.
fn fit(
    mut contents: Contents,
    bytes: usize,
    render: &dyn Fn(&Contents) -> Result<Vec<u8>, LedgerError>,
) -> Result<(Contents, Vec<u8>), LedgerError> {
    loop {
        let body = render(&contents)?;
        let count = contents.len();
        if body.len() <= bytes || count <= 1 {
            return Ok((contents, body));
        }
        // A little below the proportion, so that one more round is usually enough.
        let fitting = count.saturating_mul(bytes) / body.len();
        contents.keep((fitting * 9 / 10).clamp(1, count - 1));
    }
}

/// Chooses a source without an open batch: the one whose entry waits longest, else one with unsent observations or events.
fn choose(
    transaction: &Transaction<'_>,
    destination: DestinationRow,
    order: &SealOrder,
) -> Result<Option<Contents>, LedgerError> {
    let oldest = "SELECT s.id, s.hash, s.provider, s.instance, \
        (SELECT MIN(e.id) FROM entry e JOIN posting p ON p.id = e.posting JOIN epoch k ON k.id = p.epoch \
          WHERE e.destination = ?1 AND e.source = s.id AND e.state = 'pending' AND e.batch IS NULL \
          AND k.ended IS NULL) AS oldest, \
        EXISTS (SELECT 1 FROM observation o WHERE o.source = s.id AND o.seq > COALESCE((SELECT c.seq \
          FROM observation_cursor c WHERE c.destination = ?1 AND c.source = s.id), 0)) \
        OR EXISTS (SELECT 1 FROM event v WHERE v.source = s.id AND v.id > COALESCE((SELECT c.event \
          FROM event_cursor c WHERE c.destination = ?1 AND c.source = s.id), 0)) AS extras \
        FROM source s WHERE NOT EXISTS (SELECT 1 FROM batch b WHERE b.destination = ?1 AND b.source = s.id \
          AND b.state IN ('sealed', 'ambiguous')) AND (oldest IS NOT NULL OR extras) \
        ORDER BY oldest IS NULL, oldest, s.id LIMIT 1";
    let chosen = transaction
        .query_row(oldest, [destination], |row| {
            let source = BatchSource {
                id: row.get(0)?,
                hash: row.get(1)?,
                provider: row.get(2)?,
                instance: row.get(3)?,
            };
            Ok((source, row.get::<_, Option<i64>>(4)?.is_some()))
        })
        .optional()?;
    let Some((source, has_entries)) = chosen else {
        return Ok(None);
    };
    let share = order.shares.get(&source.id).unwrap_or(&order.share);
    let with_extras = !has_entries || share.extras == Extras::With;
    let measure = "SELECT measure FROM destination WHERE id = ?1";
    let mut contents = Contents {
        measure: transaction.query_row(measure, [destination], |row| row.get(0))?,
        entries: Vec::new(),
        observations: Vec::new(),
        events: Vec::new(),
        source,
    };
    if has_entries {
        contents.entries = entries(transaction, destination, contents.source.id, share.entries.max(1))?;
    }
    if with_extras {
        contents.observations = observations(transaction, destination, contents.source.id)?;
        contents.events = events(transaction, destination, contents.source.id)?;
    }
    Ok(Some(contents))
}

fn entries(
    transaction: &Transaction<'_>,
    destination: DestinationRow,
    source: SourceRow,
    limit: usize,
) -> Result<Vec<Entry>, LedgerError> {
    let sql = "SELECT e.id, e.entry_id, p.key, p.dims, p.currency, e.amount, e.total_after, e.sequence, k.number \
        FROM entry e JOIN posting p ON p.id = e.posting JOIN epoch k ON k.id = p.epoch \
        WHERE e.destination = ?1 AND e.source = ?2 AND e.state = 'pending' AND e.batch IS NULL AND k.ended IS NULL \
        ORDER BY e.id LIMIT ?3";
    read(transaction, sql, (destination, source, limit), |row| {
        let entry_id: String = row.get(1)?;
        let dims: String = row.get(3)?;
        let dims = match serde_json::from_str(&dims) {
            Ok(Value::Object(dims)) => dims,
            _ => {
                return Err(LedgerError::Damaged(format!(
                    "the dimensions of entry {entry_id} are no JSON object"
                )));
            }
        };
        Ok(Entry {
            row: row.get(0)?,
            entry_id,
            posting_key: row.get(2)?,
            dims,
            currency: row.get(4)?,
            amount: amount(&row.get::<_, String>(5)?)?,
            total_after: amount(&row.get::<_, String>(6)?)?,
            sequence: row.get(7)?,
            epoch: row.get(8)?,
        })
    })
}

fn observations(
    transaction: &Transaction<'_>,
    destination: DestinationRow,
    source: SourceRow,
) -> Result<Vec<Observation>, LedgerError> {
    let sql = "SELECT seq, name, dims, value, unit, at FROM observation WHERE source = ?2 AND seq > \
        COALESCE((SELECT c.seq FROM observation_cursor c WHERE c.destination = ?1 AND c.source = ?2), 0) \
        ORDER BY seq LIMIT ?3";
    read(transaction, sql, (destination, source, MAX_EXTRAS), |row| {
        let (seq, dims): (i64, String) = (row.get(0)?, row.get(2)?);
        Ok(Observation {
            seq,
            name: row.get(1)?,
            dims: serde_json::from_str(&dims)
                .map_err(|error| LedgerError::Damaged(format!("observation {seq}: {error}")))?,
            value: amount(&row.get::<_, String>(3)?)?,
            unit: row.get(4)?,
            at: instant(row.get(5)?)?,
        })
    })
}

fn events(
    transaction: &Transaction<'_>,
    destination: DestinationRow,
    source: SourceRow,
) -> Result<Vec<Event>, LedgerError> {
    let sql = "SELECT id, at, kind, detail FROM event WHERE source = ?2 AND id > \
        COALESCE((SELECT c.event FROM event_cursor c WHERE c.destination = ?1 AND c.source = ?2), 0) \
        ORDER BY id LIMIT ?3";
    read(transaction, sql, (destination, source, MAX_EXTRAS), |row| {
        Ok(Event {
            row: row.get(0)?,
            at: instant(row.get(1)?)?,
            kind: row.get(2)?,
            detail: row.get(3)?,
        })
    })
}

fn read<T>(
    transaction: &Transaction<'_>,
    sql: &str,
    parameters: (i64, i64, usize),
    item: impl Fn(&Row<'_>) -> Result<T, LedgerError>,
) -> Result<Vec<T>, LedgerError> {
    let (destination, source, limit) = parameters;
    let mut statement = transaction.prepare_cached(sql)?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut rows = statement.query((destination, source, limit))?;
    let mut items = Vec::new();
    while let Some(row) = rows.next()? {
        items.push(item(row)?);
    }
    Ok(items)
}
