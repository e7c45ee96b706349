//! The proof at the end of a siege, from the provider's bill, the ledger's rows and all that the destination got.
//! What must hold: it reads the ledger by plain SQL and sums by [`Decimal`], with no code of the host.

use super::bill::{Bill, Place, REFUSED};
use crate::{Error, books, openfinops::Received};
use finops_decimal::Decimal;
use rusqlite::Connection;
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    path::Path,
};

/// What was proved, in numbers.
#[derive(Debug, Default)]
pub(super) struct Proof {
    /// Entries at the destination, each once.
    entries: usize,
    dead: usize,
    sum: Decimal,
    /// Bodies that arrived whole.
    sent: usize,
    resent: usize,
    /// Batches stored again.
    pub(super) duplicates: u64,
}

impl fmt::Display for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} bodies, {} sent again, {} stored again; {} entries and {} dead letters come to {}",
            self.sent, self.resent, self.duplicates, self.entries, self.dead, self.sum
        )
    }
}

/// An entry of the ledger.
struct Entry {
    amount: Decimal,
    state: String,
    refused: bool,
}

/// Proves that nothing was lost, invented, changed or sent in other bytes.
pub(super) fn prove(
    state: &Path,
    bill: &Bill,
    bodies: &[Received],
    stored: &[Value],
) -> Result<Proof, Error> {
    let ledger = books::open(state)?;
    if records(&ledger)? != bill.lines() {
        return Err("the ledger's records are not the provider's lines".into());
    }
    let entries = entries(&ledger)?;
    let mut proof = Proof {
        sent: bodies.len(),
        ..Proof::default()
    };

    let mut by_batch: BTreeMap<String, &[u8]> = BTreeMap::new();
    for body in bodies {
        let batch = batch_id(&serde_json::from_slice(&body.body)?)?;
        if let Some(first) = by_batch.insert(batch.clone(), &body.body) {
            proof.resent += 1;
            if first != body.body {
                return Err(format!("batch {batch} was sent again in other bytes").into());
            }
        }
    }

    let perhaps_stored = perhaps_stored(&ledger)?;
    let mut apart = BTreeSet::new();
    let mut batches = BTreeSet::new();
    let mut arrived: BTreeMap<String, (Decimal, String)> = BTreeMap::new();
    for row in stored {
        let batch = batch_id(row)?;
        if !batches.insert(batch.clone()) {
            proof.duplicates += 1;
        }
        let sent = row.pointer("/metrics/cost_entries").and_then(Value::as_array);
        for entry in sent.ok_or("a stored batch has no list of entries")? {
            let text = |pointer: &str| {
                let text = entry.pointer(pointer).and_then(Value::as_str);
                text.ok_or_else(|| format!("a stored entry has no {pointer}: {entry}"))
            };
            let (id, amount) = (
                text("/entry_id")?.to_owned(),
                text("/tags/finops_host.amount")?.parse()?,
            );
            let now = (amount, batch.clone());
            let Some(before) = arrived.insert(id.clone(), now.clone()) else {
                continue;
            };
            if before.0 == now.0 && before.1 != now.1 && perhaps_stored.contains(&before.1) {
                // Its batch was sent again after look-ups that proved nothing, and then refused as too large.
                apart.insert(batch.clone());
            } else if before != now {
                return Err(format!("entry {id} arrived as {before:?} and as {now:?}").into());
            }
        }
    }

    let mut expected = BTreeMap::new();
    let mut all = Vec::new();
    for (id, entry) in entries {
        all.push(entry.amount);
        match (entry.state.as_str(), entry.refused) {
            ("settled", false) => drop(expected.insert(id, entry.amount)),
            ("dead", true) => proof.dead += 1,
            (state, refused) => {
                return Err(
                    format!("entry {id} ended as {state}; the destination refuses it: {refused}").into(),
                );
            }
        }
    }
    let arrived: BTreeMap<String, Decimal> = arrived
        .into_iter()
        .map(|(id, (amount, _))| (id, amount))
        .collect();
    if let Some((lost, _)) = expected.iter().find(|(id, _)| !arrived.contains_key(*id)) {
        return Err(format!("entry {lost} is lost").into());
    }
    if arrived != expected {
        let invented: Vec<_> = arrived
            .iter()
            .filter(|(id, amount)| expected.get(*id) != Some(amount))
            .collect();
        return Err(format!("the destination has what the ledger never sent: {invented:?}").into());
    }
    proof.duplicates += u64::try_from(apart.len())?;
    proof.entries = arrived.len();
    proof.sum = Decimal::sum(all)?;
    if proof.sum != bill.total()? {
        return Err(format!("the entries come to {}, the bill to {}", proof.sum, bill.total()?).into());
    }
    Ok(proof)
}

/// The batches that the ledger itself says may be there twice. What they held may have gone again in other batches, by the
/// same entry ids; of every other batch an entry goes in that one alone.
fn perhaps_stored(ledger: &Connection) -> Result<BTreeSet<String>, Error> {
    let mut statement = ledger.prepare("SELECT uid FROM batch WHERE maybe_duplicated = 1")?;
    let rows = statement.query_map([], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Shows that the proof can fail: with a batch less, an entry more, another amount, other bytes.
pub(super) fn can_fail(
    state: &Path,
    bill: &Bill,
    bodies: &[Received],
    stored: &[Value],
) -> Result<(), Error> {
    const ENTRY: &str = "/metrics/cost_entries/0";
    let carries_money = |row: &&Value| row.pointer(ENTRY).is_some();
    let some = stored.iter().find(carries_money).ok_or("nothing was stored")?;
    let batch = batch_id(some)?;
    let mut less = stored.to_vec();
    less.retain(|row| batch_id(row).is_ok_and(|id| id != batch));
    let changed = |pointer: &str, value: &str| {
        let mut row = some.clone();
        if let Some(place) = row.pointer_mut(&format!("{ENTRY}{pointer}")) {
            *place = value.into();
        }
        let mut rows = stored.to_vec();
        rows.push(row);
        rows
    };
    let mut other = bodies.to_vec();
    if let Some(mut again) = bodies.last().cloned() {
        again.body = [again.body.as_ref(), b" "].concat().into();
        other.push(again);
    }
    let tampered = [
        ("is lost", prove(state, bill, bodies, &less)),
        (
            "never sent",
            prove(state, bill, bodies, &changed("/entry_id", "invented")),
        ),
        (
            "arrived as",
            prove(state, bill, bodies, &changed("/tags/finops_host.amount", "1")),
        ),
        ("other bytes", prove(state, bill, &other, stored)),
    ];
    for (words, proof) in tampered {
        match proof {
            Err(error) if error.to_string().contains(words) => {}
            other => return Err(format!("{words:?} was to be found: {other:?}").into()),
        }
    }
    Ok(())
}

fn batch_id(body: &Value) -> Result<String, Error> {
    let id = body.pointer("/metrics/batch_id").and_then(Value::as_str);
    Ok(id.ok_or("a body has no batch id")?.to_owned())
}

/// Service and effective cost of the current records, by account and day.
fn records(ledger: &Connection) -> Result<BTreeMap<Place, Vec<(String, Decimal)>>, Error> {
    let sql = "SELECT source.billing_account, partition.start, record.service, record.effective FROM record
               JOIN partition ON partition.id = record.partition
               JOIN stream ON stream.id = partition.stream JOIN source ON source.id = stream.source
               WHERE record.until_commit IS NULL";
    let mut statement = ledger.prepare(sql)?;
    let mut rows = statement.query([])?;
    let mut records: BTreeMap<Place, Vec<(String, Decimal)>> = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let cost = row.get::<_, String>(3)?.parse()?;
        let place = (row.get(0)?, row.get(1)?);
        records.entry(place).or_default().push((row.get(2)?, cost));
    }
    records.values_mut().for_each(|lines| lines.sort());
    Ok(records)
}

fn entries(ledger: &Connection) -> Result<BTreeMap<String, Entry>, Error> {
    let sql =
        "SELECT entry_id, amount, entry.state, posting.dims FROM entry JOIN posting ON posting.id = posting";
    let mut statement = ledger.prepare(sql)?;
    let mut rows = statement.query([])?;
    let mut entries = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let entry = Entry {
            amount: row.get::<_, String>(1)?.parse()?,
            state: row.get(2)?,
            refused: row.get::<_, String>(3)?.contains(REFUSED),
        };
        if entries.insert(row.get(0)?, entry).is_some() {
            return Err("two entries of the ledger have one id".into());
        }
    }
    Ok(entries)
}
