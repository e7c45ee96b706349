//! Recordings: what stands in them and what never does, runs from them, and files that somebody edited.

use super::{
    super::{
        RecordingError, RefusalKind,
        credential::{
            App, AwsIdentity, AwsSigV4, Azure, AzureIdentity, Canonical, ClientAuth, ClientCredentials,
            Google, GoogleIdentity, JwtBearer, Scope, Signed, Value,
        },
        recording::{About, Recorder, Recording},
    },
    keys,
    server::{Server, answer, header, parts},
    *,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use std::{fs, os::unix::fs::MetadataExt, path::Path};

const URL: &str = "http://api.example.com/v1/cost";

fn about() -> About {
    let now: Timestamp = "2026-08-01T00:00:00Z".parse().unwrap();
    let collector = ("test", "1.2.3", "00");
    About::new(
        collector,
        "finops:collector@0.1.0",
        now,
        now,
        "seed".to_owned(),
        (None, None),
    )
}

fn read(path: &Path) -> Result<Arc<Recording>, RecordingError> {
    let directory = path.parent().unwrap();
    let before = fs::read_dir(directory).unwrap().count();
    let read = Recording::read(path, directory, &Limits::default());
    assert_eq!(
        fs::read_dir(directory).unwrap().count(),
        before,
        "something is left"
    );
    read
}

/// Records what `calls` does with an egress of this setup.
async fn record(
    setup: &mut Setup,
    path: &Path,
    calls: impl AsyncFnOnce(Egress),
) -> Result<u64, RecordingError> {
    let recorder = Recorder::begin(path, about()).unwrap();
    setup.wire = Wire::Recorded(Arc::clone(&recorder));
    calls(setup.egress()).await;
    assert!(!path.exists(), "it has its name before it is whole");
    let finished = recorder.finish();
    setup.wire = Wire::Live;
    finished
}

/// Egress over a recording: nothing listens where the rules lead to.
fn replay(setup: &mut Setup, path: &Path) -> Egress {
    setup.wire = Wire::Replayed(read(path).unwrap());
    for rule in &mut setup.rules {
        rule.connect_to = Some("127.0.0.1:9".parse().unwrap());
        rule.ca = Some("no-such-file.pem".into());
    }
    setup.egress()
}

async fn text(egress: &Egress, request: Request) -> Result<String, RefusalKind> {
    let reply = egress.send(request).await.map_err(|refusal| refusal.kind)?;
    let body = whole(reply).await.map_err(|refusal| refusal.kind)?;
    Ok(String::from_utf8(body).unwrap())
}

fn schemes(directory: &tempfile::TempDir) -> Vec<Scheme> {
    let secret = |name: &str| file(directory, name, &format!("canary/secret+{name}&="));
    let key = |name: &str| file(directory, name, &keys::plain_pem());
    let token_url = || "http://login.example.com/token".parse().unwrap();
    let service_account = serde_json::json!({
        "type": "service_account", "client_email": "reader@p.iam.gserviceaccount.com",
        "private_key": keys::plain_pem(), "private_key_id": "k1", "token_uri": "https://oauth2.example.com/token",
    });
    vec![
        Scheme::Bearer {
            token: secret("bearer"),
        },
        Scheme::Basic {
            username: Value::Secret(secret("user")),
            password: Some(secret("password")),
        },
        Scheme::Headers {
            headers: vec![("x-own-key".to_owned(), secret("header"))],
        },
        Scheme::Query {
            parameters: vec![("own_key".to_owned(), secret("parameter"))],
        },
        Scheme::Digest {
            username: Value::Plain("me".to_owned()),
            password: secret("digest"),
        },
        Scheme::SnowflakeKeyPair {
            account: "myorg.acct".to_owned(),
            user: "telemetry".to_owned(),
            private_key: key("snowflake"),
            passphrase: None,
        },
        Scheme::OAuth2ClientCredentials(ClientCredentials {
            token_url: token_url(),
            client_id: Value::Secret(secret("client")),
            client_secret: secret("client-secret"),
            client_auth: ClientAuth::Body,
            scope: None,
            audience: None,
            parameters: Vec::new(),
        }),
        Scheme::JwtBearer(JwtBearer {
            token_url: token_url(),
            issuer: "reader".to_owned(),
            subject: None,
            audience: None,
            scope: None,
            private_key: key("jwt"),
            passphrase: None,
            key_id: None,
            lifetime: Duration::from_secs(300),
            parameters: Vec::new(),
        }),
        Scheme::AwsSigV4(AwsSigV4 {
            identity: AwsIdentity::Keys {
                access_key_id: secret("access-key"),
                secret_access_key: secret("secret-key"),
                session_token: Some(secret("session")),
            },
            role: None,
            sts: None,
            scope: Scope::Fixed(Signed {
                region: "us-east-1".to_owned(),
                service: "ce".to_owned(),
                canonical: Canonical::Usual,
            }),
        }),
        Scheme::Azure(Azure {
            identity: AzureIdentity::Secret {
                app: App {
                    token_url: token_url(),
                    client_id: "me".to_owned(),
                },
                client_secret: secret("azure"),
            },
            scope: "s".to_owned(),
        }),
        Scheme::Google(Google {
            identity: GoogleIdentity::ServiceAccount {
                key: file(directory, "google", &service_account.to_string()),
                token_url: token_url(),
            },
            scope: "s".to_owned(),
        }),
    ]
}

/// A provider with its token URL, which challenges where nothing authenticates, and whose replies are full of cookies.
async fn provider() -> Server {
    Server::answering(|request| {
        let (_, target, _) = parts(request);
        if target == "/token" {
            let token = r#"{"token_type":"Bearer","expires_in":3599,"access_token":"canary-token-1"}"#;
            return answer(200, &[], token.as_bytes());
        }
        let shown = header(request, "authorization").is_some()
            || header(request, "x-own-key").is_some()
            || target.contains("own_key=");
        if !shown {
            let challenge = "www-authenticate: Digest realm=\"r\", nonce=\"canary-nonce\", qop=\"auth\"";
            return answer(401, &[challenge], b"");
        }
        let headers = [
            "set-cookie: canary-cookie",
            "content-type: application/json",
            "x-api-key: canary-reply",
        ];
        answer(200, &headers, b"{\"cost\": 1.25}")
    })
    .await
}

#[tokio::test]
async fn no_secret_of_any_scheme_stands_in_a_recording_and_no_call_of_the_hosts_own() {
    let count = 11;
    for number in 0..count {
        let directory = tempfile::tempdir().unwrap();
        let scheme = schemes(&directory).into_iter().nth(number).unwrap();
        assert_eq!(schemes(&directory).len(), count);
        let name = scheme.name();
        let server = provider().await;
        let mut spec = credential(scheme);
        spec.connect_to = Some(server.address);
        let mut setup = Setup::with_credential(server.address, spec);
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("run.jsonl");
        let recorded = record(&mut setup, &path, async |egress| {
            let url = format!("{URL}?page=1");
            let body = text(&egress, post(&url, "{\"from\": \"2026-08-01\"}")).await;
            assert_eq!(body.as_deref(), Ok("{\"cost\": 1.25}"), "{name}");
        })
        .await;
        assert_eq!(recorded.unwrap(), 1, "{name}");
        let seen = server.seen().join("\n").to_ascii_lowercase();
        assert!(
            ["authorization:", "x-own-key:", "own_key="]
                .iter()
                .any(|sign| seen.contains(sign)),
            "{name} showed nothing: {seen}"
        );
        let kept = fs::read_to_string(&path).unwrap();
        assert!(
            kept.contains("{\\\"cost\\\": 1.25}") && kept.contains("?page=1"),
            "{kept}"
        );
        let lower = kept.to_ascii_lowercase();
        for word in [
            "canary",
            "bearer",
            "basic ",
            "digest",
            "/token",
            "own_key",
            "private key",
            "signature",
            "nonce",
        ] {
            assert!(!lower.contains(word), "{name}: `{word}` in {kept}");
        }
        for entry in fs::read_dir(directory.path()).unwrap() {
            let secret = fs::read(entry.unwrap().path()).unwrap();
            let encoded = STANDARD.encode(&secret);
            for form in [
                String::from_utf8(secret).unwrap(),
                encoded.trim_end_matches('=').to_owned(),
            ] {
                assert!(!kept.contains(form.trim()), "{name}: {kept}");
            }
        }
        // Without the secrets' files, without their server, and to the same end.
        drop((server, directory));
        let egress = replay(&mut setup, &path);
        let again = post(&format!("{URL}?page=1"), "{\"from\": \"2026-08-01\"}");
        assert_eq!(
            text(&egress, again).await.as_deref(),
            Ok("{\"cost\": 1.25}"),
            "{name}"
        );
    }
}

#[tokio::test]
async fn requests_get_their_answers_in_order_and_one_that_is_not_there_is_told_with_the_nearest() {
    let server = Server::start(vec![
        answer(200, &["x-total: 3"], b"first"),
        answer(202, &[], b"second"),
        answer(500, &[], b"posted"),
    ])
    .await;
    let mut setup = Setup::new(vec![plain(server.address)]);
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("run.jsonl");
    let url = &format!("{URL}?page=1&size=9");
    let recorded = record(&mut setup, &path, async |egress| {
        for request in [get(url), get(url), post(url, "a")] {
            text(&egress, request).await.unwrap();
        }
    });
    assert_eq!(recorded.await.unwrap(), 3);
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
    drop(server);
    let egress = replay(&mut setup, &path);
    let first = egress.send(get(url)).await.unwrap();
    assert_eq!(
        (
            first.status,
            first.headers.contains(&("x-total".to_owned(), "3".to_owned()))
        ),
        (200, true)
    );
    assert_eq!(text(&egress, post(url, "a")).await.unwrap(), "posted");
    assert_eq!(text(&egress, get(url)).await.unwrap(), "second");
    let other = format!("{URL}?page=2&size=9");
    for (request, told) in [
        (get(url), "line 2), but not so often"),
        (get(&other), "(line 2), differs in query parameter `page`"),
        (
            post(url, "b"),
            "POST http://api.example.com/v1/cost (line 4), differs in its body",
        ),
        (get("http://api.example.com/v1/bill"), "differs in its path"),
    ] {
        assert_eq!(text(&egress, request).await, Err(RefusalKind::Unreachable));
        let report = egress.report();
        let why = &report.failed.last().unwrap().why;
        assert!(why.contains(told) && !why.contains("page="), "{why}");
    }
    assert!(egress.report().denied.is_empty());
}

#[tokio::test]
async fn a_replay_judges_grant_and_limits_as_ever_and_reads_no_secret() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("run.jsonl");
    let exchange = |number: usize, url: &str| {
        format!(
            "{{\"exchange\":{number},\"request\":{{\"method\":\"GET\",\"url\":\"{url}\"}},\"reply\":{{\"status\":200,\"body\":\"x\"}}}}\n"
        )
    };
    let metadata = "http://169.254.169.254/v1/x";
    let urls = ["http://api.example.com/v2/x", metadata, URL, URL];
    let lines: String = urls
        .iter()
        .enumerate()
        .map(|(number, url)| exchange(number, url))
        .collect();
    fs::write(&path, format!("{HEAD}\n{lines}{{\"end\":{{\"exchanges\":4}}}}")).unwrap();
    let mut literal = plain("127.0.0.1:9".parse().unwrap());
    literal.host = "169.254.169.254".parse().unwrap();
    let mut setup = Setup::new(vec![plain("127.0.0.1:9".parse().unwrap()), literal]);
    let mut spec = credential(Scheme::Bearer {
        token: SecretRef::File("no-such-file".into()),
    });
    spec.reveal = true;
    setup.credentials.push(spec);
    setup.rules[0].credential = Some("main".to_owned());
    setup.limits.requests = 2;
    setup.wire = Wire::Replayed(read(&path).unwrap());
    setup.rules[1].connect_to = None;
    let egress = setup.egress();
    for url in [urls[0], metadata] {
        assert_eq!(text(&egress, get(url)).await, Err(RefusalKind::Denied), "{url}");
    }
    assert_eq!(text(&egress, get(URL)).await.as_deref(), Ok("x"));
    assert_eq!(text(&egress, get(URL)).await, Err(RefusalKind::Throttled));
    assert_eq!(
        egress.reveal("main").await.unwrap_err().kind,
        RefusalKind::Credential
    );
    assert_eq!(egress.report().denied.len(), 2);
}

#[tokio::test]
async fn long_bodies_come_back_to_the_byte_and_what_was_left_unread_or_broke_off_does_again() {
    let text_body = "a\u{20ac}\u{1f600}\"\\\n".repeat(150_000);
    let mut bytes = text_body.clone().into_bytes();
    bytes.extend([0xff; 70_000]);
    let (long, binary) = (text_body.clone(), bytes.clone());
    let server = Server::answering(move |request| match parts(request).1 {
        "/v1/text" => answer(200, &[], long.as_bytes()),
        "/v1/bytes" => answer(200, &[], &binary),
        "/v1/broken" => b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\nconnection: close\r\n\r\nhalf".to_vec(),
        _ => answer(200, &[], &[b'x'; 5_000]),
    })
    .await;
    let url = |name: &str| format!("http://api.example.com/v1/{name}");
    let mut setup = Setup::new(vec![plain(server.address)]);
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("run.jsonl");
    let recorded = record(&mut setup, &path, async |egress| {
        whole(egress.send(get(&url("text"))).await.unwrap())
            .await
            .unwrap();
        whole(egress.send(get(&url("bytes"))).await.unwrap())
            .await
            .unwrap();
        let broken = whole(egress.send(get(&url("broken"))).await.unwrap()).await;
        assert_eq!(broken.unwrap_err().kind, RefusalKind::Malformed);
        let mut unread = egress.send(get(&url("unread"))).await.unwrap();
        assert_eq!(unread.body.chunk(10).await.unwrap().unwrap().len(), 10);
    })
    .await;
    assert_eq!(recorded.unwrap(), 4);
    assert_eq!(fs::read_dir(home.path()).unwrap().count(), 1);
    drop(server);
    let egress = replay(&mut setup, &path);
    let mut reply = egress.send(get(&url("unread"))).await.unwrap();
    assert_eq!(reply.body.chunk(64).await.unwrap().unwrap().len(), 10);
    assert_eq!(
        reply.body.chunk(64).await.unwrap_err().kind,
        RefusalKind::Malformed
    );
    let all = async |name: &str| whole(egress.send(get(&url(name))).await.unwrap()).await;
    assert_eq!(all("text").await.unwrap(), text_body.as_bytes());
    assert_eq!(all("bytes").await.unwrap(), bytes);
    assert_eq!(all("broken").await.unwrap_err().kind, RefusalKind::Malformed);
}

#[tokio::test]
async fn a_secret_that_the_guest_itself_sends_spoils_the_recording_and_leaves_no_file() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(vec![answer(200, &[], b"")]).await;
    for request in [
        get(&format!("{URL}?a=hunter2-hunter2")),
        post(URL, "{\"a\": \"hunter2-hunter2\"}"),
        with_header(get(URL), "if-match", "hunter2-hunter2"),
    ] {
        let mut setup = Setup::with_credential(server.address, bearer(&directory, "hunter2-hunter2"));
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("run.jsonl");
        let recorded = record(&mut setup, &path, async |egress| {
            text(&egress, request).await.unwrap();
        });
        assert!(matches!(recorded.await, Err(RecordingError::Secret { .. })));
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 0);
    }
}

#[test]
fn a_recording_replaces_nothing_and_one_that_is_not_finished_leaves_nothing() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("run.jsonl");
    drop(Recorder::begin(&path, about()).unwrap());
    assert_eq!(fs::read_dir(home.path()).unwrap().count(), 0);
    fs::write(&path, "mine").unwrap();
    let error = Recorder::begin(&path, about()).unwrap_err().to_string();
    assert!(error.contains("replaces nothing"), "{error}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
}

const HEAD: &str = r#"{"finops-host-recording":1,"collector":{"name":"test"},"now":"2026-08-01T00:00:00Z"}"#;
const EXCHANGE: &str = r#"{"exchange":1,"request":{"method":"GET","url":"https://h.example/"},"reply":{"status":200,"body":"x"}}"#;
const END: &str = r#"{"end":{"exchanges":1}}"#;

#[test]
fn a_recording_that_somebody_edited_is_an_error_that_names_its_line() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("run.jsonl");
    let whole = format!("{HEAD}\n{EXCHANGE}\n{END}");
    fs::write(&path, &whole).unwrap();
    read(&path).unwrap();
    let edits: &[(&str, String, &str)] = &[
        ("status", whole.replace("200", "999"), ":2: 999 is no status"),
        ("status", whole.replace("200", "\"200\""), ":2: invalid type"),
        (
            "version",
            whole.replace("recording\":1", "recording\":2"),
            "this is a recording of version 2",
        ),
        (
            "header",
            whole.replace("\"now\"", "\"then\""),
            ":1: unknown field",
        ),
        ("empty", String::new(), ":1: the first line says nothing"),
        (
            "other",
            "{\"a\":1}\n".to_owned(),
            ":1: the first line says nothing",
        ),
        ("other", "[1]\n".to_owned(), ":1: invalid length"),
        ("cut", format!("{HEAD}\n{EXCHANGE}\n"), ":3: the recording is cut"),
        (
            "cut",
            format!("{HEAD}\n{}", EXCHANGE.split_at(60).0),
            ":2: the line is cut short",
        ),
        (
            "cut",
            format!("{HEAD}\n{END}"),
            ":2: the recording is cut: 1 exchanges are counted, 0",
        ),
        (
            "twice",
            format!("{HEAD}\n{EXCHANGE}\n{EXCHANGE}\n{END}"),
            ":3: there are two exchanges 1",
        ),
        (
            "after",
            format!("{whole}\n{EXCHANGE}"),
            ":4: something stands after",
        ),
        (
            "json",
            whole.replace("{\"exchange\"", "{exchange"),
            ":2: key must be a string",
        ),
        (
            "junk",
            whole.replace("\"x\"}}", "\"x\"}} x"),
            ":2: trailing characters",
        ),
        (
            "method",
            whole.replace("GET", "TRACE"),
            ":2: `TRACE` is no method",
        ),
        (
            "url",
            whole.replace("https://h.example/", "no url"),
            ":2: the request's URL",
        ),
        (
            "field",
            whole.replace("\"body\"", "\"boddy\""),
            ":2: unknown field",
        ),
        (
            "missing",
            whole.replace(",\"reply\":{\"status\":200,\"body\":\"x\"}", ""),
            ":2: missing field `reply`",
        ),
        (
            "base64",
            whole.replace("\"x\"", "{\"base64\":\"*\"}"),
            ":2: this is no base64",
        ),
        ("body", whole.replace("\"x\"", "7"), "a body is text"),
        (
            "two bodies",
            whole.replace("\"body\":\"x\"", "\"body\":\"x\",\"body\":\"y\""),
            ":2: duplicate field `body`",
        ),
        (
            "headers",
            whole.replace("\"status\"", "\"headers\":[[\"a\\nb\",\"x\"]],\"status\""),
            ":2: `a\\nb` is no header name",
        ),
        (
            "a long header",
            whole.replace(
                "\"status\"",
                &format!("\"headers\":[[\"a\",\"{}\"]],\"status\"", "x".repeat(40_000)),
            ),
            ":2: more than 64 headers",
        ),
        (
            "a header of 40 MB",
            whole.replace(
                "\"status\"",
                &format!("\"headers\":[[\"a\",\"{}\"]],\"status\"", "x".repeat(40 << 20)),
            ),
            ":2: more than 8 MiB stand in one piece",
        ),
        (
            "nested bodies",
            whole.replace("\"x\"", &format!("{}\"x\"{}", "[".repeat(300), "]".repeat(300))),
            ":2: recursion limit",
        ),
    ];
    for (what, edited, expected) in edits {
        fs::write(&path, edited).unwrap();
        let error = read(&path).unwrap_err().to_string();
        assert!(
            error.contains(expected),
            "{what}: {}",
            &error[..error.len().min(400)]
        );
        assert!(error.len() < 1_000);
    }
    let error = read(&home.path().join("none")).map(drop).unwrap_err().to_string();
    assert!(error.contains("cannot be read"), "{error}");
}

#[test]
fn bodies_of_a_recording_end_with_what_a_run_may_receive() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("run.jsonl");
    let body = vec![format!("\"{}\"", "x".repeat(60_000)); 3].join(",");
    let exchange = EXCHANGE.replace("\"x\"", &format!("[{body}]"));
    fs::write(&path, format!("{HEAD}\n{exchange}\n{END}")).unwrap();
    let limits = Limits {
        received: 100_000,
        ..Limits::default()
    };
    let error = Recording::read(&path, home.path(), &limits)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains(":2:") && error.contains("`[limits] received`"),
        "{error}"
    );
    read(&path).unwrap();
}
