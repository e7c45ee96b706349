//! Runs: one row for each start of an instance, and what a killed one left behind.

use super::{
    apart::{self, Money},
    error::{WriteError, damaged},
    source::Claimant,
    stage,
    store::{LedgerError, checksum},
    tags::{self, Tags},
};
use crate::component::descriptor::Stream;
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};
use std::collections::BTreeMap;

/// One start of an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RunId(pub(super) i64);

impl RunId {
    /// The number that people see.
    #[must_use]
    pub fn number(self) -> i64 {
        self.0
    }
}

/// What is running.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunInfo {
    /// Name of the instance.
    pub instance: String,
    /// Name of the collector.
    pub collector: String,
    /// Its version.
    pub version: String,
    /// Hash of the component that runs.
    pub sha256: String,
    /// The streams of its descriptor: which of them give way to which must be known before all of them have data.
    pub streams: Vec<Stream>,
    /// Whether its money counts.
    pub money: Money,
    /// The operator's own tags of its money.
    pub tags: Tags,
}

/// The newest runs of an instance whose reports are kept.
const REPORTS: i64 = 200;
/// How many older runs a run forgets at most: a ledger of before gets rid of its own bit by bit.
const FORGOTTEN: i64 = 100;

/// Begins a run. The caller holds the instance's lock, so an unfinished earlier run of it is dead: it is closed as
/// `killed`, and what it staged is deleted.
pub(super) fn begin(
    connection: &mut Connection,
    info: &RunInfo,
    now: Timestamp,
) -> Result<RunId, LedgerError> {
    let streams = serde_json::to_string(&info.streams).map_err(|error| damaged("streams", error))?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let dead: Vec<i64> = {
        let mut statement = transaction.prepare_cached(
            "SELECT id FROM run WHERE instance = ? AND (ended IS NULL OR EXISTS
                 (SELECT 1 FROM staged_writer WHERE staged_writer.run = run.id AND commit_id IS NULL))",
        )?;
        let rows = statement.query_map([&info.instance], |row| row.get(0))?;
        rows.collect::<Result<_, _>>()?
    };
    for run in dead {
        forget_staged(&transaction, run)?;
        transaction.execute(
            "UPDATE run SET ended = ?, outcome = 'killed' WHERE id = ? AND ended IS NULL",
            params![now.as_second(), run],
        )?;
    }
    transaction.execute(
        "INSERT INTO run (instance, collector, version, sha256, started, streams, counts) VALUES (?, ?, ?, ?, ?, ?, ?)",
        params![
            info.instance,
            info.collector,
            info.version,
            info.sha256,
            now.as_second(),
            streams,
            info.money.counts()
        ],
    )?;
    let id = transaction.last_insert_rowid();
    forget_old(&transaction, &info.instance)?;
    apart::settle(&transaction, &info.instance, info.money)?;
    tags::settle(&transaction, &info.instance, &info.tags)?;
    transaction.commit()?;
    Ok(RunId(id))
}

/// Forgets older runs of an instance that left nothing, and the reports of those that left something: one that runs every few
/// minutes would fill a disk with them.
fn forget_old(transaction: &Transaction, instance: &str) -> Result<(), LedgerError> {
    let oldest: Option<i64> = transaction
        .prepare_cached("SELECT id FROM run WHERE instance = ? ORDER BY id DESC LIMIT 1 OFFSET ?")?
        .query_row(params![instance, REPORTS - 1], |row| row.get(0))
        .optional()?;
    let Some(oldest) = oldest else { return Ok(()) };
    let old: Vec<(i64, bool)> = {
        let mut statement = transaction.prepare_cached(
            "SELECT id, EXISTS (SELECT 1 FROM commits WHERE commits.run = run.id)
                 OR EXISTS (SELECT 1 FROM staged_writer WHERE staged_writer.run = run.id)
             FROM run WHERE instance = ?1 AND id < ?2 AND (report IS NOT NULL OR NOT EXISTS
                 (SELECT 1 FROM commits WHERE commits.run = run.id)) ORDER BY id LIMIT ?3",
        )?;
        let rows = statement.query_map(params![instance, oldest, FORGOTTEN], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
        rows.collect::<Result<_, _>>()?
    };
    for (run, needed) in old {
        let sql = match needed {
            true => "UPDATE run SET report = NULL, checksum = NULL WHERE id = ?",
            false => "DELETE FROM run WHERE id = ?",
        };
        transaction.prepare_cached(sql)?.execute([run])?;
    }
    Ok(())
}

/// When each instance was last started.
pub(super) fn last_starts(connection: &Connection) -> Result<BTreeMap<String, Timestamp>, LedgerError> {
    let mut statement = connection.prepare("SELECT instance, max(started) FROM run GROUP BY instance")?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get::<_, i64>(1)?)))?;
    rows.map(|row| {
        let (instance, started) = row?;
        Ok((
            instance,
            Timestamp::from_second(started).unwrap_or(Timestamp::MIN),
        ))
    })
    .collect()
}

/// Who writes by a run that has not ended.
pub(super) fn claimant(connection: &Connection, run: RunId) -> Result<Claimant, WriteError> {
    let claimant = connection
        .prepare_cached("SELECT instance, counts FROM run WHERE id = ? AND ended IS NULL")?
        .query_row([run.0], |row| {
            Ok(Claimant {
                instance: row.get(0)?,
                counts: row.get(1)?,
            })
        })
        .optional()?;
    claimant.ok_or_else(|| WriteError::internal("the run has ended"))
}

/// What becomes of what a run staged and did not commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leftovers {
    /// It is deleted.
    Deleted,
    /// It stays for the next run to delete: on a full disk there may be no space for the log of so many deletions.
    Left,
}

/// Ends a run.
pub(super) fn end(
    connection: &mut Connection,
    run: RunId,
    (outcome, note): (&str, Option<&str>),
    (report, leftovers): (&serde_json::Value, Leftovers),
    now: Timestamp,
) -> Result<(), LedgerError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    if leftovers == Leftovers::Deleted {
        forget_staged(&transaction, run.0)?;
    }
    let report = report.to_string();
    let sum = run_checksum(run.0, outcome, note, &report);
    transaction.execute(
        "UPDATE run SET ended = ?, outcome = ?, note = ?, report = ?, checksum = ? WHERE id = ?",
        params![now.as_second(), outcome, note, report, sum, run.0],
    )?;
    let detail = serde_json::json!({ "run": run.0, "outcome": outcome, "note": note }).to_string();
    transaction.execute(
        "INSERT INTO event (source, at, kind, detail)
         SELECT DISTINCT stream.source, ?, 'finished', ?
         FROM commits
         JOIN commit_partition ON commit_partition.commit_id = commits.id
         JOIN partition ON partition.id = commit_partition.partition
         JOIN stream ON stream.id = partition.stream
         WHERE commits.run = ? ORDER BY 1",
        params![now.as_second(), detail, run.0],
    )?;
    transaction.commit()?;
    Ok(())
}

/// The checksum of what a run left: how it ended, and its report.
pub(super) fn run_checksum(run: i64, outcome: &str, note: Option<&str>, report: &str) -> String {
    let (run, note) = (run.to_string(), note.unwrap_or_default());
    checksum([&run, outcome, note, report].map(str::as_bytes))
}

/// Deletes the writers of a run and what they staged, except those that a held commit keeps.
fn forget_staged(transaction: &Transaction, run: i64) -> Result<(), LedgerError> {
    let writers: Vec<i64> = {
        let mut statement =
            transaction.prepare_cached("SELECT id FROM staged_writer WHERE run = ? AND commit_id IS NULL")?;
        let rows = statement.query_map([run], |row| row.get(0))?;
        rows.collect::<Result<_, _>>()?
    };
    for writer in writers {
        stage::discard(transaction, writer)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use crate::{
        component::descriptor::Grain,
        ledger::{Completeness, sample},
    };

    const DAY: &str = "2026-08-01T00:00:00Z";

    #[test]
    fn a_run_that_was_killed_leaves_nothing_staged_and_nothing_changed() {
        let mut bench = sample::Bench::posting();
        let stream = sample::stream("daily", Grain::Day);
        bench
            .commit(&stream, &[DAY], vec![sample::record(DAY, "Compute", "1")])
            .unwrap();
        let records = vec![sample::record(DAY, "Compute", "2")];
        let seal = sample::seal(Completeness::Complete);
        bench.sealed(&stream, &[DAY], records, seal).unwrap();
        assert_eq!(bench.staged(), 2, "the record, and its place in the order");
        bench
            .block(bench.ledger.begin_run(sample::info("acme-prod")))
            .unwrap();
        assert_eq!(bench.staged(), 0);
        bench.reopen();
        assert_eq!(bench.rows("SELECT count(*) FROM staged_writer"), ["0"]);
        assert_eq!(bench.entries(), ["pending|1|1"]);
        assert_eq!(
            bench.rows("SELECT outcome FROM run ORDER BY id"),
            ["killed", "killed", "-"]
        );
        assert_eq!(bench.findings(), [""; 0]);
    }

    #[test]
    fn whoever_lets_go_of_a_committed_writer_late_meets_no_other() {
        let bench = sample::Bench::posting();
        let stream = sample::stream("daily", Grain::Day);
        let seal = || sample::seal(Completeness::Complete);
        let records = |cost: &str| vec![sample::record(DAY, "Compute", cost)];
        let first = bench.sealed(&stream, &[DAY], records("1"), seal()).unwrap();
        let commit = |writer| bench.ledger.commit(bench.run, vec![writer], sample::trusting());
        bench.block(commit(first)).unwrap();
        let second = bench.sealed(&stream, &[DAY], records("2"), seal()).unwrap();
        bench.block(bench.ledger.discard(first)).unwrap();
        bench.block(commit(second)).unwrap();
        assert_eq!(bench.entries(), ["pending|1|1", "pending|1|2"]);
        assert_eq!(bench.findings(), [""; 0]);
    }

    #[test]
    fn of_old_runs_only_those_that_committed_stay_and_without_their_reports() {
        let mut bench = sample::Bench::new();
        let stream = sample::stream("daily", Grain::Day);
        bench
            .commit(&stream, &[DAY], vec![sample::record(DAY, "Compute", "1")])
            .unwrap();
        let report = || serde_json::json!({ "requests": 3 });
        for _ in 0..super::REPORTS + 3 {
            bench
                .block(bench.ledger.end_run(bench.run, "done", None, report()))
                .unwrap();
            bench.run = bench
                .block(bench.ledger.begin_run(sample::info("acme-prod")))
                .unwrap();
        }
        let other = bench.ledger.begin_run(sample::info("acme-test"));
        bench.block(other).unwrap();
        assert_eq!(
            bench.rows("SELECT count(*), count(report) FROM run WHERE instance = 'acme-prod'"),
            ["201|199"],
            "the first, without a report, and the newest, of which one has not ended"
        );
        assert_eq!(
            bench.rows("SELECT count(*) FROM run WHERE instance = 'acme-test'"),
            ["1"]
        );
        assert_eq!(bench.rows("SELECT run FROM commits"), ["1"]);
        assert_eq!(bench.findings(), [""; 0]);
    }

    #[test]
    fn a_finished_run_keeps_its_report_and_tells_its_sources() {
        let bench = sample::Bench::new();
        let stream = sample::stream("daily", Grain::Day);
        bench
            .commit(&stream, &[DAY], vec![sample::record(DAY, "Compute", "1")])
            .unwrap();
        let report = serde_json::json!({ "requests": 3 });
        bench
            .block(bench.ledger.end_run(bench.run, "done", Some("fine"), report))
            .unwrap();
        assert_eq!(
            bench.rows("SELECT outcome, note, report FROM run"),
            ["done|fine|{\"requests\":3}"]
        );
        assert_eq!(bench.rows("SELECT kind FROM event"), ["finished"]);
    }
}
