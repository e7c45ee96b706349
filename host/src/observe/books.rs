//! What is told of the ledger at a moment, as plain data.
//! What must hold: it is read beside the writer, read-only; that it cannot be read is told and stops nothing else.

use crate::ledger::{
    gauges::{Gauges, gauges},
    store::{FILE_NAME, LedgerError, open_read_only},
};
use jiff::Timestamp;
use rustix::fs::statvfs;
use std::{fs, path::Path};

/// The ledger of a state directory, as metrics tell it. The default is one that could not be read.
#[derive(Clone, Debug, Default)]
pub struct Books {
    /// What its rows say; `None`: it could not be read.
    pub ledger: Option<Gauges>,
    /// Bytes of its file and of the log beside it.
    pub file_bytes: Option<u64>,
    /// Bytes that are free on its disk for who is not root.
    pub free_bytes: Option<u64>,
}

impl Books {
    /// Reads them. This blocks: not for the threads of the async runtime.
    #[must_use]
    pub fn read(state_dir: &Path, now: Timestamp) -> Self {
        let ledger = open_read_only(state_dir).and_then(|connection| gauges(&connection, now));
        Self {
            ledger: ledger.map_err(|error| tell(&error)).ok(),
            file_bytes: file_bytes(state_dir),
            free_bytes: statvfs(state_dir)
                .ok()
                .map(|disk| disk.f_bavail.saturating_mul(disk.f_frsize)),
        }
    }
}

fn tell(error: &LedgerError) {
    tracing::warn!(%error, "the ledger could not be read for metrics");
}

fn file_bytes(state_dir: &Path) -> Option<u64> {
    let size = |name: &str| fs::metadata(state_dir.join(name)).map(|file| file.len());
    let log = size(&format!("{FILE_NAME}-wal")).unwrap_or(0);
    size(FILE_NAME).ok().map(|file| file.saturating_add(log))
}
