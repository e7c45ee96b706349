//! The outbox's quota: how much may wait for destinations before no new run begins. Nothing is ever dropped for it.
//!
//! What must hold: the question costs as much as waits, whatever the history is.

use super::store::LedgerError;
use rusqlite::{Connection, OptionalExtension};
use serde::Serialize;

/// The quota where the operator's file names none: 1 GiB.
pub const DEFAULT: u64 = 1 << 30;
/// The share of the quota, in per cent, from which no new run begins. A run that has begun comes to its end.
const BLOCKS_AT: u64 = 80;

/// What waits in the outbox, and how much may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Outbox {
    /// Entries that are not settled, and not given up: pending, held, ambiguous.
    pub entries: u64,
    /// Bytes that these take, with the dimensions that each carries and the bodies of open batches.
    pub bytes: u64,
    /// Bytes that they may take.
    pub quota: u64,
    /// How much of that, in whole per cent.
    pub percent: u64,
}

impl Outbox {
    fn new(entries: u64, bytes: u64, quota: u64) -> Self {
        let percent = u128::from(bytes) * 100 / u128::from(quota.max(1));
        Self {
            entries,
            bytes,
            quota,
            percent: u64::try_from(percent).unwrap_or(u64::MAX),
        }
    }

    /// Whether a new run has to wait.
    #[must_use]
    pub fn blocks(&self) -> bool {
        self.percent >= BLOCKS_AT
    }
}

/// Keeps the quota of the operator's file, in bytes, for commands that read none.
///
/// # Errors
/// Storage.
pub fn set(connection: &Connection, quota: u64) -> Result<(), LedgerError> {
    if stored(connection)? != Some(quota) {
        let sql = "INSERT INTO meta (key, value) VALUES ('outbox-quota', ?1)
                   ON CONFLICT DO UPDATE SET value = excluded.value";
        connection.execute(sql, [quota.to_string()])?;
    }
    Ok(())
}

fn stored(connection: &Connection) -> Result<Option<u64>, LedgerError> {
    let sql = "SELECT value FROM meta WHERE key = 'outbox-quota'";
    let text: Option<String> = connection.query_row(sql, [], |row| row.get(0)).optional()?;
    Ok(text.and_then(|text| text.parse().ok()))
}

/// How full the outbox is.
///
/// # Errors
/// Storage.
pub fn outbox(connection: &Connection) -> Result<Outbox, LedgerError> {
    // Each part keeps to an index of what is open (`CROSS JOIN` fixes the order).
    let row = "60 + octet_length(entry_id) + octet_length(amount) + octet_length(total_after) + octet_length(entry.checksum)
               + COALESCE(octet_length(entry.reason), 0) + octet_length(posting.key) + octet_length(dims)";
    let waiting = [
        "destination CROSS JOIN source CROSS JOIN entry ON entry.destination = destination.id
            AND entry.source = source.id AND entry.state = 'pending' AND entry.batch IS NULL",
        "destination CROSS JOIN batch ON batch.destination = destination.id AND batch.state IN ('sealed', 'ambiguous')
            CROSS JOIN entry ON entry.batch = batch.id",
        "destination CROSS JOIN entry ON entry.destination = destination.id AND entry.state = 'held'",
    ];
    let (mut entries, mut bytes) = (0_u64, 0_u64);
    let mut add = |sql: &str| -> Result<(), LedgerError> {
        let (count, size): (i64, i64) = connection.query_row(sql, [], |row| row.try_into())?;
        entries = entries.saturating_add(count.unsigned_abs());
        bytes = bytes.saturating_add(size.unsigned_abs());
        Ok(())
    };
    for rows in waiting {
        add(&format!(
            "SELECT count(*), COALESCE(sum({row}), 0) FROM {rows} CROSS JOIN posting ON posting.id = entry.posting"
        ))?;
    }
    add(
        "SELECT 0, COALESCE(sum(octet_length(body)), 0) FROM destination CROSS JOIN batch
         ON batch.destination = destination.id AND batch.state IN ('sealed', 'ambiguous')
         CROSS JOIN batch_body ON batch_body.batch = batch.id",
    )?;
    Ok(Outbox::new(
        entries,
        bytes,
        stored(connection)?.unwrap_or(DEFAULT),
    ))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{component::descriptor::Grain, ledger::sample, ledger::store::open_read_only};

    const DAY: &str = "2026-08-01T00:00:00Z";

    fn size(bench: &sample::Bench) -> Outbox {
        outbox(&open_read_only(bench.directory.path()).unwrap()).unwrap()
    }

    #[test]
    fn only_what_waits_counts_in_every_state_that_waits() {
        let bench = sample::Bench::posting();
        assert_eq!(size(&bench), Outbox::new(0, 0, DEFAULT));
        let mut euros = sample::record(DAY, "Support", "1");
        euros.billing_currency = "EUR".to_owned();
        let records = vec![sample::record(DAY, "Compute", "2"), euros];
        bench
            .commit(&sample::stream("daily", Grain::Day), &[DAY], records)
            .unwrap();
        let two = size(&bench);
        assert_eq!(two.entries, 2, "pending and held: {:?}", bench.entries());
        assert!(two.bytes > 2 * 300, "{two:?}");
        bench.doctor(
            "INSERT INTO batch (id, uid, destination, source, state, sealed_at, checksum)
             VALUES (1, 'u', 1, 1, 'ambiguous', 0, 'x');
             INSERT INTO batch_body VALUES (1, zeroblob(5000));
             UPDATE entry SET batch = 1, state = 'ambiguous' WHERE state = 'pending'",
        );
        let sealed = size(&bench);
        assert_eq!((sealed.entries, sealed.bytes), (2, two.bytes + 5000));
        bench.doctor(
            "UPDATE entry SET state = 'settled'; UPDATE batch SET state = 'settled'; DELETE FROM batch_body",
        );
        assert_eq!(size(&bench).bytes, 0);
        bench.doctor("UPDATE entry SET state = 'dead', batch = NULL");
        assert_eq!(size(&bench).bytes, 0, "the operator's business, not delivery's");
    }

    #[test]
    fn the_quota_blocks_at_four_fifths() {
        assert!(!Outbox::new(1, 799, 1_000).blocks());
        assert!(Outbox::new(1, 800, 1_000).blocks());
        assert!(Outbox::new(1, u64::MAX, 1).blocks());
        assert!(!Outbox::new(0, 0, 0).blocks());
    }

    #[test]
    fn the_question_never_scans_the_journal() {
        let bench = sample::Bench::posting();
        bench
            .ledger
            .store()
            .with_blocking(|connection| set(connection, 77))
            .unwrap();
        let connection = open_read_only(bench.directory.path()).unwrap();
        assert_eq!(outbox(&connection).unwrap().quota, 77);
        let mut traced = connection
            .prepare(
                "EXPLAIN QUERY PLAN SELECT count(*) FROM destination CROSS JOIN entry
                 ON entry.destination = destination.id AND entry.state = 'held'",
            )
            .unwrap();
        let plan: Vec<String> = traced
            .query_map([], |row| row.get(3))
            .unwrap()
            .map(Result::unwrap)
            .collect();
        assert!(
            plan.iter().all(|line| !line.starts_with("SCAN entry")),
            "{plan:?}"
        );
    }
}
