//! Which records: the current ones that count, by period, provider and basis, one at a time in a fixed order.
//! What must hold: exactly the records that `costs` sums over the same charge period, so that their sums agree.

use super::{
    ExportError,
    row::{Origin, Row, Standing},
};
use crate::{
    component::descriptor::{Anchor, Basis, Stream},
    ledger::{
        record::{CostRecord, Period, Source},
        store::LedgerError,
        tags::{self, Tags},
    },
};
use jiff::Timestamp;
use rusqlite::{Connection, params};
use std::{collections::BTreeMap, sync::Arc};

/// The time that records are asked for by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Span {
    /// Charges that begin within it.
    Charges(Period),
    /// Billing periods that begin within it.
    Billing(Period),
}

/// Which records.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Of which time; `None`: all.
    pub span: Option<Span>,
    /// Only of this provider.
    pub provider: Option<String>,
    /// Only of this basis.
    pub basis: Option<Basis>,
}

impl Selection {
    fn takes(&self, record: &CostRecord) -> bool {
        let time = match self.span {
            None => true,
            Some(Span::Charges(period)) => period.contains(record.charge_period.start()),
            Some(Span::Billing(period)) => period.contains(record.billing_period.start()),
        };
        time && self.basis.is_none_or(|basis| basis == record.basis)
    }
}

/// Something that gives rows, as often as it is asked, the same each time.
pub trait Rows {
    /// Gives each row in order.
    ///
    /// # Errors
    /// Its own, and those of the taker.
    fn each(&self, take: &mut dyn FnMut(&Row<'_>) -> Result<(), ExportError>) -> Result<(), ExportError>;
}

/// The records of a selection. The connection's caller holds a read transaction, so that two passes see the same.
pub struct Records<'c> {
    /// The reader's connection.
    pub connection: &'c Connection,
    /// Which records.
    pub selection: Selection,
}

impl Rows for Records<'_> {
    fn each(&self, take: &mut dyn FnMut(&Row<'_>) -> Result<(), ExportError>) -> Result<(), ExportError> {
        for partition in partitions(self.connection, self.selection.provider.as_deref())? {
            // Only where the charge's start routes records do a partition's bounds say when its charges begin.
            if let (Some(Span::Charges(period)), Anchor::ChargeStart) =
                (self.selection.span, partition.anchor)
                && (partition.stop <= period.start() || partition.start >= period.end())
            {
                continue;
            }
            let mut origin = partition.origin();
            current(self.connection, &partition, &mut |_, key, record| {
                if self.selection.takes(record) {
                    key.clone_into(&mut origin.key);
                    take(&Row {
                        record,
                        origin: &origin,
                        standing: Standing::Regular,
                    })?;
                }
                Ok(())
            })?;
        }
        Ok(())
    }
}

/// A partition whose records count.
#[derive(Clone, Debug)]
pub(super) struct Partition {
    pub(super) id: i64,
    pub(super) start: Timestamp,
    pub(super) stop: Timestamp,
    pub(super) anchor: Anchor,
    pub(super) stream: String,
    pub(super) source: Source,
    /// The operator's own tags.
    pub(super) tags: Arc<Tags>,
}

impl Partition {
    pub(super) fn origin(&self) -> Origin {
        Origin {
            source: self.source.path(),
            stream: self.stream.clone(),
            partition: self.start,
            key: String::new(),
        }
    }
}

/// The partitions of all counted streams of sources that count, in the order of source, stream and time.
pub(super) fn partitions(
    connection: &Connection,
    provider: Option<&str>,
) -> Result<Vec<Partition>, LedgerError> {
    let mut statement = connection.prepare_cached(
        "SELECT partition.id, start, stop, name, definition, provider, billing_account, scope, source.id
         FROM partition JOIN stream ON stream.id = partition.stream JOIN source ON source.id = stream.source
         WHERE source.counts = 1 AND view_of IS NULL AND (?1 IS NULL OR provider = ?1)
         ORDER BY provider, billing_account, scope, name, start",
    )?;
    let mut rows = statement.query(params![provider])?;
    let mut partitions = Vec::new();
    let mut tags: BTreeMap<i64, Arc<Tags>> = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let definition: Stream =
            serde_json::from_str(row.get_ref(4)?.as_str().map_err(rusqlite::Error::from)?)
                .map_err(|error| LedgerError::Damaged(format!("definition of a stream: {error}")))?;
        let source: i64 = row.get(8)?;
        let tags = match tags.get(&source) {
            Some(tags) => Arc::clone(tags),
            None => Arc::clone(
                tags.entry(source)
                    .or_insert(Arc::new(tags::of_source(connection, source)?)),
            ),
        };
        partitions.push(Partition {
            tags,
            id: row.get(0)?,
            start: instant(row.get(1)?)?,
            stop: instant(row.get(2)?)?,
            stream: row.get(3)?,
            anchor: definition.anchor,
            source: Source {
                provider: row.get(5)?,
                billing_account: row.get(6)?,
                scope: row.get(7)?,
            },
        });
    }
    Ok(partitions)
}

/// What takes a record: its row, its key, itself.
pub(super) type TakeRecord<'t> = &'t mut dyn FnMut(i64, &str, &CostRecord) -> Result<(), ExportError>;

/// The current counted records of a partition with the operator's own tags, in the order of their keys.
pub(super) fn current(
    connection: &Connection,
    partition: &Partition,
    take: TakeRecord<'_>,
) -> Result<(), ExportError> {
    let mut statement = connection.prepare_cached(
        "SELECT id, lower(hex(key)), content FROM whole_record WHERE partition = ? AND until_commit IS NULL AND counts = 1 ORDER BY key",
    )?;
    let mut rows = statement.query([partition.id])?;
    while let Some(row) = rows.next()? {
        let mut record = read(row.get_ref(2)?.as_str().map_err(rusqlite::Error::from)?)?;
        tags::join(&mut record, &partition.tags);
        let key = row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?;
        take(row.get(0)?, key, &record)?;
    }
    Ok(())
}

/// A record from its stored text.
pub(super) fn read(content: &str) -> Result<CostRecord, LedgerError> {
    serde_json::from_str(content).map_err(|error| LedgerError::Damaged(format!("record: {error}")))
}

pub(super) fn instant(seconds: i64) -> Result<Timestamp, LedgerError> {
    Timestamp::from_second(seconds).map_err(|error| LedgerError::Damaged(format!("time {seconds}: {error}")))
}
