//! AWS signatures, against a server that recomputes them from the bytes it received, by an implementation of its own.

use super::{
    super::{
        RefusalKind,
        credential::{AwsIdentity, AwsSigV4, Canonical, Scope, Signed},
        rule::Matcher,
    },
    canary::Logs,
    server::{Server, answer, header},
    signed, *,
};

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const TOKEN: &str = "canary/session+token==";

fn keys(directory: &tempfile::TempDir, service: &str, canonical: Canonical) -> CredentialSpec {
    credential(Scheme::AwsSigV4(AwsSigV4 {
        identity: AwsIdentity::Keys {
            access_key_id: file(directory, "id", "AKIDEXAMPLE"),
            secret_access_key: file(directory, "secret", SECRET),
            session_token: Some(file(directory, "token", TOKEN)),
        },
        role: None,
        sts: None,
        scope: Scope::Fixed(Signed {
            region: "us-east-1".to_owned(),
            service: service.to_owned(),
            canonical,
        }),
    }))
}

/// Whether a request bears the right signature for the time and keys, as AWS says to compute it.
fn is_signed(request: &str, time: &str, service: &str, s3: bool, secret: &str, token: &str) -> bool {
    let keys = ("AKIDEXAMPLE", secret, Some(token));
    signed::is_signed(request, time, keys, ("us-east-1", service), s3)
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
