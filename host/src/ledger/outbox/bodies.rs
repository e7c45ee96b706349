//! The bytes of open batches, in a table of their own: what changes of a batch while it is open is small, and SQLite writes a
//! row as a whole.
//! What must hold: an open batch has its bytes and a closed one none; the batch's own checksum covers them.

use rusqlite::Connection;

/// The table.
const TABLE: &str = "CREATE TABLE batch_body (
    batch INTEGER PRIMARY KEY REFERENCES batch(id) ON DELETE CASCADE,
    body BLOB NOT NULL
) STRICT";

/// Makes the table of a ledger that has none yet.
pub(in crate::ledger) fn add_table(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(TABLE)
}

/// Takes the bytes out of the batches' own rows, where they stood before version 5.
pub(in crate::ledger) fn take_out(connection: &Connection) -> rusqlite::Result<()> {
    add_table(connection)?;
    connection.execute_batch(
        "INSERT INTO batch_body SELECT id, body FROM batch WHERE state IN ('sealed', 'ambiguous');
         ALTER TABLE batch DROP COLUMN body;",
    )
}

/// Keeps the bytes of a batch that was just sealed.
pub(super) fn keep(connection: &Connection, batch: i64, body: &[u8]) -> rusqlite::Result<()> {
    connection
        .prepare_cached("INSERT INTO batch_body VALUES (?1, ?2)")?
        .execute((batch, body))
        .map(drop)
}

/// Lets them go: the entries can always be rendered into them again.
pub(super) fn forget(connection: &Connection, batch: i64) -> rusqlite::Result<()> {
    connection
        .prepare_cached("DELETE FROM batch_body WHERE batch = ?1")?
        .execute([batch])
        .map(drop)
}
