//! The rows of a provider's month: current records of sources whose month is open, kept ones of those where it is final,
//! and corrections of earlier months.

use crate::{
    component::descriptor::Basis,
    export::{
        ExportError,
        row::{Origin, Row, Standing},
        select::{Partition, Rows, current, instant, partitions, read},
    },
    ledger::{
        month::Month,
        snapshot::{self, Closing, SignedRecord, StaleFile, Told},
        tags,
    },
};
use rusqlite::Connection;
use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicBool, Ordering},
};

/// The rows of a month, of all bases.
pub(super) struct MonthRows<'c> {
    connection: &'c Connection,
    epoch: i64,
    month: Month,
    sources: Vec<Teller>,
    stop: &'c AtomicBool,
}

/// A source and what it tells in this month.
struct Teller {
    id: i64,
    path: String,
    told: Told,
    /// Partitions with current records of the month.
    partitions: Vec<Partition>,
}

impl<'c> MonthRows<'c> {
    pub(super) fn of(
        connection: &'c Connection,
        epoch: i64,
        of: &StaleFile,
        stop: &'c AtomicBool,
    ) -> Result<Self, ExportError> {
        let with_month: BTreeSet<i64> = {
            let mut statement = connection
                .prepare_cached("SELECT partition FROM snapshot_month WHERE epoch = ? AND month = ?")?;
            let rows = statement.query_map((epoch, of.month.to_string()), |row| row.get(0))?;
            rows.collect::<Result<_, _>>()?
        };
        let mut partitions = partitions(connection, Some(&of.provider))?;
        partitions.retain(|partition| with_month.contains(&partition.id));
        let mut sources = Vec::new();
        for (id, path) in snapshot::sources_of(connection, epoch, &of.provider)? {
            sources.push(Teller {
                told: snapshot::told(connection, epoch, id, of.month)?,
                partitions: partitions
                    .iter()
                    .filter(|partition| partition.source.path() == path)
                    .cloned()
                    .collect(),
                id,
                path,
            });
        }
        Ok(Self {
            connection,
            epoch,
            month: of.month,
            sources,
            stop,
        })
    }

    /// The sources, by row.
    pub(super) fn sources(&self) -> impl Iterator<Item = i64> {
        self.sources.iter().map(|teller| teller.id)
    }

    /// The paths of the sources whose month is final, or becomes so by these.
    pub(super) fn closed_or(&self, closings: &[Closing]) -> BTreeSet<String> {
        let closed = |teller: &&Teller| {
            matches!(teller.told, Told::Final(_)) || closings.iter().any(|it| it.source == teller.id)
        };
        let sources = self.sources.iter().filter(closed);
        sources.map(|teller| teller.path.clone()).collect()
    }

    /// Only the rows of one basis.
    pub(super) fn only(&self, basis: Basis) -> OfBasis<'_> {
        OfBasis { rows: self, basis }
    }

    fn give(&self, basis: Option<Basis>, take: Take<'_>) -> Result<(), ExportError> {
        for teller in &self.sources {
            let (kept, is_final) = match &teller.told {
                Told::Open(corrections) => (corrections, false),
                Told::Final(kept) => (kept, true),
            };
            for partition in &teller.partitions {
                let mut origin = partition.origin();
                current(self.connection, partition, &mut |_, key, record| {
                    if self.stop.load(Ordering::Relaxed) {
                        return Err(ExportError::Stopped);
                    }
                    let here = Month::of(record.billing_period.start()) == Some(self.month);
                    // What is billed in a final month stands in it as it was then.
                    let kept = is_final && record.basis == Basis::Billed;
                    if here && !kept && basis.is_none_or(|basis| basis == record.basis) {
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
            if basis.is_none_or(|basis| basis == Basis::Billed) {
                for signed in kept {
                    self.signed(teller, *signed, take)?;
                }
            }
        }
        Ok(())
    }

    /// A record by its row: of this month as it was, of an earlier one as a correction.
    fn signed(&self, teller: &Teller, signed: SignedRecord, take: Take<'_>) -> Result<(), ExportError> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(ExportError::Stopped);
        }
        let mut statement = self.connection.prepare_cached(
            "SELECT lower(hex(key)), content, start, name FROM whole_record AS record JOIN partition ON partition.id = record.partition
             JOIN stream ON stream.id = partition.stream WHERE record.id = ?",
        )?;
        let mut rows = statement.query([signed.record])?;
        let Some(row) = rows.next()? else { return Ok(()) };
        let mut record = read(row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?)?;
        let of = Month::of(record.billing_period.start());
        if let Some(month) = of {
            let own = tags::of_month(self.connection, self.epoch, teller.id, month)?;
            tags::join(&mut record, &own);
        }
        let origin = Origin {
            source: teller.path.clone(),
            stream: row.get(3)?,
            partition: instant(row.get(2)?)?,
            key: row.get(0)?,
        };
        let own = of == Some(self.month);
        let standing = match (own, signed.taken_back) {
            (true, false) => Standing::Regular,
            (_, true) => Standing::TakesBack(self.month.period()),
            (false, false) => Standing::Joins(self.month.period()),
        };
        take(&Row {
            record: &record,
            origin: &origin,
            standing,
        })
    }
}

type Take<'t> = &'t mut dyn FnMut(&Row<'_>) -> Result<(), ExportError>;

impl Rows for MonthRows<'_> {
    fn each(&self, take: Take<'_>) -> Result<(), ExportError> {
        self.give(None, take)
    }
}

/// The rows of a month that stand on one basis.
pub(super) struct OfBasis<'m> {
    rows: &'m MonthRows<'m>,
    basis: Basis,
}

impl Rows for OfBasis<'_> {
    fn each(&self, take: Take<'_>) -> Result<(), ExportError> {
        self.rows.give(Some(self.basis), take)
    }
}
