//! The outbox: entries waiting for a destination, sealed into batches, and what becomes of each batch.
//!
//! What must hold: every step is one transaction, so that a host killed at any point goes on from a state that is true; a
//! batch is marked `ambiguous` *before* its bytes leave, and only a certain answer takes the mark away; a source has one
//! open batch at most, which keeps its order; an entry leaves the outbox as settled, dead or dropped and in no other way.

pub(super) mod bodies;
mod decision;
mod destination;
mod fate;
#[cfg(test)]
pub(crate) mod fixture;
mod listing;
mod posted;
mod seal;
#[cfg(test)]
mod tests;
mod waiting;

pub use decision::{DecisionError, Retry, SHORT, destination_row, drop_entries, find, retry};
pub use destination::{
    Counts, attempt, back_off, counts, newcomers, pause, recovered, resume, send_held, settled_sources,
};
pub use fate::{
    Taken, absent, begin_attempt, dead_letter, dissolve, give_up_extras, hold_until, put_back, send_again,
    settle, settle_and_seal,
};
pub use listing::{Converted, EntryState, Filter, Listed, Listing, Travel, list, show};
pub use posted::{Posted, last_entry, posted_since};
pub use seal::{Contents, Extras, SealOrder, Share};
pub use waiting::{Entry, Event, Observation, Original};

use crate::ledger::store::{LedgerError, checksum};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row};

/// Seconds that delivery waits at most, a second of rounding included: the longest `Retry-After` that is honoured. A wait
/// that is longer was written by a clock that has gone back since, and is over.
const LONGEST_WAIT: i64 = 15 * 60 + 1;

/// A row id of the table `destination`.
pub type DestinationRow = i64;
/// A row id of the table `source`.
pub type SourceRow = i64;

/// Whose entries a batch carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchSource {
    /// Row id.
    pub id: SourceRow,
    /// SHA-256 of its identity, lower-case hex.
    pub hash: String,
    /// Lower-case name of the provider.
    pub provider: String,
    /// The instance that holds the claim.
    pub instance: String,
}

/// Whether the destination may already have a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BatchState {
    /// It certainly has not: send.
    Sealed,
    /// It may have: look it up first.
    Ambiguous,
}

/// A sealed batch that is not closed yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// Row id.
    pub id: i64,
    /// Its name at the destination: `metrics.batch_id`.
    pub uid: String,
    /// Its source.
    pub source: BatchSource,
    /// Its exact bytes.
    pub body: Vec<u8>,
    /// Whether the destination may have it.
    pub state: BatchState,
    /// When it was sealed; also the `timestamp` in the body.
    pub sealed_at: Timestamp,
    /// When its bytes last began to leave.
    pub last_sent_at: Option<Timestamp>,
    /// Look-ups in a row that certainly did not find it.
    pub looked_absent: u32,
    /// Row ids of its entries, in order.
    pub entries: Vec<i64>,
    /// Whether observations or events travel in it.
    pub extras: Extras,
}

/// What delivery can do now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// The destination is paused, for this reason.
    Paused(String),
    /// Nothing before this instant.
    Wait(Timestamp),
    /// Send it, or look it up.
    Batch(Box<Batch>),
    /// Nothing is open and nothing waits.
    Drained,
}

/// Finds what to do for a destination: an open batch that is due, else a newly sealed one.
/// `render` makes the body and must be pure: it may be called several times until the body fits.
///
/// # Errors
/// Storage, a damaged row, or an unknown destination.
pub fn next_step(
    connection: &mut Connection,
    destination: DestinationRow,
    order: &SealOrder,
    render: &dyn Fn(&Contents) -> Result<Vec<u8>, LedgerError>,
) -> Result<Step, LedgerError> {
    let row = destination::read(connection, destination)?;
    if let Some(reason) = row.paused {
        return Ok(Step::Paused(reason));
    }
    let now = order.now.as_second();
    let latest = now.saturating_add(LONGEST_WAIT);
    if let Some(until) = row.retry_at
        && until > order.now
        && until.as_second() <= latest
    {
        return Ok(Step::Wait(until));
    }
    let due = "SELECT id FROM batch WHERE destination = ?1 AND state IN ('sealed', 'ambiguous') \
               AND (next_at IS NULL OR next_at <= ?2 OR next_at > ?3) ORDER BY id LIMIT 1";
    let due: Option<i64> = connection
        .query_row(due, (destination, now, latest), |row| row.get(0))
        .optional()?;
    let found = match due {
        Some(id) => Some(id),
        None => seal::seal_next(connection, destination, order, render)?,
    };
    if let Some(id) = found {
        return Ok(Step::Batch(Box::new(read_batch(connection, id)?)));
    }
    let next = "SELECT MIN(next_at) FROM batch WHERE destination = ?1 AND state IN ('sealed', 'ambiguous')";
    let next: Option<i64> = connection.query_row(next, [destination], |row| row.get(0))?;
    Ok(match next {
        Some(seconds) => Step::Wait(instant(seconds)?),
        None => Step::Drained,
    })
}

/// Reads an open batch and proves its checksum.
fn read_batch(connection: &Connection, id: i64) -> Result<Batch, LedgerError> {
    type Columns = (String, Vec<u8>, String, i64, Option<i64>, u32, bool, String);
    let columns = |row: &Row<'_>| -> rusqlite::Result<(Columns, BatchSource)> {
        let source = BatchSource {
            id: row.get("source")?,
            hash: row.get("hash")?,
            provider: row.get("provider")?,
            instance: row.get("instance")?,
        };
        let columns = (
            row.get("uid")?,
            row.get("body")?,
            row.get("state")?,
            row.get("sealed_at")?,
            row.get("last_sent_at")?,
            row.get("looked_absent")?,
            row.get("extras")?,
            row.get("checksum")?,
        );
        Ok((columns, source))
    };
    let sql = "SELECT b.*, COALESCE(body, x'') AS body, b.observation_seq IS NOT NULL OR b.event_id IS NOT NULL AS extras, \
               s.hash, s.provider, s.instance FROM batch b JOIN source s ON s.id = b.source \
               LEFT JOIN batch_body ON batch_body.batch = b.id WHERE b.id = ?1";
    let ((uid, body, state, sealed_at, last_sent_at, looked_absent, extras, sum), source) =
        connection.prepare_cached(sql)?.query_row([id], columns)?;
    if checksum([uid.as_bytes(), &body]) != sum {
        return Err(LedgerError::Damaged(format!(
            "batch {id}: its checksum does not agree"
        )));
    }
    let state = match state.as_str() {
        "sealed" => BatchState::Sealed,
        "ambiguous" => BatchState::Ambiguous,
        other => return Err(LedgerError::Damaged(format!("batch {id} is {other}, not open"))),
    };
    let mut entries = connection.prepare_cached("SELECT id FROM entry WHERE batch = ?1 ORDER BY id")?;
    let entries = entries
        .query_map([id], |row| row.get(0))?
        .collect::<rusqlite::Result<Vec<i64>>>()?;
    Ok(Batch {
        id,
        uid,
        source,
        body,
        state,
        sealed_at: instant(sealed_at)?,
        last_sent_at: last_sent_at.map(instant).transpose()?,
        looked_absent,
        entries,
        extras: if extras { Extras::With } else { Extras::Without },
    })
}

/// An instant read from the database.
fn instant(seconds: i64) -> Result<Timestamp, LedgerError> {
    Timestamp::from_second(seconds).map_err(|error| LedgerError::Damaged(format!("time {seconds}: {error}")))
}

/// The first whole second that is not before an instant: waits are never cut short by rounding.
fn whole_second(at: Timestamp) -> i64 {
    at.as_second() + i64::from(at.subsec_nanosecond() > 0)
}
