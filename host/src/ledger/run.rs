//! Runs: one row for each start of an instance, and what a killed one left behind.

use super::{
    apart::{self, Money},
    error::{WriteError, damaged},
    source::Claimant,
    stage,
    store::LedgerError,
    tags::{self, Tags},
};
use crate::component::descriptor::Stream;
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};

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
    apart::settle(&transaction, &info.instance, info.money)?;
    tags::settle(&transaction, &info.instance, &info.tags)?;
    transaction.commit()?;
    Ok(RunId(id))
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
    transaction.execute(
        "UPDATE run SET ended = ?, outcome = ?, note = ?, report = ? WHERE id = ?",
        params![now.as_second(), outcome, note, report.to_string(), run.0],
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
