//! Signature Version 4 checked as AWS does it: from what arrived, by code of its own over SHA-256 and HMAC.
//! What must hold: nothing here knows how the host signs; the fact sheet's vectors are the measure.

use aws_lc_rs::{digest, hmac};
use axum::http::{HeaderMap, Method, Uri};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// Seconds by which a request's date may be off.
const SKEW: i64 = 300;

/// A key that the simulated account knows.
#[derive(Clone, Debug)]
pub struct Key {
    /// Access key id.
    pub id: String,
    /// Secret access key.
    pub secret: String,
    /// Session token of a temporary key.
    pub token: Option<String>,
    /// When a temporary key ends.
    pub expires: Option<Timestamp>,
}

/// A request as it arrived.
#[derive(Clone, Copy)]
pub(crate) struct Arrived<'a> {
    pub(crate) method: &'a Method,
    pub(crate) uri: &'a Uri,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) body: &'a [u8],
}

/// Why a request is not let in: AWS's error code and message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) code: &'static str,
    pub(crate) message: String,
}

fn refused(code: &'static str, message: impl Into<String>) -> Refused {
    Refused {
        code,
        message: message.into(),
    }
}

/// Checks the signature for a region and service.
pub(crate) fn verify(
    arrived: Arrived<'_>,
    keys: &[Key],
    (region, service): (&str, &str),
    now: Timestamp,
) -> Result<(), Refused> {
    let header = |name: &str| arrived.headers.get(name).and_then(|value| value.to_str().ok());
    let missing = || {
        refused(
            "MissingAuthenticationTokenException",
            "Missing Authentication Token",
        )
    };
    let incomplete = |what: &str| {
        refused(
            "IncompleteSignatureException",
            format!("{what} is missing or wrong"),
        )
    };
    let authorization = header("authorization").ok_or_else(missing)?;
    let parts = authorization
        .strip_prefix("AWS4-HMAC-SHA256 ")
        .ok_or_else(|| incomplete("AWS4-HMAC-SHA256"))?;
    let part = |name: &str| {
        let found = parts
            .split(',')
            .find_map(|part| part.trim().strip_prefix(name)?.strip_prefix('='));
        found.ok_or_else(|| incomplete(name))
    };
    let (credential, names, signature) = (part("Credential")?, part("SignedHeaders")?, part("Signature")?);
    let [id, day, of_region, of_service, "aws4_request"] = credential.split('/').collect::<Vec<_>>()[..]
    else {
        return Err(incomplete("Credential"));
    };
    let Some(key) = keys.iter().find(|key| key.id == id) else {
        return Err(refused(
            "UnrecognizedClientException",
            "The security token included in the request is invalid.",
        ));
    };
    if header("x-amz-security-token") != key.token.as_deref() {
        return Err(refused(
            "UnrecognizedClientException",
            "The security token included in the request is invalid.",
        ));
    }
    if key.expires.is_some_and(|end| end <= now) {
        return Err(refused(
            "ExpiredTokenException",
            "The security token included in the request is expired",
        ));
    }
    if (of_region, of_service) != (region, service) {
        let message =
            format!("Credential should be scoped to a valid region and service: {region}/{service}");
        return Err(refused("InvalidSignatureException", message));
    }
    let date = header("x-amz-date").ok_or_else(|| incomplete("X-Amz-Date"))?;
    let at = moment(date).ok_or_else(|| incomplete("X-Amz-Date"))?;
    if !date.starts_with(day) || (now.as_second() - at.as_second()).abs() > SKEW {
        return Err(refused(
            "InvalidSignatureException",
            format!("Signature expired: {date} is not within 5 minutes of the server's time"),
        ));
    }
    let signed: Vec<&str> = names.split(';').collect();
    for name in arrived.headers.keys().map(|name| name.as_str()) {
        let must = name == "host" || name == "content-type" || name.starts_with("x-amz-");
        if must && !signed.contains(&name) {
            return Err(refused(
                "InvalidSignatureException",
                format!("{name} is not signed"),
            ));
        }
    }
    let hash = hex(digest::digest(&digest::SHA256, arrived.body).as_ref());
    if service == "s3" && header("x-amz-content-sha256") != Some(&hash) {
        return Err(refused(
            "XAmzContentSHA256Mismatch",
            "The provided 'x-amz-content-sha256' header does not match what was computed.",
        ));
    }
    let canonical = canonical(arrived, &signed, &hash, service == "s3");
    let scope = format!("{day}/{region}/{service}/aws4_request");
    let hashed = hex(digest::digest(&digest::SHA256, canonical.as_bytes()).as_ref());
    let to_sign = format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n{hashed}");
    let expected = sign(&key.secret, day, region, service, &to_sign);
    if expected != signature {
        return Err(refused(
            if service == "s3" {
                "SignatureDoesNotMatch"
            } else {
                "InvalidSignatureException"
            },
            "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access \
             Key and signing method. Consult the service documentation for details.",
        ));
    }
    Ok(())
}

fn canonical(arrived: Arrived<'_>, signed: &[&str], hash: &str, once: bool) -> String {
    let path = arrived.uri.path();
    let path: Vec<String> = path
        .split('/')
        .map(|segment| match once {
            true => encoded(&decoded(segment)),
            false => encoded(segment.as_bytes()),
        })
        .collect();
    let mut query: Vec<(String, String)> = arrived
        .uri
        .query()
        .into_iter()
        .flat_map(|query| query.split('&'))
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (encoded(&decoded(name)), encoded(&decoded(value)))
        })
        .collect();
    query.sort();
    let query: Vec<String> = query
        .into_iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let mut headers: BTreeMap<&str, String> = BTreeMap::new();
    for name in signed {
        let values = arrived.headers.get_all(*name).iter();
        let values: Vec<String> = values
            .filter_map(|value| value.to_str().ok())
            .map(|value| value.split_whitespace().collect::<Vec<_>>().join(" "))
            .collect();
        headers.insert(name, values.join(","));
    }
    let lines: String = headers
        .into_iter()
        .map(|(name, value)| format!("{name}:{value}\n"))
        .collect();
    format!(
        "{}\n{}\n{}\n{lines}\n{}\n{hash}",
        arrived.method,
        path.join("/"),
        query.join("&"),
        signed.join(";")
    )
}

fn sign(secret: &str, day: &str, region: &str, service: &str, text: &str) -> String {
    let step = |key: &[u8], text: &str| {
        let key = hmac::Key::new(hmac::HMAC_SHA256, key);
        hmac::sign(&key, text.as_bytes()).as_ref().to_vec()
    };
    let key = step(format!("AWS4{secret}").as_bytes(), day);
    let key = step(&step(&step(&key, region), service), "aws4_request");
    hex(&step(&key, text))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// `20250115T120000Z`.
fn moment(text: &str) -> Option<Timestamp> {
    let digits = |range| {
        text.get(range)
            .filter(|part: &&str| part.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let (day, time) = (digits(0..8)?, digits(9..15)?);
    let day = format!("{}-{}-{}", day.get(..4)?, day.get(4..6)?, day.get(6..)?);
    let time = format!("{}:{}:{}", time.get(..2)?, time.get(2..4)?, time.get(4..)?);
    format!("{day}T{time}Z").parse().ok()
}

/// Percent-decoded bytes.
pub(crate) fn decoded(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let code = after
            .get(..2)
            .and_then(|two| u8::from_str_radix(std::str::from_utf8(two).ok()?, 16).ok());
        match (first, code) {
            (b'%', Some(code)) => {
                bytes.push(code);
                rest = after.get(2..).unwrap_or_default();
            }
            _ => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    bytes
}

/// Every byte that is not unreserved percent-encoded.
fn encoded(bytes: &[u8]) -> String {
    let mut text = String::new();
    for byte in bytes {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            text.push(char::from(*byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use axum::http::{HeaderName, HeaderValue};

    const JSON: &str = r#"{"TimePeriod": {"Start": "2025-01-13", "End": "2025-01-15"}, "Granularity": "DAILY", "Metrics": ["UnblendedCost"]}"#;
    const FORM: &str = "Action=DescribeInstances&Version=2016-11-15&MaxResults=1000&Filter.1.Name=instance-state-name&Filter.1.Value.1=running&Filter.1.Value.2=stopped";
    const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn check(
        (method, uri): (&str, &str),
        service: &str,
        headers: &[(&str, &str)],
        body: &str,
        signature: &str,
    ) -> Result<(), Refused> {
        let mut all: Vec<(&str, &str)> = headers.to_vec();
        all.push(("x-amz-date", "20250115T120000Z"));
        all.sort_unstable();
        let names: Vec<&str> = all.iter().map(|(name, _)| *name).collect();
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20250115/us-east-1/{service}/aws4_request, SignedHeaders={}, Signature={signature}",
            names.join(";")
        );
        all.push(("authorization", &authorization));
        let headers: HeaderMap = all
            .iter()
            .map(|(name, value)| {
                (
                    HeaderName::from_bytes(name.as_bytes()).unwrap(),
                    HeaderValue::from_str(value).unwrap(),
                )
            })
            .collect();
        let token = headers
            .get("x-amz-security-token")
            .map(|token| token.to_str().unwrap().to_owned());
        let key = Key {
            id: "AKIDEXAMPLE".to_owned(),
            secret: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".to_owned(),
            token,
            expires: None,
        };
        let arrived = Arrived {
            method: &method.parse().unwrap(),
            uri: &uri.parse().unwrap(),
            headers: &headers,
            body: body.as_bytes(),
        };
        let now = "2025-01-15T12:04:59Z".parse().unwrap();
        verify(arrived, &[key], ("us-east-1", service), now)
    }

    #[test]
    fn the_sheets_vectors_are_accepted_and_a_changed_byte_is_not() {
        let ce = [
            ("content-type", "application/x-amz-json-1.1"),
            ("host", "ce.us-east-1.amazonaws.com"),
            ("x-amz-target", "AWSInsightsIndexService.GetCostAndUsage"),
        ];
        let mut with_token = ce.to_vec();
        with_token.push(("x-amz-security-token", "FQoGZXIvYXdzEXAMPLE"));
        let ec2 = [
            ("content-type", "application/x-www-form-urlencoded; charset=utf-8"),
            ("host", "ec2.us-east-1.amazonaws.com"),
        ];
        let s3 = [("host", "s3.amazonaws.com"), ("x-amz-content-sha256", EMPTY)];
        let bucket = [
            ("host", "my-bucket.s3.amazonaws.com"),
            ("x-amz-content-sha256", EMPTY),
        ];
        let lambda = [("host", "lambda.us-east-1.amazonaws.com")];
        let tags = "/2017-03-31/tags/arn%3Aaws%3Alambda%3Aus-east-1%3A123456789012%3Afunction%3Af1";
        type Case<'a> = (
            (&'a str, &'a str),
            &'a str,
            &'a [(&'a str, &'a str)],
            &'a str,
            &'a str,
        );
        let cases: [Case<'_>; 6] = [
            (
                ("POST", "/"),
                "ce",
                &ce,
                JSON,
                "d21d2baf7ceaf2a1eae7df521ab779549a43fe7e2a984afdc6fb9fa0973bcc3f",
            ),
            (
                ("POST", "/"),
                "ce",
                &with_token,
                JSON,
                "52eb5b17f255901640a6379504f29e66cd073cf3b99bccc803c1a3f96b72f385",
            ),
            (
                ("POST", "/"),
                "ec2",
                &ec2,
                FORM,
                "c536a987cab0c36f78708b66f5569a51a9c704fb0e8b54b47528d77ad3ed2559",
            ),
            (
                ("GET", "/?max-buckets=1000"),
                "s3",
                &s3,
                "",
                "77183a150c9d379a79e12471d91a79354cc6b3a751067310c629b651e2b96d6f",
            ),
            (
                ("GET", "/?tagging"),
                "s3",
                &bucket,
                "",
                "dae96b7d5b04088bfaea2801e51adc03a003c4bb77f54db8df3ae7aca737a7ec",
            ),
            (
                ("GET", tags),
                "lambda",
                &lambda,
                "",
                "33a6911ae86391eedfcd22a4b68d9b7961f3be3c27fe0dbaab90d85a70c790c6",
            ),
        ];
        for (request, service, headers, body, signature) in cases {
            check(request, service, headers, body, signature).unwrap();
            let other = format!("{body} ");
            assert!(check(request, service, headers, &other, signature).is_err());
        }
    }
}
