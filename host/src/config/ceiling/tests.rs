//! Ceilings: what each key binds, what absent keys mean, and that no accepted file grants more.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use super::super::credentials::{OF_THE_MACHINE, SCHEMES};
use super::*;
use crate::{
    config::{Around, Files, host},
    egress::credential::{Scheme, SecretRef},
};
use proptest::prelude::*;
use std::{path::Path, time::Duration};

const HOST: &str = r#"
[[directory]]
path = "tenants/a"
secrets = ["/run/secrets/a"]
env-prefix = "A_"
schemes = ["bearer"]
hosts = ["api.example.com", "*.example.org", "localhost", "127.0.0.9"]
addresses = ["10.20.0.0/16", "127.0.0.0/29"]
destinations = ["http://books.internal:8080/a"]
insecure-http = true

[directory.limits]
memory = "256MiB"
requests = 100
spend = { per-day = "1.00" }
"#;

/// Reads a host file without touching the disk: paths are real as they stand.
fn ceilings(text: &str) -> Result<Vec<Ceiling>, String> {
    host::read(text, Path::new("/etc/finops/host.toml"), &|path| {
        Ok(path.to_owned())
    })
    .map(|host| host.ceilings)
    .map_err(|errors| errors.to_string())
}

fn ceiling() -> Ceiling {
    ceilings(HOST).unwrap().remove(0)
}

fn narrow() -> Ceiling {
    ceilings("[[directory]]\npath = \"tenants/a\"\n")
        .unwrap()
        .remove(0)
}

/// A tenant's file under a ceiling, without touching the disk.
fn under(ceiling: &Ceiling, text: &str) -> Result<Config, String> {
    let around = Around {
        environment: &|name| Some(name.to_owned()),
        files: Files::Left,
        ceiling: Some(ceiling),
    };
    super::super::read(text, Path::new("/etc/finops/tenants/a/one.toml"), &around)
        .map_err(|errors| errors.to_string())
}

#[track_caller]
fn refuses(ceiling: &Ceiling, text: &str, parts: &[&str]) {
    let shown = under(ceiling, text).expect_err(text);
    for part in parts {
        assert!(shown.contains(part), "no {part:?} in {shown}");
    }
}

#[test]
fn a_ceiling_gives_all_that_it_says() {
    let ceiling = ceiling();
    assert_eq!(ceiling.directory, Path::new("/etc/finops/tenants/a"));
    assert_eq!(
        (ceiling.line, ceiling.secrets[0].as_path()),
        (2, Path::new("/run/secrets/a"))
    );
    assert!(ceiling.admits_variable("A_TOKEN") && !ceiling.admits_variable("AWS_SECRET_ACCESS_KEY"));
    assert_eq!(ceiling.limits.memory, 256 << 20);
    assert_eq!(ceiling.limits.wall, Limits::default().wall);
    assert!(ceiling.insecure_http && !ceiling.reveal);
}

#[test]
fn what_a_ceiling_leaves_out_is_denied_and_limits_are_the_defaults() {
    let narrow = narrow();
    assert_eq!(narrow.limits, Limits::default());
    assert_eq!(narrow.secrets, std::slice::from_ref(&narrow.directory));
    // All but those that prove who this machine is.
    for scheme in SCHEMES {
        let left_out = OF_THE_MACHINE.contains(&scheme);
        assert_ne!(
            narrow.schemes.iter().any(|known| known == scheme),
            left_out,
            "{scheme}"
        );
    }
    assert!(narrow.hosts.is_empty() && narrow.addresses.is_empty() && narrow.destinations.is_empty());
    assert!(!narrow.reveal && !narrow.insecure_http && !narrow.admits_variable("A"));
    assert!(under(&narrow, "").is_ok());
    for (text, key) in [
        ("[[allow]]\nhost = \"a.b\"\n", "`hosts`"),
        ("[settings]\na = { env = \"HOME\" }\n", "`env-prefix`"),
        (
            "[openfinops]\nendpoint = \"http://169.254.169.254\"\n",
            "`destinations`",
        ),
    ] {
        refuses(&narrow, text, &[key, "/etc/finops/host.toml:1"]);
    }
}

#[test]
fn no_ceiling_lets_a_tenant_ask_for_files_that_show_the_costs_of_all() {
    for ceiling in [narrow(), ceiling()] {
        refuses(
            &ceiling,
            "[focus]\ndirectory = \"files\"\n",
            &["all tenants", "remove the section"],
        );
    }
}

#[test]
fn each_key_binds_and_the_error_names_both_places() {
    let allow = |more: &str| format!("[[allow]]\nhost = \"api.example.com\"\n{more}\n");
    let credential =
        |more: &str| format!("[credentials.x]\nscheme = \"bearer\"\ntoken = {{ env = \"A_T\" }}\n{more}\n");
    for (text, key, by) in [
        (
            "[[allow]]\nhost = \"example.org\"\n".to_owned(),
            "allow.host",
            "hosts",
        ),
        (
            "[[allow]]\nhost = \"*.example.com\"\n".to_owned(),
            "allow.host",
            "hosts",
        ),
        (
            "[[allow]]\nhost = \"*.org.test\"\n".to_owned(),
            "allow.host",
            "hosts",
        ),
        (
            allow("addresses = [\"10.0.0.0/8\"]"),
            "allow.addresses",
            "addresses",
        ),
        (
            allow("connect-to = \"10.21.0.1:443\""),
            "allow.connect-to",
            "addresses",
        ),
        (
            allow("connect-to = \"1.1.1.1:443\""),
            "allow.connect-to",
            "addresses",
        ),
        (
            allow("connect-to = \"[::ffff:10.21.0.1]:443\""),
            "allow.connect-to",
            "addresses",
        ),
        (
            allow("connect-to = \"127.0.0.8:443\""),
            "allow.connect-to",
            "addresses",
        ),
        // ::1 is not granted, and `localhost` may be that
        (
            "[[allow]]\nhost = \"localhost\"\n".to_owned(),
            "allow.host",
            "addresses",
        ),
        (
            "[[allow]]\nhost = \"127.0.0.9\"\n".to_owned(),
            "allow.host",
            "addresses",
        ),
        (
            credential("").replace("A_T", "B_T"),
            "credentials.x.token.env",
            "env-prefix",
        ),
        (credential("reveal = true"), "credentials.x.reveal", "reveal"),
        (
            credential("connect-to = \"10.21.0.1:443\""),
            "credentials.x.connect-to",
            "addresses",
        ),
        (
            "[credentials.x]\nscheme = \"headers\"\nheaders = { x-k = { env = \"A_K\" } }\n".to_owned(),
            "credentials.x.scheme",
            "schemes",
        ),
        (
            "[settings]\na = { env = \"PATH\" }\n".to_owned(),
            "settings.a.env",
            "env-prefix",
        ),
        (
            "[limits]\nmemory = \"1GiB\"\n".to_owned(),
            "limits.memory",
            "limits.memory",
        ),
        (
            "[limits]\nrequests = 101\n".to_owned(),
            "limits.requests",
            "limits.requests",
        ),
        (
            "[limits]\nwall = \"11m\"\n".to_owned(),
            "limits.wall",
            "limits.wall",
        ),
        (
            "[limits]\nspend = { per-day = \"1.01\" }\n".to_owned(),
            "limits.spend.per-day",
            "limits.spend.per-day",
        ),
        (
            "[openfinops]\nendpoint = \"http://books.internal:8080/ab\"\n".to_owned(),
            "openfinops.endpoint",
            "destinations",
        ),
        (
            "[openfinops]\nendpoint = \"https://books.internal:8080/a\"\n".to_owned(),
            "openfinops.endpoint",
            "destinations",
        ),
    ] {
        let (key, by) = (format!("`{key}`: "), format!("raise `{by}` of the [[directory]]"));
        refuses(&ceiling(), &text, &["one.toml:", &key, &by, "host.toml:2"]);
    }
    let token = |url: &str, more: &str| {
        format!(
            "[credentials.x]\nscheme = \"oauth2-client-credentials\"\ntoken-url = \"{url}\"\nclient-id = \"c\"\nclient-secret = {{ env = \"A_S\" }}\n{more}\n"
        )
    };
    let mut oauth = ceiling();
    oauth.schemes.push("oauth2-client-credentials".to_owned());
    for (url, more, key, by) in [
        ("https://evil.test/token", "", "token-url", "hosts"),
        ("http://localhost/token", "", "token-url", "addresses"),
        (
            "https://api.example.com/token",
            "addresses = [\"10.21.0.0/16\"]",
            "addresses",
            "addresses",
        ),
        (
            "https://api.example.com/token",
            "connect-to = \"10.21.0.1:443\"",
            "connect-to",
            "addresses",
        ),
    ] {
        let (key, by) = (format!("`credentials.x.{key}`: "), format!("raise `{by}`"));
        refuses(&oauth, &token(url, more), &[&key, &by]);
    }
    assert!(under(&oauth, &token("https://api.example.com/token", "")).is_ok());
    let mut strict = ceiling();
    strict.insecure_http = false;
    refuses(
        &strict,
        &allow("insecure-http = true"),
        &["`allow.insecure-http`"],
    );
}

#[test]
fn what_lies_within_is_taken_and_defaults_are_lowered() {
    let text = r#"
[settings]
a = { env = "A_ACCOUNT" }
[[allow]]
host = "api.example.com"
addresses = ["10.20.1.0/24"]
insecure-http = true
[[allow]]
host = "*.deep.example.org"
[[allow]]
host = "x.example.org"
connect-to = "127.0.0.1:8443"
[credentials.x]
scheme = "bearer"
token = { file = "secrets/t" }
[limits]
memory = "200MiB"
[openfinops]
endpoint = "http://books.internal:8080/a/deeper"
"#;
    let config = under(&ceiling(), text).unwrap();
    assert_eq!(config.limits.memory, 200 << 20);
    assert_eq!(config.limits.requests, 100, "the default is lowered");
    assert_eq!(config.limits.spend.per_day, Some("1".parse().unwrap()));
    assert_eq!(config.limits.wall, Duration::from_secs(600));
    let half = under(&ceiling(), "[limits]\nspend = { per-month = \"9\" }\n").unwrap();
    let amount = |text: &str| Some(text.parse().unwrap());
    assert_eq!(
        (half.limits.spend.per_day, half.limits.spend.per_month),
        (amount("1"), amount("9")),
        "the half that is not written is a default"
    );
    let Scheme::Bearer { token } = &config.credentials[0].scheme else {
        panic!("bearer")
    };
    assert_eq!(
        *token,
        SecretRef::Below {
            path: "/etc/finops/tenants/a/secrets/t".into(),
            roots: vec!["/run/secrets/a".into()],
        }
    );
}

#[test]
fn every_excess_of_a_file_is_said_at_once_beside_its_other_errors() {
    let text = "[[allow]]\nhost = \"evil.test\"\ninsecure-http = true\naddresses = [\"192.168.0.0/16\"]\n[limits]\nmemory = \"1GiB\"\nspeed = 1\n";
    let shown = under(&narrow(), text).unwrap_err();
    let lines = shown.lines().count();
    assert_eq!(lines, 5, "{shown}");
    for part in [
        "evil.test",
        "plain http",
        "192.168.0.0/16",
        "1GiB is more than the 128MiB",
        "unknown key",
    ] {
        assert!(shown.contains(part), "no {part:?} in {shown}");
    }
}

#[test]
fn a_variable_beyond_the_ceiling_is_not_even_looked_up() {
    let looked_up = std::cell::RefCell::new(Vec::new());
    let ceiling = ceiling();
    let text = "[settings]\na = { env = \"A_X\" }\nb = { env = \"B_X\" }\n";
    let shown = host::environment_under(
        &ceiling,
        &|name| {
            looked_up.borrow_mut().push(name.to_owned());
            None
        },
        |environment| {
            let around = Around {
                environment,
                files: Files::Left,
                ceiling: Some(&ceiling),
            };
            super::super::read(text, Path::new("/a/one.toml"), &around)
                .unwrap_err()
                .to_string()
        },
    );
    assert_eq!(*looked_up.borrow(), ["A_X"]);
    assert!(
        shown.contains("A_X is not set") && !shown.contains("B_X is not set"),
        "{shown}"
    );
}

#[test]
fn a_ceiling_with_a_slip_is_refused_with_its_line() {
    let with = |more: &str| format!("[[directory]]\npath = \"tenants/a\"\n{more}\n");
    for (text, parts) in [
        (
            with("host = [\"a.b\"]"),
            &[
                "host.toml:3:1: `directory.host`: unknown key",
                "did you mean `hosts`?",
            ][..],
        ),
        (with("env-prefix = \"\""), &["no prefix", "ending with `_`"]),
        (with("env-prefix = \"A\""), &["no prefix", "ending with `_`"]),
        (with("schemes = [\"baerer\"]"), &["did you mean `bearer`?"]),
        (with("hosts = [\"*\"]"), &["is no host"]),
        (with("addresses = [\"10.0.0.0/99\"]"), &["10.20.0.0/16"]),
        (with("destinations = [\"books\"]"), &["no URL"]),
        (with("secrets = [\"/\"]"), &["the root of all files"]),
        (with("reveal = \"yes\""), &["true or false"]),
        (
            with("[directory.limits]\nmemory = \"1B\""),
            &["`directory.limits.memory`", "out of range"],
        ),
        ("[[directory]]\nhosts = []\n".to_owned(), &["`path` is missing"]),
        (
            "[directory]\npath = \"a\"\n".to_owned(),
            &["this is a table", "[[directory]]"],
        ),
        (
            "[[directori]]\npath = \"a\"\n".to_owned(),
            &["did you mean `directory`?"],
        ),
        (
            "[[directory]]\npath = \"a\"\n[[directory]]\npath = \"a/b\"\n".to_owned(),
            &[
                "host.toml:3:1: `directory.path`",
                "overlaps /etc/finops/a of line 1",
            ],
        ),
        (
            "[[directory]]\npath = \"a\"\n[[directory]]\npath = \"a\"\n".to_owned(),
            &["overlaps"],
        ),
    ] {
        let shown = ceilings(&text).expect_err(&text);
        for part in parts {
            assert!(shown.contains(part), "no {part:?} in {shown}");
        }
    }
    // a name that only begins alike is another directory
    assert!(ceilings("[[directory]]\npath = \"a\"\n[[directory]]\npath = \"ab\"\n").is_ok());
}

#[test]
fn a_root_of_secrets_in_the_directory_cannot_lead_out_of_it() {
    let text = "[[directory]]\npath = \"a\"\nsecrets = [\"a/secrets\"]\n";
    let resolve = |path: &Path| {
        Ok(if path.ends_with("secrets") {
            PathBuf::from("/root")
        } else {
            path.to_owned()
        })
    };
    let errors = host::read(text, Path::new("/etc/host.toml"), &resolve).unwrap_err();
    let shown = errors.to_string();
    assert!(
        shown.contains("host.toml:3:") && shown.contains("leads to /root"),
        "{shown}"
    );
    // outside of it, links are the operator's own
    let text = text.replace("a/secrets", "/var/run/secrets");
    assert!(host::read(&text, Path::new("/etc/host.toml"), &resolve).is_ok());
}

#[test]
fn tenants_that_could_use_each_others_secrets_are_warned_of() {
    let warnings = |more: &str| {
        let text = format!(
            "[[directory]]\npath = \"a\"\nsecrets = [\"/s/a\"]\nenv-prefix = \"A_\"\n[[directory]]\npath = \"b\"\n{more}\n"
        );
        host::read(&text, Path::new("/etc/host.toml"), &|path| Ok(path.to_owned()))
            .unwrap()
            .warnings
            .join("\n")
    };
    assert_eq!(warnings("secrets = [\"/s/b\"]\nenv-prefix = \"B_\""), "");
    assert!(warnings("secrets = [\"/s\"]").contains("host.toml:5: its secrets overlap the files of line 1"));
    assert!(warnings("secrets = [\"/etc/a/x\"]").contains("secrets overlap"));
    assert!(warnings("env-prefix = \"A_B_\"").contains("`A_B_` overlaps `A_` of line 1"));
    assert!(warnings("reveal = true").contains("MAY REVEAL SECRETS"));
}

fn any_of(texts: &[&'static str]) -> impl Strategy<Value = &'static str> + use<> {
    prop::sample::select(texts.to_vec())
}

prop_compose! {
    fn any_ceiling()(
        hosts in prop::sample::subsequence(vec!["\"a.example.com\"", "\"*.example.com\"", "\"*.x.example.com\"", "\"localhost\"", "\"127.0.0.1\"", "\"10.1.2.3\""], 0..=6),
        addresses in prop::sample::subsequence(vec!["\"10.0.0.0/8\"", "\"10.1.0.0/16\"", "\"127.0.0.0/8\"", "\"::1/128\"", "\"fd00::/8\""], 0..=5),
        schemes in prop::sample::subsequence(vec!["\"bearer\"", "\"headers\""], 0..=2),
        prefix in any_of(&["", "env-prefix = \"A_\"", "env-prefix = \"A_B_\""]),
        destinations in prop::sample::subsequence(vec!["\"http://d:1\"", "\"https://d/a\""], 0..=2),
        reveal in any::<bool>(),
        insecure in any::<bool>(),
        limits in any_of(&["", "memory = \"64MiB\"", "memory = \"1GiB\"\nrequests = 5", "spend = { per-day = \"2\", per-month = \"9\" }"]),
    ) -> String {
        format!(
            "[[directory]]\npath = \"a\"\nhosts = [{}]\naddresses = [{}]\nschemes = [{}]\ndestinations = [{}]\nreveal = {reveal}\ninsecure-http = {insecure}\n{prefix}\n[directory.limits]\n{limits}\n",
            hosts.join(","), addresses.join(","), schemes.join(","), destinations.join(","),
        )
        // an empty list of addresses is a slip
        .replace("addresses = []\n", "")
    }
}

prop_compose! {
    fn any_file()(
        host in any_of(&["a.example.com", "b.example.com", "*.example.com", "*.x.example.com", "y.x.example.com", "example.com", "localhost", "127.0.0.1", "10.1.2.3", "[::1]", "evil.test"]),
        addresses in any_of(&["", "addresses = [\"10.1.0.0/16\"]", "addresses = [\"10.0.0.0/8\", \"fd00::/8\"]", "addresses = [\"0.0.0.0/0\"]"]),
        connect in any_of(&["", "connect-to = \"127.0.0.1:1\"", "connect-to = \"10.1.0.1:1\"", "connect-to = \"8.8.8.8:1\"", "connect-to = \"[::ffff:10.2.0.1]:1\"", "connect-to = \"[::1]:1\""]),
        insecure in any::<bool>(),
        credential in any_of(&["", "[credentials.c]\nscheme = \"bearer\"\ntoken = { env = \"A_T\" }\n", "[credentials.c]\nscheme = \"bearer\"\ntoken = { env = \"A_B_T\" }\nreveal = true\n", "[credentials.c]\nscheme = \"headers\"\nheaders = { x-k = { file = \"k\" } }\nconnect-to = \"10.1.0.1:1\"\n", "[credentials.c]\nscheme = \"bearer\"\ntoken = { env = \"HOME\" }\n"]),
        settings in any_of(&["", "[settings]\na = { env = \"A_X\" }\n", "[settings]\na = [{ env = \"AX\" }]\n"]),
        limits in any_of(&["", "memory = \"32MiB\"", "memory = \"512MiB\"", "requests = 6", "spend = { per-month = \"10\" }", "spend = { per-day = \"1\" }"]),
        destination in any_of(&["", "[openfinops]\nendpoint = \"http://d:1/x\"\n", "[openfinops]\nendpoint = \"https://d/a\"\n", "[openfinops]\nendpoint = \"https://d/ab\"\n"]),
    ) -> String {
        format!("{settings}{credential}[[allow]]\nhost = \"{host}\"\ninsecure-http = {insecure}\n{addresses}\n{connect}\n[limits]\n{limits}\n{destination}")
    }
}

/// Whether the secrets of a grant are bound to roots yet.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Roots {
    Bound,
    NotYet,
}

/// The ceiling, stated anew over what the file grants: hosts by examples, addresses one by one.
fn is_within(ceiling: &Ceiling, config: &Config, file: &str, roots: Roots) -> bool {
    let examples = [
        "a.example.com",
        "b.example.com",
        "y.x.example.com",
        "z.y.x.example.com",
        "x.example.com",
        "example.com",
        "localhost",
        "127.0.0.1",
        "10.1.2.3",
        "[::1]",
        "evil.test",
    ];
    let probes: Vec<IpAddr> = [
        "10.0.0.1",
        "10.1.0.1",
        "10.2.0.1",
        "127.0.0.1",
        "::1",
        "fd00::1",
        "8.8.8.8",
        "192.168.0.1",
    ]
    .iter()
    .map(|text| text.parse().unwrap())
    .collect();
    let reachable = |address: &IpAddr| ceiling.addresses.iter().any(|range| range.contains(address));
    let rules = config.rules.iter().all(|rule| {
        let hosts = examples.iter().all(|name| {
            !rule.host.matches(name) || ceiling.hosts.iter().any(|allowed| allowed.matches(name))
        });
        let ranges = probes
            .iter()
            .all(|probe| !rule.addresses.iter().any(|range| range.contains(probe)) || reachable(probe));
        let dialled = rule
            .connect_to
            .is_none_or(|to| reachable(&to.ip().to_canonical()));
        let machine = rule.connect_to.is_some()
            || match rule.host.to_string().as_str() {
                "localhost" => reachable(&"127.0.0.1".parse().unwrap()) && reachable(&"::1".parse().unwrap()),
                "127.0.0.1" => reachable(&"127.0.0.1".parse().unwrap()),
                "[::1]" => reachable(&"::1".parse().unwrap()),
                _ => true,
            };
        hosts && ranges && dialled && machine && (ceiling.insecure_http || !rule.insecure_http)
    });
    let credentials = config.credentials.iter().all(|spec| {
        let secret = match &spec.scheme {
            Scheme::Bearer { token } => ("bearer", token),
            Scheme::Headers { headers } => ("headers", &headers[0].1),
            _ => return false,
        };
        let placed = match secret.1 {
            SecretRef::Env(name) => ceiling
                .env_prefix
                .as_ref()
                .is_some_and(|prefix| name.starts_with(prefix)),
            SecretRef::Below { roots, .. } => *roots == ceiling.secrets,
            SecretRef::File(_) => roots == Roots::NotYet,
        };
        placed
            && ceiling.schemes.iter().any(|name| name == secret.0)
            && (ceiling.reveal || !spec.reveal)
            && spec
                .connect_to
                .is_none_or(|to| reachable(&to.ip().to_canonical()))
    });
    let sent = config
        .openfinops
        .as_ref()
        .is_none_or(|it| match it.endpoint.as_str() {
            "http://d:1/x" => ceiling
                .destinations
                .iter()
                .any(|url| url.as_str() == "http://d:1/"),
            "https://d/a" => ceiling
                .destinations
                .iter()
                .any(|url| url.as_str() == "https://d/a"),
            _ => false,
        });
    let mut variables = file.split("env = \"").skip(1);
    let named = variables.all(|rest| {
        let prefix = ceiling.env_prefix.as_deref();
        prefix.is_some_and(|prefix| rest.starts_with(prefix))
    });
    let (limits, most) = (&config.limits, &ceiling.limits);
    let money = |asked: Option<finops_decimal::Decimal>, most: Option<finops_decimal::Decimal>| {
        most.is_none_or(|most| asked.is_some_and(|asked| asked <= most))
    };
    rules
        && named
        && credentials
        && sent
        && limits.memory <= most.memory
        && limits.requests <= most.requests
        && money(limits.spend.per_day, most.spend.per_day)
        && money(limits.spend.per_month, most.spend.per_month)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn whatever_file_is_accepted_grants_no_more_than_its_ceiling(ceiling in any_ceiling(), file in any_file()) {
        let ceiling = ceilings(&ceiling).unwrap().remove(0);
        let around = Around {
            environment: &|_| Some(String::new()),
            files: Files::Left,
            ceiling: None,
        };
        let path = Path::new("/etc/finops/a/one.toml");
        let alone = super::super::read(&file, path, &around).unwrap();
        match under(&ceiling, &file) {
            Ok(config) => prop_assert!(is_within(&ceiling, &config, &file, Roots::Bound), "{config:?}\n{ceiling:?}"),
            // Not refused for nothing: the file alone, with limits lowered and roots set, would break the ceiling.
            Err(shown) => {
                let mut alone = alone;
                let given = |key: &str| alone.limits_at.iter().any(|(name, _)| name == key);
                let (asked, low) = (alone.limits, lowered(&alone.limits, &ceiling.limits));
                alone.limits = Limits {
                    memory: if given("memory") { asked.memory } else { low.memory },
                    requests: if given("requests") { asked.requests } else { low.requests },
                    spend: crate::sandbox::limits::Spend {
                        per_day: asked.spend.per_day.or(low.spend.per_day),
                        per_month: asked.spend.per_month.or(low.spend.per_month),
                    },
                    ..low
                };
                let placed = shown.contains("host.toml:1");
                prop_assert!(placed && !is_within(&ceiling, &alone, &file, Roots::NotYet), "{shown}\n{ceiling:?}");
            }
        }
    }

    #[test]
    fn lowered_limits_are_never_above_either(a in any_limits(), b in any_limits()) {
        let both = lowered(&a, &b);
        prop_assert!(limits::beyond(&both, &a).is_empty());
        prop_assert!(limits::beyond(&both, &b).is_empty());
    }
}

prop_compose! {
    fn any_limits()(
        memory in 1_u64..4, requests in 1_u64..4, wall in 1_u64..4, in_flight in 1_u64..4,
        day in prop::option::of(0_i128..4), month in prop::option::of(0_i128..4),
    ) -> Limits {
        Limits {
            memory, requests, in_flight,
            wall: Duration::from_secs(wall),
            spend: crate::sandbox::limits::Spend {
                per_day: day.map(finops_decimal::Decimal::from_units),
                per_month: month.map(finops_decimal::Decimal::from_units),
            },
            ..Limits::default()
        }
    }
}
