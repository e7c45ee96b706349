//! Header fields in the host's memory. What must hold: each value holds the permit for its own bytes, so that it is charged
//! wherever it goes: into a request, a copy, a call under way, a reply.

use crate::egress::{Full, Held, InFlight};
use bytes::Bytes;
use http::{HeaderName, HeaderValue, header::InvalidHeaderValue};
use wasmtime_wasi_http::p2::HeaderError;

/// Charged for a field beside its texts: its places in the maps that hold it.
const ENTRY: usize = 256;

/// Why a field cannot be kept.
#[derive(Debug, thiserror::Error)]
pub(super) enum FieldError {
    #[error(transparent)]
    Full(#[from] Full),
    #[error(transparent)]
    Invalid(#[from] InvalidHeaderValue),
}

impl From<FieldError> for HeaderError {
    fn from(error: FieldError) -> Self {
        match error {
            FieldError::Invalid(error) => error.into(),
            // The interface has no word for it.
            FieldError::Full(full) => Self::trap(full),
        }
    }
}

struct Value {
    bytes: Vec<u8>,
    _held: Held,
}

impl AsRef<[u8]> for Value {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// A field's value, charged.
pub(super) fn charged(
    account: &InFlight,
    name: &HeaderName,
    bytes: Vec<u8>,
) -> Result<HeaderValue, FieldError> {
    let size = name.as_str().len().saturating_add(bytes.capacity());
    let held = account.take(size.saturating_add(ENTRY))?;
    let value = Bytes::from_owner(Value { bytes, _held: held });
    Ok(HeaderValue::from_maybe_shared(value)?)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use http::{HeaderMap, header::ACCEPT};

    #[test]
    fn a_value_is_charged_until_its_last_copy_is_gone() {
        let account = InFlight::new(300);
        let mut map = HeaderMap::new();
        map.append(ACCEPT, charged(&account, &ACCEPT, b"text/csv".to_vec()).unwrap());
        assert!(matches!(
            charged(&account, &ACCEPT, vec![b'x'; 40]),
            Err(FieldError::Full(Full))
        ));
        let copy = map.clone();
        drop(map);
        assert!(account.take(100).is_err());
        drop(copy);
        account.take(300).unwrap();
    }

    #[test]
    fn a_value_cannot_smuggle_a_line() {
        let account = InFlight::new(1000);
        for wrong in ["a\r\nhost: b", "a\nb", "a\0b"] {
            assert!(matches!(
                charged(&account, &ACCEPT, wrong.into()),
                Err(FieldError::Invalid(_))
            ));
        }
    }
}
