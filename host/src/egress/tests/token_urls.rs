//! A credential's token URL is the host's alone, and is reached as a rule's host is.

use super::{
    super::{
        RefusalKind,
        credential::{ClientAuth, ClientCredentials, Value},
        rule::PathPrefix,
    },
    server::{Server, answer},
    *,
};

fn oauth(directory: &tempfile::TempDir, token_url: &str) -> CredentialSpec {
    credential(Scheme::OAuth2ClientCredentials(ClientCredentials {
        token_url: token_url.parse().unwrap(),
        client_id: Value::Plain("client".to_owned()),
        client_secret: file(directory, "secret", "canary-secret-1"),
        client_auth: ClientAuth::Header,
        scope: None,
        audience: None,
        parameters: Vec::new(),
    }))
}

fn conflicts(rules: Vec<Rule>, spec: CredentialSpec) -> Vec<String> {
    let credentials = vec![spec];
    let found = Grant { rules, credentials }.conflicts();
    found.iter().map(ToString::to_string).collect()
}

#[test]
fn a_rule_that_covers_a_token_url_is_a_conflict() {
    let directory = tempfile::tempdir().unwrap();
    let spec = || oauth(&directory, "https://api.example.com/oauth/token");
    for path in ["/", "/oauth", "/oauth/token"] {
        let mut covering = rule("api.example.com", &[path]);
        covering.credential = Some("main".to_owned());
        assert_eq!(
            conflicts(vec![covering], spec()),
            [
                "line 3: the rule covers the token URL of `main` (line 20), which the host alone calls: narrow `paths`"
            ]
        );
    }
    assert!(conflicts(vec![rule("api.example.com", &["/api", "/oauth/tokens"])], spec()).is_empty());
}

#[test]
fn a_token_url_that_would_be_unsafe_or_could_not_work_is_a_conflict() {
    let directory = tempfile::tempdir().unwrap();
    let spec = |url: &str, to: Option<&str>| {
        let mut spec = oauth(&directory, url);
        spec.connect_to = to.map(|to| to.parse().unwrap());
        conflicts(Vec::new(), spec)
    };
    for (url, to, why) in [
        ("http://login.example.com/t", None, "in the clear"),
        ("http://login.example.com/t", Some("10.0.0.1:80"), "in the clear"),
        (
            "https://login.example.com/t",
            Some("169.254.169.254:443"),
            "metadata",
        ),
        ("https://8.8.8.8/t", Some("127.0.0.1:443"), "host name"),
        ("https://login.example.com:8443/t", Some("127.0.0.1:9"), "ports"),
    ] {
        let found = spec(url, to);
        assert!(found.len() == 1 && found[0].contains(why), "{url}: {found:?}");
    }
    assert!(spec("http://login.example.com/t", Some("127.0.0.1:80")).is_empty());
    let mut wide = oauth(&directory, "https://login.example.com/t");
    wide.addresses = vec!["169.254.0.0/16".parse().unwrap()];
    assert!(conflicts(Vec::new(), wide)[0].contains("private range"));
}

#[tokio::test]
async fn a_guest_never_reaches_a_token_url_whatever_the_rules_say() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(vec![answer(200, &[], b"{}")]).await;
    let mut spec = oauth(&directory, "http://api.example.com/oauth/token");
    spec.connect_to = Some(server.address);
    let mut setup = Setup::new(vec![plain(server.address)]);
    setup.credentials.push(spec);
    let mut egress = setup.egress();
    // As if the check of the whole grant had let it through.
    egress.grant.rules[0].paths = vec![PathPrefix::root()];
    egress.grant.rules[0].encoded_slash = true;
    for url in [
        "http://api.example.com/oauth/token",
        "http://api.example.com/oauth/token/",
        "http://api.example.com/oauth/token?grant_type=client_credentials",
        "http://API.example.com:80/OAuth/T%6fken",
        "http://api.example.com/oauth%2Ftoken",
    ] {
        for request in [get(url), post(url, "grant_type=client_credentials")] {
            let refusal = egress.send(request).await.unwrap_err();
            assert_eq!(refusal.kind, RefusalKind::Denied, "{url}");
            assert_eq!(refusal.message, "this call is not granted by the operator's file");
        }
    }
    assert_eq!(server.seen().len(), 0);
    let denied = &egress.report().denied[0];
    assert_eq!(
        denied.why,
        "the token URL of credential `main` is the host's alone (line 20)"
    );
    assert_eq!(denied.remedy, None);
    egress
        .send(get("http://api.example.com/oauth/other"))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_token_urls_addresses_are_judged_as_a_rules_are() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(vec![answer(200, &[], b"")]).await;
    for address in [
        "169.254.169.254",
        "127.0.0.1",
        "10.0.0.1",
        "::ffff:169.254.169.254",
    ] {
        let names = [("login.example.com.".to_owned(), vec![address.parse().unwrap()])];
        let mut setup =
            Setup::with_credential(server.address, oauth(&directory, "https://login.example.com/t"));
        setup.names = Arc::new(FixedNames(names.into()));
        let egress = setup.egress();
        let refusal = egress.send(get("http://api.example.com/v1")).await.unwrap_err();
        assert_eq!(refusal.kind, RefusalKind::Unreachable, "{address}");
        assert!(!refusal.message.contains("resolve"), "{refusal}");
        let report = egress.report();
        let told = report
            .failed
            .iter()
            .map(|failed| &failed.why)
            .any(|why| why.contains("no address that may be dialled"));
        assert!(told, "{report:?}");
    }
    for host in ["169.254.169.254", "10.0.0.1", "[fd00:ec2::254]"] {
        let spec = oauth(&directory, &format!("https://{host}/t"));
        let egress = Setup::with_credential(server.address, spec).egress();
        assert!(
            egress.send(get("http://api.example.com/v1")).await.is_err(),
            "{host}"
        );
    }
    assert_eq!(server.seen().len(), 0);
}

#[tokio::test]
async fn the_ca_of_a_credential_is_read_before_the_run() {
    let directory = tempfile::tempdir().unwrap();
    let mut spec = oauth(&directory, "https://login.example.com/t");
    spec.ca = Some(directory.path().join("missing.pem"));
    let grant = Grant {
        rules: Vec::new(),
        credentials: vec![spec],
    };
    let agent = UserAgent {
        collector: String::new(),
        version: String::new(),
    };
    let error = Egress::new(grant, &Limits::default(), &agent, ManualClock::new(), None).unwrap_err();
    assert!(error.to_string().contains("No such file"), "{error}");
}

#[tokio::test]
async fn a_token_url_that_does_not_answer_ends_within_the_runs_time() {
    let directory = tempfile::tempdir().unwrap();
    let silent = Server::start_closed(vec![answer(200, &[], b"")]).await;
    let mut spec = oauth(&directory, "http://login.example.com/t");
    spec.connect_to = Some(silent.address);
    let mut setup = Setup::with_credential(silent.address, spec);
    setup.limits.wall = Duration::from_millis(50);
    let egress = setup.egress();
    let refusal = egress.send(get("http://api.example.com/v1")).await.unwrap_err();
    assert_eq!(refusal.kind, RefusalKind::Unreachable);
    let why = &egress.report().failed[0].why;
    assert!(
        why.starts_with("the token URL http://login.example.com/t ") && why.ends_with("in time"),
        "{why}"
    );
    let seen = silent.seen();
    assert!(
        seen.iter().all(|request| request.starts_with("POST /t ")),
        "{seen:?}"
    );
}
