//! Which of several streams counts, where they tell of the same money.
//! What must hold: every value of every slot of time counts exactly once. The rule is [`winner`]; the rest finds the
//! records it speaks of. A slot is the coarsest partition that a chain of streams has there, so that a day's bill
//! replaces 24 hours of estimates whole, and 24 hours of a bill replace a day's estimate only together.

use super::{
    error::damaged, period::partition_of, record::Period, stage::Completeness, store::LedgerError,
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
                stretches.extend(self.stretch(super::error::instant(start?)?));
            }
        }
        Ok(stretches)
    }

    /// The records of a stretch whose `counts` is not what the rule says.
    pub(super) fn flips(&self, connection: &Connection, stretch: Period) -> Result<Vec<Flip>, LedgerError> {
        let mut flips = Vec::new();
        for slot in self.slots(connection, stretch)? {
            self.judge(connection, &slot, &mut flips)?;
        }
        Ok(flips)
    }

    /// The partitions of a stretch, cut into slots.
    fn slots(&self, connection: &Connection, stretch: Period) -> Result<Vec<Slot>, LedgerError> {
        let mut statement = connection.prepare_cached(
            "SELECT id, start, stop, completeness FROM partition
             WHERE stream = ? AND start >= ? AND start < ? ORDER BY start",
        )?;
        let mut found = Vec::new();
        for (rank, member) in self.members.iter().enumerate() {
            let bounds = (stretch.start().as_second(), stretch.end().as_second());
            let mut rows = statement.query(params![member.stream, bounds.0, bounds.1])?;
            while let Some(row) = rows.next()? {
                let complete = Completeness::from_name(&row.get::<_, String>(3)?)?;
                let (start, stop): (i64, i64) = (row.get(1)?, row.get(2)?);
                let length = stop - start;
                found.push((rank, member.grain, row.get::<_, i64>(0)?, start, length, complete));
            }
        }
        let Some(grain) = found.iter().map(|partition| partition.1).max() else {
            return Ok(Vec::new());
        };
        let mut slots: BTreeMap<Period, Vec<Share>> = BTreeMap::new();
        for (rank, _, id, start, length, complete) in found {
            let slot = partition_of(grain, super::error::instant(start)?)
                .ok_or_else(|| damaged("partition start", start))?;
            let shares = slots
                .entry(slot)
                .or_insert_with(|| vec![Share::default(); self.members.len()]);
            if let Some(share) = shares.get_mut(rank) {
                share.partitions.push(id);
                share.covered += if complete == Completeness::Complete {
                    length
                } else {
                    0
                };
            }
        }
        Ok(slots
            .into_iter()
            .map(|(period, shares)| Slot {
                length: period.end().as_second() - period.start().as_second(),
                shares,
            })
            .collect())
    }

    /// Applies the rule to one slot.
    fn judge(&self, connection: &Connection, slot: &Slot, flips: &mut Vec<Flip>) -> Result<(), LedgerError> {
        let mut held: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (rank, share) in slot.shares.iter().enumerate() {
            let mut values = BTreeSet::new();
            if self.by.is_none() && share.covered == slot.length {
                // Superseding everything needs no record: an empty bill says that there was no cost.
                values.insert(String::new());
            }
            for &partition in &share.partitions {
                self.each(connection, partition, |_, value, _| {
                    values.insert(value);
                })?;
            }
            for value in values {
                held.entry(value).or_default().push(rank);
            }
        }
        let wins = |rank: usize, value: &str| {
            let ranks = held.get(value).map(Vec::as_slice).unwrap_or_default();
            let holders: Vec<Holder> = ranks
                .iter()
                .map(|&rank| Holder {
                    complete: slot
                        .shares
                        .get(rank)
                        .is_some_and(|share| share.covered == slot.length),
                })
                .collect();
            winner(&holders).and_then(|index| ranks.get(index)) == Some(&rank)
        };
        for (rank, share) in slot.shares.iter().enumerate() {
            for &partition in &share.partitions {
                self.each(connection, partition, |record, value, counted| {
                    let counts = wins(rank, &value);
                    if counts != counted {
                        flips.push(Flip {
                            partition,
                            record,
                            counts,
                        });
                    }
                })?;
            }
        }
        Ok(())
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

/// A slot of time and, by rank, what each stream has in it.
struct Slot {
    length: i64,
    shares: Vec<Share>,
}

/// A stream's partitions within a slot, and how many seconds of it are complete.
#[derive(Clone, Default)]
struct Share {
    partitions: Vec<i64>,
    covered: i64,
}
