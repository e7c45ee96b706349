//! Mending: what was carried over is made to obey the laws, and what lost something is marked to be read again.
//! What must hold: no record is made up or changed; the counts of commits follow from the records that there are.

use super::{Hurt, Paused, Salvaged, carry::Carried, journal};
use crate::ledger::{error::instant, record::Source, store::LedgerError, supersede};
use jiff::Timestamp;
use rusqlite::{Connection, params};
use std::collections::{BTreeMap, BTreeSet};

/// Name of the run that stands for what is no longer known.
const INSTANCE: &str = "ledger-salvage";

/// Mends all of it.
pub(super) fn mend(
    new: &Connection,
    mut carried: Carried,
    older: bool,
    now: Timestamp,
) -> Result<Salvaged, LedgerError> {
    let run = begin(new, now)?;
    orphans(new, run, now)?;
    let mut hurt: BTreeSet<i64> = std::mem::take(&mut carried.hurt);
    let (partitions, uncounted) = recount(new)?;
    hurt.retain(|partition| partitions.contains(partition));
    hurt.extend(uncounted);
    let unplaced = carried.lost.iter().any(|lost| lost.table == "partition");
    let again = read_again(new, &hurt, unplaced)?;
    counting(new)?;
    let paused = journal::mend(new, &carried, older, now)?;
    let note = format!(
        "{} losses, {} partitions to be read again, {} destinations paused",
        carried.lost.len(),
        again.len(),
        paused.len()
    );
    new.execute("UPDATE run SET note = ? WHERE id = ?", params![note, run])?;
    let Carried { rows, lost, .. } = carried;
    let paused = paused
        .into_iter()
        .map(|(destination, reason)| Paused { destination, reason })
        .collect();
    Ok(Salvaged {
        carried: rows,
        lost,
        again,
        paused,
        older,
        ..Salvaged::default()
    })
}

fn begin(new: &Connection, now: Timestamp) -> Result<i64, LedgerError> {
    new.execute(
        "INSERT INTO run (instance, collector, version, sha256, started, ended, outcome)
         VALUES (?1, 'finops-host', ?2, '', ?3, ?3, 'salvaged')",
        params![INSTANCE, env!("CARGO_PKG_VERSION"), now.as_second()],
    )?;
    Ok(new.last_insert_rowid())
}

/// Rows that others refer to and that are lost are replaced by ones that say nothing; what belongs to nobody any more goes.
/// Commits that were held are given up: their records are read again.
fn orphans(new: &Connection, run: i64, now: Timestamp) -> Result<(), LedgerError> {
    new.execute(
        "INSERT INTO commits (id, run, at, state, reason)
         SELECT id, ?1, COALESCE((SELECT at FROM commits AS before WHERE before.id < lost.id ORDER BY id DESC LIMIT 1), ?2),
                'applied', 'lost; put here by salvage'
         FROM (SELECT from_commit AS id FROM record UNION SELECT until_commit FROM record UNION
               SELECT commit_id FROM partition UNION SELECT commit_id FROM commit_partition UNION
               SELECT commit_id FROM entry) AS lost
         WHERE id IS NOT NULL AND id NOT IN (SELECT id FROM commits) ORDER BY id",
        params![run, now.as_second()],
    )?;
    new.execute_batch(
        "UPDATE commits SET state = 'rejected', reason = COALESCE(reason, '') || '; given up by salvage'
         WHERE state = 'held';
         UPDATE commits SET state = 'applied' WHERE state <> 'applied' AND id IN
             (SELECT from_commit FROM record UNION SELECT until_commit FROM record UNION SELECT commit_id FROM partition);
         DELETE FROM commit_partition WHERE partition NOT IN (SELECT id FROM partition)
             OR commit_id IN (SELECT id FROM commits WHERE state <> 'applied');
         DELETE FROM observation_cursor WHERE destination NOT IN (SELECT id FROM destination)
             OR source NOT IN (SELECT id FROM source);
         DELETE FROM event_cursor WHERE destination NOT IN (SELECT id FROM destination)
             OR source NOT IN (SELECT id FROM source);",
    )?;
    new.execute(
        "UPDATE commits SET run = ? WHERE run NOT IN (SELECT id FROM run)",
        [run],
    )?;
    Ok(())
}

/// The counts of one commit on one partition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counts {
    before: i64,
    written: i64,
    unchanged: i64,
    revised: i64,
    added: i64,
    withdrawn: i64,
    merged: i64,
    after: i64,
}

impl Counts {
    /// Whether law 1 holds, where so many records stood before and so many were made and ended.
    fn hold(&self, before: i64, made: i64, gone: i64) -> bool {
        self.before == before
            && self.revised + self.added == made
            && self.revised + self.withdrawn == gone
            && self.unchanged == before - gone
            && self.after == before - gone + made
            && self.written == self.unchanged + self.revised + self.added + self.merged
    }

    /// Counts that follow from the records: which of them were revisions is not known any more.
    fn of(before: i64, made: i64, gone: i64) -> Self {
        let revised = made.min(gone);
        Self {
            before,
            written: before - gone + made,
            unchanged: before - gone,
            revised,
            added: made - revised,
            withdrawn: gone - revised,
            merged: 0,
            after: before - gone + made,
        }
    }
}

type Counted = BTreeMap<i64, BTreeMap<i64, i64>>;

/// Law 1: works the counts of commits out again where they do not follow from the records. All partitions, and those where
/// something did not.
fn recount(new: &Connection) -> Result<(BTreeSet<i64>, BTreeSet<i64>), LedgerError> {
    let made = counted(
        new,
        "SELECT partition, from_commit, count(*) FROM record GROUP BY 1, 2",
    )?;
    let gone = counted(
        new,
        "SELECT partition, until_commit, count(*) FROM record WHERE until_commit IS NOT NULL GROUP BY 1, 2",
    )?;
    let mut stored: BTreeMap<i64, BTreeMap<i64, Counts>> = BTreeMap::new();
    let mut statement = new.prepare(
        "SELECT partition, commit_id, before, written, unchanged, revised, added, withdrawn, merged, after
         FROM commit_partition",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let counts = Counts {
            before: row.get(2)?,
            written: row.get(3)?,
            unchanged: row.get(4)?,
            revised: row.get(5)?,
            added: row.get(6)?,
            withdrawn: row.get(7)?,
            merged: row.get(8)?,
            after: row.get(9)?,
        };
        stored.entry(row.get(0)?).or_default().insert(row.get(1)?, counts);
    }
    let mut statement = new.prepare("SELECT id, commit_id FROM partition ORDER BY id")?;
    let partitions: BTreeMap<i64, i64> = statement
        .query_map([], |row| row.try_into())?
        .collect::<Result<_, _>>()?;
    let mut uncounted = BTreeSet::new();
    let none = BTreeMap::new();
    for (&partition, &touched) in &partitions {
        let (made, gone) = (
            made.get(&partition).unwrap_or(&none),
            gone.get(&partition).unwrap_or(&none),
        );
        let known = stored.remove(&partition).unwrap_or_default();
        let commits: BTreeSet<i64> = made
            .keys()
            .chain(gone.keys())
            .chain(known.keys())
            .copied()
            .collect();
        let last = commits.last().copied().unwrap_or(touched);
        if last != touched {
            uncounted.insert(partition);
            new.execute(
                "UPDATE partition SET commit_id = ? WHERE id = ?",
                params![last, partition],
            )?;
        }
        let mut before = 0;
        for commit in commits.into_iter().chain(commits_of(last, &known, made, gone)) {
            let of = |counts: &BTreeMap<i64, i64>| counts.get(&commit).copied().unwrap_or_default();
            let (made, gone) = (of(made), of(gone));
            let counts = match known.get(&commit) {
                Some(counts) if counts.hold(before, made, gone) => *counts,
                _ => {
                    uncounted.insert(partition);
                    let counts = Counts::of(before, made, gone);
                    put(new, commit, partition, &counts)?;
                    counts
                }
            };
            before = counts.after;
        }
    }
    Ok((partitions.into_keys().collect(), uncounted))
}

/// The commit that last touched a partition of which nothing else is known.
fn commits_of(
    last: i64,
    known: &BTreeMap<i64, Counts>,
    made: &BTreeMap<i64, i64>,
    gone: &BTreeMap<i64, i64>,
) -> Option<i64> {
    (known.is_empty() && made.is_empty() && gone.is_empty()).then_some(last)
}

fn counted(new: &Connection, sql: &str) -> Result<Counted, LedgerError> {
    let mut counts = Counted::new();
    let mut statement = new.prepare(sql)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        counts
            .entry(row.get(0)?)
            .or_default()
            .insert(row.get(1)?, row.get(2)?);
    }
    Ok(counts)
}

fn put(new: &Connection, commit: i64, partition: i64, counts: &Counts) -> Result<(), LedgerError> {
    new.prepare_cached(
        "INSERT INTO commit_partition (commit_id, partition, before, written, unchanged, revised, added, withdrawn,
                                       merged, after)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT DO UPDATE SET before = excluded.before, written = excluded.written,
             unchanged = excluded.unchanged, revised = excluded.revised, added = excluded.added,
             withdrawn = excluded.withdrawn, merged = excluded.merged, after = excluded.after",
    )?
    .execute(params![
        commit,
        partition,
        counts.before,
        counts.written,
        counts.unchanged,
        counts.revised,
        counts.added,
        counts.withdrawn,
        counts.merged,
        counts.after
    ])?;
    Ok(())
}

/// Marks partitions as partial and their streams as due, and forgets where these had come to. Where the row of a partition is
/// lost it is not known of which stream it was: all are read again.
fn read_again(new: &Connection, hurt: &BTreeSet<i64>, all: bool) -> Result<Vec<Hurt>, LedgerError> {
    let mut again = Vec::new();
    let mut select = new.prepare(
        "SELECT provider, billing_account, scope, instance, name, start, stop FROM partition
         JOIN stream ON stream.id = partition.stream JOIN source ON source.id = stream.source WHERE partition.id = ?",
    )?;
    for &partition in hurt {
        let (of, instance, stream, start, end): (Source, String, String, i64, i64) =
            select.query_row([partition], |row| {
                let of = Source {
                    provider: row.get(0)?,
                    billing_account: row.get(1)?,
                    scope: row.get(2)?,
                };
                Ok((of, row.get(3)?, row.get(4)?, row.get(5)?, row.get(6)?))
            })?;
        again.push(Hurt {
            source: of.path(),
            instance,
            stream,
            start: instant(start)?,
            end: instant(end)?,
        });
        for sql in [
            "UPDATE partition SET completeness = 'partial', observed_through = start WHERE id = ?",
            "UPDATE commit_partition SET completeness = 'partial' WHERE partition = ?1
                 AND commit_id = (SELECT commit_id FROM partition WHERE id = ?1)",
            "UPDATE stream SET last_read = NULL WHERE id = (SELECT stream FROM partition WHERE id = ?)",
            "DELETE FROM checkpoint WHERE stream = (SELECT stream FROM partition WHERE id = ?)",
        ] {
            new.execute(sql, [partition])?;
        }
    }
    if all {
        new.execute_batch("UPDATE stream SET last_read = NULL; DELETE FROM checkpoint;")?;
    }
    // Law 4: a checkpoint of a commit that is no longer known to have touched its stream leads nowhere.
    new.execute_batch(
        "DELETE FROM checkpoint WHERE NOT EXISTS (SELECT 1 FROM commit_partition
             JOIN partition ON partition.id = commit_partition.partition
             JOIN commits ON commits.id = commit_partition.commit_id
             WHERE commit_partition.commit_id = checkpoint.commit_id AND partition.stream = checkpoint.stream
               AND commits.state = 'applied')",
    )?;
    Ok(again)
}

/// What counts is decided anew, as nothing covers it.
fn counting(new: &Connection) -> Result<(), LedgerError> {
    new.execute_batch(
        "UPDATE record SET counts = 0 WHERE counts <> 0 AND until_commit IS NULL AND partition IN
             (SELECT partition.id FROM partition JOIN stream ON stream.id = partition.stream
              WHERE view_of IS NOT NULL OR retired_by = '')",
    )?;
    let mut statement = new.prepare("SELECT id FROM source ORDER BY id")?;
    let sources: Vec<i64> = statement
        .query_map([], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    let mut update = new.prepare("UPDATE record SET counts = ? WHERE id = ?")?;
    for source in sources {
        for chain in supersede::chains(new, source)? {
            for stretch in chain.stretches(new)? {
                for flip in chain.flips(new, stretch)? {
                    update.execute(params![flip.counts, flip.record])?;
                }
            }
        }
    }
    Ok(())
}
