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
use std::{path::Path, time::Duration};

mod properties;
mod slips;

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
