//! Where a call may go: scheme, host, port, path, and the many ways to write them.

mod hostile {
    use crate::grant::{Granted, HOST};
    use finops_host::sandbox::FailureKind;
    use finops_tests::{
        hostile::{
            Answer, Names, Recorder, assert_failed,
            elsewhere::{self, Side},
        },
        tls::Authority,
    };
    use tokio::net::TcpListener;

    /// What the rule does not grant, whichever way it is read.
    const URLS: &[(&str, &str)] = &[
        ("another host", "https://evil.test/api/v2/statements"),
        (
            "a name below the granted one",
            "https://x.api.example.com/api/v2/statements",
        ),
        (
            "the name above the granted one",
            "https://example.com/api/v2/statements",
        ),
        (
            "the granted name as user",
            "https://api.example.com@evil.test/api/v2/statements",
        ),
        (
            "the granted name as user and port as password",
            "https://api.example.com:443@evil.test/api/v2/statements",
        ),
        (
            "an encoded at-sign",
            "https://api.example.com%40evil.test/api/v2/statements",
        ),
        (
            "a user at the granted host",
            "https://evil@api.example.com/api/v2/statements",
        ),
        ("an empty user", "https://@api.example.com/api/v2/statements"),
        (
            "the granted name in front of another",
            "https://api.example.com.evil.test/api/v2/statements",
        ),
        ("a dot at the end", "https://api.example.com./api/v2/statements"),
        (
            "two dots at the end",
            "https://api.example.com../api/v2/statements",
        ),
        (
            "an ideographic dot at the end",
            "https://api.example.com\u{3002}/api/v2/statements",
        ),
        (
            "a Cyrillic letter in the name",
            "https://\u{430}pi.example.com/api/v2/statements",
        ),
        (
            "the same in punycode",
            "https://xn--pi-7kc.example.com/api/v2/statements",
        ),
        (
            "letters that look alike",
            "https://api.exarnple.com/api/v2/statements",
        ),
        ("a dash for the dot", "https://api-example.com/api/v2/statements"),
        (
            "a fragment that holds the granted name",
            "https://evil.test#@api.example.com/api/v2/statements",
        ),
        (
            "a query that holds the granted name",
            "https://evil.test?@api.example.com/api/v2/statements",
        ),
        (
            "a backslash before the granted name",
            "https://evil.test\\@api.example.com/api/v2/statements",
        ),
        (
            "a space in the host",
            "https://api.example.com evil.test/api/v2/statements",
        ),
        (
            "a new line in the host",
            "https://api.example.com\n.evil.test/api/v2/statements",
        ),
        (
            "a NUL in the host",
            "https://api.example.com\u{0}.evil.test/api/v2/statements",
        ),
        (
            "an encoded NUL in the host",
            "https://api.example.com%00.evil.test/api/v2/statements",
        ),
        ("loopback", "https://127.0.0.1/api/v2/statements"),
        ("loopback by name", "https://localhost/api/v2/statements"),
        ("loopback in decimal", "https://2130706433/api/v2/statements"),
        ("loopback in octal", "https://0177.0.0.1/api/v2/statements"),
        ("loopback in hex", "https://0x7f.0.0.1/api/v2/statements"),
        (
            "loopback in one hex number",
            "https://0x7f000001/api/v2/statements",
        ),
        ("loopback in two parts", "https://127.1/api/v2/statements"),
        (
            "loopback in full-width digits",
            "https://\u{ff11}27.0.0.1/api/v2/statements",
        ),
        ("loopback as IPv6", "https://[::1]/api/v2/statements"),
        (
            "loopback as IPv6-mapped",
            "https://[::ffff:127.0.0.1]/api/v2/statements",
        ),
        (
            "loopback behind NAT64",
            "https://[64:ff9b::7f00:1]/api/v2/statements",
        ),
        ("all addresses", "https://0.0.0.0/api/v2/statements"),
        ("zero", "https://0/api/v2/statements"),
        (
            "an address with a zone",
            "https://[fe80::1%25eth0]/api/v2/statements",
        ),
        ("another port", "https://api.example.com:8443/api/v2/statements"),
        ("the port of http", "https://api.example.com:80/api/v2/statements"),
        ("port zero", "https://api.example.com:0/api/v2/statements"),
        (
            "a port beyond the last",
            "https://api.example.com:65979/api/v2/statements",
        ),
        (
            "a port that is no number",
            "https://api.example.com:443x/api/v2/statements",
        ),
        ("plain http", "http://api.example.com/api/v2/statements"),
        (
            "plain http to the port of https",
            "http://api.example.com:443/api/v2/statements",
        ),
        ("ftp", "ftp://api.example.com/api/v2/statements"),
        ("web socket", "wss://api.example.com/api/v2/statements"),
        ("a file", "file:///etc/passwd"),
        ("data", "data:text/plain,hello"),
        ("one slash", "https:/api.example.com/api/v2/statements"),
        ("no slash", "https:api.example.com/api/v2/statements"),
        ("three slashes", "https:///api.example.com/api/v2/statements"),
        ("backslashes", "https:\\\\api.example.com\\api\\v2\\statements"),
        ("no scheme", "//api.example.com/api/v2/statements"),
        ("a path alone", "/api/v2/statements"),
        ("nothing", ""),
        ("a space before it", " https://api.example.com/api/v2/statements"),
        ("another path", "https://api.example.com/api/v2/admin"),
        ("the root", "https://api.example.com/"),
        ("no path", "https://api.example.com"),
        ("the path above", "https://api.example.com/api/v2"),
        (
            "a longer last segment",
            "https://api.example.com/api/v2/statementsx",
        ),
        ("another case", "https://api.example.com/api/v2/Statements"),
        ("upper case", "https://api.example.com/API/V2/STATEMENTS"),
        (
            "dots upwards",
            "https://api.example.com/api/v2/statements/../../admin",
        ),
        (
            "dots upwards and back",
            "https://api.example.com/x/../api/v2/statements",
        ),
        (
            "encoded dots",
            "https://api.example.com/api/v2/statements/%2e%2e/%2e%2e/admin",
        ),
        (
            "encoded dots in upper case",
            "https://api.example.com/api/v2/statements/%2E%2E/admin",
        ),
        (
            "half-encoded dots",
            "https://api.example.com/api/v2/statements/.%2e/admin",
        ),
        (
            "twice encoded dots",
            "https://api.example.com/api/v2/statements/%252e%252e/admin",
        ),
        (
            "overlong dots",
            "https://api.example.com/api/v2/statements/%c0%ae%c0%ae/admin",
        ),
        (
            "encoded slashes",
            "https://api.example.com/api/v2/statements/..%2f..%2fadmin",
        ),
        (
            "an encoded slash in the prefix",
            "https://api.example.com/api%2fv2/statements",
        ),
        (
            "an encoded slash after the prefix",
            "https://api.example.com/api/v2/statements%2f1",
        ),
        (
            "an encoded slash below the prefix",
            "https://api.example.com/api/v2/statements/1%2F2",
        ),
        ("two slashes first", "https://api.example.com//api/v2/statements"),
        ("two slashes within", "https://api.example.com/api//v2/statements"),
        ("two slashes last", "https://api.example.com/api/v2/statements//"),
        (
            "a path parameter",
            "https://api.example.com/api/v2/statements;v=1",
        ),
        (
            "a path parameter and dots",
            "https://api.example.com/api/v2/statements/..;/admin",
        ),
        (
            "an encoded semicolon",
            "https://api.example.com/api/v2/statements/a%3bb",
        ),
        (
            "a backslash",
            "https://api.example.com/api/v2/statements\\..\\admin",
        ),
        (
            "an encoded backslash",
            "https://api.example.com/api/v2/statements/..%5cadmin",
        ),
        ("an encoded NUL", "https://api.example.com/api/v2/statements/%00"),
        (
            "an encoded line end",
            "https://api.example.com/api/v2/statements/%0d%0aHost:%20evil.test",
        ),
        ("a broken escape", "https://api.example.com/api/v2/statements/%zz"),
        ("a tab within", "https://api.example.com/api/v2/state\tments"),
        (
            "a line end within",
            "https://api.example.com/api/v2/state\r\nments",
        ),
        (
            "a second request within",
            "https://api.example.com/api/v2/statements HTTP/1.1\r\nHost: evil.test\r\n\r\nGET /",
        ),
        ("a fragment", "https://api.example.com/api/v2/statements#x"),
    ];

    /// Calls all of them; whatever is not the granted host leads to `elsewhere`, where there is one.
    async fn assert_denied(granted: &Granted, elsewhere: &[&Recorder]) {
        for (what, url) in URLS {
            let summary = granted.perform(&granted.call(url)).await;
            let what = format!("{what}: {url:?}");
            assert_failed(&what, &summary, FailureKind::Denied, "");
            assert_eq!(summary.egress.attempts, 0, "{what}");
            for server in [&granted.server].iter().chain(elsewhere) {
                server.assert_untouched(&what).await.unwrap();
            }
        }
        for url in [
            format!("https://{HOST}/api/v2/statements"),
            format!("https://{HOST}:443/api/v2/statements/1?x=%2f..%2f"),
            format!("HTTPS://{}/api/v2/statements/", HOST.to_uppercase()),
            // Other ways to write the very same name, which a URL's standard defines (UTS 46).
            "https://api\u{3002}example\u{ff0e}com/api/v2/statements".to_owned(),
            "https://\u{ff41}pi%2eexample.com/api/v2/statements".to_owned(),
            "https://api\u{ad}.example.com/api/v2/statements".to_owned(),
        ] {
            granted.assert_granted(&url, &granted.call(&url)).await;
            let requests = granted.server.requests();
            assert_eq!(
                requests.last().unwrap().header("host").as_deref(),
                Some(HOST),
                "{url}"
            );
        }
        granted.stage.assert_unharmed(elsewhere).await.unwrap();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_url_that_the_rule_does_not_grant_is_denied_before_any_connection() {
        assert_denied(&Granted::new().await, &[]).await;
    }

    #[test]
    fn a_url_that_the_rule_does_not_grant_leads_nowhere_even_where_all_names_and_addresses_lead_somewhere() {
        let test = "targets::hostile::\
                    a_url_that_the_rule_does_not_grant_leads_nowhere_even_where_all_names_and_addresses_lead_somewhere";
        if elsewhere::enter(test).unwrap() == Side::Outside {
            return;
        }
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let names = Names::serve().await.unwrap();
            names.set("*", &[&["93.184.216.34", "2606:4700::1111"]]).unwrap();
            // A certificate counts only once a connection is made, and that is recorded before.
            let authority = Authority::generate("evil.test").unwrap();
            let mut servers = Vec::new();
            for port in [443, 80, 8443] {
                let listener = TcpListener::bind(("::", port)).await.unwrap();
                let authority = (port != 80).then_some(&authority);
                servers.push(Recorder::on(listener, authority, |_| Answer::ok("evil")).unwrap());
            }
            let servers: Vec<_> = servers.iter().collect();
            assert_denied(&Granted::new().await, &servers).await;
            // They do lead somewhere.
            for address in [
                "evil.test:443",
                "8.8.8.8:80",
                "[2606:4700::1111]:8443",
                "0.0.0.0:443",
            ] {
                tokio::net::TcpStream::connect(address).await.unwrap();
            }
            let mut seen = 0;
            for server in servers {
                seen += server.connections().await.unwrap().len();
            }
            assert_eq!(seen, 4);
        });
    }
}
