//! Failures as values: a kind that programs decide by and a message that people read.
//! A message says what happened, where, and what to do; text from a provider goes in escaped and short.

use std::fmt::Display;

/// Why something did not work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FailureKind {
    /// A setting is missing or makes no sense.
    Settings,
    /// The operator's file does not grant it.
    Denied,
    /// No connection, or no answer in time.
    Unreachable,
    /// The provider refused the credential.
    Credential,
    /// The provider, or a limit of the host, asks to slow down.
    Throttled,
    /// The provider answered with an error.
    Provider,
    /// The provider's reply is not what its documentation says.
    MalformedReply,
    /// Part of the data is missing.
    Incomplete,
    /// The collector's own mistake.
    Internal,
}

/// A failure of a collector or of a call to the host.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// For programs.
    pub kind: FailureKind,
    /// For people; the host keeps at most 4 KiB.
    pub message: String,
    /// The HTTP status that led to it, where there is one.
    pub status: Option<u16>,
}

impl Failure {
    /// A failure of the given kind without an HTTP status.
    #[must_use]
    pub fn new(kind: FailureKind, message: impl Display) -> Self {
        Self {
            kind,
            message: message.to_string(),
            status: None,
        }
    }

    /// A setting is missing or makes no sense.
    #[must_use]
    pub fn settings(message: impl Display) -> Self {
        Self::new(FailureKind::Settings, message)
    }

    /// No connection, or no answer in time.
    #[must_use]
    pub fn unreachable(message: impl Display) -> Self {
        Self::new(FailureKind::Unreachable, message)
    }

    /// The provider refused the credential.
    #[must_use]
    pub fn credential(message: impl Display) -> Self {
        Self::new(FailureKind::Credential, message)
    }

    /// Asked to slow down.
    #[must_use]
    pub fn throttled(message: impl Display) -> Self {
        Self::new(FailureKind::Throttled, message)
    }

    /// The provider answered with an error.
    #[must_use]
    pub fn provider(message: impl Display) -> Self {
        Self::new(FailureKind::Provider, message)
    }

    /// The reply is not what the provider's documentation says.
    #[must_use]
    pub fn malformed(message: impl Display) -> Self {
        Self::new(FailureKind::MalformedReply, message)
    }

    /// Part of the data is missing.
    #[must_use]
    pub fn incomplete(message: impl Display) -> Self {
        Self::new(FailureKind::Incomplete, message)
    }

    /// The collector's own mistake.
    #[must_use]
    pub fn internal(message: impl Display) -> Self {
        Self::new(FailureKind::Internal, message)
    }

    /// The same failure with the HTTP status that led to it.
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        self.status = Some(status);
        self
    }

    /// The same failure, its message led by where it happened: `reading the bill: no answer`.
    #[must_use]
    pub fn context(mut self, place: impl Display) -> Self {
        self.message = format!("{place}: {}", self.message);
        self
    }
}

/// Text of a provider for a message: control and direction characters escaped, cut after `max` characters.
#[must_use]
pub fn excerpt(text: &str, max: usize) -> String {
    let mut shown = String::new();
    for (count, character) in text.trim().chars().enumerate() {
        if count == max {
            shown.push('…');
            break;
        }
        let directs = matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
        if character.is_control() || directs {
            shown.extend(character.escape_default());
        } else {
            shown.push(character);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_a_provider_is_shown_escaped_and_short() {
        assert_eq!(excerpt("a\u{1b}[31mb\u{202e}c", 40), "a\\u{1b}[31mb\\u{202e}c");
        assert_eq!(excerpt("  abcdef ", 3), "abc…");
    }

    #[test]
    fn context_says_where_and_keeps_kind_and_status() {
        let failure = Failure::provider("no such view")
            .with_status(422)
            .context("reading the bill");
        assert_eq!(failure.to_string(), "reading the bill: no such view");
        assert_eq!((failure.kind, failure.status), (FailureKind::Provider, Some(422)));
    }
}
