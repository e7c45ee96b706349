//! The seam between guests and the rest of the host: every import of every version of the contract ends in one of these
//! functions. Messages are plain data, so that a guest can later run in a worker process that holds no secret and no socket.

use super::failure::{Failure, LimitReached};
use crate::{
    egress,
    ledger::{
        Observation, Receipt, Seal, WriterId,
        record::{CostRecord, Source},
        store::LedgerError,
    },
};
use jiff::Timestamp;
use std::{future::Future, pin::Pin};
use zeroize::Zeroizing;

/// The future of a service.
pub type Served<'a, T> = Pin<Box<dyn Future<Output = Result<T, Mishap>> + Send + 'a>>;

/// The future of a call's reply. A refusal is all that may be known of it.
pub type Sent<'a> = Pin<Box<dyn Future<Output = Result<egress::Reply, egress::Refusal>> + Send + 'a>>;

/// How important a line of the guest's log is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum LogLevel {
    Debug,
    Info,
    Warn,
    Error,
}

/// Why a service did not do as asked.
#[derive(Debug)]
pub enum Mishap {
    /// The guest is told and goes on.
    Guest(Failure),
    /// The guest is ended.
    Limit(LimitReached),
    /// The guest is ended; the host's storage failed.
    Storage(LedgerError),
}

impl From<Failure> for Mishap {
    fn from(failure: Failure) -> Self {
        Self::Guest(failure)
    }
}

impl From<LimitReached> for Mishap {
    fn from(limit: LimitReached) -> Self {
        Self::Limit(limit)
    }
}

impl From<LedgerError> for Mishap {
    fn from(error: LedgerError) -> Self {
        Self::Storage(error)
    }
}

/// What a guest can make the host do. Nothing else is linked that has any effect.
pub trait Services: Send + Sync {
    /// One HTTP request through egress: `finops:collector/http` and `wasi:http` both end here.
    fn send(&self, request: egress::Request) -> Sent<'_>;

    /// The run's memory for bytes in flight, to which bodies are charged at the border.
    fn in_flight(&self) -> &egress::InFlight;

    /// What the guest's random bytes are made of, where a recording must have the same ones; else the system's randomness.
    fn seed(&self) -> Option<[u8; 32]> {
        None
    }

    /// The secret of a credential that the operator lets guests see.
    fn reveal(&self, credential: String) -> Served<'_, Zeroizing<String>>;

    /// A writer on partitions of a stream and source.
    fn open_writer(&self, stream: String, source: Source, partitions: Vec<Timestamp>)
    -> Served<'_, WriterId>;

    /// Stages records.
    fn write(&self, writer: WriterId, records: Vec<CostRecord>) -> Served<'_, ()>;

    /// Ends a writer.
    fn seal(&self, writer: WriterId, seal: Seal) -> Served<'_, ()>;

    /// Commits sealed writers, all or none.
    fn commit(&self, writers: Vec<WriterId>) -> Served<'_, Vec<Receipt>>;

    /// Forgets a writer that was not committed.
    fn discard(&self, writer: WriterId) -> Served<'_, ()>;

    /// Stores observations.
    fn observe(&self, observations: Vec<Observation>) -> Served<'_, ()>;

    /// What a record needs from its stream: the basis it has unless it says otherwise.
    fn stream_basis(&self, stream: &str) -> Option<crate::component::descriptor::Basis>;

    /// A line of the guest's log. Lines past the limit are counted and dropped.
    fn log(&self, level: LogLevel, message: String);
}
