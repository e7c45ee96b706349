//! SQLite's write-ahead log: when what is committed is moved from it into the database's file.
//! What must hold: a commit is durable by the log alone. Moving comes after its caller has heard of it, and may fail: what
//! stays in the log is moved another time.

use rusqlite::{Connection, hooks::Wal};
use std::sync::{
    Arc,
    atomic::{AtomicI32, Ordering},
};

/// Pages in the log from which on it is moved.
const PAGES: i32 = 1_000;

/// Bytes that the log's file keeps when it begins anew; one large commit shall not hold its space for good.
const KEPT: i64 = 64 << 20;

/// The log of a writing connection.
pub(super) struct Log {
    pages: Arc<AtomicI32>,
}

impl Log {
    /// Takes the moving over from SQLite, which does it within the commit.
    pub(super) fn of(connection: &mut Connection) -> rusqlite::Result<Self> {
        connection.pragma_update(None, "journal_size_limit", KEPT)?;
        let pages = Arc::new(AtomicI32::new(0));
        let seen = Arc::clone(&pages);
        connection.wal_hook(Some(move |_: &mut Wal, pages: i32| {
            seen.store(pages, Ordering::Relaxed);
            Ok(())
        }))?;
        Ok(Self { pages })
    }

    /// Moves the log where it has grown long.
    pub(super) fn tidy(&self, connection: &Connection) {
        if self.pages.load(Ordering::Relaxed) < PAGES {
            return;
        }
        self.pages.store(0, Ordering::Relaxed);
        // Readers of an older state keep some of it in the log; so does a full disk.
        let moved = connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| row.get::<_, i64>(2));
        if let Err(error) = moved {
            tracing::debug!("the ledger's log was not moved into its file: {error}");
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use crate::{
        component::descriptor::Grain,
        ledger::{sample, store::FILE_NAME},
    };

    const DAY: &str = "2026-08-01T00:00:00Z";

    #[test]
    fn a_long_log_is_moved_into_the_file_and_begins_anew() {
        let bench = sample::Bench::new();
        let log = bench.directory.path().join(format!("{FILE_NAME}-wal"));
        let size = || log.metadata().unwrap().len();
        let records = |cost: &str| {
            (0..25_000)
                .map(|number| sample::record(DAY, &format!("{number}{}", "x".repeat(1_000)), cost))
                .collect()
        };
        let stream = sample::stream("daily", Grain::Day);
        bench.commit(&stream, &[DAY], records("1")).unwrap();
        // The next job comes after the moving; the log's file is cut back when it begins anew.
        bench.commit(&stream, &[DAY], Vec::new()).unwrap();
        bench.commit(&stream, &[DAY], records("2")).unwrap();
        bench.commit(&stream, &[DAY], Vec::new()).unwrap();
        let file = bench.directory.path().join(FILE_NAME).metadata().unwrap().len();
        assert!(file > 50 << 20, "{file} bytes moved");
        assert!(size() < 80 << 20, "{} bytes stay in the log", size());
        assert_eq!(bench.findings(), [""; 0]);
    }
}
