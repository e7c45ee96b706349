//! AWS Signature Version 4, by the crate `aws-sigv4`. The signature covers method, URL, headers and body as they are sent, and
//! the date of the attempt.

#[cfg(test)]
mod suite;

use super::{Canonical, CredentialError, Outgoing, encode::percent, written};
use aws_credential_types::Credentials;
use aws_sigv4::{
    http_request::{
        PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings,
        UriPathNormalizationMode, sign as signed,
    },
    sign::v4,
};
use jiff::Timestamp;
use std::time::SystemTime;
use url::{Position, Url};

/// The headers that it sets.
pub(super) const SETS: [&str; 4] = [
    "authorization",
    "x-amz-content-sha256",
    "x-amz-date",
    "x-amz-security-token",
];

/// The keys, read.
#[derive(Clone, Copy)]
pub(super) struct Keys<'a> {
    pub(super) id: &'a str,
    pub(super) secret: &'a str,
    pub(super) token: Option<&'a str>,
}

/// What the crate is asked to do.
pub(super) fn settings(canonical: Canonical) -> SigningSettings {
    let mut settings = SigningSettings::default();
    match canonical {
        Canonical::Usual => {
            settings.percent_encoding_mode = PercentEncodingMode::Double;
            settings.uri_path_normalization_mode = UriPathNormalizationMode::Enabled;
            settings.payload_checksum_kind = PayloadChecksumKind::NoHeader;
        }
        Canonical::S3 => {
            settings.percent_encoding_mode = PercentEncodingMode::Single;
            settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
            settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
        }
    }
    settings
}

/// Signs a request for a region and service.
pub(super) fn sign(
    outgoing: &mut Outgoing,
    keys: Keys<'_>,
    (region, service): (&str, &str),
    now: Timestamp,
    settings: SigningSettings,
) -> Result<(), CredentialError> {
    let url = match settings.percent_encoding_mode {
        PercentEncodingMode::Single => encoded_once(&outgoing.url),
        _ => outgoing.url.as_str().to_owned(),
    };
    let headers: Option<Vec<(&str, &str)>> = outgoing
        .headers
        .iter()
        .map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)))
        .collect();
    let body = outgoing.body.as_deref().unwrap_or_default();
    let request = SignableRequest::new(
        outgoing.method.as_str(),
        url,
        headers.ok_or(CredentialError::Signing)?.into_iter(),
        SignableBody::Bytes(body),
    );
    // Wipes what it holds.
    let identity = Credentials::new(keys.id, keys.secret, keys.token.map(str::to_owned), None, "").into();
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name(service)
        .time(at(now)?)
        .settings(settings)
        .build()
        .map_err(|_| CredentialError::Signing)?
        .into();
    let (instructions, _) = request
        .and_then(|request| signed(request, &parameters))
        .map_err(|_| CredentialError::Signing)?
        .into_parts();
    for (name, value) in instructions.headers() {
        let value = written::sensitive(&[value]).ok_or(CredentialError::Signing)?;
        outgoing.headers.insert(written::name(name)?, value);
    }
    Ok(())
}

fn at(now: Timestamp) -> Result<SystemTime, CredentialError> {
    let since = std::time::Duration::try_from(now.as_duration()).ok();
    since
        .and_then(|since| SystemTime::UNIX_EPOCH.checked_add(since))
        .ok_or(CredentialError::Signing)
}

/// The URL whose path is written the one way in which S3 writes it before it compares: decoded, then every byte encoded that
/// is not unreserved.
fn encoded_once(url: &Url) -> String {
    let path: Vec<String> = url
        .path()
        .split('/')
        .map(|segment| percent(&decoded(segment.as_bytes())).to_string())
        .collect();
    format!(
        "{}{}{}",
        &url[..Position::BeforePath],
        path.join("/"),
        &url[Position::AfterPath..Position::AfterQuery]
    )
}

fn decoded(segment: &[u8]) -> Vec<u8> {
    let digit = |byte: Option<&u8>| byte.and_then(|byte| char::from(*byte).to_digit(16));
    let mut out = Vec::with_capacity(segment.len());
    let mut rest = segment.iter();
    while let Some(byte) = rest.next() {
        let mut ahead = rest.clone();
        match (byte, digit(ahead.next()), digit(ahead.next())) {
            (b'%', Some(high), Some(low)) => {
                out.push(u8::try_from(high * 16 + low).unwrap_or_default());
                rest = ahead;
            }
            _ => out.push(*byte),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn s3_compares_a_path_in_one_writing() {
        for (sent, compared) in [
            (
                "https://b.example/a%2fb//c=1/d:e+%20/?x=%2f",
                "https://b.example/a%2Fb//c%3D1/d%3Ae%2B%20/?x=%2f",
            ),
            ("https://b.example:8443", "https://b.example:8443/"),
            ("https://b.example/100%25", "https://b.example/100%25"),
        ] {
            assert_eq!(encoded_once(&sent.parse().unwrap()), compared);
        }
    }
}
