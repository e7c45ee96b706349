//! What becomes of an open batch: each function is one transaction that moves batch, entries and cursors together.
//!
//! A batch that is no longer open (another process closed it) is left alone.

use super::{Batch, Contents, DestinationRow, SealOrder, bodies, seal::seal_within, whole_second};
use crate::ledger::store::{LedgerError, checksum};
use jiff::Timestamp;
use rusqlite::{Connection, Transaction, TransactionBehavior};

/// Whether a batch was still open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It was, and has been moved.
    Yes,
    /// Somebody else closed it; nothing was done.
    No,
}

/// Marks a batch as possibly stored, just before its bytes leave.
///
/// # Errors
/// Storage.
pub fn begin_attempt(
    connection: &mut Connection,
    batch: &Batch,
    now: Timestamp,
) -> Result<Taken, LedgerError> {
    let sql = "UPDATE batch SET state = 'ambiguous', attempts = attempts + 1, looked_absent = 0, next_at = NULL, \
               first_sent_at = COALESCE(first_sent_at, ?2), last_sent_at = ?2 WHERE id = ?1 AND state IN ('sealed', 'ambiguous')";
    moved(connection, |transaction| {
        let rows = transaction.execute(sql, (batch.id, now.as_second()))?;
        mark_entries(transaction, batch, "ambiguous")?;
        Ok(rows)
    })
}

/// Closes a batch as certainly taken: its entries are settled, its observations and events are behind the cursors, the
/// destination's back-off is forgotten.
///
/// # Errors
/// Storage.
pub fn settle(
    connection: &mut Connection,
    batch: &Batch,
    destination: DestinationRow,
) -> Result<Taken, LedgerError> {
    moved(connection, |transaction| taken(transaction, batch, destination))
}

/// [`settle`], and the next batch sealed in the same transaction: the disk is waited for once instead of twice. Entries
/// that cannot be rendered are left for [`super::next_step`] to tell of.
///
/// # Errors
/// Storage.
pub fn settle_and_seal(
    connection: &mut Connection,
    batch: &Batch,
    destination: DestinationRow,
    order: &SealOrder,
    render: &dyn Fn(&Contents) -> Result<Vec<u8>, LedgerError>,
) -> Result<Taken, LedgerError> {
    moved(connection, |transaction| {
        let rows = taken(transaction, batch, destination)?;
        match seal_within(transaction, destination, order, render) {
            Ok(_) | Err(LedgerError::Damaged(_)) => Ok(rows),
            Err(error) => Err(error),
        }
    })
}

fn taken(
    transaction: &Transaction<'_>,
    batch: &Batch,
    destination: DestinationRow,
) -> Result<usize, LedgerError> {
    advance_cursors(transaction, batch)?;
    mark_entries(transaction, batch, "settled")?;
    super::recovered(transaction, destination)?;
    close(transaction, batch, "settled", None)
}

/// The batch was certainly not taken; the same bytes are to be sent again.
///
/// # Errors
/// Storage.
pub fn put_back(connection: &mut Connection, batch: &Batch, error: &str) -> Result<Taken, LedgerError> {
    let sql = "UPDATE batch SET state = 'sealed', next_at = NULL, last_error = ?2 \
               WHERE id = ?1 AND state IN ('sealed', 'ambiguous')";
    moved(connection, |transaction| {
        let rows = transaction.execute(sql, (batch.id, error))?;
        mark_entries(transaction, batch, "pending")?;
        Ok(rows)
    })
}

/// Nothing certain is known of the batch; it is looked up at `next_at`, and look-ups so far prove nothing.
///
/// # Errors
/// Storage.
pub fn hold_until(
    connection: &mut Connection,
    batch: &Batch,
    next_at: Timestamp,
    error: &str,
) -> Result<Taken, LedgerError> {
    let sql = "UPDATE batch SET looked_absent = 0, next_at = ?2, last_error = ?3 WHERE id = ?1 AND state = 'ambiguous'";
    moved(connection, |transaction| {
        Ok(transaction.execute(sql, (batch.id, whole_second(next_at), error))?)
    })
}

/// One more look-up in a row that certainly did not find the batch; the next is at `next_at`.
///
/// # Errors
/// Storage.
pub fn absent(connection: &mut Connection, batch: &Batch, next_at: Timestamp) -> Result<Taken, LedgerError> {
    let sql = "UPDATE batch SET looked_absent = looked_absent + 1, next_at = ?2 WHERE id = ?1 AND state = 'ambiguous'";
    moved(connection, |transaction| {
        Ok(transaction.execute(sql, (batch.id, whole_second(next_at)))?)
    })
}

/// Sends an ambiguous batch again although it may be there, and records that it may now be there twice.
///
/// # Errors
/// Storage.
pub fn send_again(connection: &mut Connection, batch: &Batch, error: &str) -> Result<Taken, LedgerError> {
    let sql = "UPDATE batch SET state = 'sealed', next_at = NULL, looked_absent = 0, maybe_duplicated = 1, last_error = ?2 \
               WHERE id = ?1 AND state = 'ambiguous'";
    moved(connection, |transaction| {
        let rows = transaction.execute(sql, (batch.id, error))?;
        mark_entries(transaction, batch, "pending")?;
        Ok(rows)
    })
}

/// Opens a refused batch: its entries wait again and are sealed anew in smaller parts.
///
/// # Errors
/// Storage.
pub fn dissolve(connection: &mut Connection, batch: &Batch, error: &str) -> Result<Taken, LedgerError> {
    moved(connection, |transaction| open(transaction, batch, error))
}

/// [`dissolve`] within a transaction of the caller's: how many batches it closed.
pub(super) fn open(transaction: &Transaction<'_>, batch: &Batch, error: &str) -> Result<usize, LedgerError> {
    mark_entries(transaction, batch, "pending")?;
    release_entries(transaction, batch)?;
    close(transaction, batch, "dissolved", Some(error))
}

/// Gives up the only entry of a refused batch, keeping it with the reason, and leaves an event that says so.
///
/// # Errors
/// Storage.
pub fn dead_letter(
    connection: &mut Connection,
    batch: &Batch,
    reason: &str,
    now: Timestamp,
) -> Result<Taken, LedgerError> {
    let event = "INSERT INTO event (source, at, kind, detail) \
                 SELECT source, ?2, 'dead-letter', json_object('entry_id', entry_id, 'reason', ?3) FROM entry WHERE batch = ?1";
    let reasons = "UPDATE entry SET reason = ?2 WHERE batch = ?1";
    moved(connection, |transaction| {
        transaction.execute(event, (batch.id, now.as_second(), reason))?;
        transaction.execute(reasons, (batch.id, reason))?;
        mark_entries(transaction, batch, "dead")?;
        release_entries(transaction, batch)?;
        close(transaction, batch, "dissolved", Some(reason))
    })
}

/// Gives up the observations and events of a refused batch that carries nothing else.
///
/// # Errors
/// Storage.
pub fn give_up_extras(
    connection: &mut Connection,
    batch: &Batch,
    reason: &str,
) -> Result<Taken, LedgerError> {
    moved(connection, |transaction| {
        advance_cursors(transaction, batch)?;
        close(transaction, batch, "dissolved", Some(reason))
    })
}

/// Runs a transaction; it stands only if it changed the batch.
fn moved(
    connection: &mut Connection,
    change: impl FnOnce(&Transaction<'_>) -> Result<usize, LedgerError>,
) -> Result<Taken, LedgerError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    if change(&transaction)? == 0 {
        transaction.rollback()?;
        return Ok(Taken::No);
    }
    transaction.commit()?;
    Ok(Taken::Yes)
}

fn mark_entries(transaction: &Transaction<'_>, batch: &Batch, state: &str) -> Result<(), LedgerError> {
    let sql = "UPDATE entry SET state = ?2 WHERE batch = ?1 AND state IN ('pending', 'ambiguous')";
    transaction.execute(sql, (batch.id, state))?;
    Ok(())
}

fn release_entries(transaction: &Transaction<'_>, batch: &Batch) -> Result<(), LedgerError> {
    transaction.execute("UPDATE entry SET batch = NULL WHERE batch = ?1", [batch.id])?;
    Ok(())
}

fn advance_cursors(transaction: &Transaction<'_>, batch: &Batch) -> Result<(), LedgerError> {
    let observations = "INSERT INTO observation_cursor (destination, source, seq) \
        SELECT destination, source, observation_seq FROM batch WHERE id = ?1 AND observation_seq IS NOT NULL \
        ON CONFLICT DO UPDATE SET seq = MAX(seq, excluded.seq)";
    let events = "INSERT INTO event_cursor (destination, source, event) \
        SELECT destination, source, event_id FROM batch WHERE id = ?1 AND event_id IS NOT NULL \
        ON CONFLICT DO UPDATE SET event = MAX(event, excluded.event)";
    transaction.execute(observations, [batch.id])?;
    transaction.execute(events, [batch.id])?;
    Ok(())
}

/// Closes a batch and empties its body, which the entries can always be rendered into again.
fn close(
    transaction: &Transaction<'_>,
    batch: &Batch,
    state: &str,
    error: Option<&str>,
) -> Result<usize, LedgerError> {
    let sql = "UPDATE batch SET state = ?2, next_at = NULL, last_error = COALESCE(?3, last_error), checksum = ?4 \
               WHERE id = ?1 AND state IN ('sealed', 'ambiguous')";
    let sum = checksum([batch.uid.as_bytes(), b"".as_slice()]);
    bodies::forget(transaction, batch.id)?;
    Ok(transaction.execute(sql, (batch.id, state, error, sum))?)
}
