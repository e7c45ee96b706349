//! Replacing the records of one partition: what is staged takes the place of what stands.
//! What must hold: a state that a record had is never overwritten; it only ends with the commit that replaced it.
//! Memory: none that grows with the partition; differences are noted in a temporary table before any of them is made.

use super::{
    compare::{Change, Staged, Standing, compare},
    fingerprint::{self, Became},
    runs::{self, Ordered},
    store::{Hash, LedgerError, digest_parts},
};
use rusqlite::{Connection, ToSql, params};

/// Records that are copied by one statement.
const AT_ONCE: usize = 4_096;

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

    pub(super) fn before(self) -> u64 {
        self.unchanged + self.revised + self.withdrawn
    }

    pub(super) fn after(self) -> u64 {
        self.unchanged + self.revised + self.added
    }
}

/// Writes what the comparison finds into one partition, and notes whose money moves by it.
pub(super) fn replace(
    transaction: &Connection,
    (commit, partition): (i64, i64),
    (writer, start): (i64, i64),
    counting: Counting,
) -> Result<Tally, LedgerError> {
    let standing: bool = transaction
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM record WHERE partition = ? AND until_commit IS NULL)")?
        .query_row([partition], |row| row.get(0))?;
    let counts = counting == Counting::Always;
    let tally = if standing {
        let tally = find_changes(transaction, partition, (writer, start))?;
        if tally.changes() {
            let changed = "(SELECT new AS staged FROM temp.change WHERE new IS NOT NULL)";
            end(transaction, commit, partition)?;
            insert(transaction, (commit, partition, counts), changed, params![])?;
        }
        fingerprint::settle(transaction, partition, Became::Changed)?;
        tally
    } else {
        let added = insert_all(transaction, (commit, partition, counts), (writer, start))?;
        let became = match fingerprint::staged(transaction, writer, start)? {
            Some((records, print)) if records == added => Became::New(print),
            _ => Became::Unknown,
        };
        fingerprint::settle(transaction, partition, became)?;
        Tally {
            added,
            ..Tally::default()
        }
    };
    if counts && tally.revised + tally.added > 0 && is_told(transaction)? {
        transaction
            .prepare_cached(
                "INSERT INTO temp.moved (partition, enters, record)
                 SELECT partition, 1, id FROM record WHERE partition = ? AND from_commit = ?",
            )?
            .execute([partition, commit])?;
    }
    Ok(tally)
}

/// Whether any destination takes what moves.
fn is_told(transaction: &Connection) -> Result<bool, LedgerError> {
    Ok(transaction
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM epoch WHERE ended IS NULL)")?
        .query_row([], |row| row.get(0))?)
}

/// Compares a partition with what is staged for it, and notes each difference.
fn find_changes(transaction: &Connection, partition: i64, staged: (i64, i64)) -> Result<Tally, LedgerError> {
    transaction
        .prepare_cached("DELETE FROM temp.change")?
        .execute([])?;
    let mut standing = transaction.prepare_cached(
        "SELECT id, key, revision, counts FROM record WHERE partition = ? AND until_commit IS NULL ORDER BY key",
    )?;
    let standing = standing.query_map([partition], |row| {
        Ok(Standing {
            id: row.get(0)?,
            key: row.get(1)?,
            revision: row.get(2)?,
            counts: row.get(3)?,
        })
    })?;
    let standing = standing.map(|record| record.map_err(LedgerError::from));
    let mut order = runs::ordered(transaction)?;
    let written = Ordered::of(&mut order, staged)?.map(|entry| {
        entry.map(|entry| Staged {
            id: entry.staged,
            key: entry.key,
            revision: entry.revision,
        })
    });
    let mut note =
        transaction.prepare_cached("INSERT INTO temp.change (old, counted, new) VALUES (?, ?, ?)")?;
    let mut tally = Tally::default();
    for change in compare(standing, written) {
        let (old, new) = match change? {
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
        note.execute(params![
            old.as_ref().map(|old| old.id),
            old.map(|old| old.counts),
            new.map(|new| new.id)
        ])?;
    }
    Ok(tally)
}

/// Ends the states that the comparison found to be over.
fn end(transaction: &Connection, commit: i64, partition: i64) -> Result<(), LedgerError> {
    transaction
        .prepare_cached(
            "UPDATE record SET until_commit = ? WHERE id IN (SELECT old FROM temp.change WHERE old IS NOT NULL)",
        )?
        .execute([commit])?;
    transaction
        .prepare_cached(
            "INSERT INTO temp.moved (partition, enters, record)
             SELECT ?, 0, old FROM temp.change WHERE counted = 1 ORDER BY old",
        )?
        .execute([partition])?;
    Ok(())
}

/// Copies all that is staged for a partition, some at a time.
fn insert_all(
    transaction: &Connection,
    to: (i64, i64, bool),
    staged: (i64, i64),
) -> Result<u64, LedgerError> {
    let mut order = runs::ordered(transaction)?;
    let mut order = Ordered::of(&mut order, staged)?;
    let mut added = 0;
    loop {
        let mut ids = String::from("[");
        for entry in order.by_ref().take(AT_ONCE) {
            if ids.len() > 1 {
                ids.push(',');
            }
            ids.push_str(&entry?.staged.to_string());
        }
        if ids.len() == 1 {
            return Ok(added);
        }
        ids.push(']');
        let some = "(SELECT value AS staged FROM json_each(?4))";
        added += insert(transaction, to, some, params![ids])?;
    }
}

/// Copies staged records, chosen by a query that gives them in the order of keys, so that indexes grow at their end.
fn insert(
    transaction: &Connection,
    (commit, partition, counts): (i64, i64, bool),
    staged: &str,
    parameters: &[&dyn ToSql],
) -> Result<u64, LedgerError> {
    let sql = format!(
        "INSERT INTO record (partition, key, revision, content, service, currency, billed, effective, list, contracted,
                             counts, from_commit, checksum)
         SELECT ?1, key, revision, content, service, currency, billed, effective, list, contracted, ?3, ?2,
                record_checksum(?1, key, revision, ?2)
         FROM {staged} AS chosen CROSS JOIN temp.staged ON staged.id = chosen.staged"
    );
    let first: [&dyn ToSql; 3] = [&partition, &commit, &counts];
    let parameters: Vec<&dyn ToSql> = first.iter().chain(parameters).copied().collect();
    let rows = transaction.prepare_cached(&sql)?.execute(parameters.as_slice())?;
    Ok(rows as u64)
}

/// The checksum of a record's row. Its content is covered by the revision, which is the content's own hash.
pub(super) fn record_checksum(partition: i64, key: &Hash, revision: &Hash, commit: i64) -> [u8; 8] {
    let (partition, commit) = (partition.to_be_bytes(), commit.to_be_bytes());
    let parts = [partition.as_slice(), key, revision, &commit];
    let mut sum = [0; 8];
    for (byte, of) in sum.iter_mut().zip(digest_parts(parts)) {
        *byte = of;
    }
    sum
}
