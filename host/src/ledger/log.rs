//! SQLite's write-ahead log: when what is committed is moved from it into the database's file.
//! What must hold: a commit is durable by the log alone. Moving comes after its caller has heard of it, beside the work that
//! follows, and may fail: what stays in the log is moved another time. It ends before the writer's connection closes.

use super::store::LedgerError;
use rusqlite::{Connection, OpenFlags, hooks::Wal};
use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicI32, Ordering},
        mpsc,
    },
    thread::{self, JoinHandle},
};

/// Pages in the log from which on it is moved.
const PAGES: i32 = 1_000;

/// Pages in the log that are not waited with: nothing more is written before a moving that is under way ends.
const MOST: i32 = 128 << 10;

/// Bytes that the log's file keeps when it begins anew; one large commit shall not hold its space for good.
const KEPT: i64 = 64 << 20;

/// The log of a writing connection.
pub(super) struct Log {
    pages: Arc<AtomicI32>,
    /// Where it is moved; none after the end.
    mover: Option<Mover>,
}

/// A thread that moves the log over a connection of its own, which writes nothing else.
struct Mover {
    orders: mpsc::Sender<()>,
    moved: mpsc::Receiver<()>,
    under_way: bool,
    thread: JoinHandle<()>,
}

impl Log {
    /// Takes the moving over from SQLite, which does it within the commit.
    pub(super) fn of(connection: &mut Connection, path: &Path) -> Result<Self, LedgerError> {
        connection.pragma_update(None, "journal_size_limit", KEPT)?;
        let pages = Arc::new(AtomicI32::new(0));
        let seen = Arc::clone(&pages);
        connection.wal_hook(Some(move |_: &mut Wal, pages: i32| {
            seen.store(pages, Ordering::Relaxed);
            Ok(())
        }))?;
        let mover = Some(Mover::begin(path)?);
        Ok(Self { pages, mover })
    }

    /// Has the log moved where it has grown long.
    pub(super) fn tidy(&mut self) {
        let pages = self.pages.load(Ordering::Relaxed);
        let Some(mover) = &mut self.mover else {
            return;
        };
        if pages < PAGES || mover.is_busy(pages >= MOST) {
            return;
        }
        self.pages.store(0, Ordering::Relaxed);
        mover.under_way = mover.orders.send(()).is_ok();
    }

    /// Waits until nothing is moved any more.
    #[cfg(test)]
    fn settle(&mut self) {
        if let Some(mover) = &mut self.mover {
            mover.is_busy(true);
        }
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        if let Some(Mover { orders, thread, .. }) = self.mover.take() {
            drop(orders);
            // It says itself what went wrong.
            let _ = thread.join();
        }
    }
}

impl Mover {
    fn begin(path: &Path) -> Result<Self, LedgerError> {
        let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        let (orders, ordered) = mpsc::channel();
        let (told, moved) = mpsc::channel();
        let thread = thread::Builder::new()
            .name("ledger-log".to_owned())
            .spawn(move || {
                for () in ordered {
                    move_log(&connection);
                    if told.send(()).is_err() {
                        return;
                    }
                }
            })
            .map_err(|cause| LedgerError::Io {
                path: path.to_owned(),
                cause,
            })?;
        Ok(Self {
            orders,
            moved,
            under_way: false,
            thread,
        })
    }

    /// Whether it is still moving; where told to wait, it is not any more.
    fn is_busy(&mut self, wait: bool) -> bool {
        if self.under_way {
            self.under_way = match wait {
                true => self.moved.recv().is_err(),
                false => self.moved.try_recv().is_err(),
            };
        }
        self.under_way
    }
}

fn move_log(connection: &Connection) {
    // Readers of an older state keep some of it in the log; so does a full disk.
    let moved = connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| row.get::<_, i64>(2));
    if let Err(error) = moved {
        tracing::debug!("the ledger's log was not moved into its file: {error}");
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::ledger::store::FILE_NAME;

    #[test]
    fn a_long_log_is_moved_into_the_file_beside_the_work_and_begins_anew() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join(FILE_NAME);
        let mut connection = Connection::open(&file).unwrap();
        connection.pragma_update(None, "journal_mode", "WAL").unwrap();
        connection.execute_batch("CREATE TABLE t (x BLOB)").unwrap();
        let mut log = Log::of(&mut connection, &file).unwrap();
        let size = |name: &str| directory.path().join(name).metadata().unwrap().len();
        let wal = format!("{FILE_NAME}-wal");
        for _ in 0..4 {
            let rows = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT 30000)
                        INSERT INTO t SELECT zeroblob(1000) FROM n";
            connection.execute_batch(rows).unwrap();
            log.tidy();
            log.settle();
        }
        assert!(size(FILE_NAME) > 100_000_000, "{} bytes moved", size(FILE_NAME));
        assert!(size(&wal) < 60_000_000, "{} bytes stay in the log", size(&wal));
        drop(log);
        drop(connection);
        assert!(!directory.path().join(wal).exists());
    }
}
