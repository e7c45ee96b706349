//! The operator's own tags of an instance's money (`[tags]`): kept beside its sources and joined to records where they are read.
//! What must hold: they are in no key, no revision and no posting, so that changing them posts nothing; a tag of the provider
//! wins over one of the same name; what a final FOCUS file says keeps the tags that it was written with.

use super::{
    error::damaged,
    month::Month,
    record::{CostRecord, Source},
    source::source_hash,
    store::LedgerError,
};
use rusqlite::{Connection, OptionalExtension, params};
use std::collections::BTreeMap;

/// Tags by name.
pub type Tags = BTreeMap<String, String>;

/// Makes the tables of a ledger that has none yet.
pub(super) fn add_tables(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(include_str!("tags.sql"))
}

/// Takes the tags of an instance as its file has them now. Where they changed, FOCUS files of its sources are stale.
pub(super) fn settle(transaction: &Connection, instance: &str, tags: &Tags) -> Result<(), LedgerError> {
    if of_instance(transaction, instance)? == *tags {
        return Ok(());
    }
    transaction.execute("DELETE FROM instance_tag WHERE instance = ?", [instance])?;
    let mut insert =
        transaction.prepare_cached("INSERT INTO instance_tag (instance, name, value) VALUES (?, ?, ?)")?;
    for (name, value) in tags {
        insert.execute(params![instance, name, value])?;
    }
    transaction.execute(
        "INSERT OR IGNORE INTO snapshot_dirty (epoch, partition)
         SELECT epoch.id, partition.id FROM source JOIN stream ON stream.source = source.id
             JOIN partition ON partition.stream = stream.id, epoch JOIN destination ON destination.id = epoch.destination
         WHERE instance = ? AND ended IS NULL AND kind = 'snapshot'",
        [instance],
    )?;
    Ok(())
}

/// A source has gone to another instance, whose tags are now its own: where they differ, its FOCUS files are stale.
pub(super) fn moved(
    transaction: &Connection,
    source: &Source,
    from: &str,
    to: &str,
) -> Result<(), LedgerError> {
    if of_instance(transaction, from)? == of_instance(transaction, to)? {
        return Ok(());
    }
    transaction.execute(
        "INSERT OR IGNORE INTO snapshot_dirty (epoch, partition)
         SELECT epoch.id, partition.id FROM source JOIN stream ON stream.source = source.id
             JOIN partition ON partition.stream = stream.id, epoch JOIN destination ON destination.id = epoch.destination
         WHERE hash = ? AND ended IS NULL AND kind = 'snapshot'",
        [source_hash(source)],
    )?;
    Ok(())
}

fn of_instance(connection: &Connection, instance: &str) -> Result<Tags, LedgerError> {
    let mut statement =
        connection.prepare_cached("SELECT name, value FROM instance_tag WHERE instance = ?")?;
    let tags = statement.query_map([instance], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(tags.collect::<Result<_, _>>()?)
}

/// The tags of a source now, by its row: those of its instance.
///
/// # Errors
/// See [`LedgerError`].
pub fn of_source(connection: &Connection, source: i64) -> Result<Tags, LedgerError> {
    let instance: String = connection
        .prepare_cached("SELECT instance FROM source WHERE id = ?")?
        .query_row([source], |row| row.get(0))?;
    of_instance(connection, &instance)
}

/// Gives a record the tags that it does not have itself.
pub fn join(record: &mut CostRecord, tags: &Tags) {
    for (name, value) in tags {
        if !record.tags.contains_key(name) {
            record.tags.insert(name.clone(), value.clone());
        }
    }
}

/// Keeps the tags that a month's final file was written with.
pub(super) fn keep_final(
    transaction: &Connection,
    (epoch, source, month): (i64, i64, Month),
    tags: &Tags,
) -> Result<(), LedgerError> {
    let tags = serde_json::to_string(tags).map_err(|error| damaged("tags", error))?;
    transaction.execute(
        "INSERT OR REPLACE INTO snapshot_tags (epoch, source, month, tags) VALUES (?, ?, ?, ?)",
        params![epoch, source, month.to_string(), tags],
    )?;
    Ok(())
}

/// The tags of a source's rows of a month in a snapshot: once it is final, those that it was written with. Months that were
/// final before there were tags have none.
///
/// # Errors
/// See [`LedgerError`].
pub fn of_month(connection: &Connection, epoch: i64, source: i64, month: Month) -> Result<Tags, LedgerError> {
    let found: Option<Option<String>> = connection
        .prepare_cached(
            "SELECT tags FROM snapshot_closed AS c
             LEFT JOIN snapshot_tags AS t ON t.epoch = c.epoch AND t.source = c.source AND t.month = c.month
             WHERE c.epoch = ? AND c.source = ? AND c.month = ?",
        )?
        .query_row(params![epoch, source, month.to_string()], |row| row.get(0))
        .optional()?;
    match found {
        None => of_source(connection, source),
        Some(None) => Ok(Tags::new()),
        Some(Some(json)) => serde_json::from_str(&json).map_err(|error| damaged("tags", error)),
    }
}

#[cfg(test)]
mod tests;
