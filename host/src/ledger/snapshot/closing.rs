//! When a month is final for a source, and what its files then say for good.
//!
//! A month closes once it is over, the provider calls every billed record of it final, and the partitions that hold them
//! are complete and have no gap within the month. From then on a change is a correction.

use super::{SignedRecord, StaleFile, Told, closed_months, told};
use crate::ledger::{
    month::Month,
    store::LedgerError,
    tags::{self, Tags},
};
use jiff::Timestamp;
use rusqlite::{Connection, params};

/// A month that closes for a source: the rows that its final file has of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closing {
    /// Row id of the source.
    pub source: i64,
    /// The month.
    pub month: Month,
    /// The rows.
    pub rows: Vec<SignedRecord>,
    /// The operator's own tags of them.
    pub tags: Tags,
}

/// The regular records of a source and month: current, counted, billed.
const REGULAR: &str = "snapshot_month JOIN partition ON partition.id = snapshot_month.partition
     JOIN stream ON stream.id = partition.stream JOIN source ON source.id = stream.source
     JOIN whole_record AS record ON record.partition = partition.id
     WHERE epoch = ?1 AND source.id = ?2 AND month = ?3
       AND record.until_commit IS NULL AND record.counts = 1 AND source.counts = 1 AND view_of IS NULL
       AND json_extract(content, '$.Basis') = 'billed'
       AND substr(json_extract(content, '$.BillingPeriod.start'), 1, 7) = ?3";

/// What a month's final file would have of a source, if it closes now. To be asked of the state that was rendered.
///
/// # Errors
/// See [`LedgerError`].
pub fn closing(
    connection: &Connection,
    epoch: i64,
    source: i64,
    month: Month,
    now: Timestamp,
) -> Result<Option<Closing>, LedgerError> {
    if month.period().end() > now || closed_months(connection, epoch, source)?.contains(&month) {
        return Ok(None);
    }
    let name = month.to_string();
    let sql = format!("SELECT record.id, json_extract(content, '$.Finality') = 'final' FROM {REGULAR}");
    let mut statement = connection.prepare_cached(&sql)?;
    let mut found = statement.query(params![epoch, source, name])?;
    let mut rows = Vec::new();
    while let Some(row) = found.next()? {
        if !row.get::<_, bool>(1)? {
            return Ok(None);
        }
        rows.push(SignedRecord {
            record: row.get(0)?,
            taken_back: false,
        });
    }
    if rows.is_empty() || !covered(connection, epoch, source, month)? {
        return Ok(None);
    }
    if let Told::Open(corrections) = told(connection, epoch, source, month)? {
        rows.extend(corrections);
    }
    let tags = tags::of_source(connection, source)?;
    Ok(Some(Closing {
        source,
        month,
        rows,
        tags,
    }))
}

/// Months that close now although no record of them changed: they are over since the last rendering, or a partition was
/// read again and is complete now. To be asked of the state that is rendered.
///
/// # Errors
/// See [`LedgerError`].
pub fn ripe(connection: &Connection, epoch: i64, now: Timestamp) -> Result<Vec<StaleFile>, LedgerError> {
    // What was looked at since it was over, and not read since, is as it was.
    let mut statement = connection.prepare_cached(
        "SELECT DISTINCT provider, source.id, m.month FROM snapshot_month AS m
         JOIN partition ON partition.id = m.partition JOIN stream ON stream.id = partition.stream
         JOIN source ON source.id = stream.source JOIN snapshot_state AS s ON s.epoch = m.epoch
         WHERE m.epoch = ?1 AND unixepoch(m.month || '-01', '+1 month') <= ?2
           AND (examined IS NULL OR partition.commit_id > examined
                OR rendered < unixepoch(m.month || '-01', '+1 month'))
           AND NOT EXISTS (SELECT 1 FROM snapshot_closed AS c
                           WHERE c.epoch = m.epoch AND c.source = source.id AND c.month = m.month)",
    )?;
    let mut rows = statement.query(params![epoch, now.as_second()])?;
    let mut ripe = Vec::new();
    while let Some(row) = rows.next()? {
        let month = Month::read(&row.get::<_, String>(2)?)?;
        if closing(connection, epoch, row.get(1)?, month, now)?.is_some() {
            ripe.push(StaleFile {
                provider: row.get(0)?,
                month,
            });
        }
    }
    Ok(ripe)
}

/// Whether the partitions of every stream with billed records of the month are complete, and without a gap from the
/// stream's beginning on.
fn covered(connection: &Connection, epoch: i64, source: i64, month: Month) -> Result<bool, LedgerError> {
    let (from, to) = (
        month.period().start().as_second(),
        month.period().end().as_second(),
    );
    let name = month.to_string();
    let streams: Vec<(i64, i64)> = {
        let sql = format!(
            "SELECT DISTINCT stream.id, (SELECT min(start) FROM partition WHERE stream = stream.id) FROM {REGULAR}"
        );
        let mut statement = connection.prepare_cached(&sql)?;
        let rows = statement.query_map(params![epoch, source, name], |row| row.try_into())?;
        rows.collect::<Result<_, _>>()?
    };
    let partial = format!("SELECT EXISTS (SELECT 1 FROM {REGULAR} AND completeness <> 'complete')");
    if connection.query_row(&partial, params![epoch, source, name], |row| row.get(0))? {
        return Ok(false);
    }
    let mut statement = connection.prepare_cached(
        "SELECT start, stop, completeness FROM partition WHERE stream = ? AND stop > ? AND start < ? ORDER BY start",
    )?;
    for (stream, first) in streams {
        let mut until = from.max(first);
        let mut rows = statement.query(params![stream, from, to])?;
        while let Some(row) = rows.next()? {
            let (start, stop): (i64, i64) = (row.get(0)?, row.get(1)?);
            if start > until || row.get::<_, String>(2)? != "complete" {
                return Ok(false);
            }
            until = until.max(stop);
        }
        if until < to {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Writes down that a month is final.
pub(super) fn close(
    connection: &Connection,
    epoch: i64,
    closing: &Closing,
    now: Timestamp,
) -> Result<(), LedgerError> {
    let Closing {
        source, month, rows, ..
    } = closing;
    tags::keep_final(connection, (epoch, *source, *month), &closing.tags)?;
    let month = month.to_string();
    connection.execute(
        "INSERT INTO snapshot_closed (epoch, source, month, at) VALUES (?, ?, ?, ?)",
        params![epoch, source, month, now.as_second()],
    )?;
    let mut keep = connection.prepare_cached(
        "INSERT INTO snapshot_final (epoch, source, month, record, partition, sign)
         SELECT ?1, ?2, ?3, id, partition, ?5 FROM record WHERE id = ?4",
    )?;
    let mut told = connection.prepare_cached(
        "DELETE FROM snapshot_pending WHERE epoch = ?1 AND record = ?2 AND partition =
                         (SELECT partition FROM record WHERE id = ?2)",
    )?;
    for row in rows {
        let sign = if row.taken_back { -1 } else { 1 };
        keep.execute(params![epoch, source, month, row.record, sign])?;
        told.execute(params![epoch, row.record])?;
    }
    Ok(())
}
