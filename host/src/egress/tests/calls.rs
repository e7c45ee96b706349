//! What leaves: authorisation, credentials, limits.

use super::{
    super::{RefusalKind, SpendLedger, Surplus, rule::Matcher},
    server::{Server, answer},
    *,
};
use finops_decimal::Decimal;

const URL: &str = "http://api.example.com/v1/cost";

#[tokio::test]
async fn an_allowed_call_goes_out_as_it_was_matched() {
    let server = Server::start(vec![answer(200, &["x-kind: a"], b"hello")]).await;
    let setup = Setup::new(vec![plain(server.address)]);
    let request = with_header(
        post(&format!("{URL}/a%20b?x=1&y=%2f"), "body"),
        "Content-Type",
        "text/csv",
    );
    let reply = setup.egress().send(request).await.unwrap();
    assert_eq!(reply.status, 200);
    assert!(reply.headers.contains(&("x-kind".to_owned(), "a".to_owned())));
    assert_eq!(whole(reply).await.unwrap(), b"hello");
    let seen = server.only();
    assert!(
        seen.starts_with("POST /v1/cost/a%20b?x=1&y=%2f HTTP/1.1\r\n"),
        "{seen}"
    );
    assert!(seen.contains("\r\nhost: api.example.com\r\n"), "{seen}");
    assert!(seen.contains("\r\ncontent-type: text/csv\r\n"), "{seen}");
    let agent = format!(
        "\r\nuser-agent: finops-host/{} (testx/1.2.3)\r\n",
        env!("CARGO_PKG_VERSION")
    );
    assert!(seen.contains(&agent), "{seen}");
    assert!(seen.ends_with("\r\n\r\nbody"), "{seen}");
}

#[tokio::test]
async fn a_credential_goes_only_where_its_rule_matches() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(vec![answer(200, &[], b"")]).await;
    let mut setup = Setup::with_credential(server.address, bearer(&directory, "secret-token-1\n"));
    let mut other = plain(server.address);
    other.paths = vec!["/open".parse().unwrap()];
    setup.rules.push(other);
    let egress = setup.egress();
    egress.send(get(URL)).await.unwrap();
    egress.send(get("http://api.example.com/open/x")).await.unwrap();
    assert_eq!(
        egress
            .send(get("http://api.example.com/v2"))
            .await
            .unwrap_err()
            .kind,
        RefusalKind::Denied
    );
    let seen = server.seen();
    assert_eq!(seen.len(), 2);
    assert!(seen[0].contains("\r\nauthorization: Bearer secret-token-1\r\n"));
    assert!(!seen[1].contains("authorization"));
}

#[tokio::test]
async fn raw_headers_and_fixed_headers_are_put_on() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(vec![answer(200, &[], b"")]).await;
    let headers = vec![
        ("DD-API-KEY".to_owned(), file(&directory, "a", "key-number-one")),
        (
            "DD-APPLICATION-KEY".to_owned(),
            file(&directory, "b", "key-number-two"),
        ),
    ];
    let mut spec = credential(Scheme::Headers { headers });
    spec.headers.push(("X-Kind".to_owned(), "fixed".to_owned()));
    let setup = Setup::with_credential(server.address, spec);
    setup.egress().send(get(URL)).await.unwrap();
    let seen = server.only();
    for line in [
        "dd-api-key: key-number-one",
        "dd-application-key: key-number-two",
        "x-kind: fixed",
    ] {
        assert!(seen.contains(&format!("\r\n{line}\r\n")), "{seen}");
    }
}

#[tokio::test]
async fn a_changed_secret_is_used_from_the_next_call_on() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(vec![answer(200, &[], b"")]).await;
    let setup = Setup::with_credential(server.address, bearer(&directory, "secret-token-1"));
    let egress = setup.egress();
    egress.send(get(URL)).await.unwrap();
    file(&directory, "next", "secret-token-22");
    std::fs::rename(directory.path().join("next"), directory.path().join("token")).unwrap();
    egress.send(get(URL)).await.unwrap();
    assert!(server.seen()[1].contains("Bearer secret-token-22"));
}

#[tokio::test]
async fn headers_of_the_host_and_of_the_credential_are_refused_to_guests() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(vec![answer(200, &[], b"")]).await;
    let mut setup = Setup::with_credential(server.address, bearer(&directory, "secret-token-1"));
    setup.rules[0].headers = vec![Matcher {
        name: "x-free".to_owned(),
        values: None,
    }];
    let egress = setup.egress();
    for name in [
        "Authorization",
        "Host",
        "Content-Length",
        "Cookie",
        "User-Agent",
        "X-Api-Key",
        "Connection",
    ] {
        let refusal = egress.send(with_header(get(URL), name, "x")).await.unwrap_err();
        assert_eq!(refusal.kind, RefusalKind::Denied, "{name}");
    }
    let request = with_header(get(URL), "authorization", "x");
    assert_eq!(egress.send(request).await.unwrap_err().kind, RefusalKind::Denied);
    assert_eq!(server.seen().len(), 0);
    egress.send(with_header(get(URL), "X-Free", "x")).await.unwrap();
    assert!(server.only().contains("\r\nx-free: x\r\n"));
}

#[tokio::test]
async fn the_operator_learns_why_and_the_guest_does_not() {
    let setup = Setup::new(vec![plain("127.0.0.1:9".parse().unwrap())]);
    let egress = setup.egress();
    let request = with_header(
        post("https://secret-host.example/a/b?token=hidden", "x"),
        "accept",
        "y",
    );
    let refusal = egress.send(request).await.unwrap_err();
    assert_eq!(refusal.message, "this call is not granted by the operator's file");
    let report = egress.report();
    assert_eq!((report.requests, report.attempts), (1, 0));
    assert_eq!(report.unused_rules, [3]);
    let denied = &report.denied[0];
    assert_eq!(denied.url, "https://secret-host.example/a/b");
    assert_eq!(
        denied.remedy.as_deref().unwrap(),
        "[[allow]]\nhost = \"secret-host.example\"\nmethods = [\"POST\"]\npaths = [\"/a/b\"]\n"
    );
    let json = serde_json::to_string(&report).unwrap();
    assert!(
        !json.contains("hidden") && json.contains("\"unused-rules\":[3]"),
        "{json}"
    );
}

#[tokio::test]
async fn a_name_that_leads_to_a_forbidden_address_is_only_unreachable_to_the_guest() {
    let addresses = [
        "169.254.169.254",
        "127.0.0.1",
        "10.0.0.1",
        "::ffff:169.254.169.254",
        "fd00:ec2::254",
    ];
    for address in addresses {
        let names = [("api.example.com.".to_owned(), vec![address.parse().unwrap()])];
        let mut setup = Setup::new(vec![rule("api.example.com", &["/"])]);
        setup.names = Arc::new(FixedNames(names.into()));
        let egress = setup.egress();
        let refusal = egress.send(get("https://api.example.com/")).await.unwrap_err();
        assert_eq!(refusal.kind, RefusalKind::Unreachable);
        assert!(!refusal.message.contains("resolve"), "{refusal}");
        let denied = egress.report().denied;
        assert!(
            denied[0]
                .why
                .contains("resolves to no address that may be dialled"),
            "{denied:?}"
        );
        assert!(setup.clock.slept.lock().unwrap().is_empty(), "tried again");
    }
}

#[tokio::test]
async fn a_forbidden_address_in_the_url_is_denied_even_with_a_rule() {
    for host in [
        "169.254.169.254",
        "10.0.0.1",
        "0.0.0.0",
        "[::ffff:169.254.169.254]",
        "[fd00:ec2::254]",
    ] {
        let mut rule = rule(host, &["/"]);
        rule.insecure_http = true;
        let egress = Setup::new(vec![rule]).egress();
        let refusal = egress.send(get(&format!("http://{host}/"))).await.unwrap_err();
        assert_eq!(refusal.kind, RefusalKind::Denied, "{host}");
        assert_eq!(egress.report().denied.len(), 1);
    }
}

#[tokio::test]
async fn a_loopback_literal_and_localhost_reach_this_machine_by_their_own_rule() {
    let server = Server::start(vec![answer(200, &[], b"")]).await;
    for host in ["127.0.0.1", "localhost"] {
        let mut rule = rule(host, &["/"]);
        rule.insecure_http = true;
        rule.port = Some(server.address.port());
        let url = format!("http://{host}:{}/", server.address.port());
        Setup::new(vec![rule]).egress().send(get(&url)).await.unwrap();
    }
    assert_eq!(server.seen().len(), 2);
}

#[tokio::test]
async fn a_contradictory_grant_gives_no_egress() {
    let mut rule = rule("*.example.com", &["/"]);
    rule.credential = Some("main".to_owned());
    let grant = Grant {
        rules: vec![rule],
        credentials: Vec::new(),
    };
    let agent = UserAgent {
        collector: String::new(),
        version: String::new(),
    };
    let error = Egress::new(grant, &Limits::default(), &agent, ManualClock::new(), None).unwrap_err();
    assert_eq!(
        error.to_string(),
        "line 3: there is no `[credentials.main]`\nline 3: a credential needs an exact host, not a wildcard"
    );
}

#[tokio::test]
async fn requests_and_bytes_of_a_run_are_limited() {
    let server = Server::start(vec![answer(200, &[], b"")]).await;
    let mut setup = Setup::new(vec![plain(server.address)]);
    setup.limits.requests = 3;
    setup.limits.request_body = 4;
    setup.limits.sent = 6;
    let egress = setup.egress();
    let kind = async |request| egress.send(request).await.unwrap_err().kind;
    assert_eq!(kind(post(URL, "12345")).await, RefusalKind::TooLarge);
    egress.send(post(URL, "1234")).await.unwrap();
    assert_eq!(kind(post(URL, "1234")).await, RefusalKind::Throttled);
    egress.send(get(URL)).await.unwrap();
    assert_eq!(kind(get(URL)).await, RefusalKind::Throttled);
    assert_eq!(server.seen().len(), 2);
}

#[tokio::test]
async fn no_more_requests_are_under_way_than_allowed() {
    let server = Server::start_closed(vec![answer(200, &[], b"")]).await;
    let mut setup = Setup::new(vec![plain(server.address)]);
    setup.limits.concurrent_requests = 2;
    let egress = setup.egress();
    let calls = futures::future::join_all((0..5).map(|_| egress.send(get(URL))));
    let releases = async {
        for arrived in 2..=5 {
            server.arrived(arrived).await;
            server.release();
        }
        server.release();
    };
    let (replies, ()) = tokio::join!(calls, releases);
    assert!(replies.iter().all(Result::is_ok));
    assert_eq!(server.most_waiting(), 2);
}

#[tokio::test]
async fn open_replies_hold_memory_until_they_are_dropped() {
    let server = Server::start(vec![answer(200, &[], b"x")]).await;
    let mut setup = Setup::new(vec![plain(server.address)]);
    setup.limits.in_flight = 600 << 10;
    let egress = setup.egress();
    let open = egress.send(get(URL)).await.unwrap();
    assert_eq!(
        egress.send(get(URL)).await.unwrap_err().kind,
        RefusalKind::Throttled
    );
    drop(open);
    egress.send(get(URL)).await.unwrap();
}

#[tokio::test]
async fn surplus_headers_are_dropped_and_counted_where_the_caller_asks_for_it() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(vec![answer(200, &[], b"")]).await;
    let setup = Setup::with_credential(server.address, bearer(&directory, "secret-token-1"));
    let mut request = with_header(get(URL), "Authorization", "Bearer mine");
    request = with_header(with_header(request, "Accept", "text/csv"), "X-Own", "mine");
    let refused = setup.egress().send(request.clone()).await.unwrap_err();
    assert_eq!(refused.kind, RefusalKind::Denied);
    request.surplus = Surplus::Drop;
    let egress = setup.egress();
    egress.send(request).await.unwrap();
    let seen = server.only();
    assert!(
        seen.contains("\r\nauthorization: Bearer secret-token-1\r\n"),
        "{seen}"
    );
    assert!(
        seen.contains("\r\naccept: text/csv\r\n") && !seen.contains("mine"),
        "{seen}"
    );
    let dropped: Vec<_> = egress.report().dropped_headers.into_iter().collect();
    assert_eq!(
        dropped,
        [("authorization".to_owned(), 1), ("x-own".to_owned(), 1)]
    );
}

/// Were it dropped, a narrow rule's header would lead to the wider rule beside it.
#[tokio::test]
async fn a_header_that_a_rule_for_the_host_names_is_never_dropped() {
    let server = Server::start(vec![answer(200, &[], b"")]).await;
    let mut narrow = plain(server.address);
    narrow.headers = vec![Matcher {
        name: "x-target".to_owned(),
        values: Some(vec!["List".to_owned()]),
    }];
    let setup = Setup::new(vec![narrow, plain(server.address)]);
    let mut request = with_header(get(URL), "X-Target", "Delete");
    request.surplus = Surplus::Drop;
    let refused = setup.egress().send(request.clone()).await.unwrap_err();
    assert_eq!(refused.kind, RefusalKind::Denied);
    request.headers = vec![("x-target".to_owned(), "List".to_owned())];
    setup.egress().send(request).await.unwrap();
    assert!(server.only().contains("\r\nx-target: List\r\n"));
}

#[derive(Debug)]
struct EmptyPurse;

impl SpendLedger for EmptyPurse {
    fn reserve(&self, _: Decimal) -> BoxFuture<'_, Result<(), String>> {
        Box::pin(std::future::ready(Err("per-day is used up".to_owned())))
    }
}

#[tokio::test]
async fn a_paid_call_does_not_go_out_without_money() {
    let server = Server::start(vec![answer(200, &[], b"")]).await;
    let mut setup = Setup::new(vec![plain(server.address)]);
    setup.rules[0].price = Some("0.01".parse().unwrap());
    setup.egress().send(get(URL)).await.unwrap();
    setup.spend = Some(Arc::new(EmptyPurse));
    let egress = setup.egress();
    assert_eq!(
        egress.send(get(URL)).await.unwrap_err().kind,
        RefusalKind::Throttled
    );
    assert_eq!(egress.report().paid_calls, 0);
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn a_secret_is_revealed_only_where_the_file_says_so() {
    let directory = tempfile::tempdir().unwrap();
    let address = "127.0.0.1:9".parse().unwrap();
    let mut setup = Setup::with_credential(address, bearer(&directory, "secret-token-1"));
    let refusal = setup.egress().reveal("main").await.unwrap_err();
    assert_eq!(refusal.kind, RefusalKind::Denied);
    setup.credentials[0].reveal = true;
    let egress = setup.egress();
    assert_eq!(egress.reveal("main").await.unwrap().as_str(), "secret-token-1");
    assert_eq!(
        egress.reveal("other").await.unwrap_err().kind,
        RefusalKind::Denied
    );
}
