//! What a call may carry: method, headers, query parameters, and how much of it.

mod hostile {
    use crate::grant::{Granted, HOST};
    use finops_host::sandbox::FailureKind;
    use finops_tests::hostile::{Act, assert_done, assert_failed};

    const URL: &str = "https://api.example.com/api/v2/statements";

    async fn assert_denied(granted: &Granted, what: &str, act: &Act) {
        let summary = granted.perform(act).await;
        assert_failed(what, &summary, FailureKind::Denied, "");
        assert_eq!(summary.egress.attempts, 0, "{what}");
        granted.server.assert_untouched(what).await.unwrap();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_method_is_one_that_the_rule_names_and_nothing_else() {
        let granted = Granted::new().await;
        for method in [
            "PUT",
            "DELETE",
            "PATCH",
            "HEAD",
            "OPTIONS",
            "TRACE",
            "CONNECT",
            "PROPFIND",
            "get",
            "Get",
            "",
            "GET ",
            " GET",
            "GET /api/v2/admin HTTP/1.1\r\nHost: evil.test\r\n\r\nGET",
            "GET\r\n",
            "GET\u{0}",
            "G\u{cb}T",
            "\u{1b}[31mGET",
        ] {
            let act = granted.call(URL).set("method", method);
            assert_denied(&granted, &format!("{method:?}"), &act).await;
        }
        let long = granted.call(URL).set("method", "G".repeat(100 << 10));
        assert_denied(&granted, "a long method", &long).await;
        for method in ["GET", "POST"] {
            let act = granted.call(URL).set("method", method);
            granted.assert_granted(method, &act).await;
        }
        granted.stage.assert_unharmed(&[]).await.unwrap();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_header_is_one_that_everybody_may_set_or_that_the_rule_names() {
        let granted = Granted::new().await;
        let file = r#"headers = { "x-free" = "*", "x-bound" = "one" }"#;
        for header in [
            "Host: evil.test",
            "host: api.example.com",
            "Authorization: Bearer mine",
            "AUTHORIZATION: Basic bWluZQ==",
            "Proxy-Authorization: Basic bWluZQ==",
            "Transfer-Encoding: chunked",
            "Transfer-Encoding: identity",
            "Content-Length: 0",
            "Content-Length: 1000",
            "Content-Encoding: gzip",
            "Accept-Encoding: identity",
            "Connection: close, authorization",
            "Keep-Alive: timeout=1000",
            "Upgrade: h2c",
            "HTTP2-Settings: AAMAAABkAAQAAP__",
            "TE: trailers",
            "Trailer: Authorization",
            "Expect: 100-continue",
            "Cookie: session=mine",
            "Date: Thu, 01 Jan 1970 00:00:00 GMT",
            "User-Agent: somebody",
            "Via: 1.1 evil.test",
            "Forwarded: for=127.0.0.1;host=evil.test",
            "X-Forwarded-For: 127.0.0.1",
            "X-Forwarded-Host: evil.test",
            "X-Forwarded-Proto: http",
            "X-Real-IP: 127.0.0.1",
            "X-Original-URL: /api/v2/admin",
            "X-Rewrite-URL: /api/v2/admin",
            "X-HTTP-Method-Override: DELETE",
            "X-HTTP-Method: DELETE",
            "X-Method-Override: DELETE",
            "DD-API-KEY: a-foreign-key",
            "X-Api-Key: a-foreign-key",
            "X-Amz-Security-Token: a-foreign-token",
            "X-Amz-Date: 19700101T000000Z",
            "X-Snowflake-Authorization-Token-Type: OAUTH",
            "X-Other: value",
            "X-Bound: two",
            "X-Bound: one, two",
        ] {
            let act = granted
                .call_with(URL, file)
                .set("headers", vec!["x-bound: one", header]);
            assert_denied(&granted, header, &act).await;
        }
        let act = granted.call_with(URL, file).set(
            "headers",
            vec![
                "x-bound: one",
                "X-Free: any thing",
                "accept: text/csv",
                "If-None-Match: \"a\"",
            ],
        );
        granted.assert_granted("granted headers", &act).await;
        let head = &granted.server.requests()[0].head;
        for line in [
            "x-bound: one",
            "x-free: any thing",
            "accept: text/csv",
            "if-none-match: \"a\"",
        ] {
            assert!(head.contains(&format!("\r\n{line}\r\n")), "{head}");
        }
        granted.stage.assert_unharmed(&[]).await.unwrap();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_header_cannot_become_two_or_a_second_request() {
        let granted = Granted::new().await;
        let file = r#"headers = { "x-free" = "*" }"#;
        for header in [
            "x-free: a\r\nHost: evil.test",
            "x-free: a\nHost: evil.test",
            "x-free: a\rHost: evil.test",
            "x-free: a\r\n\r\nDELETE /api/v2/admin HTTP/1.1\r\nHost: evil.test\r\n\r\n",
            "x-free: a\r\n folded",
            "x-free: a\u{0}b",
            "x-free: \u{e9}",
            "x-free: \u{4e2d}",
            "x-free: a\u{10a}Host: evil.test",
            "x-free: \u{7f}",
            "x-free: \u{1b}[2J",
            "x-free\r\nHost: evil.test",
            "x-free:: a",
            "x free: a",
            "x-free : a",
            " x-free: a",
            "\u{ff58}-free: a",
            "x-fre\u{e9}: a",
            "x-free\u{0}: a",
            ": a",
            ":authority: evil.test",
        ] {
            let act = granted.call_with(URL, file).set("headers", vec![header]);
            assert_denied(&granted, &format!("{header:?}"), &act).await;
        }
        let act = granted.call_with(URL, file).set("headers", vec!["x-free: a\tb"]);
        granted.assert_granted("a tab is well-formed", &act).await;
        granted.stage.assert_unharmed(&[]).await.unwrap();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_query_carries_no_authentication_of_the_guests_own() {
        let granted = Granted::new().await;
        for query in [
            "X-Amz-Signature=abc",
            "x-amz-signature=abc",
            "X-Amz-Credential=AKIA%2F20260101",
            "X-Amz-Security-Token=abc",
            "X-Goog-Signature=abc",
            "AWSAccessKeyId=AKIA&Signature=abc&Expires=1",
            "GoogleAccessId=a&Signature=abc",
            "sv=2026-01-01&sig=abc",
            "access_token=abc",
            "ACCESS_TOKEN=abc",
            "%61ccess_token=abc",
            "access%5Ftoken=abc",
            "oauth_token=abc",
            "client_secret=abc",
            "client_assertion=abc",
            "api_key=abc",
            "apikey=abc",
            "a=1&sig=abc",
            "sig",
        ] {
            let act = granted.call(&format!("{URL}?{query}"));
            assert_denied(&granted, query, &act).await;
        }
        let url = format!("{URL}?signed=no&sigma=2&path=/access_token");
        granted.assert_granted("other names", &granted.call(&url)).await;
        granted.stage.assert_unharmed(&[]).await.unwrap();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_call_is_no_larger_than_its_limits() {
        let granted = Granted::new().await;
        let url = format!("https://{HOST}/api/v2/statements?x=");
        let long = |count: usize| {
            granted
                .call(&url)
                .set("act", "call-long-url")
                .set("count", i64::try_from(count).unwrap())
        };
        assert_denied(&granted, "a URL of 1 MB", &long(1_000_000)).await;
        assert_denied(&granted, "a byte too much", &long((8 << 10) + 1 - url.len())).await;
        let many = |count: i64| {
            granted
                .call(URL)
                .set("act", "call-many-headers")
                .set("count", count)
        };
        assert_denied(&granted, "10,000 headers", &many(10_000)).await;
        assert_denied(&granted, "65 headers", &many(65)).await;
        let large = granted
            .call_with(URL, r#"headers = { "x-free" = "*" }"#)
            .set("headers", vec![format!("x-free: {}", "x".repeat(32 << 10))]);
        assert_denied(&granted, "32 KiB of headers", &large).await;

        let file = "[limits]\nrequest-body = \"1KiB\"";
        let body = |length: usize| {
            granted
                .call(URL)
                .with(file)
                .set("method", "POST")
                .set("body", "x".repeat(length))
        };
        let summary = granted.perform(&body(1025)).await;
        assert_failed(
            "a large body",
            &summary,
            FailureKind::MalformedReply,
            "larger than 1024 bytes",
        );
        granted.server.assert_untouched("a large body").await.unwrap();

        for (what, act) in [
            ("a URL of 8 KiB", long((8 << 10) - url.len())),
            ("64 headers", many(64)),
            ("a body of 1 KiB", body(1024)),
        ] {
            granted.assert_granted(what, &act).await;
        }
        granted.stage.assert_unharmed(&[]).await.unwrap();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn plain_http_is_sent_only_where_the_rule_says_so_and_never_with_a_credential_to_others() {
        let stage = finops_tests::hostile::Stage::new().unwrap();
        let server = finops_tests::hostile::Recorder::plain(|_| finops_tests::hostile::Answer::ok("fine"))
            .await
            .unwrap();
        let rule = |host: &str, more: &str| {
            Act::new("call")
                .set("url", format!("http://{host}:{}/", server.address().port()))
                .with(&format!(
                    "[[allow]]\nhost = \"{host}\"\nport = {}\n{more}\n",
                    server.address().port()
                ))
        };
        let summary = stage.perform(&rule("127.0.0.1", "")).await.unwrap();
        assert_failed("http", &summary, FailureKind::Denied, "not granted");
        server.assert_untouched("http").await.unwrap();

        let credential =
            "credential = \"api\"\n[credentials.api]\nscheme = \"bearer\"\ntoken = { file = \"canary\" }";
        let refused = stage
            .perform(&rule(
                "api.example.com",
                &format!("insecure-http = true\n{credential}"),
            ))
            .await;
        let error = refused.unwrap_err().to_string();
        assert!(error.contains("in the clear"), "{error}");
        server.assert_untouched("in the clear").await.unwrap();

        let summary = stage
            .perform(&rule("127.0.0.1", "insecure-http = true"))
            .await
            .unwrap();
        assert_done("granted", &summary);
        assert_eq!(server.requests().len(), 1);
        stage.assert_unharmed(&[&server]).await.unwrap();
    }
}
