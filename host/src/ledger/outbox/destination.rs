//! A destination's own state: paused or active, its back-off, and its entries counted by state.

use super::{BatchSource, DestinationRow, instant, whole_second};
use crate::ledger::store::LedgerError;
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension};

/// What [`super::next_step`] needs to know.
pub(super) struct Destination {
    /// Why it is paused.
    pub(super) paused: Option<String>,
    /// Nothing is sent before.
    pub(super) retry_at: Option<Timestamp>,
}

pub(super) fn read(connection: &Connection, id: DestinationRow) -> Result<Destination, LedgerError> {
    let sql = "SELECT state, reason, retry_at FROM destination WHERE id = ?1";
    let row: Option<(String, Option<String>, Option<i64>)> = connection
        .query_row(sql, [id], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .optional()?;
    let (state, reason, retry_at) =
        row.ok_or_else(|| LedgerError::Damaged(format!("there is no destination {id}")))?;
    Ok(Destination {
        paused: (state == "paused").then(|| reason.unwrap_or_else(|| "paused by the operator".to_owned())),
        retry_at: retry_at.map(instant).transpose()?,
    })
}

/// Pauses a destination: nothing is sent to it until [`resume`].
///
/// # Errors
/// Storage.
pub fn pause(connection: &Connection, id: DestinationRow, reason: &str) -> Result<(), LedgerError> {
    let sql = "UPDATE destination SET state = 'paused', reason = ?2 WHERE id = ?1";
    connection.execute(sql, (id, reason))?;
    Ok(())
}

/// Lets a paused destination go on, at once.
///
/// # Errors
/// Storage.
pub fn resume(connection: &Connection, id: DestinationRow) -> Result<(), LedgerError> {
    let sql =
        "UPDATE destination SET state = 'active', reason = NULL, attempt = 0, retry_at = NULL WHERE id = ?1";
    connection.execute(sql, [id])?;
    Ok(())
}

/// Lets what is held go: the operator has it sent in whatever currency it is. Entries are posted as held, so each delivery
/// begins with this where the operator says so. What follows converted entries of the same key stays held: the two do not add.
///
/// # Errors
/// Storage.
pub fn send_held(connection: &Connection, id: DestinationRow) -> Result<(), LedgerError> {
    let follows = "SELECT earlier.posting FROM conversion JOIN entry earlier ON earlier.id = conversion.entry
                   WHERE earlier.posting = entry.posting";
    let mixing = format!(
        "UPDATE entry SET reason = 'earlier entries of this key were converted, and entries as they are cannot follow \
         them: write other-currencies = \"convert\" again'
         WHERE destination = ?1 AND state = 'held' AND EXISTS ({follows})
           AND NOT EXISTS (SELECT 1 FROM conversion own WHERE own.entry = entry.id)"
    );
    connection.execute(&mixing, [id])?;
    let others = format!(
        "UPDATE entry SET state = 'pending', reason = NULL WHERE destination = ?1 AND state = 'held'
         AND (EXISTS (SELECT 1 FROM conversion own WHERE own.entry = entry.id) OR NOT EXISTS ({follows}))"
    );
    connection.execute(&others, [id])?;
    Ok(())
}

/// The sources that a destination is about to get for the first time in its open epoch: entries wait, none was ever sealed.
/// An epoch that began with `now` sends changes alone, which are new to every destination; and a source whose settled money
/// was carried into the epoch by a rebase (settled in no batch) is known there because of this ledger. The clock may have
/// gone back since the epoch began: then the entries in batches tell.
///
/// # Errors
/// Storage.
pub fn newcomers(connection: &Connection, id: DestinationRow) -> Result<Vec<BatchSource>, LedgerError> {
    let sql = "SELECT s.id, s.hash, s.provider, s.instance FROM source s
         WHERE EXISTS (SELECT 1 FROM epoch o WHERE o.destination = ?1 AND o.ended IS NULL AND o.start_mode <> 'now')
           AND EXISTS (SELECT 1 FROM entry e WHERE e.destination = ?1 AND e.source = s.id AND e.state = 'pending')
           AND NOT EXISTS (SELECT 1 FROM batch b JOIN epoch o ON o.destination = b.destination AND o.ended IS NULL
                           WHERE b.destination = ?1 AND b.source = s.id AND b.sealed_at >= o.started)
           AND NOT EXISTS (SELECT 1 FROM entry e JOIN posting p ON p.id = e.posting JOIN epoch o ON o.id = p.epoch
                            WHERE e.destination = ?1 AND e.source = s.id AND o.ended IS NULL
                              AND (e.batch IS NOT NULL OR e.state = 'settled'))
         ORDER BY s.id";
    sources(connection, sql, id)
}

/// The sources of which a destination has money in its open epoch.
///
/// # Errors
/// Storage.
pub fn settled_sources(connection: &Connection, id: DestinationRow) -> Result<Vec<BatchSource>, LedgerError> {
    let sql = "SELECT s.id, s.hash, s.provider, s.instance FROM source s
         WHERE EXISTS (SELECT 1 FROM entry e JOIN posting p ON p.id = e.posting JOIN epoch o ON o.id = p.epoch
                       WHERE e.destination = ?1 AND e.source = s.id AND e.state = 'settled' AND o.ended IS NULL)
         ORDER BY s.id";
    sources(connection, sql, id)
}

fn sources(connection: &Connection, sql: &str, id: DestinationRow) -> Result<Vec<BatchSource>, LedgerError> {
    let mut statement = connection.prepare(sql)?;
    let sources = statement.query_map([id], |row| {
        Ok(BatchSource {
            id: row.get(0)?,
            hash: row.get(1)?,
            provider: row.get(2)?,
            instance: row.get(3)?,
        })
    })?;
    Ok(sources.collect::<Result<_, _>>()?)
}

/// Failures in a row, which the next delay is drawn from.
///
/// # Errors
/// Storage.
pub fn attempt(connection: &Connection, id: DestinationRow) -> Result<u32, LedgerError> {
    let sql = "SELECT attempt FROM destination WHERE id = ?1";
    Ok(connection.query_row(sql, [id], |row| row.get(0))?)
}

/// Records one more failure in a row and when to try again.
///
/// # Errors
/// Storage.
pub fn back_off(connection: &Connection, id: DestinationRow, retry_at: Timestamp) -> Result<(), LedgerError> {
    let sql = "UPDATE destination SET attempt = MIN(attempt + 1, 1000), retry_at = ?2 WHERE id = ?1";
    connection.execute(sql, (id, whole_second(retry_at)))?;
    Ok(())
}

/// Forgets the failures: the destination has answered as it should.
///
/// # Errors
/// Storage.
pub fn recovered(connection: &Connection, id: DestinationRow) -> Result<(), LedgerError> {
    let sql = "UPDATE destination SET attempt = 0, retry_at = NULL WHERE id = ?1";
    connection.execute(sql, [id])?;
    Ok(())
}

/// Entries of a destination by state. Law 3: they add up to all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Counts {
    /// Waiting, alone or in a sealed batch that was certainly not taken.
    pub pending: u64,
    /// Waiting for the operator, such as those in another currency.
    pub held: u64,
    /// Sent, and it is not known whether they arrived.
    pub ambiguous: u64,
    /// Certainly taken.
    pub settled: u64,
    /// Refused by the destination, kept with the reason.
    pub dead: u64,
    /// Given up by the operator.
    pub dropped: u64,
}

impl Counts {
    /// All entries.
    #[must_use]
    pub fn total(self) -> u64 {
        self.pending + self.held + self.ambiguous + self.settled + self.dead + self.dropped
    }

    /// Those that delivery still has to bring across.
    #[must_use]
    pub fn open(self) -> u64 {
        self.pending + self.ambiguous
    }
}

/// Counts the entries of a destination by state.
///
/// # Errors
/// Storage, or a state that this program does not know.
pub fn counts(connection: &Connection, id: DestinationRow) -> Result<Counts, LedgerError> {
    let mut counts = Counts::default();
    let mut statement = connection
        .prepare_cached("SELECT state, COUNT(*) FROM entry WHERE destination = ?1 GROUP BY state")?;
    let mut rows = statement.query([id])?;
    while let Some(row) = rows.next()? {
        let (state, count): (String, i64) = (row.get(0)?, row.get(1)?);
        let place = match state.as_str() {
            "pending" => &mut counts.pending,
            "held" => &mut counts.held,
            "ambiguous" => &mut counts.ambiguous,
            "settled" => &mut counts.settled,
            "dead" => &mut counts.dead,
            "dropped" => &mut counts.dropped,
            other => return Err(LedgerError::Damaged(format!("an entry's state is {other:?}"))),
        };
        *place = count.unsigned_abs();
    }
    Ok(counts)
}
