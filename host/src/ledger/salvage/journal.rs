//! Mending the journals: chains of entries, states and batches, and what each destination is to be sent.
//!
//! What must hold: where all that a destination was sent is whole, its entries are made to agree with the records and delivery
//! goes on; where anything of it is lost, its epoch ends, the next one begins with what it certainly has, and it is paused. No
//! entry id that may have been used before is used again.

use super::carry::Carried;
use crate::ledger::{
    destination::{current_counted, end_epoch, next_epoch, rebase::open_differences},
    outbox,
    post::{self, Moved, OpenEpoch, Postings, entry_checksum, entry_id},
    store::{LedgerError, amount},
};
use finops_decimal::Decimal;
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};
use std::collections::{BTreeMap, BTreeSet};

/// Epochs that a salvage begins have numbers from the next of these on: those of lost epochs may have been used.
const NUMBERS: i64 = 100;
const UNKNOWN: &str = "it could not be read, so it is not known whether it arrived";

/// Mends all journals; the destinations that are paused now, and why.
pub(super) fn mend(
    new: &Connection,
    carried: &Carried,
    older: bool,
    now: Timestamp,
) -> Result<Vec<(String, String)>, LedgerError> {
    let mut uncertain = carried.destinations.clone();
    uncertain.extend(batches(new)?);
    let unknown = chains(new)?;
    uncertain.extend(unknown.keys());
    let mut statement = new.prepare("SELECT id, name FROM destination WHERE kind = 'journal' ORDER BY id")?;
    let destinations: Vec<(i64, String)> = statement
        .query_map([], |row| row.try_into())?
        .collect::<Result<_, _>>()?;
    let mut paused = Vec::new();
    for (id, name) in destinations {
        if older || carried.journal || uncertain.contains(&id) {
            begin_anew(new, id, now)?;
            let reason = reason(&name, older, unknown.get(&id));
            outbox::pause(new, id, &reason)?;
            paused.push((name, reason));
        } else if let Some(epoch) = post::open_epochs(new)?
            .into_iter()
            .find(|epoch| epoch.destination == id)
        {
            agree(new, &epoch)?;
        }
    }
    Ok(paused)
}

fn reason(name: &str, older: bool, unknown: Option<&Unknown>) -> String {
    let what = match (older, unknown) {
        (true, _) => "this is not known to be its newest state, so more may have been sent since".to_owned(),
        (false, None) => "something of what it was sent could not be read".to_owned(),
        (false, Some(unknown)) => {
            let sums = unknown
                .sums
                .iter()
                .map(|(currency, sum)| format!("{sum} {currency}"));
            format!(
                "{} entries of it, {} in all, could not be read",
                unknown.entries,
                sums.collect::<Vec<_>>().join(" and ")
            )
        }
    };
    format!(
        "the ledger was salvaged: {what}. Compare what it has with `finops-host costs`; then `finops-host destination resume \
         {name}` sends what it lacks by what is certain, some of which it may have already; or empty it, and `finops-host \
         destination rebase {name} --emptied` with `resume` sends everything once"
    )
}

/// Puts batches and the states of their entries right; the destinations of which it is unknown what became of a batch.
fn batches(new: &Connection) -> Result<BTreeSet<i64>, LedgerError> {
    new.execute_batch(
        "DELETE FROM batch WHERE destination NOT IN (SELECT id FROM destination);
         UPDATE entry SET batch = NULL WHERE batch NOT IN (SELECT id FROM batch);
         UPDATE entry SET state = 'settled' WHERE state IN ('pending', 'held', 'ambiguous')
             AND batch IN (SELECT id FROM batch WHERE state = 'settled');
         UPDATE entry SET batch = NULL WHERE state IN ('pending', 'ambiguous')
             AND batch IN (SELECT id FROM batch WHERE state = 'dissolved');",
    )?;
    let mut statement =
        new.prepare("SELECT DISTINCT destination FROM entry WHERE state = 'ambiguous' AND batch IS NULL")?;
    let unknown = statement
        .query_map([], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    new.execute(
        "UPDATE entry SET state = 'dropped', reason = ? WHERE state = 'ambiguous' AND batch IS NULL",
        [UNKNOWN],
    )?;
    new.execute_batch(
        "UPDATE entry SET state = 'dropped', batch = NULL WHERE state IN ('pending', 'held', 'ambiguous') AND posting IN
             (SELECT posting.id FROM posting JOIN epoch ON epoch.id = posting.epoch WHERE ended IS NOT NULL)",
    )?;
    Ok(unknown)
}

/// Entries of which only the place is known.
#[derive(Default)]
struct Unknown {
    entries: u64,
    sums: BTreeMap<String, Decimal>,
}

/// A posting with what is needed to name its entries.
struct Posting {
    id: i64,
    key: String,
    currency: String,
    sequence: i64,
    total: Decimal,
    source: (i64, String),
    destination: (i64, String),
    epoch: i64,
    open: bool,
    commit: i64,
}

/// Fills the gaps in the chain of each posting: what is missing in between adds up to what the entries around it say. Such an
/// entry is dropped, as nobody knows whether it was sent. What is unknown in open epochs, by destination.
fn chains(new: &Connection) -> Result<BTreeMap<i64, Unknown>, LedgerError> {
    let mut unknown: BTreeMap<i64, Unknown> = BTreeMap::new();
    let mut select = new.prepare(
        "SELECT posting.id, posting.key, posting.currency, posting.sequence, posting.total, source.id, source.hash,
                destination.id, destination.name, epoch.number, epoch.ended IS NULL, partition.commit_id
         FROM posting JOIN epoch ON epoch.id = posting.epoch JOIN destination ON destination.id = epoch.destination
         JOIN partition ON partition.id = posting.partition JOIN stream ON stream.id = partition.stream
         JOIN source ON source.id = stream.source ORDER BY posting.id",
    )?;
    let mut entries =
        new.prepare("SELECT sequence, amount, total_after FROM entry WHERE posting = ? ORDER BY sequence")?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        let posting = Posting {
            id: row.get(0)?,
            key: row.get(1)?,
            currency: row.get(2)?,
            sequence: row.get(3)?,
            total: row.get::<_, String>(4)?.parse().unwrap_or(Decimal::ZERO),
            source: (row.get(5)?, row.get(6)?),
            destination: (row.get(7)?, row.get(8)?),
            epoch: row.get(9)?,
            open: row.get(10)?,
            commit: row.get(11)?,
        };
        let mut missing = Vec::new();
        let (mut last, mut sum) = (0, Decimal::ZERO);
        let mut chain = entries.query([posting.id])?;
        while let Some(entry) = chain.next()? {
            let sequence: i64 = entry.get(0)?;
            let (change, after) = (
                amount(&entry.get::<_, String>(1)?)?,
                amount(&entry.get::<_, String>(2)?)?,
            );
            let before = add(after, -change)?;
            posting.gap((last, sequence), (sum, before), &mut missing)?;
            (last, sum) = (sequence, after);
        }
        if posting.sequence > last && posting.sequence - last <= i64::from(u16::MAX) {
            posting.gap((last, posting.sequence + 1), (sum, posting.total), &mut missing)?;
            (last, sum) = (posting.sequence, posting.total);
        }
        if !missing.is_empty() && posting.open {
            let told = unknown.entry(posting.destination.0).or_default();
            for (_, change, _) in &missing {
                told.entries += 1;
                let of = told.sums.entry(posting.currency.clone()).or_default();
                *of = add(*of, *change)?;
            }
        }
        for (sequence, change, after) in missing {
            posting.fill(new, sequence, &change.to_string(), &after.to_string())?;
        }
        new.prepare_cached("UPDATE posting SET sequence = ?, total = ? WHERE id = ?")?
            .execute(params![last, sum.to_string(), posting.id])?;
    }
    Ok(unknown)
}

impl Posting {
    /// Notes the entries between two sequences, and between two totals: the first of them carries all of the difference.
    fn gap(
        &self,
        (last, next): (i64, i64),
        (sum, before): (Decimal, Decimal),
        missing: &mut Vec<(i64, Decimal, Decimal)>,
    ) -> Result<(), LedgerError> {
        let mut change = add(before, -sum)?;
        for sequence in last.saturating_add(1)..next {
            missing.push((sequence, change, before));
            change = Decimal::ZERO;
        }
        if change.is_zero() {
            Ok(())
        } else {
            Err(LedgerError::Damaged(format!(
                "the entries of posting {} contradict each other",
                self.id
            )))
        }
    }

    fn fill(&self, new: &Connection, sequence: i64, change: &str, after: &str) -> Result<(), LedgerError> {
        let id = entry_id(
            &self.source.1,
            &self.key,
            &self.destination.1,
            self.epoch,
            sequence,
        );
        let sum = entry_checksum(&id, self.id, sequence, change, after);
        new.execute(
            "INSERT INTO entry (entry_id, posting, source, destination, commit_id, sequence, amount, total_after, state,
                                reason, checksum)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'dropped', ?, ?)",
            params![
                id,
                self.id,
                self.source.0,
                self.destination.0,
                self.commit,
                sequence,
                change,
                after,
                UNKNOWN,
                sum
            ],
        )?;
        Ok(())
    }
}

fn add(one: Decimal, other: Decimal) -> Result<Decimal, LedgerError> {
    one.checked_add(other)
        .map_err(|error| LedgerError::TooLarge(format!("sum of entries: {error}")))
}

/// Ends a destination's epoch and begins the next from what it certainly has.
fn begin_anew(new: &Connection, destination: i64, now: Timestamp) -> Result<(), LedgerError> {
    let newest: Option<(i64, i64, String)> = new
        .query_row(
            "SELECT id, number, start_mode FROM epoch WHERE destination = ? ORDER BY number DESC LIMIT 1",
            [destination],
            |row| row.try_into(),
        )
        .optional()?;
    end_epoch(new, destination, "the ledger was salvaged", now)?;
    let (ended, number, start) = newest.unwrap_or((0, 0, "baseline".to_owned()));
    let Some(begun) = next_epoch(new, destination, &start, now)? else {
        return Ok(());
    };
    let epoch = OpenEpoch {
        number: (number / NUMBERS + 1) * NUMBERS,
        ..begun
    };
    new.execute(
        "UPDATE epoch SET number = ? WHERE id = ?",
        params![epoch.number, epoch.id],
    )?;
    open_differences(new, &epoch, ended)
}

/// Law 2: posts what the records that are there differ from the entries, partition by partition.
fn agree(new: &Connection, epoch: &OpenEpoch) -> Result<(), LedgerError> {
    let mut statement = new.prepare("SELECT id, commit_id FROM partition ORDER BY id")?;
    let partitions: Vec<(i64, i64)> = statement
        .query_map([], |row| row.try_into())?
        .collect::<Result<_, _>>()?;
    let mut posted =
        new.prepare("SELECT key, dims, currency FROM posting WHERE epoch = ? AND partition = ?")?;
    for (partition, commit) in partitions {
        let context = post::context(new, partition)?;
        let mut postings = Postings::new();
        let mut rows = posted.query([epoch.id, partition])?;
        while let Some(row) = rows.next()? {
            let (key, dims): (String, String) = (row.get(0)?, row.get(1)?);
            let of = (key.as_str(), dims.as_str(), row.get(2)?);
            let posting = post::reversed(new, epoch, partition, of)?;
            postings.insert(key, posting);
        }
        let mut moved = Moved::default();
        if context.source.counts {
            moved.plus = current_counted(new, partition)?;
        }
        let onto = (postings, post::Sending::Send);
        post::post_onto(new, epoch, &context, commit, &moved, onto)?;
    }
    Ok(())
}
