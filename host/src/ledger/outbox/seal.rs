//! Sealing: choosing what the next batch carries and storing its exact bytes.
//!
//! What must hold: a batch carries one source, its oldest pending entries, in order; a source with an open batch waits;
//! the bytes are stored before any of them is sent.

use super::{
    BatchSource, DestinationRow, SourceRow, bodies,
    waiting::{Entry, Event, Observation, entries, events, observations},
};
use crate::ledger::store::{LedgerError, checksum};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior};
use std::collections::BTreeMap;

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
    let batch = seal_within(&transaction, destination, order, render)?;
    transaction.commit()?;
    Ok(batch)
}

/// [`seal_next`] within a transaction of the caller's.
pub(super) fn seal_within(
    transaction: &Transaction<'_>,
    destination: DestinationRow,
    order: &SealOrder,
    render: &dyn Fn(&Contents) -> Result<Vec<u8>, LedgerError>,
) -> Result<Option<i64>, LedgerError> {
    let Some(contents) = choose(transaction, destination, order)? else {
        return Ok(None);
    };
    let (contents, body) = fit(contents, order.bytes, render)?;
    let sql = "INSERT INTO batch (uid, destination, source, state, sealed_at, observation_seq, event_id, checksum) \
               VALUES (?1, ?2, ?3, 'sealed', ?4, ?5, ?6, ?7)";
    transaction.execute(
        sql,
        (
            &order.uid,
            destination,
            contents.source.id,
            order.now.as_second(),
            contents.observations.last().map(|last| last.seq),
            contents.events.last().map(|last| last.row),
            checksum([order.uid.as_bytes(), &body]),
        ),
    )?;
    let batch = transaction.last_insert_rowid();
    bodies::keep(transaction, batch, &body)?;
    {
        let mut claim = transaction.prepare_cached("UPDATE entry SET batch = ?1 WHERE id = ?2")?;
        for entry in &contents.entries {
            claim.execute((batch, entry.row))?;
        }
    }
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
/// (`CROSS JOIN` keeps SQLite on the index of open entries, whose first row is the oldest: no scan of a long backlog.)
fn choose(
    transaction: &Transaction<'_>,
    destination: DestinationRow,
    order: &SealOrder,
) -> Result<Option<Contents>, LedgerError> {
    let oldest = "SELECT s.id, s.hash, s.provider, s.instance, \
        (SELECT e.id FROM entry e CROSS JOIN posting p ON p.id = e.posting CROSS JOIN epoch k ON k.id = p.epoch \
          WHERE e.destination = ?1 AND e.source = s.id AND e.state = 'pending' AND e.batch IS NULL \
          AND k.ended IS NULL ORDER BY e.id LIMIT 1) AS oldest, \
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
