//! Replacing the records of one partition: what is staged takes the place of what stands.
//! What must hold: a state that a record had is never overwritten; it only ends with the commit that replaced it.

use super::{
    compare::{Change, Staged, Standing, compare, hash},
    post::Moved,
    store::{LedgerError, checksum},
};
use rusqlite::{Connection, params};
use std::collections::BTreeMap;

/// When a new record counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Counting {
    /// It is part of a view.
    Never,
    /// Its stream stands alone.
    Always,
    /// Other streams tell of the same money: decided once all records are in.
    Decided,
}

/// What one partition's comparison found.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tally {
    pub(super) unchanged: u64,
    pub(super) revised: u64,
    pub(super) added: u64,
    pub(super) withdrawn: u64,
}

impl Tally {
    pub(super) fn changes(self) -> bool {
        self.revised + self.added + self.withdrawn > 0
    }

    pub(super) fn after(self) -> u64 {
        self.unchanged + self.revised + self.added
    }
}

/// A writer's staged records by partition start, each in the order of keys.
pub(super) fn read_staged(
    transaction: &Connection,
    writer: i64,
) -> Result<BTreeMap<i64, Vec<Staged>>, LedgerError> {
    let mut statement = transaction.prepare_cached(
        "SELECT start, seq, key, revision FROM staged_record WHERE writer = ? ORDER BY start, key",
    )?;
    let mut rows = statement.query([writer])?;
    let mut staged: BTreeMap<i64, Vec<Staged>> = BTreeMap::new();
    while let Some(row) = rows.next()? {
        staged.entry(row.get(0)?).or_default().push(Staged {
            seq: row.get(1)?,
            key: hash(row.get_ref(2)?.as_str().map_err(rusqlite::Error::from)?)?,
            revision: hash(row.get_ref(3)?.as_str().map_err(rusqlite::Error::from)?)?,
        });
    }
    Ok(staged)
}

/// A partition's current records in the order of keys.
pub(super) fn read_standing(transaction: &Connection, partition: i64) -> Result<Vec<Standing>, LedgerError> {
    let mut statement = transaction.prepare_cached(
        "SELECT id, key, revision, counts FROM record WHERE partition = ? AND until_commit IS NULL ORDER BY key",
    )?;
    let mut rows = statement.query([partition])?;
    let mut standing = Vec::new();
    while let Some(row) = rows.next()? {
        standing.push(Standing {
            id: row.get(0)?,
            key: hash(row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?)?,
            revision: hash(row.get_ref(2)?.as_str().map_err(rusqlite::Error::from)?)?,
            counts: row.get(3)?,
        });
    }
    Ok(standing)
}

/// Writes what the comparison found into one partition.
pub(super) fn replace(
    transaction: &Connection,
    (commit, partition, writer): (i64, i64, i64),
    standing: &[Standing],
    staged: &[Staged],
    (counting, moved): (Counting, &mut Moved),
) -> Result<Tally, LedgerError> {
    let mut tally = Tally::default();
    let mut retire = transaction.prepare_cached("UPDATE record SET until_commit = ? WHERE id = ?")?;
    for change in compare(standing, staged) {
        let (old, new) = match change {
            Change::Unchanged => {
                tally.unchanged += 1;
                continue;
            }
            Change::Revised(old, new) => {
                tally.revised += 1;
                (Some(old), Some(new))
            }
            Change::Added(new) => {
                tally.added += 1;
                (None, Some(new))
            }
            Change::Withdrawn(old) => {
                tally.withdrawn += 1;
                (Some(old), None)
            }
        };
        if let Some(old) = old {
            retire.execute(params![commit, old.id])?;
            if old.counts {
                moved.minus.push(old.id);
            }
        }
        if let Some(new) = new {
            let counts = counting == Counting::Always;
            let id = insert(transaction, (commit, partition, writer), new.seq, counts)?;
            if counts {
                moved.plus.push(id);
            }
        }
    }
    Ok(tally)
}

/// Copies a staged record; the columns beside its content are taken out of it by SQLite.
fn insert(
    transaction: &Connection,
    (commit, partition, writer): (i64, i64, i64),
    seq: i64,
    counts: bool,
) -> Result<i64, LedgerError> {
    let (key, revision, content): (String, String, String) = transaction
        .prepare_cached("SELECT key, revision, content FROM staged_record WHERE writer = ? AND seq = ?")?
        .query_row(params![writer, seq], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })?;
    let sum = record_checksum(partition, &key, &revision, &content, commit);
    transaction
        .prepare_cached(
            "INSERT INTO record (partition, key, revision, content, service, currency, billed, effective, list,
                                 contracted, counts, from_commit, checksum)
             VALUES (?1, ?2, ?3, ?4, json_extract(?4, '$.ServiceName'), json_extract(?4, '$.BillingCurrency'),
                     json_extract(?4, '$.BilledCost'), json_extract(?4, '$.EffectiveCost'),
                     json_extract(?4, '$.ListCost'), json_extract(?4, '$.ContractedCost'), ?5, ?6, ?7)",
        )?
        .execute(params![partition, key, revision, content, counts, commit, sum])?;
    Ok(transaction.last_insert_rowid())
}

/// The checksum of a record's row.
pub(super) fn record_checksum(
    partition: i64,
    key: &str,
    revision: &str,
    content: &str,
    commit: i64,
) -> String {
    let (partition, commit) = (partition.to_string(), commit.to_string());
    checksum([&partition, key, revision, content, &commit].map(str::as_bytes))
}
