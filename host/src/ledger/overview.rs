//! What `status` shows: runs, what each source's streams hold, and what waits for destinations. Reads only.

use super::{
    error::{damaged, instant},
    outbox::EntryState,
    record::Source,
    store::{LedgerError, amount},
};
use finops_decimal::Decimal;
use jiff::Timestamp;
use rusqlite::Connection;
use serde::Serialize;

/// A run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RunRow {
    /// Its number.
    pub run: i64,
    /// What ran.
    pub instance: String,
    /// Name of the collector.
    pub collector: String,
    /// Its version.
    pub version: String,
    /// When it began.
    pub started: Timestamp,
    /// When it ended; `None`: it runs, or was killed and not followed by another yet.
    pub ended: Option<Timestamp>,
    /// `done`, `killed` or a failure kind.
    pub outcome: Option<String>,
    /// A line for people.
    pub note: Option<String>,
    /// Its figures.
    pub report: Option<serde_json::Value>,
}

/// A stream of a source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StreamRow {
    /// Whose money.
    pub source: Source,
    /// Which instance collects it.
    pub instance: String,
    /// Whether the source counts.
    pub counts: bool,
    /// Whether the source takes no commits.
    pub frozen: bool,
    /// Name of the stream.
    pub stream: String,
    /// hour, day or month.
    pub grain: String,
    /// The stream it is a view of.
    pub view_of: Option<String>,
    /// The stream in whose favour it was retired, empty where there is none; `None`: it was not.
    pub retired_by: Option<String>,
    /// Partitions that the ledger holds.
    pub partitions: u64,
    /// Of these, how many are partial.
    pub partial: u64,
    /// Start of the first.
    pub from: Timestamp,
    /// End of the last.
    pub to: Timestamp,
    /// When it was last committed.
    pub last_commit: Timestamp,
    /// Current records.
    pub records: u64,
    /// Of these, how many count.
    pub counted: u64,
}

/// What of a stream lies in archive files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ArchiveRow {
    /// Whose money.
    pub source: Source,
    /// Name of the stream.
    pub stream: String,
    /// Partitions whose detail lies there, each in a file.
    pub partitions: u64,
    /// Records in the files, those of the past included.
    pub records: u64,
    /// Bytes of the files.
    pub bytes: u64,
    /// Start of the first partition.
    pub from: Timestamp,
    /// End of the last.
    pub to: Timestamp,
    /// When something was last archived.
    pub last: Timestamp,
}

/// The entries of a destination in one state and currency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OutboxRow {
    /// Name of the destination.
    pub destination: String,
    /// `active` or `paused`.
    pub destination_state: String,
    /// Why it is paused.
    pub paused: Option<String>,
    /// The state of the entries.
    pub state: EntryState,
    /// Their currency.
    pub currency: String,
    /// How many.
    pub entries: u64,
    /// What they add up to.
    pub amount: Decimal,
    /// When the oldest of them was made; `None` where salvage could not read its commit.
    pub oldest: Option<Timestamp>,
}

/// The newest runs, newest first.
///
/// # Errors
/// See [`LedgerError`].
pub fn runs(connection: &Connection, most: u32) -> Result<Vec<RunRow>, LedgerError> {
    let mut statement = connection.prepare_cached(
        "SELECT id, instance, collector, version, started, ended, outcome, note, report FROM run
         ORDER BY id DESC LIMIT ?",
    )?;
    let mut rows = statement.query([most])?;
    let mut runs = Vec::new();
    while let Some(row) = rows.next()? {
        let report: Option<String> = row.get(8)?;
        let report = report.map(|json| serde_json::from_str(&json)).transpose();
        runs.push(RunRow {
            run: row.get(0)?,
            instance: row.get(1)?,
            collector: row.get(2)?,
            version: row.get(3)?,
            started: instant(row.get(4)?)?,
            ended: row.get::<_, Option<i64>>(5)?.map(instant).transpose()?,
            outcome: row.get(6)?,
            note: row.get(7)?,
            report: report.map_err(|error| damaged("report of a run", error))?,
        });
    }
    Ok(runs)
}

/// What each stream of each source holds; streams without partitions are left out.
///
/// # Errors
/// See [`LedgerError`].
pub fn sources_overview(connection: &Connection) -> Result<Vec<StreamRow>, LedgerError> {
    let mut statement = connection.prepare_cached(
        "SELECT provider, billing_account, scope, instance, source.counts, name, grain, view_of,
                count(*), sum(completeness = 'partial'), min(start), max(stop), max(commits.at),
                sum((SELECT count(*) FROM record WHERE record.partition = partition.id AND until_commit IS NULL)),
                sum((SELECT count(*) FROM record WHERE record.partition = partition.id AND until_commit IS NULL
                     AND record.counts = 1)), frozen, retired_by
         FROM partition JOIN stream ON stream.id = partition.stream JOIN source ON source.id = stream.source
         JOIN commits ON commits.id = partition.commit_id
         GROUP BY stream.id ORDER BY provider, billing_account, scope, name",
    )?;
    let mut rows = statement.query([])?;
    let mut streams = Vec::new();
    while let Some(row) = rows.next()? {
        let count = |column: usize| row.get::<_, i64>(column).map(i64::unsigned_abs);
        streams.push(StreamRow {
            source: Source {
                provider: row.get(0)?,
                billing_account: row.get(1)?,
                scope: row.get(2)?,
            },
            instance: row.get(3)?,
            counts: row.get(4)?,
            stream: row.get(5)?,
            grain: row.get(6)?,
            view_of: row.get(7)?,
            partitions: count(8)?,
            partial: count(9)?,
            from: instant(row.get(10)?)?,
            to: instant(row.get(11)?)?,
            last_commit: instant(row.get(12)?)?,
            records: count(13)?,
            counted: count(14)?,
            frozen: row.get(15)?,
            retired_by: row.get(16)?,
        });
    }
    Ok(streams)
}

/// The entries of each destination's open epoch by state and currency. A destination without entries has no row.
///
/// # Errors
/// See [`LedgerError`].
pub fn outbox_overview(connection: &Connection) -> Result<Vec<OutboxRow>, LedgerError> {
    let mut statement = connection.prepare_cached(
        "SELECT destination.name, destination.state, destination.reason, entry.state, posting.currency,
                count(*), exact_sum(amount), min(commits.at)
         FROM entry LEFT JOIN commits ON commits.id = entry.commit_id JOIN posting ON posting.id = entry.posting JOIN epoch ON epoch.id = posting.epoch
         JOIN destination ON destination.id = entry.destination WHERE epoch.ended IS NULL
         GROUP BY destination.id, entry.state, posting.currency ORDER BY 1, 4, 5",
    )?;
    let mut rows = statement.query([])?;
    let mut outbox = Vec::new();
    while let Some(row) = rows.next()? {
        outbox.push(OutboxRow {
            destination: row.get(0)?,
            destination_state: row.get(1)?,
            paused: row.get(2)?,
            state: row
                .get::<_, String>(3)?
                .parse()
                .map_err(|error| damaged("state of an entry", error))?,
            currency: row.get(4)?,
            entries: row.get::<_, i64>(5)?.unsigned_abs(),
            amount: amount(&row.get::<_, String>(6)?)?,
            oldest: row.get::<_, Option<i64>>(7)?.map(instant).transpose()?,
        });
    }
    Ok(outbox)
}

/// What lies in archive files, by source and stream.
///
/// # Errors
/// See [`LedgerError`].
pub fn archives_overview(connection: &Connection) -> Result<Vec<ArchiveRow>, LedgerError> {
    let mut statement = connection.prepare_cached(
        "SELECT provider, billing_account, scope, name, count(*), sum(archive.records), sum(bytes), min(start),
                max(stop), max(archive.at)
         FROM archive JOIN partition ON partition.id = archive.partition JOIN stream ON stream.id = partition.stream
         JOIN source ON source.id = stream.source
         GROUP BY stream.id ORDER BY provider, billing_account, scope, name",
    )?;
    let mut rows = statement.query([])?;
    let mut archives = Vec::new();
    while let Some(row) = rows.next()? {
        let count = |column: usize| row.get::<_, i64>(column).map(i64::unsigned_abs);
        archives.push(ArchiveRow {
            source: Source {
                provider: row.get(0)?,
                billing_account: row.get(1)?,
                scope: row.get(2)?,
            },
            stream: row.get(3)?,
            partitions: count(4)?,
            records: count(5)?,
            bytes: count(6)?,
            from: instant(row.get(7)?)?,
            to: instant(row.get(8)?)?,
            last: instant(row.get(9)?)?,
        });
    }
    Ok(archives)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{
        component::descriptor::Grain,
        ledger::{Completeness, sample, store},
    };

    const DAY: &str = "2026-08-01T00:00:00Z";
    const NEXT: &str = "2026-08-02T00:00:00Z";

    #[test]
    fn the_overview_tells_coverage_counts_and_what_waits() {
        let bench = sample::Bench::posting();
        let estimate = sample::stream("estimate", Grain::Day);
        let bill = sample::better("bill", Grain::Day, "estimate", None);
        let records = vec![
            sample::record(DAY, "Compute", "2"),
            sample::record(NEXT, "Compute", "3"),
        ];
        bench
            .commit_as(&estimate, &[DAY, NEXT], records, Completeness::Partial)
            .unwrap();
        bench
            .commit(&bill, &[DAY], vec![sample::record(DAY, "Compute", "1")])
            .unwrap();
        let connection = store::open_read_only(bench.directory.path()).unwrap();
        let [bill, estimate] = sources_overview(&connection).unwrap().try_into().unwrap();
        assert_eq!((bill.partitions, bill.partial, bill.counted), (1, 0, 1));
        assert_eq!((estimate.partitions, estimate.partial), (2, 2));
        assert_eq!((estimate.records, estimate.counted), (2, 1));
        assert_eq!(estimate.from, sample::at(DAY));
        assert_eq!(estimate.to, sample::at("2026-08-03T00:00:00Z"));
        let [waiting] = outbox_overview(&connection).unwrap().try_into().unwrap();
        assert_eq!((waiting.state, waiting.entries), (EntryState::Pending, 4));
        assert_eq!(waiting.amount.to_string(), "4");
        let [run] = runs(&connection, 10).unwrap().try_into().unwrap();
        assert_eq!((run.instance.as_str(), run.ended), ("acme-prod", None));
    }
}
