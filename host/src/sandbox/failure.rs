//! How a run can end badly, as plain data: the guest's own failures, broken guests, limits, and the host's storage.

use crate::{foreign::Foreign, ledger::store::LedgerError};
use serde::Serialize;
use std::{fmt, time::Duration};

/// Why something did not work, as the contract names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs)]
pub enum FailureKind {
    Settings,
    Denied,
    Unreachable,
    Credential,
    Throttled,
    Provider,
    MalformedReply,
    Incomplete,
    Internal,
}

/// A failure as a value: what crosses the border in both directions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// For programs.
    pub kind: FailureKind,
    /// For people; written by a guest or provider where it comes from there.
    pub message: Foreign,
    /// The HTTP status that led to it.
    pub status: Option<u16>,
}

impl Failure {
    /// A failure that the host itself tells a guest.
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: Foreign::new(message),
            status: None,
        }
    }
}

impl FailureKind {
    /// The kind's name in the contract.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Settings => "settings",
            Self::Denied => "denied",
            Self::Unreachable => "unreachable",
            Self::Credential => "credential",
            Self::Throttled => "throttled",
            Self::Provider => "provider",
            Self::MalformedReply => "malformed-reply",
            Self::Incomplete => "incomplete",
            Self::Internal => "internal",
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind.as_str(), self.message)?;
        match self.status {
            Some(status) => write!(f, " (HTTP status {status})"),
            None => Ok(()),
        }
    }
}

/// A limit of the run that a guest reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs)]
pub enum LimitReached {
    #[error("the collector used more than {0:?} of CPU time (`[limits] cpu`)")]
    Cpu(Duration),
    #[error("the collector ran for more than {0:?} (`[limits] wall`)")]
    Wall(Duration),
    #[error("the collector needed more than {} MiB of memory (`[limits] memory`)", .0 >> 20)]
    Memory(u64),
    #[error("the collector wrote more than {0} records (`[limits] records`)")]
    Records(u64),
    #[error("the collector staged more than {} MiB of records (`[limits] staged`)", .0 >> 20)]
    Staged(u64),
    #[error("the collector opened more than {0} partitions (`[limits] partitions`)")]
    Partitions(u64),
    #[error("the collector held more than {0} writers open")]
    Writers(u32),
    #[error("the collector put more than {0} observations (`[limits] observations`)")]
    Observations(u64),
    #[error("the collector asked to be called again more than {0} times")]
    Rounds(u32),
}

/// Why a run ended without `done`. What was committed before stays.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The collector returned a failure.
    #[error("{0}")]
    Failure(Failure),
    /// A limit.
    #[error("{0}")]
    Limit(#[from] LimitReached),
    /// The collector trapped.
    #[error("the collector broke down: {0}")]
    Trap(Foreign),
    /// The component cannot be used as a collector.
    #[error("{0}")]
    Unusable(String),
    /// The grant cannot be used.
    #[error("{0}")]
    Grant(String),
    /// The host's storage failed.
    #[error(transparent)]
    Storage(#[from] LedgerError),
    /// A bug of the host.
    #[error("finops-host itself failed while it served the collector: {0}")]
    Host(String),
    /// Stopped by a signal.
    #[error("stopped by a signal; what was committed stays")]
    Stopped,
}
