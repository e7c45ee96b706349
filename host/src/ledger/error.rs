//! Why the ledger did not take what a collector wrote: the guest's mistakes apart from the host's own trouble.

use super::store::LedgerError;

/// What kind of mistake a refusal is; the guest's failure kinds follow from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteFault {
    /// The records are not what the reply's control totals promise.
    Incomplete,
    /// The records contradict each other or lie outside their partitions.
    Malformed,
    /// The collector used the ledger wrongly.
    Internal,
    /// The operator has to decide first: another instance's source, a retired key, a frozen source.
    Denied,
}

/// Why a write did not happen. Nothing of it remains.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The guest's mistake, in words for it.
    #[error("{message}")]
    Refused {
        /// For programs.
        fault: WriteFault,
        /// For people.
        message: String,
    },
    /// The storage failed.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

impl From<rusqlite::Error> for WriteError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Ledger(error.into())
    }
}

impl WriteError {
    /// The reply's control totals do not agree.
    pub(super) fn incomplete(message: impl Into<String>) -> Self {
        Self::refused(WriteFault::Incomplete, message)
    }

    /// The records make no sense.
    pub(super) fn malformed(message: impl Into<String>) -> Self {
        Self::refused(WriteFault::Malformed, message)
    }

    /// The collector used the ledger wrongly.
    pub(super) fn internal(message: impl Into<String>) -> Self {
        Self::refused(WriteFault::Internal, message)
    }

    /// The operator has to decide.
    pub(super) fn denied(message: impl Into<String>) -> Self {
        Self::refused(WriteFault::Denied, message)
    }

    fn refused(fault: WriteFault, message: impl Into<String>) -> Self {
        let message = message.into();
        Self::Refused { fault, message }
    }
}

/// An error behind which there may be the storage's.
pub trait Stored: From<LedgerError> {
    /// The same, with the storage's error said otherwise.
    #[must_use]
    fn map_storage(self, say: impl FnOnce(LedgerError) -> LedgerError) -> Self;
}

impl Stored for LedgerError {
    fn map_storage(self, say: impl FnOnce(LedgerError) -> LedgerError) -> Self {
        say(self)
    }
}

impl Stored for WriteError {
    fn map_storage(self, say: impl FnOnce(LedgerError) -> LedgerError) -> Self {
        match self {
            Self::Ledger(error) => Self::Ledger(say(error)),
            refused @ Self::Refused { .. } => refused,
        }
    }
}

/// A value of ours that is not what it must be: JSON that does not read, a hash that is none.
pub(super) fn damaged(what: &str, cause: impl std::fmt::Display) -> LedgerError {
    LedgerError::Damaged(format!("{what}: {cause}"))
}

/// The seconds of an instant as the database keeps it.
///
/// # Errors
/// [`LedgerError::Damaged`] where there is no such instant.
pub(super) fn instant(second: i64) -> Result<jiff::Timestamp, LedgerError> {
    jiff::Timestamp::from_second(second).map_err(|error| damaged("time", error))
}
