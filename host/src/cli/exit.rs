//! Exit codes, and which of several wins. The numbers follow BSD's sysexits where they have one.

use crate::sandbox::{FailureKind, RunError};
use std::process::ExitCode;

/// How the program ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Exit {
    /// Done and delivered.
    Done = 0,
    /// The collector is bad: not loadable, trap, limit, or a failure of that kind.
    Collector = 65,
    /// Refused: by the provider, the destination, or a lock; or a commit is held for review.
    Refused = 69,
    /// A bug of this program.
    Bug = 70,
    /// Storage failed, or the checker found a difference.
    Storage = 74,
    /// Collected, not yet delivered.
    NotDelivered = 75,
    /// Configuration.
    Config = 78,
}

/// The order in which one outcome hides another.
const ORDER: [Exit; 7] = [
    Exit::Bug,
    Exit::Storage,
    Exit::Config,
    Exit::Collector,
    Exit::Refused,
    Exit::NotDelivered,
    Exit::Done,
];

impl Exit {
    /// All, in the order of their numbers.
    pub const ALL: [Self; 7] = [
        Self::Done,
        Self::Collector,
        Self::Refused,
        Self::Bug,
        Self::Storage,
        Self::NotDelivered,
        Self::Config,
    ];

    /// The number.
    #[must_use]
    pub fn number(self) -> u8 {
        self as u8
    }

    /// What it tells the caller, for the manual.
    #[must_use]
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Done => "done, and delivered",
            Self::Collector => {
                "the collector is bad: not loadable, broken, over a limit, or of a malformed reply"
            }
            Self::Refused => "refused by provider or destination, locked by another run, or held for review",
            Self::Bug => "a bug of finops-host",
            Self::Storage => "storage failed, or the checker found a difference",
            Self::NotDelivered => "collected, not yet delivered",
            Self::Config => "configuration: a file, a setting, a denied call",
        }
    }

    /// The one of the two that the caller must know of.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        let rank = |exit| ORDER.iter().position(|one| *one == exit);
        if rank(other) < rank(self) { other } else { self }
    }

    /// The one of this number.
    #[must_use]
    pub fn of_code(code: u8) -> Option<Self> {
        ORDER.into_iter().find(|exit| *exit as u8 == code)
    }

    /// The exit code of a run that did not end with `done`.
    #[must_use]
    pub fn of_run(error: &RunError) -> Self {
        match error {
            RunError::Failure(failure) => Self::of_failure(failure.kind),
            RunError::Limit(_) | RunError::Trap(_) | RunError::Unusable(_) => Self::Collector,
            RunError::Grant(_) => Self::Config,
            RunError::Storage(_) => Self::Storage,
            RunError::Host(_) => Self::Bug,
            RunError::Stopped => Self::NotDelivered,
        }
    }

    fn of_failure(kind: FailureKind) -> Self {
        match kind {
            FailureKind::Settings | FailureKind::Denied => Self::Config,
            FailureKind::Unreachable
            | FailureKind::Credential
            | FailureKind::Throttled
            | FailureKind::Provider => Self::Refused,
            FailureKind::MalformedReply | FailureKind::Incomplete | FailureKind::Internal => Self::Collector,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_outcome_wins_in_the_documented_order() {
        for pair in ORDER.windows(2) {
            if let [worse, better] = pair {
                assert_eq!(worse.or(*better), *worse);
                assert_eq!(better.or(*worse), *worse);
            }
        }
    }
}
