//! Version 4: the checksum of a record's row covers its content by the revision alone, which is the content's own hash.
//! What must hold: a row whose checksum was wrong keeps a wrong one, so that the checker still finds it.

use crate::ledger::{
    replace::record_checksum,
    store::{Hash, digest_parts, hex},
};
use rusqlite::{
    Connection, Result,
    functions::{Context, FunctionFlags},
};

/// Works out the checksum of every row anew whose old one is right.
pub(super) fn without_content(transaction: &Connection) -> Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    transaction.create_scalar_function("checksum_of_version_3", 5, flags, |context| of_version_3(context))?;
    transaction.create_scalar_function("checksum_of_version_4", 4, flags, |context| of_version_4(context))?;
    transaction.execute(
        "UPDATE record SET checksum = checksum_of_version_4(partition, key, revision, from_commit)
         WHERE checksum = checksum_of_version_3(partition, key, revision, content, from_commit)",
        [],
    )?;
    transaction.remove_function("checksum_of_version_3", 5)?;
    transaction.remove_function("checksum_of_version_4", 4)
}

/// None where a value is of another kind, which is damage: no checksum equals it.
pub(super) fn of_version_3(context: &Context<'_>) -> Result<Option<[u8; 8]>> {
    let (Ok(partition), Ok(key), Ok(revision), Ok(content), Ok(commit)) = (
        context.get::<i64>(0),
        context.get::<Hash>(1),
        context.get::<Hash>(2),
        context.get::<String>(3),
        context.get::<i64>(4),
    ) else {
        return Ok(None);
    };
    Ok(Some(record_checksum_of_version_3(
        partition, &key, &revision, &content, commit,
    )))
}

/// The checksum of a record's row as it was before: over its content, too.
pub(in crate::ledger) fn record_checksum_of_version_3(
    partition: i64,
    key: &Hash,
    revision: &Hash,
    content: &str,
    commit: i64,
) -> [u8; 8] {
    let (partition, commit) = (partition.to_string(), commit.to_string());
    let (key, revision) = (hex(key), hex(revision));
    let parts = [&partition, &key, &revision, content, &commit];
    let mut sum = [0; 8];
    for (byte, of) in sum.iter_mut().zip(digest_parts(parts.map(str::as_bytes))) {
        *byte = of;
    }
    sum
}

fn of_version_4(context: &Context<'_>) -> Result<[u8; 8]> {
    let hash = |index: usize| -> Result<Hash> { context.get(index) };
    Ok(record_checksum(
        context.get(0)?,
        &hash(1)?,
        &hash(2)?,
        context.get(3)?,
    ))
}
