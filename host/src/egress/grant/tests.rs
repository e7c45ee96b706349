#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use super::Grant;
use crate::egress::{
    credential::{CredentialSpec, Scheme, SecretRef},
    rule::{Matcher, Method, PathPrefix, Rule},
    tests::rule,
};

/// Makes a good rule a bad one.
type Change = fn(&mut Rule);

fn spec(name: &str) -> CredentialSpec {
    CredentialSpec {
        name: name.to_owned(),
        line: 90,
        scheme: Scheme::Bearer {
            token: SecretRef::Env("TOKEN".to_owned()),
        },
        headers: Vec::new(),
        reveal: false,
        connect_to: None,
        ca: None,
        addresses: Vec::new(),
    }
}

fn grant(rules: Vec<Rule>) -> Grant {
    Grant {
        rules,
        credentials: vec![spec("a"), spec("b")],
    }
}

fn with(change: impl FnOnce(&mut Rule)) -> Rule {
    let mut rule = rule("api.example.com", &["/v1"]);
    rule.credential = Some("a".to_owned());
    change(&mut rule);
    rule
}

fn values(name: &str, values: &[&str]) -> Matcher {
    Matcher {
        name: name.to_owned(),
        values: Some(values.iter().map(|v| (*v).to_owned()).collect()),
    }
}

#[test]
fn a_good_grant_has_no_conflicts() {
    let rules = vec![
        with(|_| ()),
        with(|rule| rule.paths = vec!["/v1/more".parse().unwrap()]),
        with(|rule| {
            rule.paths = vec!["/v2".parse().unwrap()];
            rule.credential = Some("b".to_owned());
        }),
    ];
    assert_eq!(grant(rules).conflicts(), []);
}

#[test]
fn rules_that_can_match_one_request_must_treat_it_alike() {
    let changes: [Change; 5] = [
        |rule| rule.credential = Some("b".to_owned()),
        |rule| rule.credential = None,
        |rule| rule.price = Some("0.01".parse().unwrap()),
        |rule| rule.addresses = vec!["10.0.0.0/8".parse().unwrap()],
        |rule| rule.ca = Some("ca.pem".into()),
    ];
    for change in changes {
        let other = with(|rule| {
            change(rule);
            rule.line = 7;
            rule.paths = vec!["/v1/deeper".parse().unwrap()];
        });
        let found = grant(vec![with(|_| ()), other]).conflicts();
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found.first().unwrap().line, 7);
    }
}

#[test]
fn rules_that_no_request_can_match_both_may_differ() {
    let changes: [Change; 6] = [
        |rule| rule.host = "other.example.com".parse().unwrap(),
        |rule| rule.port = Some(8443),
        |rule| rule.paths = vec!["/v10".parse().unwrap()],
        |rule| rule.methods = vec![Method::Post],
        |rule| rule.query = vec![values("Action", &["Other"])],
        |rule| rule.headers = vec![values("x-amz-target", &["Other"])],
    ];
    for change in changes {
        let first = with(|rule| rule.query = vec![values("Action", &["List"])]);
        let other = with(|rule| {
            change(rule);
            rule.credential = Some("b".to_owned());
        });
        assert_eq!(grant(vec![first, other]).conflicts(), []);
    }
}

#[test]
fn each_unsafe_rule_is_told() {
    let changes: [(Change, &str); 10] = [
        (
            |rule| rule.credential = Some("none".to_owned()),
            "no `[credentials.none]`",
        ),
        (|rule| rule.host = "*.example.com".parse().unwrap(), "wildcard"),
        (|rule| rule.insecure_http = true, "in the clear"),
        (|rule| rule.methods = Vec::new(), "allows nothing"),
        (
            |rule| rule.headers = vec![values("authorization", &["x"])],
            "rule's credential",
        ),
        (|rule| rule.headers = vec![values("host", &["x"])], "host alone"),
        (
            |rule| rule.connect_to = Some("169.254.169.254:80".parse().unwrap()),
            "metadata",
        ),
        (
            |rule| {
                rule.port = Some(8443);
                rule.connect_to = Some("127.0.0.1:9000".parse().unwrap());
            },
            "differ",
        ),
        (
            |rule| {
                rule.host = "8.8.8.8".parse().unwrap();
                rule.connect_to = Some("127.0.0.1:443".parse().unwrap());
            },
            "host name",
        ),
        (
            |rule| rule.addresses = vec!["169.254.0.0/16".parse().unwrap()],
            "private range",
        ),
    ];
    for (change, expected) in changes {
        let found = grant(vec![with(change)]).conflicts();
        assert_eq!(found.len(), 1, "{expected}: {found:?}");
        assert!(found.first().unwrap().message.contains(expected), "{found:?}");
    }
}

#[test]
fn a_credential_sets_no_header_of_the_connection() {
    for name in ["Host", "content-length", "transfer-encoding", "a b", ""] {
        let mut grant = grant(vec![with(|_| ())]);
        grant.credentials[0].headers = vec![(name.to_owned(), "x".to_owned())];
        assert_eq!(grant.conflicts().len(), 1, "{name}");
    }
}

#[test]
fn a_parameter_that_the_credential_sets_is_no_matcher() {
    let mut grant = grant(vec![with(|rule| rule.query = vec![values("KEY", &["x"])])]);
    grant.credentials[0].scheme = Scheme::Query {
        parameters: vec![("key".to_owned(), SecretRef::Env("KEY".to_owned()))],
    };
    let found = grant.conflicts();
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(
        found[0].message.contains("set by the rule's credential"),
        "{found:?}"
    );
}

#[test]
fn keys_for_token_calls_are_warned_about_where_there_are_none() {
    let mut grant = grant(Vec::new());
    grant.credentials[0].connect_to = Some("127.0.0.1:9".parse().unwrap());
    grant.credentials[0].ca = Some("ca.pem".into());
    let found = grant.warnings();
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(
        found[0].message.contains("`connect-to` of `a` has no effect"),
        "{found:?}"
    );
}

#[test]
fn a_credential_over_http_is_fine_on_loopback() {
    let changes: [Change; 3] = [
        |rule| rule.host = "localhost".parse().unwrap(),
        |rule| rule.host = "[::1]".parse().unwrap(),
        |rule| rule.connect_to = Some("127.0.0.1:9000".parse().unwrap()),
    ];
    for change in changes {
        let rule = with(|rule| {
            change(rule);
            rule.insecure_http = true;
        });
        assert_eq!(grant(vec![rule]).conflicts(), []);
    }
}

#[test]
fn a_credential_on_every_path_is_warned_about() {
    let wide = |rule: &mut Rule| rule.paths = vec![PathPrefix::root()];
    assert_eq!(grant(vec![with(wide)]).warnings().len(), 1);
    let narrow = with(|rule| {
        wide(rule);
        rule.json = vec![values("op", &["list"])];
    });
    assert_eq!(grant(vec![narrow, with(|_| ())]).warnings(), []);
}
