//! Any URL either fails or reaches only what the grant allows.

use super::{
    super::{headers, matching, request},
    server::{Server, answer},
    *,
};
use proptest::prelude::*;

/// Pieces of URLs as attackers write them.
fn url() -> impl Strategy<Value = String> {
    let scheme = prop::sample::select(vec![
        "https",
        "http",
        "HTTPS",
        "HtTp",
        "ftp",
        "file",
        "javascript",
        "ws",
        "",
    ]);
    let separator = prop::sample::select(vec!["://", ":/", ":", "//", ":\\\\", ":///", ":// ", "://\t"]);
    let user = prop::sample::select(vec![
        "",
        "",
        "",
        "user@",
        "api.example.com@",
        "a:b@",
        "@",
        "api.example.com%40",
        "a@b@",
    ]);
    let host = prop::sample::select(vec![
        "api.example.com",
        "api.example.com",
        "api.example.com",
        "API.EXAMPLE.com",
        "api.example.com.",
        "api.example.com..",
        "api.example.com.evil.example",
        "evil-api.example.com",
        "api%2eexample.com",
        "api\u{3002}example\u{ff0e}com",
        "\u{ff41}pi.example.com",
        "\u{430}pi.example.com",
        "api.ex\u{ad}ample.com",
        "xn--pi-7kc.example.com",
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "127.0.0.1.",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[0:0::1]",
        "[::ffff:7f00:1]",
        "169.254.169.254",
        "localhost",
        "",
        "[",
        "a b",
        "api.example.com\0",
    ]);
    let port = prop::sample::select(vec![
        "", "", "", ":80", ":443", ":0", ":8080", ":65536", ":", ":080", ":-1",
    ]);
    let piece = prop::sample::select(vec![
        "v1", "v1", "v2", "V1", "cost", "..", ".", "%2e%2e", "%2E.", ".%2e", "%2f", "%5c", "%252f", "%00",
        "%76%31", "", "", ";a=b", "a;b", "%3b", "\\", "v1\\..", "\u{e9}", " ", "\t", "%", "%g0", "x%20y",
        "@", ":", "*", "~",
    ]);
    let path = prop::collection::vec(piece, 0..6)
        .prop_map(|pieces| pieces.iter().map(|p| format!("/{p}")).collect::<String>());
    let tail = prop::sample::select(vec![
        "",
        "",
        "?a=b",
        "?",
        "#x",
        "?x#y",
        "?sig=1",
        "?a=/../v2",
        "?x=%00",
        "?\u{e9}",
        "\r\nhost: x",
    ]);
    (scheme, separator, user, host, port, path, tail).prop_map(
        |(scheme, separator, user, host, port, path, tail)| {
            format!("{scheme}{separator}{user}{host}{port}{path}{tail}")
        },
    )
}

/// Judges a URL as it is sent, by other means than the code under test.
fn reaches_only_v1(sent: &str) -> bool {
    let Some(rest) = sent.strip_prefix("https://api.example.com/") else {
        return false;
    };
    let path = rest.split('?').next().unwrap();
    let mut decoded = String::new();
    let mut left = path;
    while let Some((before, after)) = left.split_once('%') {
        decoded.push_str(before);
        let (digits, rest) = after.split_at(2);
        decoded.push(char::from(u8::from_str_radix(digits, 16).unwrap()));
        left = rest;
    }
    decoded.push_str(left);
    let odd = decoded.chars().any(|c| c.is_control() || "%;\\".contains(c));
    let dots = decoded
        .split('/')
        .any(|segment| segment == "." || segment == "..");
    let slashes = decoded.matches('/').count() != path.matches('/').count();
    (decoded == "v1" || decoded.starts_with("v1/"))
        && !odd
        && !dots
        && !slashes
        && !decoded.contains("//")
        && sent.is_ascii()
        && !sent.contains(['#', ' ', '\\'])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20_000, ..ProptestConfig::default() })]

    #[test]
    fn a_url_fails_or_lies_within_the_rule(url in url()) {
        let rules = [rule("api.example.com", &["/v1"])];
        if let Ok(target) = request::target("GET", &url)
            && let Ok(headers) = headers::checked(&[], &target)
            && matching::choose(&rules, &target, &headers, b"").is_ok()
        {
            prop_assert!(reaches_only_v1(target.url.as_str()), "{url} was sent as {}", target.url);
        }
    }

    #[test]
    fn any_text_fails_or_lies_within_the_rule(url in "(https?://)?(api\\.example\\.com)?.{0,40}") {
        let rules = [rule("api.example.com", &["/v1"])];
        if let Ok(target) = request::target("GET", &url)
            && matching::choose(&rules, &target, &headers::Headers::new(), b"").is_ok()
        {
            prop_assert!(reaches_only_v1(target.url.as_str()), "{url} was sent as {}", target.url);
        }
    }
}

#[test]
fn the_property_speaks_of_urls_that_pass_and_of_urls_that_fail() {
    assert!(reaches_only_v1("https://api.example.com/v1/cost?x=%2e%2e"));
    for wrong in [
        "https://api.example.com/v2",
        "https://api.example.com/v1/../v2",
        "https://api.example.com/v1/%2e%2e/v2",
        "https://api.example.com/v1%2fx",
        "https://evil.example/v1",
        "http://api.example.com/v1",
    ] {
        assert!(!reaches_only_v1(wrong), "{wrong}");
    }
}

#[test]
fn over_sockets_only_the_granted_server_hears_anything() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (granted, other) = runtime.block_on(async {
        (
            Server::start(vec![answer(200, &[], b"")]).await,
            Server::start(vec![answer(200, &[], b"")]).await,
        )
    });
    let mut setup = Setup::new(vec![plain(granted.address)]);
    setup.limits.requests = 100_000;
    let egress = setup.egress();
    let port = other.address.port().to_string();
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(600));
    let property = |url: String| {
        let url = url.replacen(":8080", &format!(":{port}"), 1);
        // A refusal is as good as an answer: what counts is who heard of it.
        let _ = runtime.block_on(egress.send(get(&url)));
        Ok(())
    };
    runner.run(&url(), property).unwrap();
    runtime
        .block_on(egress.send(get("http://api.example.com/v1")))
        .unwrap();
    assert_eq!(other.seen(), Vec::<String>::new());
    for request in granted.seen() {
        let line = request.lines().next().unwrap();
        let path = line.split(' ').nth(1).unwrap();
        assert!(
            reaches_only_v1(&format!("https://api.example.com{path}")),
            "{line}"
        );
        assert!(request.contains("\r\nhost: api.example.com\r\n"), "{request}");
    }
}
