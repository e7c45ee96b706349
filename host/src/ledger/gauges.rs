//! What metrics tell of the ledger at a moment. Reads only.
//!
//! What must hold: each question keeps to an index of what is open, or to a row for each stream: it costs as much as waits,
//! whatever the history is.

use super::{
    error::instant,
    quota::{self, Outbox},
    snapshot::{SnapshotRow, snapshots},
    spend::{SpendRow, spend_overview},
    store::LedgerError,
};
use jiff::Timestamp;
use rusqlite::Connection;
use std::collections::BTreeMap;

/// The ledger as metrics tell it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gauges {
    /// The journals: destinations that take entries.
    pub journals: Vec<Journal>,
    /// The snapshots: directories of files.
    pub snapshots: Vec<SnapshotRow>,
    /// What waits, of all destinations, and how much may.
    pub outbox: Outbox,
    /// How far each stream is.
    pub streams: Vec<StreamAge>,
    /// Commits that are held for review, by instance.
    pub held: BTreeMap<String, u64>,
    /// What paid calls cost, by instance.
    pub spend: Vec<SpendRow>,
}

/// What waits for a journal, and whether it takes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Journal {
    /// Its name.
    pub destination: String,
    /// Whether nothing is sent until the operator says so.
    pub paused: bool,
    /// Failed attempts since it last answered as it should.
    pub failures: u64,
    /// Entries that wait, alone or in a sealed batch that was certainly not taken.
    pub pending: u64,
    /// Entries that were sent, and it is not known whether they arrived.
    pub ambiguous: u64,
    /// Entries that wait for the operator's word.
    pub held: u64,
    /// Since when the oldest pending or ambiguous entry waits.
    pub oldest: Option<Timestamp>,
}

/// How far a stream of an instance is: of several sources, the newest. Retired streams and frozen sources are left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamAge {
    /// Which instance collects it.
    pub instance: String,
    /// Name of the stream.
    pub stream: String,
    /// When it was last committed, held commits included.
    pub last_read: Option<Timestamp>,
    /// When its checkpoint was last moved.
    pub checkpoint: Option<Timestamp>,
    /// End of its newest complete partition.
    pub complete_until: Option<Timestamp>,
}

/// Reads them, in one consistent view of the ledger.
///
/// # Errors
/// See [`LedgerError`].
pub fn gauges(connection: &Connection, now: Timestamp) -> Result<Gauges, LedgerError> {
    let view = connection.unchecked_transaction()?;
    Ok(Gauges {
        journals: journals(&view)?,
        snapshots: snapshots(&view)?,
        outbox: quota::outbox(&view)?,
        streams: streams(&view)?,
        held: held(&view)?,
        spend: spend_overview(&view, now)?,
    })
}

/// Entries of one destination (`?1`) that wait in no batch: the index `entry_open`, source by source.
const ALONE: &str =
    "entry.destination = ?1 AND entry.source = source.id AND entry.state = 'pending' AND entry.batch IS NULL";
/// Entries of one destination that wait in a batch, in the order of `batch_open` and `entry_batch`.
const SEALED: &str = "batch CROSS JOIN entry ON entry.batch = batch.id
    WHERE batch.destination = ?1 AND batch.state IN ('sealed', 'ambiguous')";

fn journals(connection: &Connection) -> Result<Vec<Journal>, LedgerError> {
    let mut statement = connection.prepare(
        "SELECT destination.id, name, state, attempt, epoch.started FROM destination
         JOIN epoch ON epoch.destination = destination.id AND epoch.ended IS NULL
         WHERE kind = 'journal' ORDER BY name",
    )?;
    let mut rows = statement.query([])?;
    let mut journals = Vec::new();
    while let Some(row) = rows.next()? {
        let (id, since): (i64, i64) = (row.get(0)?, row.get(4)?);
        let (sealed, ambiguous) = in_batches(connection, id)?;
        let alone = format!("SELECT count(*) FROM source CROSS JOIN entry ON {ALONE}");
        let held = "SELECT count(*) FROM entry WHERE destination = ?1 AND state = 'held'";
        journals.push(Journal {
            destination: row.get(1)?,
            paused: row.get::<_, String>(2)? == "paused",
            failures: row.get::<_, i64>(3)?.unsigned_abs(),
            pending: count(connection, &alone, id)?.saturating_add(sealed),
            ambiguous,
            held: count(connection, held, id)?,
            oldest: oldest(connection, id, since)?,
        });
    }
    Ok(journals)
}

fn count(connection: &Connection, sql: &str, destination: i64) -> Result<u64, LedgerError> {
    let count = connection.query_row(sql, [destination], |row| row.get::<_, i64>(0))?;
    Ok(count.unsigned_abs())
}

/// Pending and ambiguous entries in open batches.
fn in_batches(connection: &Connection, destination: i64) -> Result<(u64, u64), LedgerError> {
    let sql = format!("SELECT COALESCE(sum(entry.state = 'ambiguous'), 0), count(*) FROM {SEALED}");
    let (ambiguous, all): (i64, i64) =
        connection.query_row(&sql, [destination], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok((
        all.saturating_sub(ambiguous).unsigned_abs(),
        ambiguous.unsigned_abs(),
    ))
}

/// When the oldest of what waits was committed. Opening entries belong to commits of before the epoch: they wait since it began.
fn oldest(connection: &Connection, destination: i64, since: i64) -> Result<Option<Timestamp>, LedgerError> {
    let first = format!("SELECT min(entry.id) FROM entry WHERE {ALONE}");
    let sql = format!(
        "SELECT min(commits.at) FROM (
             SELECT ({first}) AS id FROM source UNION ALL SELECT min(entry.id) FROM {SEALED} GROUP BY batch.id
         ) AS first CROSS JOIN entry ON entry.id = first.id CROSS JOIN commits ON commits.id = entry.commit_id"
    );
    let at: Option<i64> = connection.query_row(&sql, [destination], |row| row.get(0))?;
    at.map(|at| instant(at.max(since))).transpose()
}

fn streams(connection: &Connection) -> Result<Vec<StreamAge>, LedgerError> {
    let mut statement = connection.prepare(
        "SELECT instance, name, max(last_read),
             max((SELECT commits.at FROM checkpoint JOIN commits ON commits.id = checkpoint.commit_id
                  WHERE checkpoint.stream = stream.id)),
             max((SELECT stop FROM partition WHERE partition.stream = stream.id AND completeness = 'complete'
                  ORDER BY start DESC LIMIT 1))
         FROM stream JOIN source ON source.id = stream.source
         WHERE retired_by IS NULL AND frozen = 0 GROUP BY instance, name",
    )?;
    let mut rows = statement.query([])?;
    let mut streams = Vec::new();
    while let Some(row) = rows.next()? {
        let at = |column| -> Result<Option<Timestamp>, LedgerError> {
            row.get::<_, Option<i64>>(column)?.map(instant).transpose()
        };
        streams.push(StreamAge {
            instance: row.get(0)?,
            stream: row.get(1)?,
            last_read: at(2)?,
            checkpoint: at(3)?,
            complete_until: at(4)?,
        });
    }
    Ok(streams)
}

/// A held commit keeps its writers; there are few others.
fn held(connection: &Connection) -> Result<BTreeMap<String, u64>, LedgerError> {
    let mut statement = connection.prepare(
        "SELECT instance, count(DISTINCT commit_id) FROM staged_writer JOIN run ON run.id = staged_writer.run
         WHERE commit_id IS NOT NULL GROUP BY instance",
    )?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get::<_, i64>(1)?.unsigned_abs())))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{
        component::descriptor::Grain,
        ledger::{Completeness, sample, store::open_read_only},
    };
    use std::sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    };

    const DAY: &str = "2026-08-01T00:00:00Z";
    const NEXT: &str = "2026-08-02T00:00:00Z";
    const AFTER: &str = "2026-08-03T00:00:00Z";

    fn of(bench: &sample::Bench) -> Gauges {
        let connection = open_read_only(bench.directory.path()).unwrap();
        gauges(&connection, crate::clock::Clock::now(&*bench.clock)).unwrap()
    }

    fn go_to(bench: &sample::Bench, now: &str) {
        *bench.clock.0.lock().unwrap() = sample::at(now);
    }

    #[test]
    fn what_waits_is_counted_by_state_and_its_age_is_that_of_the_oldest() {
        let bench = sample::Bench::posting();
        let stream = sample::stream("daily", Grain::Day);
        let mut euros = sample::record(DAY, "Support", "1");
        euros.billing_currency = "EUR".to_owned();
        go_to(&bench, "2026-08-10T12:00:00Z");
        let first = vec![sample::record(DAY, "Compute", "2"), euros];
        bench.commit(&stream, &[DAY], first).unwrap();
        go_to(&bench, "2026-08-10T13:00:00Z");
        let second = vec![sample::record(NEXT, "Compute", "3")];
        bench.commit(&stream, &[NEXT], second).unwrap();
        let only = |bench: &sample::Bench| <[Journal; 1]>::try_from(of(bench).journals).unwrap();
        let [alone] = only(&bench);
        assert_eq!((alone.pending, alone.ambiguous, alone.held), (2, 0, 1));
        assert_eq!(alone.oldest, Some(sample::at("2026-08-10T12:00:00Z")));
        assert_eq!((alone.destination.as_str(), alone.paused), ("openfinops", false));

        bench.doctor(
            "INSERT INTO batch (id, uid, destination, source, state, sealed_at, checksum)
             VALUES (1, 'u', 1, 1, 'ambiguous', 0, 'x');
             UPDATE entry SET batch = 1, state = 'ambiguous' WHERE amount = '2';
             UPDATE destination SET state = 'paused', reason = 'asked to', attempt = 4",
        );
        let [sealed] = only(&bench);
        assert_eq!((sealed.pending, sealed.ambiguous, sealed.held), (1, 1, 1));
        assert_eq!(sealed.oldest, alone.oldest);
        assert_eq!((sealed.paused, sealed.failures), (true, 4));

        bench
            .doctor("UPDATE batch SET state = 'settled'; UPDATE entry SET state = 'settled' WHERE batch = 1");
        let [later] = only(&bench);
        assert_eq!((later.pending, later.ambiguous), (1, 0));
        assert_eq!(later.oldest, Some(sample::at("2026-08-10T13:00:00Z")));
        bench.doctor("UPDATE entry SET state = 'settled'");
        assert_eq!(only(&bench).map(|journal| journal.oldest), [None]);
    }

    #[test]
    fn a_stream_is_as_far_as_its_newest_complete_partition() {
        let mut bench = sample::Bench::posting();
        let stream = sample::stream("daily", Grain::Day);
        bench.commit(&stream, &[DAY, NEXT], Vec::new()).unwrap();
        let records = vec![sample::record(AFTER, "Compute", "1")];
        bench
            .commit_as(&stream, &[AFTER], records, Completeness::Partial)
            .unwrap();
        let read = of(&bench).streams;
        let now = crate::clock::Clock::now(&*bench.clock);
        let expected = StreamAge {
            instance: "acme-prod".to_owned(),
            stream: "daily".to_owned(),
            last_read: Some(now),
            checkpoint: None,
            complete_until: Some(sample::at(AFTER)),
        };
        assert_eq!(read, [expected]);
        bench.doctor("UPDATE source SET frozen = 1");
        assert_eq!(of(&bench).streams, []);
        bench.reopen();
        assert_eq!(of(&bench).held, BTreeMap::new());
    }

    /// Steps of SQLite's machine that reading takes.
    fn steps(bench: &sample::Bench) -> u64 {
        let mut connection = open_read_only(bench.directory.path()).unwrap();
        gauges(&connection, sample::at(DAY)).unwrap();
        let steps = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&steps);
        let count = move || {
            counter.fetch_add(1, Ordering::Relaxed);
            false
        };
        connection.progress_handler(1, Some(count)).unwrap();
        gauges(&connection, sample::at(DAY)).unwrap();
        steps.load(Ordering::Relaxed)
    }

    #[test]
    fn history_costs_nothing() {
        let mut bench = sample::Bench::posting();
        let stream = sample::stream("daily", Grain::Day);
        let restate = |bench: &sample::Bench, cost: u32| {
            let records = vec![sample::record(DAY, "Compute", &cost.to_string())];
            bench.commit(&stream, &[DAY], records).unwrap();
        };
        restate(&bench, 1);
        bench.doctor("UPDATE entry SET state = 'settled'");
        let young = steps(&bench);
        for cost in 2..40 {
            restate(&bench, cost);
            bench.doctor("UPDATE entry SET state = 'settled'");
            bench.reopen();
        }
        assert_eq!(bench.entries().len(), 39);
        assert!(young > 100, "nothing was counted");
        assert_eq!(steps(&bench), young);
    }
}
