//! Replies of a hostile provider, or of one that shows back what it got: redirects, secrets, and replies without end.

mod hostile {
    use crate::grant::Granted;
    use base64::{Engine as _, prelude::BASE64_STANDARD};
    use finops_host::{
        sandbox::{FailureKind, RunError, failure::LimitReached},
        schedule::RunSummary,
    };
    use finops_tests::hostile::{Answer, Received, Recorder, Then, assert_done, assert_failed};
    use std::{
        io::Write as _,
        time::{Duration, Instant},
    };

    const URL: &str = "https://api.example.com/api/v2/statements";

    /// The secret as the server got it.
    fn secret(request: &Received) -> String {
        let value = request.header("authorization").unwrap_or_default();
        value.trim_start_matches("Bearer ").to_owned()
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_redirect_is_handed_to_the_guest_and_not_followed() {
        let evil = Recorder::plain(|_| Answer::ok("evil")).await.unwrap();
        for to in [
            format!("http://{}/steal", evil.address()),
            format!("http://localhost:{}/steal", evil.address().port()),
            format!("//{}/steal", evil.address()),
            "/api/v2/admin".to_owned(),
            "/api/v2/statements/next".to_owned(),
        ] {
            for status in [301, 302, 303, 307, 308] {
                let location = to.clone();
                let granted = Granted::answering(move |_| {
                    Answer::status(
                        status,
                        &[
                            ("location", &location),
                            ("refresh", &format!("0; url={location}")),
                        ],
                        "",
                    )
                })
                .await;
                let what = format!("{status} to {to}");
                let summary = granted.perform(&granted.call(URL)).await;
                assert_done(&what, &summary);
                let note = summary.note.unwrap();
                assert!(
                    note.starts_with(&format!("status {status}")) && note.contains(&to),
                    "{note}"
                );
                evil.assert_untouched(&what).await.unwrap();
                assert_eq!(granted.server.requests().len(), 1, "{what}");
                granted.stage.assert_no_canary(&[&evil]).unwrap();
                if status == 307 {
                    // Where the guest then calls itself, the grant decides.
                    let summary = granted.perform(&granted.call(&to)).await;
                    match to.strip_prefix("/api") {
                        _ if to.starts_with("http") => {
                            assert_failed(&what, &summary, FailureKind::Denied, "not granted");
                        }
                        _ => assert_failed(&what, &summary, FailureKind::Denied, ""),
                    }
                    evil.assert_untouched(&what).await.unwrap();
                    granted.stage.assert_lives().await.unwrap();
                }
            }
        }
    }

    /// A way in which a server shows the secret back.
    type Echo = fn(&str) -> Answer;

    const ECHOES: &[(&str, Echo)] = &[
        ("raw in the body", |secret| {
            Answer::ok(format!("you sent {secret}!"))
        }),
        ("raw at the body's end", |secret| {
            Answer::ok(format!("you sent {secret}"))
        }),
        ("alone", |secret| Answer::ok(secret)),
        ("base64", |secret| Answer::ok(BASE64_STANDARD.encode(secret))),
        ("base64 of the whole header", |secret| {
            Answer::ok(BASE64_STANDARD.encode(format!("Bearer {secret}\r\n")))
        }),
        ("base64 after one byte", |secret| {
            Answer::ok(BASE64_STANDARD.encode(format!("a{secret}b")))
        }),
        ("base64 after two bytes", |secret| {
            Answer::ok(BASE64_STANDARD.encode(format!("ab{secret}c")))
        }),
        ("percent-encoded where needed", |secret| {
            let encode = |c: char| match c {
                'a'..='z' | 'A'..='Z' | '0'..='9' => c.to_string(),
                c => format!("%{:02X}", u32::from(c)),
            };
            Answer::ok(secret.chars().map(encode).collect::<String>())
        }),
        ("percent-encoded throughout", |secret| {
            Answer::ok(
                secret
                    .bytes()
                    .map(|byte| format!("%{byte:02x}"))
                    .collect::<String>(),
            )
        }),
        ("JSON", |secret| {
            Answer::ok(serde_json::json!({ "headers": { "authorization": secret } }).to_string())
        }),
        ("JSON, escaped throughout", |secret| {
            Answer::ok(
                secret
                    .bytes()
                    .map(|byte| format!("\\u{byte:04X}"))
                    .collect::<String>(),
            )
        }),
        ("JSON with escaped slashes", |secret| {
            Answer::ok(serde_json::to_string(secret).unwrap().replace('/', "\\/"))
        }),
        ("in chunks of one byte", |secret| {
            let bytes = format!("....{secret}....").into_bytes();
            let pieces: Vec<_> = bytes.chunks(1).collect();
            Answer::chunked(&[], &pieces)
        }),
        ("base64 in chunks of three bytes", |secret| {
            let bytes = BASE64_STANDARD.encode(format!("......{secret}")).into_bytes();
            let pieces: Vec<_> = bytes.chunks(3).collect();
            Answer::chunked(&[], &pieces)
        }),
        ("JSON-escaped in chunks of five bytes", |secret| {
            let escaped: String = secret.bytes().map(|byte| format!("\\u{byte:04x}")).collect();
            let pieces: Vec<_> = escaped.as_bytes().chunks(5).collect();
            Answer::chunked(&[], &pieces)
        }),
        ("after a megabyte", |secret| {
            Answer::ok(format!("{}{secret}", "x".repeat(1 << 20)))
        }),
        ("compressed", |secret| {
            Answer::status(200, &[("content-encoding", "gzip")], gzip(secret.as_bytes()))
        }),
        ("in a header", |secret| {
            Answer::status(200, &[("x-echo", secret)], "")
        }),
        ("in the middle of a header", |secret| {
            Answer::status(200, &[("x-echo", &format!("Bearer {secret}; more"))], "")
        }),
        ("base64 in a header", |secret| {
            Answer::status(200, &[("x-echo", &BASE64_STANDARD.encode(secret))], "")
        }),
        ("percent-encoded in a redirect", |secret| {
            let encoded: String = secret.bytes().map(|byte| format!("%{byte:02X}")).collect();
            Answer::redirect(&format!("https://evil.test/?token={encoded}"))
        }),
        ("in an error's body", |secret| {
            Answer::status(401, &[], format!("bad token {secret}"))
        }),
    ];

    #[tokio::test(flavor = "multi_thread")]
    async fn a_reply_that_repeats_the_secret_is_withheld_however_it_is_written_or_cut() {
        for (what, echo) in ECHOES {
            let granted = Granted::answering(move |request| echo(&secret(request))).await;
            let summary = granted.perform(&granted.call(URL)).await;
            assert_failed(what, &summary, FailureKind::Credential, "repeats a secret");
            let failed = &summary.egress.failed;
            assert!(
                failed.iter().any(|call| call.why.contains("credential-echoed")),
                "{what}: {summary:?}"
            );
            granted.stage.assert_unharmed(&[]).await.unwrap();
        }
        // The same without the secret passes.
        for (what, echo) in ECHOES {
            let granted = Granted::answering(move |_| echo("n0t-the/secret\"but\\ano+ther%=")).await;
            granted.assert_granted(what, &granted.call(URL)).await;
        }
    }

    /// A server's way never to come to an end.
    type Never = fn() -> Answer;

    /// Asserts that a run ended soon, by its wall clock or because the host gave the call up before.
    #[track_caller]
    fn assert_given_up(what: &str, summary: &RunSummary) {
        match &summary.end {
            Err(RunError::Limit(LimitReached::Wall(_))) => {}
            Err(RunError::Failure(failure)) => assert_eq!(failure.kind, FailureKind::Unreachable, "{what}"),
            other => panic!("{what}: {other:?}"),
        }
        assert!(summary.usage.wall_ms < 30_000, "{what}: {summary:?}");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_server_that_never_comes_to_an_end_holds_nobody_longer_than_the_run_may_last() {
        const PAUSE: Duration = Duration::from_millis(20);
        let answers: [(&str, Never); 6] = [
            ("silence", Answer::silence),
            ("a head byte by byte", || {
                Answer::raw("HTTP/1.1 200 OK\r\nx-slow: ", Then::Drip(b"x".to_vec(), PAUSE))
            }),
            ("a head without end", || {
                Answer::raw("HTTP/1.1 200 OK\r\n", Then::Drip(b"x: y\r\n".to_vec(), PAUSE))
            }),
            ("a body byte by byte", || {
                Answer::raw(
                    "HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n",
                    Then::Drip(b"x".to_vec(), PAUSE),
                )
            }),
            ("a body that stops", || {
                Answer::raw(
                    "HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\nhalf",
                    Then::Hang,
                )
            }),
            ("to be continued for ever", || {
                Answer::raw("", Then::Drip(b"HTTP/1.1 100 Continue\r\n\r\n".to_vec(), PAUSE))
            }),
        ];
        for (what, answer) in answers {
            let granted = Granted::answering(move |_| answer()).await;
            let begin = Instant::now();
            let act = granted.call(URL).with("[limits]\nwall = \"1s\"");
            let summary = granted.perform(&act).await;
            assert_given_up(what, &summary);
            assert!(begin.elapsed() < Duration::from_secs(60), "{what}");
            assert_eq!(granted.server.requests().len(), 1, "{what}");
            granted.stage.assert_unharmed(&[]).await.unwrap();
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_reply_without_end_is_cut_at_the_limit_decoded() {
        let zeros = vec![0_u8; 1 << 20];
        let bomb = gzip(&vec![0_u8; 256 << 20]);
        assert!(bomb.len() < 1 << 20);
        let claimed = zeros.clone();
        let answers: Vec<(&str, Answer)> = vec![
            ("10 GB in chunks", Answer::endless(&[], &zeros)),
            (
                "10 GB of known length",
                Answer::raw(
                    "HTTP/1.1 200 OK\r\ncontent-length: 10737418240\r\n\r\n",
                    Then::Endless(claimed),
                ),
            ),
            (
                "a body that ends with the connection, which it does not",
                Answer::raw("HTTP/1.1 200 OK\r\n\r\n", Then::Endless(zeros.clone())),
            ),
            (
                "a bomb of gzip",
                Answer::status(200, &[("content-encoding", "gzip")], bomb),
            ),
        ];
        for (what, answer) in answers {
            let granted = Granted::answering(move |_| answer.clone()).await;
            let limits = "[limits]\nresponse = \"4MiB\"\ncpu = \"60s\"";
            let summary = granted.perform(&granted.call(URL).with(limits)).await;
            assert_failed(
                what,
                &summary,
                FailureKind::MalformedReply,
                "larger than 4194304 bytes",
            );
            assert!(summary.egress.received <= 4 << 20, "{what}: {summary:?}");
            granted.stage.assert_unharmed(&[]).await.unwrap();
        }
        let granted = Granted::answering(|_| Answer::ok(vec![0; 4 << 20])).await;
        let limits = "[limits]\nresponse = \"4MiB\"\ncpu = \"60s\"";
        granted
            .assert_granted("just as much", &granted.call(URL).with(limits))
            .await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_reply_with_too_much_in_its_head_is_refused() {
        let many = |count: usize| {
            let headers: String = (0..count).map(|number| format!("x-{number}: y\r\n")).collect();
            Answer::raw(
                format!("HTTP/1.1 200 OK\r\n{headers}content-length: 0\r\n\r\n"),
                Then::Next,
            )
        };
        let long = |length: usize| Answer::status(200, &[("x-long", &"x".repeat(length))], "");
        for (what, answer, kinds) in [
            (
                "10,000 headers",
                many(10_000),
                [FailureKind::Unreachable, FailureKind::MalformedReply],
            ),
            ("65 headers", many(64), [FailureKind::MalformedReply; 2]),
            (
                "a header of 1 MB",
                long(1 << 20),
                [FailureKind::Unreachable, FailureKind::MalformedReply],
            ),
            (
                "a header of 33 KiB",
                long(33 << 10),
                [FailureKind::MalformedReply; 2],
            ),
            (
                "a status line of 1 MB",
                Answer::raw(
                    format!(
                        "HTTP/1.1 200 {}\r\ncontent-length: 0\r\n\r\n",
                        "x".repeat(1 << 20)
                    ),
                    Then::Close,
                ),
                [FailureKind::Unreachable, FailureKind::MalformedReply],
            ),
            (
                "no HTTP at all",
                Answer::raw("SSH-2.0-OpenSSH_9.9\r\n", Then::Close),
                [FailureKind::Unreachable; 2],
            ),
            (
                "two lengths",
                Answer::raw(
                    "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nxx",
                    Then::Close,
                ),
                [FailureKind::Unreachable; 2],
            ),
            (
                "less than its length",
                Answer::raw("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nxx", Then::Close),
                [FailureKind::MalformedReply; 2],
            ),
            (
                "an encoding that was not asked for",
                Answer::status(200, &[("content-encoding", "br")], "xx"),
                [FailureKind::MalformedReply; 2],
            ),
            (
                "broken gzip",
                Answer::status(200, &[("content-encoding", "gzip")], "no gzip"),
                [FailureKind::MalformedReply; 2],
            ),
        ] {
            let granted = Granted::answering(move |_| answer.clone()).await;
            let summary = granted.perform(&granted.call(URL)).await;
            match &summary.end {
                Err(RunError::Failure(failure)) => {
                    assert!(kinds.contains(&failure.kind), "{what}: {failure}")
                }
                other => panic!("{what}: {other:?}"),
            }
            granted.stage.assert_unharmed(&[]).await.unwrap();
        }
        for (what, answer) in [("64 headers", many(63)), ("a header of 31 KiB", long(31 << 10))] {
            let granted = Granted::answering(move |_| answer.clone()).await;
            granted.assert_granted(what, &granted.call(URL)).await;
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn cookies_and_headers_of_the_connection_do_not_reach_the_guest() {
        let granted = Granted::answering(|_| {
            let dropped = [
                ("Set-Cookie", "dropped-1"),
                ("Set-Cookie2", "dropped-2"),
                ("Authentication-Info", "dropped-3"),
                ("Proxy-Authentication-Info", "dropped-4"),
                ("Proxy-Authenticate", "dropped-5"),
                ("Keep-Alive", "dropped-6"),
                ("Connection", "x-hop, keep-alive"),
                ("X-Hop", "dropped-7"),
                ("Trailer", "dropped-8"),
                ("Alt-Svc", "dropped-9"),
                ("Upgrade", "dropped-10"),
                ("X-Kept", "kept"),
            ];
            Answer::status(200, &dropped, "fine")
        })
        .await;
        let summary = granted.perform(&granted.call(URL)).await;
        assert_done("cookies", &summary);
        let note = summary.note.unwrap();
        assert!(
            note.contains("x-kept: kept") && !note.contains("dropped"),
            "{note}"
        );
        // Nor do cookies come back with the next call.
        granted.assert_granted("the next call", &granted.call(URL)).await;
        assert_eq!(granted.server.requests()[1].header("cookie"), None);
        granted.stage.assert_unharmed(&[]).await.unwrap();
    }
}
