//! Bringing a ledger of an older schema up to this program's, step by step.
//! What must hold: a step is one transaction with the version that it reaches; no step touches money.

pub(super) mod checksums;
mod hashes;

use super::{
    archive, control,
    destination::convert,
    outbox::bodies,
    snapshot,
    store::{LedgerError, SCHEMA_VERSION},
    tags,
};
use rusqlite::{Connection, TransactionBehavior};

type Step = fn(&Connection) -> rusqlite::Result<()>;

/// What leads from each version to the next; the first leads from 1 to 2.
const STEPS: [Step; 4] = [to_2, to_3, to_4, to_5];

/// When a stream was retired; whether a run's money counts; completeness as it was at each commit (NULL: unknown).
fn to_2(transaction: &Connection) -> rusqlite::Result<()> {
    transaction.execute_batch(
        "ALTER TABLE stream ADD COLUMN retired_at INTEGER;
         ALTER TABLE run ADD COLUMN counts INTEGER NOT NULL DEFAULT 1;
         ALTER TABLE commit_partition ADD COLUMN completeness TEXT;",
    )
}

fn to_3(transaction: &Connection) -> rusqlite::Result<()> {
    hashes::as_bytes(transaction)?;
    transaction.execute_batch(convert::TABLE)?;
    snapshot::add_tables(transaction)
}

/// A checksum that leaves the content to the revision, fingerprints, archives; and the views, which say of which partitions the
/// detail lies in one.
fn to_4(transaction: &Connection) -> rusqlite::Result<()> {
    checksums::without_content(transaction)?;
    transaction.execute_batch("ALTER TABLE partition ADD COLUMN fingerprint BLOB")?;
    archive::add_tables(transaction)?;
    snapshot::add_views(transaction)
}

/// The operator's own tags, and control totals; the views join the tags. What runs reported is covered by a checksum. Finding
/// the runs of one instance among those of many, and the commits of a run. The bytes of batches in a table of their own.
fn to_5(transaction: &Connection) -> rusqlite::Result<()> {
    tags::add_tables(transaction)?;
    control::add_tables(transaction)?;
    bodies::take_out(transaction)?;
    transaction.execute_batch(
        "ALTER TABLE run ADD COLUMN checksum TEXT;
         CREATE INDEX run_instance ON run (instance, id);
         CREATE INDEX commits_run ON commits (run);",
    )?;
    snapshot::add_views(transaction)
}

/// Takes the steps that are missing.
///
/// # Errors
/// See [`LedgerError`]; then nothing has changed.
pub(super) fn migrate(connection: &mut Connection) -> Result<(), LedgerError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Another process may have been faster.
    let version: i64 = transaction.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    let taken = usize::try_from(version.saturating_sub(1)).unwrap_or_default();
    for step in STEPS.iter().skip(taken) {
        step(&transaction)?;
    }
    if version < SCHEMA_VERSION {
        transaction.pragma_update(None, "user_version", SCHEMA_VERSION)?;
    }
    transaction.commit()?;
    Ok(())
}

#[cfg(test)]
mod tests;
