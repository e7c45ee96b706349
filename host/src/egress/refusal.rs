//! What a guest is told when a call does not work, apart from what the operator is told.
//! What must hold: a [`Refusal`] says nothing about rules, addresses, names' resolution or secrets.

use std::fmt;

/// Why a call did not work, as far as the guest may know.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// For programs.
    pub kind: RefusalKind,
    /// For people.
    pub message: String,
}

/// The kinds of [`Refusal`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RefusalKind {
    /// The grant does not allow it.
    Denied,
    /// No connection, or no answer in time.
    Unreachable,
    /// A limit of the host is used up.
    Throttled,
    /// A request or reply is larger than its limit.
    TooLarge,
    /// The secret cannot be read, or is refused where a token is made of it.
    Credential,
    /// The reply repeats a secret.
    Echoed,
    /// The reply is cut short or wrongly encoded.
    Malformed,
}

/// A refusal together with what only the operator learns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    /// What the guest learns.
    pub(super) refusal: Refusal,
    /// Why, for the operator. Never a query, a header value, a body or a secret.
    pub(super) why: String,
    /// Lines of the operator's file that would allow it.
    pub(super) remedy: Option<String>,
    /// Whether the report lists it among the denied calls.
    pub(super) listed: bool,
}

impl Fault {
    /// A fault that the guest may know as the operator does.
    pub(super) fn open(kind: RefusalKind, message: impl fmt::Display) -> Self {
        Self::hidden(kind, message.to_string(), message)
    }

    /// A fault whose reason is the operator's alone.
    pub(super) fn hidden(kind: RefusalKind, message: impl Into<String>, why: impl fmt::Display) -> Self {
        Self {
            refusal: Refusal {
                kind,
                message: message.into(),
            },
            why: why.to_string(),
            remedy: None,
            listed: kind == RefusalKind::Denied,
        }
    }

    /// A call that the grant does not allow.
    pub(super) fn denied(why: impl fmt::Display) -> Self {
        Self::hidden(
            RefusalKind::Denied,
            "this call is not granted by the operator's file",
            why,
        )
    }

    /// A peer that cannot be reached.
    pub(super) fn unreachable(why: impl fmt::Display) -> Self {
        Self::hidden(
            RefusalKind::Unreachable,
            "the host cannot be reached or does not answer in time",
            why,
        )
    }

    /// The same, with the lines that would allow it.
    pub(super) fn with_remedy(mut self, remedy: Option<String>) -> Self {
        self.remedy = remedy;
        self
    }

    /// The same, listed among the denied calls whatever its kind.
    pub(super) fn listed(mut self) -> Self {
        self.listed = true;
        self
    }
}
