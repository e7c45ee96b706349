//! Each scheme's table: what a good one gives, what each bad one says, and that no secret is ever in it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod aws;
mod azure;
mod google;

use super::*;
use crate::{
    config::{Around, Config, ConfigErrors, Files},
    egress::credential::{Canonical, ClientAuth, Scheme, SecretRef, Value},
};
use std::{path::Path, time::Duration};

fn parse(text: &str) -> Result<Config, ConfigErrors> {
    // What a platform would tell is not set.
    let told = |name: &str| {
        ["AWS_", "AZURE_", "IDENTITY_"]
            .iter()
            .any(|start| name.starts_with(start))
    };
    let environment = |name: &str| (name != "NO_SUCH" && !told(name)).then(|| "HUNTER2".to_owned());
    let around = Around {
        environment: &environment,
        files: Files::Left,
        ceiling: None,
    };
    crate::config::read(text, Path::new("/etc/finops/a.toml"), &around)
}

fn scheme(text: &str) -> Scheme {
    let config = parse(&format!("[credentials.x]\n{text}")).unwrap_or_else(|error| panic!("{error}"));
    config.credentials.into_iter().next().unwrap().scheme
}

/// What is wrong with a table, as a person reads it.
fn refused(text: &str) -> String {
    let errors = parse(&format!("[credentials.x]\n{text}")).expect_err("the file was taken");
    let plain = errors.to_string();
    let fancy = format!("{:?}", miette::Report::new(errors));
    assert!(
        !plain.contains("HUNTER2") && !fancy.contains("HUNTER2"),
        "{plain}\n{fancy}"
    );
    plain
}

fn env(name: &str) -> SecretRef {
    SecretRef::Env(name.to_owned())
}

#[test]
fn basic_and_digest_take_a_name_and_a_password() {
    let Scheme::Basic { username, password } =
        scheme("scheme = \"basic\"\nusername = \"me\"\npassword = { env = \"P\" }\n")
    else {
        panic!("basic")
    };
    assert_eq!(
        (username, password),
        (Value::Plain("me".to_owned()), Some(env("P")))
    );
    let Scheme::Basic { username, password } = scheme("scheme = \"basic\"\nusername = { env = \"KEY\" }\n")
    else {
        panic!("basic")
    };
    assert_eq!((username, password), (Value::Secret(env("KEY")), None));
    let Scheme::Digest { username, password } =
        scheme("scheme = \"digest\"\nusername = \"me\"\npassword = { file = \"p\" }\n")
    else {
        panic!("digest")
    };
    let path = SecretRef::File("/etc/finops/p".into());
    assert_eq!((username, password), (Value::Plain("me".to_owned()), path));
}

#[test]
fn client_credentials_take_all_their_keys() {
    let text = "scheme = \"oauth2-client-credentials\"\ntoken-url = \"https://login.example.com/t\"\nclient-id = \"me\"\n\
                client-secret = { env = \"S\" }\nclient-auth = \"body\"\nscope = \"a b\"\naudience = \"c\"\n\
                parameters = { resource = \"d\" }\naddresses = [\"10.0.0.0/8\"]\nconnect-to = \"127.0.0.1:443\"\n";
    let Scheme::OAuth2ClientCredentials(grant) = scheme(text) else {
        panic!("client credentials")
    };
    assert_eq!(grant.token_url.url().as_str(), "https://login.example.com/t");
    assert_eq!(
        (grant.client_auth, grant.client_secret),
        (ClientAuth::Body, env("S"))
    );
    assert_eq!(
        (grant.scope.as_deref(), grant.audience.as_deref()),
        (Some("a b"), Some("c"))
    );
    assert_eq!(grant.parameters, [("resource".to_owned(), "d".to_owned())]);
}

#[test]
fn a_jwt_bearer_grant_takes_all_its_keys() {
    let text = "scheme = \"jwt-bearer\"\ntoken-url = \"https://login.example.com/t\"\nissuer = { env = \"I\" }\n\
                subject = \"s\"\naudience = \"a\"\nscope = \"b\"\nprivate-key = { file = \"k\" }\npassphrase = { env = \"P\" }\n\
                key-id = \"7\"\nlifetime = \"1h\"\n";
    let Scheme::JwtBearer(grant) = scheme(text) else {
        panic!("jwt bearer")
    };
    assert_eq!(
        (grant.issuer.as_str(), grant.lifetime),
        ("HUNTER2", Duration::from_secs(3600))
    );
    assert_eq!(
        (grant.key_id.as_deref(), grant.passphrase),
        (Some("7"), Some(env("P")))
    );
}

#[test]
fn every_scheme_says_all_that_is_missing_at_once() {
    for (named, missing) in [
        ("bearer", &["token"][..]),
        ("basic", &["username", "password"]),
        ("headers", &["headers"]),
        ("query", &["query"]),
        ("digest", &["username", "password"]),
        ("snowflake-key-pair", &["account", "user", "private-key"]),
        (
            "oauth2-client-credentials",
            &["token-url", "client-id", "client-secret"],
        ),
        ("jwt-bearer", &["token-url", "issuer", "private-key"]),
        ("aws-sigv4", &["access-key-id", "secret-access-key"]),
    ] {
        let said = refused(&format!("scheme = \"{named}\"\n"));
        for key in missing {
            assert!(said.contains(&format!("`{key}` is missing")), "{named}: {said}");
        }
        assert_eq!(said.lines().count(), missing.len(), "{named}: {said}");
    }
}

#[test]
fn each_mistake_is_told_with_its_remedy_and_without_a_secret() {
    let oauth = |line: &str| {
        format!(
            "scheme = \"oauth2-client-credentials\"\nclient-id = \"me\"\nclient-secret = {{ env = \"S\" }}\n{line}\n"
        )
    };
    let url = |line: &str| oauth(&format!("token-url = \"https://login.example.com/t\"\n{line}"));
    let aws = |line: &str| {
        format!(
            "scheme = \"aws-sigv4\"\naccess-key-id = {{ env = \"A\" }}\nsecret-access-key = {{ env = \"S\" }}\n{line}\n"
        )
    };
    let place = "region = \"us-east-1\"\nservice = \"ce\"\n";
    for (text, parts) in [
        ("scheme = \"oauth2\"\n".to_owned(), &["no scheme of this version", "oauth2-client-credentials"][..]),
        ("scheme = \"aws-sigv\"\n".to_owned(), &["did you mean `aws-sigv4`?"]),
        ("scheme = \"basic\"\nusername = \"me\"\npassword = \"HUNTER2\"\n".to_owned(), &["never the value itself"]),
        ("scheme = \"basic\"\nusername = \"me:you\"\npassword = { env = \"P\" }\n".to_owned(), &["no colon"]),
        ("scheme = \"basic\"\nusername = \"\"\npassword = { env = \"P\" }\n".to_owned(), &["it is empty"]),
        ("scheme = \"digest\"\nusername = 'a\"b'\npassword = { env = \"P\" }\n".to_owned(), &["for digest"]),
        ("scheme = \"query\"\nquery = { key = \"HUNTER2\" }\n".to_owned(), &["never the value itself"]),
        ("scheme = \"query\"\nquery = {}\n".to_owned(), &["it names nothing"]),
        ("scheme = \"query\"\nquery = { \"\" = { env = \"P\" } }\n".to_owned(), &["no name of a query parameter"]),
        (oauth("token-url = \"http://login.example.com/t\""), &["in the clear", "write https"]),
        (oauth("token-url = \"https://me:HUNTER2@login.example.com/t\""), &["no token URL", "user name or password"]),
        (oauth("token-url = \"login.example.com\""), &["no token URL", "https://login.example.com/oauth2/token"]),
        (url("client-auth = \"boddy\""), &["did you mean `body`?"]),
        (url("client-auth = \"HUNTER2\""), &["known here: header, body"]),
        (url("parameters = { client_secret = \"HUNTER2\" }"), &["never the value itself"]),
        (url("parameters = { grant_type = \"x\" }"), &["the scheme sets this parameter"]),
        (url("parameters = { scope = \"x\" }"), &["the scheme's own key"]),
        (url("clientsecret = \"HUNTER2\""), &["did you mean `client-secret`?"]),
        (url("addresses = [\"10.0.0.0/99\"]"), &["10.20.0.0/16"]),
        (url("headers = { Authorization = \"HUNTER2\" }"), &["never the value itself"]),
        (aws("region = \"us/east\"\nservice = \"ce\""), &["`credentials.x.region`", "lower-case"]),
        (aws(&format!("{place}session-token = \"HUNTER2\"")), &["never the value itself"]),
        (aws(&format!("{place}headers = {{ \"X-Amz-Date\" = \"x\" }}")), &["set by the scheme itself"]),
        (aws(&format!("{place}s3 = \"yes\"")), &["true or false"]),
        (
            "scheme = \"jwt-bearer\"\ntoken-url = \"https://a.example/t\"\nissuer = \"i\"\nprivate-key = \"\"\"\nHUNTER2\n\"\"\"\nlifetime = \"1s\"\n"
                .to_owned(),
            &["never the value itself", "out of range"],
        ),
    ] {
        let said = refused(&text);
        for part in parts {
            assert!(said.contains(part), "no {part:?} in {said}");
        }
    }
}

#[test]
fn http_is_taken_where_it_stays_on_this_machine() {
    for lines in [
        "token-url = \"http://127.0.0.1:9/t\"",
        "token-url = \"http://login.example.com/t\"\nconnect-to = \"127.0.0.1:9\"",
    ] {
        scheme(&format!(
            "scheme = \"oauth2-client-credentials\"\nclient-id = \"me\"\nclient-secret = {{ env = \"S\" }}\n{lines}\n"
        ));
    }
}

#[test]
fn the_sample_of_every_scheme_is_a_good_table() {
    for named in SCHEMES {
        let text = sample(named, "x").to_string();
        assert_eq!(scheme(&text).name(), named);
    }
}
