//! AWS's signature, recomputed from the bytes that a server received. An implementation of its own, from AWS's description.

use super::server::{header, parts};
use aws_lc_rs::hmac;
use sha2::{Digest, Sha256};

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// AWS's UriEncode.
fn encode(bytes: &[u8]) -> String {
    let keep = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~".contains(byte);
    let one = |byte: &u8| {
        if keep(byte) {
            char::from(*byte).to_string()
        } else {
            format!("%{byte:02X}")
        }
    };
    bytes.iter().map(one).collect()
}

fn decode(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        if *byte == b'%' {
            out.push(u8::from_str_radix(std::str::from_utf8(&after[..2]).unwrap(), 16).unwrap());
            rest = &after[2..];
        } else {
            out.push(*byte);
            rest = after;
        }
    }
    out
}

/// Whether a request bears the right signature for the time and keys, as AWS says to compute it.
pub(super) fn is_signed(
    request: &str,
    time: &str,
    (id, secret, token): (&str, &str, Option<&str>),
    (region, service): (&str, &str),
    s3: bool,
) -> bool {
    let given = header(request, "authorization").unwrap();
    let rest = given.strip_prefix("AWS4-HMAC-SHA256 ").unwrap();
    let field = |name: &str| {
        let (_, value) = rest.split_once(&format!("{name}=")).unwrap();
        value.split(", ").next().unwrap()
    };
    let day = &time[..8];
    let scope = format!("{day}/{region}/{service}/aws4_request");
    if field("Credential") != format!("{id}/{scope}") {
        return false;
    }
    if header(request, "x-amz-date") != Some(time) || header(request, "x-amz-security-token") != token {
        return false;
    }
    let (method, target, body) = parts(request);
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let segments = path.split('/').map(|segment| match s3 {
        true => encode(&decode(segment)),
        false => encode(segment.as_bytes()),
    });
    let path = segments.collect::<Vec<_>>().join("/");
    let mut pairs: Vec<(String, String)> = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (encode(&decode(name)), encode(&decode(value)))
        })
        .collect();
    pairs.sort();
    let query: Vec<String> = pairs
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let names = field("SignedHeaders");
    let mut sorted: Vec<&str> = names.split(';').collect();
    sorted.sort_unstable();
    assert_eq!(names, sorted.join(";"));
    let demanded = ["host", "x-amz-date"].into_iter();
    for demanded in demanded.chain(token.map(|_| "x-amz-security-token")) {
        assert!(sorted.contains(&demanded), "{demanded} is not signed");
    }
    let headers: String = sorted
        .iter()
        .map(|name| format!("{name}:{}\n", header(request, name).unwrap().trim()))
        .collect();
    let digest = hex(&Sha256::digest(body));
    let claimed = header(request, "x-amz-content-sha256");
    assert_eq!(claimed, s3.then_some(digest.as_str()));
    assert_eq!(sorted.contains(&"x-amz-content-sha256"), s3);
    let canonical = format!(
        "{method}\n{path}\n{}\n{headers}\n{names}\n{digest}",
        query.join("&")
    );
    let to_sign = format!(
        "AWS4-HMAC-SHA256\n{time}\n{scope}\n{}",
        hex(&Sha256::digest(canonical))
    );
    let mut key = format!("AWS4{secret}").into_bytes();
    for part in [day, region, service, "aws4_request"] {
        key = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), part.as_bytes())
            .as_ref()
            .to_vec();
    }
    let signature = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), to_sign.as_bytes());
    field("Signature") == hex(signature.as_ref())
}
