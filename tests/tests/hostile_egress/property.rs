//! Any URL, headers and body against any grant: the request that leaves, as a recording server sees it, satisfies the
//! grant. Judged here by the words of the operator's manual, with none of the host's matching.

mod hostile {
    use crate::{
        asked::{Given, HOSTS, PATTERNS, given, plan},
        judge::{Case, Server, satisfied},
    };
    use finops_host::{
        clock::SystemClock,
        egress::{
            Egress, Grant, RefusalKind, UserAgent,
            credential::{CredentialSpec, Scheme, SecretRef},
            rule::Rule,
        },
        sandbox::limits::Limits,
    };
    use finops_tests::{
        hostile::{Answer, Recorder},
        tls::Authority,
    };
    use proptest::{prelude::*, test_runner::TestRunner};
    use std::{cell::Cell, sync::Arc};

    /// Grants, each with eight calls.
    const CASES: u32 = 500;

    /// The rules as egress takes them, each leading to the server of its host.
    fn rules(given: &[Given], servers: &[Server]) -> Vec<Rule> {
        let rule = |(line, given): (usize, &Given)| {
            let server = &servers[given.host];
            Rule {
                line,
                host: PATTERNS[given.host].parse().unwrap(),
                port: given.explicit_port.then(|| server.recorder.address().port()),
                methods: given.methods.clone(),
                paths: given.paths.iter().map(|path| path.parse().unwrap()).collect(),
                headers: given.headers.clone(),
                query: given.query.clone(),
                form: given.form.clone(),
                json: given.json.clone(),
                credential: given.credential.then(|| format!("c{}", given.host)),
                connect_to: Some(server.recorder.address()),
                ca: Some(server.ca.clone()),
                addresses: Vec::new(),
                price: None,
                insecure_http: given.insecure_http,
                encoded_slash: given.encoded_slash,
            }
        };
        given.iter().enumerate().map(rule).collect()
    }

    #[test]
    fn whatever_is_asked_for_under_whatever_grant_what_leaves_satisfies_it() {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let home = tempfile::tempdir().unwrap();
        let servers: Vec<Server> = HOSTS
            .iter()
            .map(|host| {
                let authority = Authority::generate(host).unwrap();
                let ca = home.path().join(format!("{host}.pem"));
                std::fs::write(&ca, &authority.ca_pem).unwrap();
                let recorder = runtime.block_on(Recorder::tls(&authority, |_| Answer::ok("fine")));
                Server {
                    ca,
                    recorder: recorder.unwrap(),
                }
            })
            .collect();
        let credentials: Vec<CredentialSpec> = (0..2)
            .map(|host| {
                let name = format!("c{host}");
                let file = home.path().join(&name);
                std::fs::write(&file, secret_of(&name)).unwrap();
                CredentialSpec {
                    name,
                    line: 0,
                    scheme: Scheme::Bearer {
                        token: SecretRef::File(file),
                    },
                    headers: Vec::new(),
                    reveal: false,
                    connect_to: None,
                    ca: None,
                    addresses: Vec::new(),
                }
            })
            .collect();

        let (sent, denied, refused_grants) = (Cell::new(0_u32), Cell::new(0_u32), Cell::new(0_u32));
        let count = |counter: &Cell<u32>| counter.set(counter.get() + 1);
        let config = ProptestConfig {
            cases: CASES,
            failure_persistence: None,
            ..ProptestConfig::default()
        };
        let cases = (
            proptest::collection::vec(given(), 1..=2),
            proptest::collection::vec(plan(), 8),
        );
        let outcome = TestRunner::new(config).run(&cases, |(given, plans)| {
            let rules = rules(&given, &servers);
            let grant = Grant {
                rules: rules.clone(),
                credentials: credentials.clone(),
            };
            let agent = UserAgent {
                collector: "any".to_owned(),
                version: "1".to_owned(),
            };
            let clock = Arc::new(SystemClock::default());
            let Ok(egress) = Egress::new(grant, &Limits::default(), &agent, clock, None) else {
                // Rules in conflict: nothing runs.
                count(&refused_grants);
                return Ok(());
            };
            for plan in plans {
                let request = plan.request(&given, &servers);
                let (url, method) = (request.url.clone(), request.method.clone());
                let reply = runtime.block_on(egress.send(request));
                let mut left = 0;
                for server in &servers {
                    let connections = runtime.block_on(server.recorder.connections()).unwrap().len();
                    let requests = server.recorder.take();
                    left += requests.len();
                    if let Err(refusal) = &reply
                        && refusal.kind == RefusalKind::Denied
                    {
                        prop_assert_eq!(connections, 0, "{} {:?} was refused and connected", method, url);
                    }
                    for request in requests {
                        let case = Case {
                            server,
                            request: &request,
                            secret: &secret_of,
                        };
                        let judged: Vec<_> = rules.iter().map(|rule| satisfied(rule, &case)).collect();
                        prop_assert!(
                            judged.iter().any(Result::is_ok),
                            "{method} {url:?} left as\n{request:?}\nwhich satisfies no rule: {judged:?}"
                        );
                    }
                }
                match reply {
                    Ok(_) => {
                        count(&sent);
                        prop_assert_eq!(left, 1, "{} {:?} became {} requests", method, url, left);
                    }
                    Err(_) => {
                        count(&denied);
                        prop_assert_eq!(left, 0, "{} {:?} was refused and left", method, url);
                    }
                }
            }
            Ok(())
        });
        outcome.unwrap_or_else(|error| panic!("{error}"));
        let counts = format!(
            "{} calls left, {} were refused, {} grants were in conflict",
            sent.get(),
            denied.get(),
            refused_grants.get()
        );
        assert!(sent.get() > CASES, "too little was granted to say much: {counts}");
        assert!(
            denied.get() > CASES,
            "too little was refused to say much: {counts}"
        );
        assert!(
            refused_grants.get() < CASES / 4,
            "too few grants were in use: {counts}"
        );
    }

    /// The secret of a credential.
    fn secret_of(name: &str) -> String {
        format!("secret-of-the-credential-{name}")
    }
}
