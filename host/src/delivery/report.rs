//! What a delivery is told and what it tells: plain data for the command line.

use super::client::{ClientError, Timeouts};
use crate::ledger::{outbox::Counts, store::LedgerError};
use jiff::{SignedDuration, Timestamp};
use std::path::PathBuf;

/// How to deliver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryConfig {
    /// Address of the OpenFinOps server.
    pub endpoint: String,
    /// The only certificates that it is trusted by; `None`: the system's.
    pub ca: Option<PathBuf>,
    /// Name of this machine, as the server shows it.
    pub hostname: String,
    /// Limits of one request.
    pub timeouts: Timeouts,
    /// Entries in one batch at most.
    pub batch_entries: usize,
    /// Bytes of one batch at most.
    pub batch_bytes: usize,
    /// How long a batch of unknown fate is looked up before it is sent again.
    pub hold: SignedDuration,
}

impl DeliveryConfig {
    /// The usual limits: 500 entries, 256 KiB, 15 minutes; and the system's certificates.
    #[must_use]
    pub fn new(endpoint: impl Into<String>, hostname: impl Into<String>) -> Self {
        Self {
            endpoint: endpoint.into(),
            ca: None,
            hostname: hostname.into(),
            timeouts: Timeouts::default(),
            batch_entries: 500,
            batch_bytes: 256 * 1024,
            hold: SignedDuration::from_mins(15),
        }
    }
}

/// When to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// Nothing is left to send, however long that takes; a pause or an unexpected answer ends it too.
    Drained,
    /// As [`Until::Drained`], but not after this instant.
    Deadline(Timestamp),
}

/// Why a delivery ended.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ended {
    /// Nothing is left to send.
    Drained,
    /// The destination is paused, for this reason (exit 69).
    Paused(String),
    /// The destination gave a 2xx that settles nothing (exit 69); the batch is held and looked up later.
    Unexpected(String),
    /// Something is left: it is sent later (exit 75).
    OutOfTime,
}

/// What a delivery did, and what stands afterwards.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct DeliveryReport {
    /// Why it ended.
    pub ended: Ended,
    /// Batches whose bytes were sent, each sending counted.
    pub sent: u64,
    /// Batches that were found at the destination instead of being sent again.
    pub found: u64,
    /// Entries settled by it.
    pub settled: u64,
    /// Entries that it gave up as dead letters.
    pub dead: u64,
    /// Batches sent again although they may be stored, since nothing could be proved in time.
    pub maybe_duplicated: u64,
    /// The destination's entries by state, now.
    pub counts: Counts,
    /// The last thing that went wrong, even if it was overcome.
    pub last_error: Option<String>,
}

/// Why a delivery cannot work at all.
#[derive(Debug, thiserror::Error)]
pub enum DeliveryError {
    /// Storage (exit 74).
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// No client (exit 78).
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The system has no randomness (exit 70).
    #[error("the system gives no random numbers")]
    Random,
}
