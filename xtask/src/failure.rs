//! The one error type of the project's own commands: a sentence that says what failed, where and what to do.
//! What must hold: lower case, no full stop, the cause kept behind a colon.

use std::fmt;

/// Why a command of the project stopped.
#[derive(Debug)]
pub(crate) struct Failure(String);

/// What a command of the project gives.
pub(crate) type Result<T> = std::result::Result<T, Failure>;

impl Failure {
    /// A failure that says `text`.
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// Puts what was tried before the cause.
pub(crate) trait Context<T> {
    /// The value, or a failure that reads `<what>: <cause>`.
    fn context(self, what: impl FnOnce() -> String) -> Result<T>;
}

impl<T, E: fmt::Display> Context<T> for std::result::Result<T, E> {
    fn context(self, what: impl FnOnce() -> String) -> Result<T> {
        self.map_err(|cause| Failure(format!("{}: {cause}", what())))
    }
}
