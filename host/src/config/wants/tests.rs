//! Wishes against grants: what is said to be granted, partly granted, lacking, and granted for nothing.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use super::{super::Config, *};
use crate::component::descriptor::HostWish;
use std::path::Path;

fn descriptor() -> Descriptor {
    let mut descriptor = crate::component::samples::saying("x");
    descriptor.settings[0].key = "account".to_owned();
    descriptor.settings[0].required = true;
    descriptor.settings[0].default = None;
    descriptor.settings[0].allowed = Vec::new();
    descriptor.settings[1].key = "edition".to_owned();
    descriptor.settings[1].list_of = false;
    descriptor.settings[1].required = false;
    descriptor.settings[1].default = Some(serde_json::json!("standard"));
    descriptor.settings[1].allowed = Vec::new();
    descriptor.hosts = vec![wish("{account}.example.com", &["GET", "POST"], &["/api/v2"])];
    descriptor.hosts[0].credential = Some("main".to_owned());
    descriptor.hosts[0].headers = vec!["X-Kind".to_owned(), "Accept".to_owned()];
    descriptor.credentials[0].name = "main".to_owned();
    descriptor.credentials[0].schemes = vec!["bearer".to_owned()];
    descriptor
}

fn wish(host: &str, methods: &[&str], paths: &[&str]) -> HostWish {
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    HostWish {
        host: host.to_owned(),
        methods: texts(methods),
        paths: texts(paths),
        headers: Vec::new(),
        credential: None,
        text: String::new(),
    }
}

const SETTINGS: &str = "[settings]\naccount = \"MY_ORG\"\n";
const CREDENTIAL: &str = "[credentials.main]\nscheme = \"bearer\"\ntoken = { file = \"t\" }\n";

fn rule(more: &str) -> String {
    format!(
        "[[allow]]\nhost = \"my-org.example.com\"\nmethods = [\"GET\", \"POST\"]\npaths = [\"/api\"]\ncredential = \"main\"\n{more}\n"
    )
}

fn compared(text: &str) -> Comparison {
    let config = Config::parse(text, Path::new("/etc/a.toml")).unwrap();
    compare(&descriptor(), &"a".repeat(64), &config)
}

const HEADER: &str = "headers = { x-kind = \"*\" }";

#[test]
fn what_is_wholly_granted_says_so_with_its_lines() {
    let wants = compared(&format!("{SETTINGS}{}{CREDENTIAL}", rule(HEADER)));
    let call = &wants.calls[0];
    assert_eq!((call.granted, call.lacks.as_slice()), (Granted::Yes, &[][..]));
    assert_eq!(
        (call.host.as_str(), call.lines.as_slice()),
        ("my-org.example.com", &[3][..])
    );
    let credential = &wants.credentials[0];
    assert_eq!(
        (credential.granted, credential.scheme),
        (Granted::Yes, Some("bearer"))
    );
    assert_eq!((credential.line, credential.revealed), (Some(9), false));
    let states: Vec<_> = wants
        .settings
        .iter()
        .map(|it| (it.key.as_str(), it.state))
        .collect();
    assert_eq!(
        states,
        [("account", Setting::Given), ("edition", Setting::Default)]
    );
    // The path is wider than the wish.
    assert_eq!(
        wants.unasked[0].what,
        "all of /api on my-org.example.com (asked for: /api/v2)"
    );
    assert_eq!((wants.unasked.len(), wants.pin), (1, Pin::None));
}

#[test]
fn what_is_partly_granted_names_what_is_lacking() {
    let good = rule(HEADER);
    for (text, lack) in [
        (good.replace("\"GET\", \"POST\"", "\"GET\""), "POST /api/v2"),
        (
            good.replace("[\"/api\"]", "[\"/api/v2/statements\", \"/other\"]"),
            "GET /api/v2 other than /api/v2/statements",
        ),
        (rule(""), "header `x-kind` (line 3)"),
        (
            rule("headers = { x-kind = [\"a\", \"b\"] }"),
            "calls other than with header `x-kind` = a or b (line 3)",
        ),
        (
            rule(&format!("{HEADER}\nquery = {{ op = \"list\" }}")),
            "calls other than with query parameter `op` = list (line 3)",
        ),
        (
            good.replace("credential = \"main\"\n", ""),
            "credential `main`: line 3 puts none on",
        ),
        (
            rule(&format!("{HEADER}\nport = 8443")),
            "a port other than 8443 (line 3)",
        ),
    ] {
        let wants = compared(&format!("{SETTINGS}{text}{CREDENTIAL}"));
        let call = &wants.calls[0];
        assert_eq!(call.granted, Granted::Partly, "{lack}: {call:?}");
        assert!(call.lacks.iter().any(|it| it == lack), "{lack}: {call:?}");
    }
    let other = CREDENTIAL.replace("main", "other");
    let text = good.replace("\"main\"", "\"other\"");
    let wants = compared(&format!("{SETTINGS}{text}{other}"));
    assert_eq!(
        wants.calls[0].lacks,
        ["credential `main`: line 3 puts on `other`"]
    );
    assert_eq!(wants.credentials[0].granted, Granted::No);
    let unasked: Vec<_> = wants.unasked.iter().map(|it| it.what.as_str()).collect();
    assert!(unasked.contains(&"credential `other`"), "{unasked:?}");
    assert!(
        unasked.contains(&"credential `other` on my-org.example.com"),
        "{unasked:?}"
    );
}

#[test]
fn two_rules_may_grant_together_what_neither_grants_alone() {
    let get = rule(HEADER).replace("\"GET\", \"POST\"", "\"GET\"");
    let post = rule(HEADER).replace("\"GET\", \"POST\"", "\"POST\"");
    let wants = compared(&format!("{SETTINGS}{get}{post}{CREDENTIAL}"));
    assert_eq!(wants.calls[0].granted, Granted::Yes, "{:?}", wants.calls);
    assert_eq!(wants.calls[0].lines, [3, 9]);
    // A narrower rule beside a wide one takes nothing away.
    let narrow = rule(&format!("{HEADER}\nquery = {{ op = \"list\" }}"));
    let wants = compared(&format!("{SETTINGS}{narrow}{}{CREDENTIAL}", rule(HEADER)));
    assert_eq!(wants.calls[0].granted, Granted::Yes, "{:?}", wants.calls);
}

#[test]
fn what_is_not_granted_says_why() {
    let wants = compared(SETTINGS);
    assert_eq!(
        (wants.calls[0].granted, wants.calls[0].lacks[0].as_str()),
        (Granted::No, "no rule is for this host")
    );
    assert_eq!(wants.credentials[0].lacks, ["there is no [credentials.main]"]);
    let wants = compared("[settings]\nacount = \"A\"\nedition = 5\n");
    assert_eq!(
        wants.calls[0].lacks,
        ["the host depends on a setting that is not given"]
    );
    let states: Vec<_> = wants
        .settings
        .iter()
        .map(|it| (it.key.as_str(), it.state))
        .collect();
    assert_eq!(
        states,
        [
            ("account", Setting::Missing),
            ("edition", Setting::Unfit),
            ("acount", Setting::Unknown)
        ]
    );
    let problem = |index: usize| wants.settings[index].problem.as_deref().unwrap_or_default();
    assert!(problem(0).contains("missing"), "{}", problem(0));
    assert!(problem(1).contains("write text"), "{}", problem(1));
    assert!(problem(2).contains("did you mean `account`?"), "{}", problem(2));
}

#[test]
fn a_credential_of_another_scheme_or_that_nothing_puts_on_is_partly_granted() {
    let headers =
        "[credentials.main]\nscheme = \"headers\"\nheaders = { x-key = { file = \"t\" } }\nreveal = true\n";
    let wants = compared(&format!("{SETTINGS}{headers}"));
    let credential = &wants.credentials[0];
    assert_eq!(credential.granted, Granted::Partly);
    assert_eq!(
        credential.lacks,
        [
            "its scheme `headers` is none of those asked for",
            "no rule puts it on"
        ]
    );
    assert!(credential.revealed);
    assert_eq!(
        wants.unasked[0].what,
        "THE SECRET OF `main`, REVEALED TO THE COLLECTOR"
    );
}

#[test]
fn what_nobody_asked_for_is_listed_in_the_order_of_the_file() {
    let more = "[[allow]]\nhost = \"*.example.com\"\nmethods = [\"DELETE\"]\npaths = [\"/api/v2\"]\nheaders = { x-other = \"*\" }\ninsecure-http = true\naddresses = [\"10.0.0.0/8\"]\n[[allow]]\nhost = \"evil.test\"\n";
    let wants = compared(&format!("{SETTINGS}{more}{CREDENTIAL}"));
    let unasked: Vec<_> = wants
        .unasked
        .iter()
        .map(|it| (it.line, it.what.as_str()))
        .collect();
    assert_eq!(
        unasked,
        [
            (3, "every host of *.example.com (asked for: my-org.example.com)"),
            (3, "DELETE on *.example.com"),
            (3, "header `x-other` on *.example.com"),
            (3, "plain http to *.example.com"),
            (3, "private addresses 10.0.0.0/8 for *.example.com"),
            (10, "GET evil.test /"),
        ]
    );
    let pinned = compared(&format!("[collector]\nsha256 = \"{}\"\n", "b".repeat(64)));
    assert_eq!(pinned.pin, Pin::Another);
    let pinned = compared(&format!("[collector]\nsha256 = \"{}\"\n", "a".repeat(64)));
    assert_eq!(pinned.pin, Pin::This);
}
