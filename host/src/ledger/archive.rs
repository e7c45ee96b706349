//! Archives: the content of a partition's records in a file of its own, once the partition is long over. What stays in the
//! database is the key, revision, service, currency and measures of each record, and what the partition comes to.
//!
//! What must hold: content is read from wherever it lies, and is what the record's revision says, or reading fails; a
//! partition is archived whole or not at all; one of which a record changes is brought back by the same transaction.

mod file;
mod keep;
mod shelf;
#[cfg(test)]
mod tests;

pub(super) use keep::keep;
pub use keep::{Archived, Retention};
pub(super) use shelf::{FOLDER, Shelf};

use super::{
    opening::create_private,
    store::{Hash, LedgerError, checksum},
};
use rusqlite::{
    Connection,
    functions::{Context, FunctionFlags},
    params,
};
use std::{cell::RefCell, io::ErrorKind, path::Path};

/// What stands instead of content that lies in a file: an object without columns, so that SQL over it gives NULL.
pub(super) const AWAY: &str = "{}";

/// The content of a row `r` of `record`, wherever it lies.
pub(super) const CONTENT: &str = "iif(r.content = '{}', archived_content(
    (SELECT file FROM main.archive WHERE archive.partition = r.partition), r.key, r.id, r.revision), r.content)";

/// Makes the tables of a ledger that has none yet.
pub(super) fn add_tables(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(include_str!("archive.sql"))
}

/// Lets a connection read archives: from here on `whole_record` is `record` with its content. To be called once nothing
/// drops the temporary tables of the connection any more.
///
/// # Errors
/// See [`LedgerError`].
pub(super) fn attach(connection: &Connection, state: &Path) -> Result<(), LedgerError> {
    let shelf = RefCell::new(Shelf::of(state));
    let flags = FunctionFlags::SQLITE_UTF8;
    connection.create_scalar_function("archived_content", 4, flags, move |context| {
        content(context, &mut shelf.borrow_mut())
    })?;
    let shelf = Shelf::of(state);
    connection.create_scalar_function("archive_fault", 2, flags, move |context| {
        let (file, bytes): (String, i64) = (context.get(0)?, context.get(1)?);
        Ok(shelf.fault(&file, bytes.unsigned_abs()))
    })?;
    connection.execute_batch(&format!(
        "CREATE TEMP VIEW IF NOT EXISTS whole_record AS
         SELECT r.id, r.partition, r.key, r.revision, {CONTENT} AS content, r.service, r.currency, r.billed, r.effective,
                r.list, r.contracted, r.counts, r.from_commit, r.until_commit, r.checksum
         FROM main.record AS r"
    ))?;
    Ok(())
}

/// `archived_content(file, key, record, revision)`.
fn content(context: &Context<'_>, shelf: &mut Shelf) -> rusqlite::Result<String> {
    let file: Option<String> = context.get(0)?;
    let (key, record, revision): (Hash, i64, Hash) = (context.get(1)?, context.get(2)?, context.get(3)?);
    shelf
        .content(file.as_deref(), &key, record, &revision)
        .map_err(|error| rusqlite::Error::UserFunctionError(error.into()))
}

/// Brings the content of a partition back into the database, where it is archived. Its file is deleted by whoever archives
/// next: a reader that still looks at the older state is told so, and asks again.
///
/// # Errors
/// See [`LedgerError`].
pub(super) fn bring_back(transaction: &Connection, partition: i64) -> Result<(), LedgerError> {
    let archived: bool = transaction
        .prepare_cached("SELECT archived FROM partition WHERE id = ?")?
        .query_row([partition], |row| row.get(0))?;
    if !archived {
        return Ok(());
    }
    transaction.execute(
        "UPDATE record SET content = archived_content((SELECT file FROM archive WHERE partition = ?1), key, id, revision)
         WHERE partition = ?1 AND content = ?2",
        params![partition, AWAY],
    )?;
    for sql in [
        "DELETE FROM archive_balance WHERE partition = ?",
        "DELETE FROM archive WHERE partition = ?",
        "UPDATE partition SET archived = 0 WHERE id = ?",
    ] {
        transaction.execute(sql, [partition])?;
    }
    Ok(())
}

/// Gives a copy of a ledger the archives of the state directory that it is a copy of, on the same disk.
///
/// # Errors
/// [`LedgerError::Io`].
pub fn link(state: &Path, copy: &Path) -> Result<(), LedgerError> {
    for shelf in keep::entries(&state.join(FOLDER))? {
        let target = copy.join(FOLDER).join(shelf.file_name().unwrap_or_default());
        for file in keep::entries(&shelf)? {
            create_private(&target)?;
            let link = target.join(file.file_name().unwrap_or_default());
            match std::fs::hard_link(&file, &link) {
                // What is swept meanwhile was of no use any more.
                Err(cause) if cause.kind() != ErrorKind::NotFound => {
                    return Err(LedgerError::Io { path: link, cause });
                }
                _ => {}
            }
        }
    }
    Ok(())
}

/// The checksum of an archive's row.
pub(super) fn archive_checksum(partition: i64, file: &str, bytes: i64, records: i64, at: i64) -> String {
    let numbers = [partition, bytes, records, at].map(|number| number.to_string());
    let parts = numbers.iter().map(String::as_bytes);
    checksum(parts.chain([file.as_bytes()]))
}
