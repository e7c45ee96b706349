//! Header values that hold secrets: marked as sensitive, and in memory that is wiped.

use super::CredentialError;
use bytes::Bytes;
use reqwest::header::{HeaderName, HeaderValue};
use zeroize::Zeroizing;

/// What a value that cannot be a header's looks like, for the operator.
pub(super) const NO_HEADER: &str = "it cannot stand in a header: only printable ASCII characters can";

/// A header value of these pieces; none where they hold other than printable ASCII.
pub(super) fn sensitive(pieces: &[&str]) -> Option<HeaderValue> {
    let mut text = Zeroizing::new(Vec::with_capacity(pieces.iter().map(|piece| piece.len()).sum()));
    for piece in pieces {
        text.extend_from_slice(piece.as_bytes());
    }
    let printable = text.iter().all(|byte| matches!(byte, b' '..=b'~' | b'\t'));
    let mut value = printable
        .then(|| HeaderValue::from_maybe_shared(Bytes::from_owner(text)).ok())
        .flatten()?;
    value.set_sensitive(true);
    Some(value)
}

/// A header's name.
pub(super) fn name(name: &str) -> Result<HeaderName, CredentialError> {
    HeaderName::from_bytes(name.as_bytes()).map_err(|_| CredentialError::Header(name.to_owned()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_value_is_sensitive_and_never_printed() {
        let value = sensitive(&["Bearer ", "hunter2"]).unwrap();
        assert_eq!(value, "Bearer hunter2");
        assert_eq!(format!("{value:?}"), "Sensitive");
        for wrong in ["a\r\nb", "a\nb", "a\0", "\u{e9}", "\u{7f}"] {
            assert!(sensitive(&["x", wrong]).is_none(), "{wrong:?}");
        }
    }
}
