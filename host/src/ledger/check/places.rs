//! The checker's part for what records and entries hang on: sources, streams and partitions say the same in all their columns.

use super::{Report, Rule};
use crate::ledger::{
    control::control_checksum,
    error::instant,
    period::partition_from,
    record::{Source, basis_name},
    run::run_checksum,
    source::source_hash,
    store::LedgerError,
    stream::{definition, grain_name},
};
use rusqlite::Connection;

/// What runs left. One that has no checksum was killed, has been forgotten, or is older than checksums of runs.
fn runs(connection: &Connection, report: &mut Report) -> Result<(), LedgerError> {
    let mut statement = connection
        .prepare("SELECT id, outcome, note, report, checksum FROM run WHERE checksum IS NOT NULL")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (id, note): (i64, Option<String>) = (row.get(0)?, row.get(2)?);
        let (outcome, said): (Option<String>, Option<String>) = (row.get(1)?, row.get(3)?);
        let (outcome, said) = (outcome.unwrap_or_default(), said.unwrap_or_default());
        if row.get::<_, String>(4)? != run_checksum(id, &outcome, note.as_deref(), &said) {
            report.found(
                Rule::Row,
                format!("the checksum of run {id} is not that of what it reported"),
            );
        }
    }
    Ok(())
}

/// Hashes of sources, definitions of streams, bounds of partitions.
pub(super) fn check(connection: &Connection, report: &mut Report) -> Result<(), LedgerError> {
    let mut statement =
        connection.prepare("SELECT id, hash, provider, billing_account, scope FROM source")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let of = Source {
            provider: row.get(2)?,
            billing_account: row.get(3)?,
            scope: row.get(4)?,
        };
        if row.get::<_, String>(1)? != source_hash(&of) {
            let id: i64 = row.get(0)?;
            report.found(
                Rule::Row,
                format!("the hash of source {id} is not that of its name"),
            );
        }
    }
    runs(connection, report)?;
    let mut statement = connection
        .prepare("SELECT id, definition, name, grain, basis, key_version FROM stream ORDER BY id")?;
    let mut partitions =
        connection.prepare("SELECT id, start, stop FROM partition WHERE stream = ? ORDER BY id")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let id: i64 = row.get(0)?;
        let stream = definition(&row.get::<_, String>(1)?)?;
        let columns: (String, String, String, u32) = (row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?);
        let said = (
            stream.name,
            grain_name(stream.grain).to_owned(),
            basis_name(stream.basis).to_owned(),
            stream.key_version,
        );
        if columns != said {
            report.found(
                Rule::Row,
                format!("the columns of stream {id} are not those of its definition"),
            );
        }
        let mut parts = partitions.query([id])?;
        while let Some(part) = parts.next()? {
            let (partition, start, stop): (i64, i64, i64) = (part.get(0)?, part.get(1)?, part.get(2)?);
            let period = partition_from(stream.grain, instant(start)?);
            if period.is_none_or(|period| period.end().as_second() != stop) {
                report.found(
                    Rule::Row,
                    format!("partition {partition} does not begin and end where those of its stream do"),
                );
            }
        }
    }
    control_totals(connection, report)
}

/// Control totals are as they were written, and their commit was applied.
fn control_totals(connection: &Connection, report: &mut Report) -> Result<(), LedgerError> {
    let mut statement = connection.prepare(
        "SELECT control_total.id, commit_id, stream, partitions, lines, billed, checksum, state FROM control_total
         JOIN commits ON commits.id = commit_id ORDER BY control_total.id",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (partitions, billed): (String, String) = (row.get(3)?, row.get(5)?);
        let sum = control_checksum((row.get(1)?, row.get(2)?), &partitions, row.get(4)?, &billed);
        let id: i64 = row.get(0)?;
        if row.get::<_, String>(6)? != sum {
            let what = format!("the checksum of control total {id} is not that of its row");
            report.found(Rule::Row, what);
        }
        if row.get::<_, String>(7)? != "applied" {
            let what = format!("control total {id} is of a commit that was not applied");
            report.found(Rule::Row, what);
        }
    }
    Ok(())
}
