//! Which of several streams counts, where they tell of the same money.
//! Here the chains of a source are read and the records found of which [`slots`](super::slots) decides.
//! What must hold: a stream is in one chain at most, and records of views and of retired streams are in none.
//! Memory: the partitions of a stretch; values and records are noted in temporary tables (`supersede.sql`).

use super::{
    error::{damaged, instant},
    links::{self, Link, Links, Retirement},
    period::partition_of,
    record::Period,
    slots::{Piece, Scope},
    stage::Completeness,
    store::LedgerError,
    stream::definition,
};
use crate::component::descriptor::Grain;
use rusqlite::{Connection, params};
use std::collections::{BTreeMap, BTreeSet};

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
    let mut statement = connection.prepare_cached(
        "SELECT id, definition, retired_by FROM stream WHERE source = ? AND view_of IS NULL ORDER BY id",
    )?;
    let mut rows = statement.query([source])?;
    let mut counted = Links::new();
    while let Some(row) = rows.next()? {
        let stream = definition(&row.get::<_, String>(1)?)?;
        let link = Link {
            id: row.get(0)?,
            grain: stream.grain,
            supersedes: stream.supersedes,
            retirement: Retirement::read(row.get(2)?),
        };
        counted.insert(stream.name, link);
    }
    let streams = links::settle(counted);
    let worse: BTreeSet<String> = streams
        .values()
        .filter_map(|link| link.supersedes.as_ref().map(|to| to.stream.clone()))
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
            if let Some(link) = streams.get(&name)
                && placed.insert(name)
            {
                chain.members.push(Member {
                    stream: link.id,
                    grain: link.grain,
                });
                if let Some(to) = &link.supersedes {
                    chain.by.clone_from(&to.by);
                    next = Some(to.stream.clone());
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

    /// Notes the records of a stretch whose `counts` is not what the rule says, in the temporary table `flip`: each with
    /// its partition and what is right.
    pub(super) fn find_flips(&self, connection: &Connection, stretch: Period) -> Result<(), LedgerError> {
        connection.execute_batch(include_str!("supersede.sql"))?;
        let pieces = self.pieces(connection, stretch)?;
        let (value, path) = self.value();
        let mut hold = connection.prepare_cached(&format!(
            "INSERT INTO temp.holding (value, partition) SELECT DISTINCT {value}, partition FROM whole_record
             WHERE partition = ?1 AND until_commit IS NULL AND ?2 IS NOT NULL"
        ))?;
        for piece in &pieces {
            hold.execute(params![piece.id, path])?;
        }
        self.judge(connection, stretch, &pieces)?;
        let mut flip = connection.prepare_cached(&format!(
            "INSERT INTO temp.flip (record, partition, counts)
             SELECT record.id, record.partition, verdict.counts FROM whole_record AS record
             CROSS JOIN temp.verdict ON verdict.value = {value} AND verdict.partition = record.partition
             WHERE record.partition = ?1 AND until_commit IS NULL AND ?2 IS NOT NULL AND record.counts <> verdict.counts"
        ))?;
        for piece in &pieces {
            flip.execute(params![piece.id, path])?;
        }
        Ok(())
    }

    /// Decides for each value which partitions' records of it count.
    fn judge(&self, connection: &Connection, stretch: Period, pieces: &[Piece]) -> Result<(), LedgerError> {
        let by_id: BTreeMap<i64, &Piece> = pieces.iter().map(|piece| (piece.id, piece)).collect();
        let whole = Scope {
            pieces,
            everything: self.by.is_none(),
        };
        let coarsest = self.members.iter().map(|member| member.grain).max();
        let mut note = connection
            .prepare_cached("INSERT INTO temp.verdict (value, partition, counts) VALUES (?, ?, ?)")?;
        let mut judge = |value: &str, holders: &[&Piece]| -> Result<(), LedgerError> {
            let mut slots = Vec::new();
            whole.resolve(stretch, coarsest.unwrap_or(Grain::Month), holders, &mut slots);
            for piece in holders {
                let won = |(slot, rank): &(Period, usize)| {
                    *rank == piece.rank && slot.contains(piece.period.start())
                };
                note.execute(params![value, piece.id, slots.iter().any(won)])?;
            }
            Ok(())
        };
        let mut held = connection
            .prepare_cached("SELECT value, partition FROM temp.holding ORDER BY value, partition")?;
        let mut rows = held.query([])?;
        let mut open: Option<(String, Vec<&Piece>)> = None;
        while let Some(row) = rows.next()? {
            let value: String = row.get(0)?;
            let holder = by_id.get(&row.get(1)?).copied();
            match &mut open {
                Some((of, holders)) if *of == value => holders.extend(holder),
                _ => {
                    if let Some((of, holders)) = open.replace((value, holder.into_iter().collect())) {
                        judge(&of, &holders)?;
                    }
                }
            }
        }
        if let Some((of, holders)) = open {
            judge(&of, &holders)?;
        }
        Ok(())
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

    /// A record's value of the chain's dimension in SQL, and the path that is its parameter `?2`. (Statements say
    /// `?2 IS NOT NULL`, so that they have that parameter also where the value needs no path.)
    fn value(&self) -> (&'static str, String) {
        match self.by.as_deref() {
            None => ("''", String::new()),
            Some("ServiceName") => ("service", String::new()),
            Some(name) => {
                let path = match name.starts_with("x_") {
                    true => format!("$.Extra.{name}"),
                    false => format!("$.{name}"),
                };
                ("COALESCE(json_extract(content, ?2), '')", path)
            }
        }
    }
}
