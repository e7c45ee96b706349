//! The signing test suite that ships in the crate `aws-sigv4` (`aws-signing-test-suite/v4`), against this signer. Nothing of it
//! is copied: `cargo metadata` tells where the crate's source lies.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use super::*;
use aws_sigv4::http_request::SessionTokenMode;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// Cases that cannot be put to the signer, and why.
const LEFT_OUT: [(&str, &str); 6] = [
    ("double-url-encode", "it names no keys"),
    (
        "get-header-value-multiline",
        "a header's value has one line (RFC 9112, 5.2), and no other can be made",
    ),
    ("get-relative-relative-unnormalized", DOTS),
    ("get-relative-unnormalized", DOTS),
    ("get-slash-dot-slash-unnormalized", DOTS),
    ("get-slash-pointless-dot-unnormalized", DOTS),
];
const DOTS: &str =
    "a URL with dot segments is written without them when it is parsed, and egress refuses it before";

/// Cases whose path is not encoded a second time, without their context saying so.
const ENCODED_ONCE: [&str; 3] = ["get-space-normalized", "get-space-unnormalized", "get-utf8"];

fn suite() -> PathBuf {
    let platform = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let output = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["metadata", "--format-version", "1", "--locked"])
        // Packages of other platforms need not be there.
        .args(["--filter-platform", &platform])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let package = packages
        .iter()
        .find(|package| package["name"] == "aws-sigv4")
        .unwrap();
    let manifest = Path::new(package["manifest_path"].as_str().unwrap());
    manifest.with_file_name("aws-signing-test-suite").join("v4")
}

/// A request as a case writes it.
fn request(text: &str) -> (Outgoing, Option<String>) {
    let (head, body) = text.split_once("\n\n").unwrap_or((text, ""));
    let mut lines = head.lines();
    let (method, target) = lines.next().unwrap().split_once(' ').unwrap();
    let target = target.strip_suffix(" HTTP/1.1").unwrap();
    let (mut host, mut date) = ("", None);
    let mut headers = HeaderMap::new();
    for line in lines {
        let (name, value) = line.split_once(':').unwrap();
        match name.to_lowercase().as_str() {
            "host" => host = value,
            "x-amz-date" => date = Some(value.to_owned()),
            name => {
                let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
                headers.append(name, HeaderValue::from_str(value).unwrap());
            }
        }
    }
    let outgoing = Outgoing {
        method: method.parse().unwrap(),
        url: format!("https://{host}{target}").parse().unwrap(),
        headers,
        body: (!body.is_empty()).then(|| body.to_owned().into()),
    };
    (outgoing, date)
}

/// Signs a case with the keys and settings of its context. One case has none; its keys are those of the crate's own test.
fn signed_as(case: &Path) -> Outgoing {
    let read = |name: &str| fs::read_to_string(case.join(name));
    let name = case.file_name().unwrap().to_str().unwrap();
    let (mut outgoing, date) = request(&read("request.txt").unwrap());
    let (context, date) = match (read("context.json"), date) {
        (Ok(context), _) => {
            let context: serde_json::Value = serde_json::from_str(&context).unwrap();
            let date = context["timestamp"].as_str().unwrap().to_owned();
            (context, date)
        }
        (Err(_), date) => {
            assert_eq!(
                (name, date.as_deref()),
                ("double-encode-path", Some("20150830T123600Z"))
            );
            let context = serde_json::json!({
                "credentials": { "access_key_id": "ANOTREAL", "secret_access_key": "notrealrnrELgWzOk3IfjzDKtFBhDby" },
                "region": "us-east-1", "service": "service", "normalize": true, "sign_body": false,
            });
            (context, "2015-08-30T12:36:00Z".to_owned())
        }
    };
    let text = |value: &serde_json::Value| value.as_str().map(str::to_owned);
    let keys = &context["credentials"];
    let (id, secret, token) = (
        text(&keys["access_key_id"]).unwrap(),
        text(&keys["secret_access_key"]).unwrap(),
        text(&keys["token"]),
    );
    let mut settings = settings(Canonical::Usual);
    if context["normalize"] == false {
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
    }
    if context["sign_body"] == true {
        settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
    }
    if context["omit_session_token"] == true {
        settings.session_token_mode = SessionTokenMode::Exclude;
    }
    if ENCODED_ONCE.contains(&name) {
        settings.percent_encoding_mode = PercentEncodingMode::Single;
    }
    let keys = Keys {
        id: &id,
        secret: &secret,
        token: token.as_deref(),
    };
    let whose = (
        context["region"].as_str().unwrap(),
        context["service"].as_str().unwrap(),
    );
    sign(&mut outgoing, keys, whose, date.parse().unwrap(), settings).unwrap();
    outgoing
}

#[test]
fn the_signatures_are_those_of_the_suite() {
    let suite = suite();
    let mut run = 0;
    let mut left_out = Vec::new();
    let mut cases: Vec<PathBuf> = fs::read_dir(&suite)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    cases.sort();
    for case in &cases {
        let name = case.file_name().unwrap().to_str().unwrap();
        if LEFT_OUT.iter().any(|(left_out, _)| *left_out == name) {
            left_out.push(name);
            continue;
        }
        let expected = fs::read_to_string(case.join("header-signed-request.txt")).unwrap();
        let (head, _) = expected.split_once("\n\n").unwrap_or((&expected, ""));
        let value = |wanted: &str| {
            let mut lines = head.lines().filter_map(|line| line.split_once(':'));
            let found = lines.find(|(name, _)| name.eq_ignore_ascii_case(wanted));
            found.map(|(_, value)| value.trim().to_owned())
        };
        let signed = signed_as(case);
        for name in SETS {
            let made = signed
                .headers
                .get(name)
                .map(|made| made.to_str().unwrap().to_owned());
            assert_eq!(made, value(name), "{name} of {}", case.display());
        }
        run += 1;
    }
    assert_eq!(left_out, LEFT_OUT.map(|(name, _)| name));
    assert_eq!((run, cases.len()), (34, 40));
}
