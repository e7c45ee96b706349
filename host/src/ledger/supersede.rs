//! Which of several streams counts, where they tell of the same money.
//! What must hold: every value counts exactly once at every time. The rule is [`winner`]; the rest finds the records
//! it speaks of. Where grains differ, the rule is asked of the coarsest partition first, so that a month's invoice
//! replaces its days whole, and 24 hours of a bill replace a day's estimate only together.

use super::{
    error::{damaged, instant},
    period::partition_of,
    record::Period,
    stage::Completeness,
    store::LedgerError,
    stream::definition,
};
use crate::component::descriptor::{Grain, Stream};
use rusqlite::{Connection, params};
use std::collections::{BTreeMap, BTreeSet};

/// One stream's hold on a value within a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Holder {
    /// Whether all of the slot is committed as complete.
    pub(super) complete: bool,
}

/// Which stream counts for a value, of those that hold it, best first: the best that is complete; if none is, the
/// worst, which is the estimate that was there before the better ones began to arrive.
pub(super) fn winner(holders: &[Holder]) -> Option<usize> {
    holders
        .iter()
        .position(|holder| holder.complete)
        .or(holders.len().checked_sub(1))
}

/// A stream of a chain.
#[derive(Clone, Debug)]
pub(super) struct Member {
    pub(super) stream: i64,
    pub(super) grain: Grain,
}

/// Counted streams of a source that supersede one another, best first. A stream of its own is a chain of one.
#[derive(Clone, Debug)]
pub(super) struct Chain {
    pub(super) members: Vec<Member>,
    by: Option<String>,
}

/// A record whose `counts` is not what the rule says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Flip {
    pub(super) partition: i64,
    pub(super) record: i64,
    pub(super) counts: bool,
}

/// Whether a stream can be superseded by that column: only dimensions of one text value.
pub(super) fn is_dimension(column: &str) -> bool {
    let plain = [
        "BillingAccountId",
        "SubAccountId",
        "SubAccountType",
        "ServiceProviderName",
        "HostProviderName",
        "InvoiceIssuerName",
        "InvoiceId",
        "ServiceName",
        "ServiceCategory",
        "ServiceSubcategory",
        "RegionId",
        "AvailabilityZone",
        "ResourceId",
        "ResourceType",
        "SkuId",
        "SkuPriceId",
        "SkuMeter",
        "BillingCurrency",
        "ChargeCategory",
        "PricingCategory",
        "CommitmentDiscountId",
    ];
    let further = column.starts_with("x_")
        && column
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    further || plain.contains(&column)
}

/// All chains of a source.
pub(super) fn chains(connection: &Connection, source: i64) -> Result<Vec<Chain>, LedgerError> {
    let mut statement =
        connection.prepare_cached("SELECT id, definition FROM stream WHERE source = ? ORDER BY id")?;
    let rows = statement.query_map([source], |row| Ok((row.get(0)?, row.get::<_, String>(1)?)))?;
    let mut streams: BTreeMap<String, (i64, Stream)> = BTreeMap::new();
    for row in rows {
        let (id, json) = row?;
        let stream = definition(&json)?;
        if stream.view_of.is_none() {
            streams.insert(stream.name.clone(), (id, stream));
        }
    }
    let worse: BTreeSet<String> = streams
        .values()
        .filter_map(|(_, stream)| stream.supersedes.as_ref().map(|link| link.stream.clone()))
        .collect();
    let mut placed: BTreeSet<String> = BTreeSet::new();
    let mut chains = Vec::new();
    // Heads first; what is left after them is a cycle (the descriptor's check refuses it), cut where it is met.
    let heads = streams.keys().filter(|name| !worse.contains(*name));
    for head in heads.chain(streams.keys()) {
        let mut chain = Chain {
            members: Vec::new(),
            by: None,
        };
        let mut next = Some(head.clone());
        while let Some(name) = next.take() {
            if let Some((id, stream)) = streams.get(&name)
                && placed.insert(name)
            {
                chain.members.push(Member {
                    stream: *id,
                    grain: stream.grain,
                });
                if let Some(link) = &stream.supersedes {
                    chain.by.clone_from(&link.by);
                    next = Some(link.stream.clone());
                }
            }
        }
        if !chain.members.is_empty() {
            chains.push(chain);
        }
    }
    Ok(chains)
}

impl Chain {
    /// Whether there is anything to decide.
    pub(super) fn alone(&self) -> bool {
        self.members.len() == 1
    }

    /// The stretch of time within which partitions of the chain may overlap with that instant's.
    pub(super) fn stretch(&self, at: jiff::Timestamp) -> Option<Period> {
        let coarsest = self.members.iter().map(|member| member.grain).max()?;
        partition_of(coarsest, at)
    }

    /// The starts of all stretches that hold partitions.
    pub(super) fn stretches(&self, connection: &Connection) -> Result<BTreeSet<Period>, LedgerError> {
        let mut stretches = BTreeSet::new();
        let mut statement = connection.prepare_cached("SELECT start FROM partition WHERE stream = ?")?;
        for member in &self.members {
            let starts = statement.query_map([member.stream], |row| row.get::<_, i64>(0))?;
            for start in starts {
                stretches.extend(self.stretch(instant(start?)?));
            }
        }
        Ok(stretches)
    }

    /// The records of a stretch whose `counts` is not what the rule says.
    pub(super) fn flips(&self, connection: &Connection, stretch: Period) -> Result<Vec<Flip>, LedgerError> {
        let pieces = self.pieces(connection, stretch)?;
        let mut held: BTreeMap<String, Vec<&Piece>> = BTreeMap::new();
        for piece in &pieces {
            let mut values = BTreeSet::new();
            self.each(connection, piece.id, |_, value, _| {
                values.insert(value);
            })?;
            for value in values {
                held.entry(value).or_default().push(piece);
            }
        }
        let whole = Scope {
            pieces: &pieces,
            everything: self.by.is_none(),
        };
        let coarsest = self.members.iter().map(|member| member.grain).max();
        let mut won: BTreeMap<&str, Vec<(Period, usize)>> = BTreeMap::new();
        for (value, holders) in &held {
            let slots = won.entry(value).or_default();
            whole.resolve(stretch, coarsest.unwrap_or(Grain::Month), holders, slots);
        }
        let mut flips = Vec::new();
        for piece in &pieces {
            self.each(connection, piece.id, |record, value, counted| {
                let slots = won.get(value.as_str()).map(Vec::as_slice).unwrap_or_default();
                let counts = slots
                    .iter()
                    .any(|(slot, rank)| *rank == piece.rank && slot.contains(piece.period.start()));
                if counts != counted {
                    flips.push(Flip {
                        partition: piece.id,
                        record,
                        counts,
                    });
                }
            })?;
        }
        Ok(flips)
    }

    /// The partitions of a stretch.
    fn pieces(&self, connection: &Connection, stretch: Period) -> Result<Vec<Piece>, LedgerError> {
        let mut statement = connection.prepare_cached(
            "SELECT id, start, completeness FROM partition
             WHERE stream = ? AND start >= ? AND start < ? ORDER BY start",
        )?;
        let bounds = (stretch.start().as_second(), stretch.end().as_second());
        let mut pieces = Vec::new();
        for (rank, member) in self.members.iter().enumerate() {
            let mut rows = statement.query(params![member.stream, bounds.0, bounds.1])?;
            while let Some(row) = rows.next()? {
                let start = instant(row.get(1)?)?;
                pieces.push(Piece {
                    id: row.get(0)?,
                    rank,
                    grain: member.grain,
                    period: partition_of(member.grain, start)
                        .ok_or_else(|| damaged("partition start", start))?,
                    complete: Completeness::from_name(&row.get::<_, String>(2)?)? == Completeness::Complete,
                });
            }
        }
        Ok(pieces)
    }

    /// Each current record of a partition: its row, its value of the chain's dimension, whether it counts.
    fn each(
        &self,
        connection: &Connection,
        partition: i64,
        mut each: impl FnMut(i64, String, bool),
    ) -> Result<(), LedgerError> {
        let (value, path) = match self.by.as_deref() {
            None => ("''", String::new()),
            Some("ServiceName") => ("service", String::new()),
            Some(name) if name.starts_with("x_") => ("json_extract(content, ?2)", format!("$.Extra.{name}")),
            Some(name) => ("json_extract(content, ?2)", format!("$.{name}")),
        };
        let sql = format!(
            "SELECT id, COALESCE({value}, ''), counts, ?2 FROM record
             WHERE partition = ?1 AND until_commit IS NULL"
        );
        let mut statement = connection.prepare_cached(&sql)?;
        let mut rows = statement.query(params![partition, path])?;
        while let Some(row) = rows.next()? {
            each(row.get(0)?, row.get(1)?, row.get(2)?);
        }
        Ok(())
    }
}

/// A partition of a chain's stream.
#[derive(Clone, Debug)]
struct Piece {
    id: i64,
    rank: usize,
    grain: Grain,
    period: Period,
    complete: bool,
}

/// All partitions of a stretch, and how to tell who holds what.
struct Scope<'a> {
    pieces: &'a [Piece],
    /// The better stream supersedes everything: complete, it holds the one value even without a record, since an
    /// empty bill says that there was no cost.
    everything: bool,
}

impl Scope<'_> {
    /// Finds who counts for a value, from coarse slots to fine ones: a stream whose partition is the whole slot wins
    /// it if the rule says so; if a finer one wins, the coarse ones are out and the slot is decided piece by piece.
    fn resolve(&self, slot: Period, grain: Grain, holders: &[&Piece], won: &mut Vec<(Period, usize)>) {
        let mut ranks: BTreeMap<usize, Grain> =
            holders.iter().map(|piece| (piece.rank, piece.grain)).collect();
        if self.everything {
            let complete = self.pieces.iter().filter(|piece| piece.grain <= grain);
            let complete = complete.filter(|piece| self.complete(piece.rank, slot));
            ranks.extend(complete.map(|piece| (piece.rank, piece.grain)));
        }
        if ranks.values().any(|of| *of == grain) {
            let ranks: Vec<(usize, Grain)> = ranks.into_iter().collect();
            let judged: Vec<Holder> = ranks
                .iter()
                .map(|(rank, _)| Holder {
                    complete: self.complete(*rank, slot),
                })
                .collect();
            let winner = winner(&judged).and_then(|index| ranks.get(index));
            if let Some((rank, of)) = winner
                && *of == grain
            {
                won.push((slot, *rank));
                return;
            }
        }
        let finer = match grain {
            Grain::Month => Grain::Day,
            Grain::Day => Grain::Hour,
            Grain::Hour => return,
        };
        let mut slots: BTreeMap<Period, Vec<&Piece>> = BTreeMap::new();
        for piece in holders.iter().filter(|piece| piece.grain <= finer) {
            if let Some(slot) = partition_of(finer, piece.period.start()) {
                slots.entry(slot).or_default().push(piece);
            }
        }
        for (slot, holders) in slots {
            self.resolve(slot, finer, &holders, won);
        }
    }

    /// Whether all of a slot is committed as complete by a stream.
    fn complete(&self, rank: usize, slot: Period) -> bool {
        let length = |period: Period| period.end().as_second() - period.start().as_second();
        let pieces = self
            .pieces
            .iter()
            .filter(|piece| piece.rank == rank && piece.complete);
        let inside = pieces.filter(|piece| slot.contains(piece.period.start()));
        inside.map(|piece| length(piece.period)).sum::<i64>() == length(slot)
    }
}
