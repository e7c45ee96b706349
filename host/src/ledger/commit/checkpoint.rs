//! Where a stream stands. It moves with the records that it speaks of, in one transaction.

use crate::ledger::{
    stage::Sealed,
    store::{LedgerError, checksum},
};
use rusqlite::{Connection, OptionalExtension, params};

/// The checksum of a checkpoint's row.
pub(in crate::ledger) fn checksum_of(stream: i64, value: &[u8], commit: i64) -> String {
    checksum([
        stream.to_string().as_bytes(),
        value,
        commit.to_string().as_bytes(),
    ])
}

/// Moves the checkpoint, unless a later commit has already moved it on.
pub(super) fn advance(
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
            .execute(params![stream, value, commit, checksum_of(stream, value, commit)])?;
    }
    Ok(())
}
