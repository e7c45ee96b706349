//! `Authorization: Basic` (RFC 7617), for APIs and for clients at token URLs.

use super::{CredentialError, Secret, written::sensitive};
use base64::{Engine, engine::general_purpose::STANDARD};
use reqwest::header::HeaderValue;
use zeroize::Zeroizing;

/// The header's value, and what of it must not come back: the pair as it is, and encoded.
pub(super) fn authorization(
    user: &str,
    password: &str,
) -> Result<(HeaderValue, [Secret; 2]), CredentialError> {
    let mut pair = Zeroizing::new(String::with_capacity(user.len() + password.len() + 1));
    pair.push_str(user);
    pair.push(':');
    pair.push_str(password);
    let encoded = Zeroizing::new(STANDARD.encode(pair.as_bytes()));
    let value = sensitive(&["Basic ", &encoded]).ok_or(CredentialError::Signing)?;
    Ok((value, [Secret::new(pair), Secret::new(encoded)]))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_pair_is_written_as_rfc_7617_shows() {
        let (value, _) = authorization("Aladdin", "open sesame").unwrap();
        assert_eq!(value, "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        let (value, _) = authorization("test", "123\u{a3}").unwrap();
        assert_eq!(value, "Basic dGVzdDoxMjPCow==");
    }
}
