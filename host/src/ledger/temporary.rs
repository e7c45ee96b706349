//! The temporary tables on which a commit is made (`temporary.sql`), and the sums that SQLite asks of us meanwhile.
//! What must hold: they lie in files, not in memory, so that memory does not grow with a partition.

use super::{
    replace::record_checksum,
    store::{Hash, LedgerError},
};
use rusqlite::{
    Connection, Result,
    functions::{Context, FunctionFlags},
};

/// Page cache of the temporary tables (negative: KiB).
const CACHE_KIB: i64 = -32 * 1024;

/// Bytes of a page of the temporary tables: they are read and written in long stretches.
const PAGE: i64 = 16 * 1024;

/// Makes the tables for a connection that writes.
pub(super) fn lay(connection: &Connection) -> Result<(), LedgerError> {
    connection.pragma_update(None, "temp_store", "FILE")?;
    // Of no effect on the ledger's file, which is there already; the temporary one is made with it.
    connection.pragma_update(None, "page_size", PAGE)?;
    connection.execute_batch(include_str!("temporary.sql"))?;
    connection.pragma_update(Some("temp"), "cache_size", CACHE_KIB)?;
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    connection.create_scalar_function("record_checksum", 4, flags, |context| checksum(context))?;
    Ok(())
}

/// `record_checksum(partition, key, revision, commit)`.
fn checksum(context: &Context<'_>) -> Result<[u8; 8]> {
    let hash = |index: usize| -> Result<Hash> { context.get(index) };
    Ok(record_checksum(
        context.get(0)?,
        &hash(1)?,
        &hash(2)?,
        context.get(3)?,
    ))
}
