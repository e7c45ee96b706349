//! A descriptor's words cannot write TOML into the page, nor fool who reads it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use super::template;
use crate::{component::samples::saying, foreign::is_deceptive};
use proptest::prelude::*;
use toml::Table;

const RULE: [&str; 5] = ["host", "methods", "paths", "headers", "credential"];

/// Asserts that the page holds the keys that the template puts there, with the descriptor's words only as whole values.
fn assert_holds_only_what_the_template_wrote(page: &str, word: &str) {
    let table: Table = page.parse().unwrap_or_else(|error| panic!("{error}\n{page}"));
    for (key, value) in &table {
        let inner = value.as_table();
        match key.as_str() {
            "collector" => assert!(inner.unwrap().is_empty(), "{page}"),
            "settings" => {
                // the required one; the other stands in comments
                let (key, value) = inner.unwrap().iter().next().unwrap();
                assert_eq!((inner.unwrap().len(), key), (1, &format!("{word}2")), "{page}");
                assert_eq!(value.as_array().unwrap()[0].as_str(), Some(word), "{page}");
            }
            "allow" => {
                let rule = value.as_array().unwrap()[0].as_table().unwrap();
                assert!(rule.keys().all(|key| RULE.contains(&key.as_str())), "{page}");
                assert_eq!(rule["host"].as_str(), Some(word), "{page}");
                assert_eq!(value.as_array().unwrap().len(), 1, "{page}");
            }
            "credentials" => {
                let (name, credential) = inner.unwrap().iter().next().unwrap();
                assert_eq!((inner.unwrap().len(), name.as_str()), (1, word), "{page}");
                let keys: Vec<_> = credential.as_table().unwrap().keys().collect();
                assert_eq!(keys, ["scheme", "token"], "{page}");
            }
            other => panic!("`{other}` is no key of the template\n{page}"),
        }
    }
}

/// Text as an attacker would write it.
fn word() -> impl Strategy<Value = String> {
    let part = prop::sample::select(vec![
        "\n",
        "\r\n",
        "\r",
        "\"",
        "\"\"\"",
        "'",
        "'''",
        "\\",
        "#",
        "=",
        "[",
        "]]",
        "{",
        "}",
        ".",
        " ",
        "a",
        "*",
        "\t",
        "[[allow]]\nhost = \"evil.example\"\n",
        "\nreveal = true\n",
        "\\u0022",
        "\u{85}",
        "\u{2028}",
        "é",
        "1",
        "\"\n[limits]\nmemory = \"9GiB\"\n#",
        "\u{7f}",
        "\0",
    ]);
    prop::collection::vec(part, 1..8).prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn no_word_of_a_descriptor_becomes_toml_of_its_own(word in word()) {
        let page = template(&saying(&word));
        assert_holds_only_what_the_template_wrote(&page, &word);
    }

    #[test]
    fn uncommented_it_still_holds_only_what_the_template_wrote(word in word()) {
        let page = template(&saying(&word));
        let mut keys: Vec<String> = page
            .lines()
            .filter_map(|line| line.strip_prefix("# ")?.parse::<Table>().ok())
            .flat_map(|table| table.keys().cloned().collect::<Vec<_>>())
            .collect();
        // What no descriptor can ask for, no line of the page grants.
        keys.retain(|key| ["reveal", "addresses", "insecure-http", "connect-to", "ca"].contains(&key.as_str()));
        prop_assert!(keys.is_empty(), "{keys:?}\n{page}");
    }
}

#[test]
fn nothing_in_the_page_can_fool_its_reader() {
    // Names are checked with the descriptor; texts, values and hosts are free.
    let evil = "a\u{202e}\u{1b}[2J\u{9b}\nb\u{e0041}\u{200b}";
    let mut descriptor = saying(evil);
    descriptor.settings[0].key = "one".to_owned();
    descriptor.settings[0].default = Some(serde_json::json!([evil]));
    descriptor.settings[1].key = "two".to_owned();
    descriptor.hosts[0].headers = vec!["x-a".to_owned()];
    descriptor.credentials[0].name = "main".to_owned();
    let page = template(&descriptor);
    assert!(page.chars().all(|c| c == '\n' || !is_deceptive(c)), "{page:?}");
    let table: Table = page.parse().unwrap();
    assert_eq!(table["settings"]["two"][0].as_str(), Some(evil));
    assert_eq!(table["allow"][0]["host"].as_str(), Some(evil));
}

#[test]
fn risky_hosts_come_out_commented_and_say_why() {
    for (host, why) in [
        ("*.example.com", "every host below"),
        ("localhost", "the machine that finops-host runs on"),
        ("127.0.0.1", "the machine that finops-host runs on"),
        ("[::1]", "the machine that finops-host runs on"),
        ("0x7f.1", "the machine that finops-host runs on"),
        ("169.254.169.254", "an address"),
        ("10.0.0.1", "an address"),
    ] {
        let mut descriptor = saying("a");
        descriptor.hosts[0].host = host.to_owned();
        let page = template(&descriptor);
        assert!(page.contains(why), "{host}\n{page}");
        assert!(page.contains("# [[allow]]\n"), "{host}\n{page}");
        let table: Table = page.parse().unwrap();
        assert!(!table.contains_key("allow"), "{host}\n{page}");
    }
}

#[test]
fn what_only_an_optional_setting_needs_comes_out_commented_and_defaults_stand_in_hosts() {
    let mut descriptor = saying("a");
    descriptor.settings[0].key = "cloud".to_owned();
    descriptor.settings[0].default = Some("api.example.com".into());
    descriptor.settings[0].allowed = Vec::new();
    let bucket = crate::component::descriptor::Setting {
        key: "bucket".to_owned(),
        default: None,
        ..descriptor.settings[0].clone()
    };
    descriptor.settings.push(bucket);
    descriptor.hosts[0].host = "{cloud}".to_owned();
    descriptor.hosts[0].credential = Some("main".to_owned());
    let mut store = descriptor.hosts[0].clone();
    store.host = "{bucket}.store.example.com".to_owned();
    store.credential = Some("store".to_owned());
    descriptor.hosts.push(store);
    let mut of_store = descriptor.credentials[0].clone();
    descriptor.credentials[0].name = "main".to_owned();
    descriptor.credentials[0].schemes = vec!["bearer".to_owned()];
    of_store.name = "store".to_owned();
    of_store.schemes = vec!["bearer".to_owned()];
    descriptor.credentials.push(of_store);
    let page = template(&descriptor);
    let table: Table = page.parse().unwrap();
    let rules = table["allow"].as_array().unwrap();
    assert_eq!(
        (rules.len(), rules[0]["host"].as_str()),
        (1, Some("api.example.com"))
    );
    let credentials = table["credentials"].as_table().unwrap();
    assert!(
        credentials.contains_key("main") && !credentials.contains_key("store"),
        "{page}"
    );
    for line in [
        "# > bucket",
        "# host = \"{bucket}.store.example.com\"",
        "# [credentials.store]",
    ] {
        assert!(page.lines().any(|it| it == line), "{line}\n{page}");
    }
    // A host that takes the place of a setting is judged as any other.
    descriptor.settings[0].default = Some("*.example.com".into());
    let page = template(&descriptor);
    assert!(!page.parse::<Table>().unwrap().contains_key("allow"), "{page}");
}
