//! The operator's file as a whole: what a good one gives, and what each bad one says.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use super::*;
use crate::{
    component::descriptor::{Descriptor, HostWish, Setting, SettingKind},
    egress::{
        credential::{Scheme, SecretRef},
        rule::Matcher,
    },
    ledger::destination::{OtherCurrencies, StartMode},
};
use finops_decimal::Decimal;
use miette::Diagnostic;
use serde_json::json;

mod disk;
mod mistakes;
mod sections;
mod settings;

const GOOD: &str = r#"
[collector]
interval = "1h"
sha256 = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

[settings]
account = "MYORG-ACCT"
warehouse = { env = "WAREHOUSE" }

[[allow]]
host = "MyOrg-Acct.snowflakecomputing.com"
methods = ["GET", "POST"]
paths = ["/api/v2/statements"]
credential = "snowflake"
connect-to = "127.0.0.1:8443"
ca = "ca.pem"

[[allow]]
host = "api.example.com"
port = 8443
headers = { "X-Target" = ["List", "Get"], "x-any" = "*" }
json = { action = "read" }
addresses = ["10.20.0.0/16"]
price = "0.01"

[credentials.snowflake]
scheme = "snowflake-key-pair"
account = "MYORG-ACCT"
user = { env = "SNOWUSER" }
private-key = { file = "secrets/snowflake.p8" }
passphrase = { env = "PASSPHRASE" }

[credentials.token]
scheme = "bearer"
token = { env = "TOKEN" }
headers = { "X-Snowflake-Authorization-Token-Type" = "PROGRAMMATIC_ACCESS_TOKEN" }

[credentials.dog]
scheme = "headers"
headers = { DD-API-KEY = { file = "/run/dd" } }
reveal = true

[limits]
memory = "256MiB"
wall = "1h30m"
requests = 10

[openfinops]
endpoint = "http://localhost:8080/"
start = "now"
group-by = ["service", "tag:team"]
other-currencies = "send"
outbox-quota = "2GiB"
"#;

fn environment(name: &str) -> Option<String> {
    match name {
        "WAREHOUSE" => Some("FINOPS_WH".to_owned()),
        "SNOWUSER" => Some("TELEMETRY".to_owned()),
        "PASSPHRASE" | "TOKEN" => Some("HUNTER2".to_owned()),
        _ => None,
    }
}

fn parse(text: &str) -> Result<Config, ConfigErrors> {
    parse_at(text, "/etc/finops/snowflake-prod.toml")
}

fn parse_at(text: &str, path: &str) -> Result<Config, ConfigErrors> {
    let around = Around {
        environment: &environment,
        files: Files::Left,
        ceiling: None,
    };
    read(text, Path::new(path), &around)
}

/// What the file says is wrong, and the same with its source snippets as a person sees them.
fn refused(text: &str) -> (String, String) {
    let errors = parse(text).expect_err("the file was taken");
    let plain = errors.to_string();
    let fancy = format!("{:?}", miette::Report::new(errors));
    (plain, fancy)
}

#[track_caller]
fn says(text: &str, parts: &[&str]) {
    let (plain, _) = refused(text);
    for part in parts {
        assert!(plain.contains(part), "no {part:?} in {plain}");
    }
}

#[test]
fn the_operator_says_what_counts_and_what_is_believed() {
    let of = |lines: &str| parse(&GOOD.replace("[collector]\n", &format!("[collector]\n{lines}\n"))).unwrap();
    let plain = of("");
    assert_eq!((plain.money, plain.look_back), (Money::Counts, None));
    assert_eq!(plain.hold, HoldPolicy::Watch { withdrawn: 20 });
    assert_eq!(plain.archive_after, None);
    let told = of("count = false\nlook-back = 90\nhold-above = 5\narchive-after = 24");
    assert_eq!(told.archive_after, Some(24));
    assert_eq!(
        (told.money, told.look_back),
        (Money::Apart, Some(LookBack::Days(90)))
    );
    assert_eq!(told.hold, HoldPolicy::Watch { withdrawn: 5 });
    let wrong = GOOD.replace(
        "[collector]\n",
        "[collector]\ncount = \"no\"\nhold-above = 101\narchive-after = 0\n",
    );
    says(
        &wrong,
        &[
            "collector.count",
            "collector.hold-above",
            "from 0 to 100",
            "collector.archive-after",
        ],
    );
}

#[test]
fn a_good_file_gives_all_that_it_says() {
    let config = parse(GOOD).unwrap();
    assert_eq!(config.name, "snowflake-prod");
    assert_eq!(config.interval, Some(Duration::from_secs(3600)));
    assert_eq!(config.sha256.as_deref(), Some("a".repeat(64).as_str()));
    let [first, second] = config.rules.as_slice() else {
        panic!("two rules")
    };
    assert_eq!(
        (first.line, first.host.to_string().as_str()),
        (10, "myorg-acct.snowflakecomputing.com")
    );
    assert_eq!(
        first.methods,
        [
            crate::egress::rule::Method::Get,
            crate::egress::rule::Method::Post
        ]
    );
    assert_eq!(first.connect_to, Some("127.0.0.1:8443".parse().unwrap()));
    assert_eq!(first.ca.as_deref(), Some(Path::new("/etc/finops/ca.pem")));
    assert_eq!(second.line, 18);
    assert_eq!(
        (second.port, second.price),
        (Some(8443), Some("0.01".parse().unwrap()))
    );
    let matcher = |name: &str, values: Option<&[&str]>| Matcher {
        name: name.to_owned(),
        values: values.map(|values| values.iter().map(|value| (*value).to_owned()).collect()),
    };
    assert_eq!(
        second.headers,
        [
            matcher("x-target", Some(&["List", "Get"])),
            matcher("x-any", None)
        ]
    );
    assert_eq!(second.json, [matcher("action", Some(&["read"]))]);
    let credential = |name: &str| config.credentials.iter().find(|spec| spec.name == name).unwrap();
    let Scheme::SnowflakeKeyPair {
        user,
        private_key,
        passphrase,
        ..
    } = &credential("snowflake").scheme
    else {
        panic!("a key pair")
    };
    assert_eq!(user, "TELEMETRY");
    assert_eq!(
        *private_key,
        SecretRef::File("/etc/finops/secrets/snowflake.p8".into())
    );
    assert_eq!(*passphrase, Some(SecretRef::Env("PASSPHRASE".to_owned())));
    assert_eq!(credential("token").headers.len(), 1);
    assert!(credential("dog").reveal);
    assert_eq!(config.limits.memory, 256 << 20);
    assert_eq!(config.limits.wall, Duration::from_secs(5400));
    assert_eq!(config.limits.sent, Limits::default().sent);
    let openfinops = config.openfinops.clone().unwrap();
    assert_eq!(
        (openfinops.endpoint.as_str(), openfinops.start),
        ("http://localhost:8080/", StartMode::Now)
    );
    assert_eq!(openfinops.other_currencies, OtherCurrencies::Send);
    assert_eq!(openfinops.outbox_quota, 2 << 30);
    let shown = format!("{config:?}");
    assert!(
        !shown.contains("HUNTER2") && !shown.contains("FINOPS_WH"),
        "{shown}"
    );
}

#[test]
fn an_empty_file_is_a_grant_of_nothing() {
    let config = parse("").unwrap();
    assert!(config.rules.is_empty() && config.credentials.is_empty() && config.openfinops.is_none());
}
