//! AWS signatures, against a server that recomputes them from the bytes it received, by an implementation of its own.

use super::{
    super::{
        RefusalKind,
        credential::{AwsSigV4, Canonical},
        rule::Matcher,
    },
    canary::Logs,
    server::{Server, answer, header, parts},
    *,
};
use aws_lc_rs::hmac;
use sha2::{Digest, Sha256};

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const TOKEN: &str = "canary/session+token==";

fn keys(directory: &tempfile::TempDir, service: &str, canonical: Canonical) -> CredentialSpec {
    credential(Scheme::AwsSigV4(AwsSigV4 {
        access_key_id: file(directory, "id", "AKIDEXAMPLE"),
        secret_access_key: file(directory, "secret", SECRET),
        session_token: Some(file(directory, "token", TOKEN)),
        region: "us-east-1".to_owned(),
        service: service.to_owned(),
        canonical,
    }))
}

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
fn is_signed(request: &str, time: &str, service: &str, s3: bool, secret: &str, token: &str) -> bool {
    let given = header(request, "authorization").unwrap();
    let rest = given.strip_prefix("AWS4-HMAC-SHA256 ").unwrap();
    let field = |name: &str| {
        let (_, value) = rest.split_once(&format!("{name}=")).unwrap();
        value.split(", ").next().unwrap()
    };
    let day = &time[..8];
    let scope = format!("{day}/us-east-1/{service}/aws4_request");
    assert_eq!(field("Credential"), format!("AKIDEXAMPLE/{scope}"));
    if header(request, "x-amz-date") != Some(time) || header(request, "x-amz-security-token") != Some(token) {
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
    for demanded in ["host", "x-amz-date", "x-amz-security-token"] {
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
    for part in [day, "us-east-1", service, "aws4_request"] {
        key = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), part.as_bytes())
            .as_ref()
            .to_vec();
    }
    let signature = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), to_sign.as_bytes());
    field("Signature") == hex(signature.as_ref())
}

fn any(name: &str) -> Matcher {
    Matcher {
        name: name.to_owned(),
        values: None,
    }
}

#[tokio::test]
async fn method_url_headers_and_body_are_signed_as_they_are_sent() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(vec![answer(200, &[], b"")]).await;
    let mut setup = Setup::with_credential(server.address, keys(&directory, "ce", Canonical::Usual));
    setup.rules[0].headers = vec![any("x-amz-target")];
    setup.credentials[0].headers = vec![("X-Fixed".to_owned(), "1".to_owned())];
    let egress = setup.egress();
    let call = with_header(
        post("http://api.example.com/v1", r#"{"a": 1}"#),
        "X-Amz-Target",
        "Cost.Get  Usage",
    );
    egress
        .send(with_header(call, "content-type", "application/x-amz-json-1.1"))
        .await
        .unwrap();
    egress
        .send(get(
            "http://api.example.com/v1/a%20b:c/@d?b=2&a=x%2fy&a=~1&c&d=%C3%A9",
        ))
        .await
        .unwrap();
    let seen = server.seen();
    let names = header(&seen[0], "authorization").unwrap();
    assert!(
        names
            .contains("SignedHeaders=content-type;host;x-amz-date;x-amz-security-token;x-amz-target;x-fixed")
    );
    // A run of spaces counts as one.
    let first = seen[0].replace("Get  Usage", "Get Usage");
    for request in [&first, &seen[1]] {
        assert!(
            is_signed(request, "20260801T000000Z", "ce", false, SECRET, TOKEN),
            "{request}"
        );
        assert!(!is_signed(
            request,
            "20260801T000000Z",
            "ce",
            false,
            "another secret",
            TOKEN
        ));
    }
}

#[tokio::test]
async fn for_s3_the_path_is_encoded_once_and_the_bodys_digest_is_signed() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(vec![answer(200, &[], b"")]).await;
    let egress = Setup::with_credential(server.address, keys(&directory, "s3", Canonical::S3)).egress();
    for path in [
        "/v1",
        "/v1/BILLING_PERIOD=2026-08/a%20b+c/d:e%2B",
        "/v1/a?list-type=2&prefix=x%2F&delimiter",
    ] {
        egress
            .send(get(&format!("http://api.example.com{path}")))
            .await
            .unwrap();
    }
    egress
        .send(post("http://api.example.com/v1/k", "content"))
        .await
        .unwrap();
    for request in server.seen() {
        assert!(
            is_signed(&request, "20260801T000000Z", "s3", true, SECRET, TOKEN),
            "{request}"
        );
    }
}

#[tokio::test]
async fn each_attempt_is_signed_with_a_date_of_its_own() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(vec![
        answer(503, &["retry-after: 61"], b""),
        answer(200, &[], b""),
    ])
    .await;
    let egress = Setup::with_credential(server.address, keys(&directory, "ce", Canonical::Usual)).egress();
    egress.send(get("http://api.example.com/v1")).await.unwrap();
    let seen = server.seen();
    for (request, time) in seen.iter().zip(["20260801T000000Z", "20260801T000101Z"]) {
        assert!(is_signed(request, time, "ce", false, SECRET, TOKEN), "{request}");
    }
}

#[tokio::test]
async fn keys_that_change_while_aws_refuses_them_are_tried_once() {
    let directory = tempfile::tempdir().unwrap();
    let spec = keys(&directory, "ce", Canonical::Usual);
    let path = directory.path().join("token");
    let server = Server::answering(move |request| {
        std::fs::write(&path, "canary/session+token-2").unwrap();
        let good = header(request, "x-amz-security-token") == Some("canary/session+token-2");
        answer(if good { 200 } else { 403 }, &[], b"")
    })
    .await;
    let egress = Setup::with_credential(server.address, spec.clone()).egress();
    assert_eq!(
        egress
            .send(get("http://api.example.com/v1"))
            .await
            .unwrap()
            .status,
        200
    );
    assert_eq!(server.seen().len(), 2);
    let refusing = Server::start(vec![answer(403, &[], b"")]).await;
    let egress = Setup::with_credential(refusing.address, spec).egress();
    assert_eq!(
        egress
            .send(get("http://api.example.com/v1"))
            .await
            .unwrap()
            .status,
        403
    );
    assert_eq!(refusing.seen().len(), 1);
}

#[tokio::test]
async fn a_guest_sets_no_header_of_a_signature() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(vec![answer(200, &[], b"")]).await;
    let names = [
        "authorization",
        "x-amz-date",
        "x-amz-security-token",
        "x-amz-content-sha256",
    ];
    let mut setup = Setup::with_credential(server.address, keys(&directory, "s3", Canonical::S3));
    for name in names {
        let request = with_header(get("http://api.example.com/v1"), name, "UNSIGNED-PAYLOAD");
        assert_eq!(
            setup.egress().send(request).await.unwrap_err().kind,
            RefusalKind::Denied,
            "{name}"
        );
        setup.rules[0].headers = vec![any(name)];
        let grant = Grant {
            rules: setup.rules.clone(),
            credentials: setup.credentials.clone(),
        };
        assert!(
            grant.conflicts()[0]
                .message
                .contains("set by the rule's credential"),
            "{name}"
        );
        setup.rules[0].headers.clear();
    }
    setup.credentials[0].headers = vec![("X-Amz-Date".to_owned(), "x".to_owned())];
    let grant = Grant {
        rules: setup.rules,
        credentials: setup.credentials,
    };
    assert!(grant.conflicts()[0].message.contains("set by the scheme itself"));
    assert_eq!(server.seen().len(), 0);
}

#[tokio::test]
async fn keys_and_session_token_come_back_in_no_form_and_are_never_shown() {
    let logs = Logs::start();
    let directory = tempfile::tempdir().unwrap();
    for echoed in [SECRET, TOKEN] {
        let server = Server::start(vec![answer(403, &[], format!("<X>{echoed}</X>").as_bytes())]).await;
        let egress =
            Setup::with_credential(server.address, keys(&directory, "ce", Canonical::Usual)).egress();
        let reply = egress.send(get("http://api.example.com/v1")).await.unwrap();
        let refusal = whole(reply).await.unwrap_err();
        assert_eq!(refusal.kind, RefusalKind::Echoed);
        logs.assert_unseen(&[SECRET, TOKEN], &egress, &[refusal]);
    }
    // AWS names the key in its ordinary errors.
    let server = Server::start(vec![answer(
        403,
        &[],
        b"<AWSAccessKeyId>AKIDEXAMPLE</AWSAccessKeyId>",
    )])
    .await;
    let egress = Setup::with_credential(server.address, keys(&directory, "ce", Canonical::Usual)).egress();
    whole(egress.send(get("http://api.example.com/v1")).await.unwrap())
        .await
        .unwrap();
}
