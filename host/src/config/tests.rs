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
use std::{fs, os::unix::fs::PermissionsExt};

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

#[test]
fn all_errors_are_shown_at_once_in_order_with_their_lines() {
    let text =
        "[collectr]\nname = \"x\"\n[limits]\nmemory = 5\nwal = \"1m\"\n[[allow]]\nmethods = [\"get\"]\n";
    let errors = parse(text).unwrap_err();
    let lines: Vec<_> = errors
        .errors()
        .iter()
        .map(|error| error.place.as_ref().unwrap().line)
        .collect();
    assert_eq!(lines, [1, 4, 5, 6, 7], "{errors}");
    assert_eq!(errors.labels().unwrap().count(), 5);
}

#[test]
fn an_unknown_key_names_its_line_and_the_key_that_was_meant() {
    says(
        "[[allow]]\nhost = \"a.b\"\nmethod = [\"GET\"]\n",
        &[
            "snowflake-prod.toml:3:1: `allow.method`: unknown key",
            "did you mean `methods`?",
        ],
    );
    says(
        "[credential.x]\n",
        &[":1:2: `credential`: unknown key", "did you mean `credentials`?"],
    );
    says(
        "[limits]\nvelocity = 1\n",
        &["`limits.velocity`", "known here: memory, cpu"],
    );
}

#[test]
fn an_inline_secret_is_refused_without_being_shown() {
    for text in [
        "[credentials.x]\nscheme = \"bearer\"\ntoken = \"HUNTER2\"\n",
        "[credentials.x]\nscheme = \"snowflake-key-pair\"\naccount = \"A\"\nuser = \"B\"\nprivate-key = \"\"\"\nHUNTER2\n\"\"\"\n",
        "[credentials.x]\nscheme = \"headers\"\nheaders = { \"X-Key\" = \"HUNTER2\" }\n",
        "[credentials.x]\nscheme = \"bearer\"\ntoken = { env = \"TOKEN\" }\nheaders = { Authorization = \"HUNTER2\" }\n",
        "[credentials]\nx = \"HUNTER2\"\n",
        "credentials.x.scheme = \"bearer\"\ncredentials.x.token = \"HUNTER2\"\n",
    ] {
        let (plain, fancy) = refused(text);
        assert!(plain.contains("never the value itself"), "{plain}");
        assert!(
            plain.contains("{ file = ") && plain.contains("{ env = "),
            "{plain}"
        );
        assert!(
            !plain.contains("HUNTER2") && !fancy.contains("HUNTER2"),
            "{plain} {fancy}"
        );
    }
    let errors = parse("[credentials.x]\nscheme = \"bearer\"\ntoken = \"HUNTER2\"\n").unwrap_err();
    assert_eq!(errors.errors()[0].key, "credentials.x.token");
    assert_eq!(errors.errors()[0].place.as_ref().unwrap().line, 3);
    assert!(!format!("{errors:?}").contains("HUNTER2"));
}

#[test]
fn other_mistakes_near_secrets_do_not_show_them_either() {
    for text in [
        "[credentials.x]\nscheme = \"bearer\"\ntoken = HUNTER2\n",
        "[credentials.x]\nscheme = \"bearer\"\ntoken = \"HUNTER2\n",
        "[credentials.x]\nscheme = \"bearer\"\ntokn = \"HUNTER2\"\n",
        "[credentials.x]\nscheme = \"bearer\"\ntoken = { env = \"HUNTER2 \" }\n",
        "[credentials.x]\nscheme = \"bearer\"\ntoken = { value = \"HUNTER2\" }\n",
        "[credentials.x]\nscheme = \"nothing\"\n# was token = \"HUNTER2\"\n",
        "[[allow]]\nhost = \"me:HUNTER2@api.example.com\"\n",
        "[[allow]]\nhost = \"a.b\"\nheaders = { authorization = \"HUNTER2\" }\n",
        "[openfinops]\nendpoint = \"http://me:HUNTER2@localhost\"\n",
        "[settings]\na = \n[credentials.x]\ntoken = \"HUNTER2\"\n",
    ] {
        let (plain, fancy) = refused(text);
        assert!(
            !plain.contains("HUNTER2") && !fancy.contains("HUNTER2"),
            "{plain} {fancy}"
        );
    }
}

#[test]
fn broken_toml_names_line_and_column() {
    says(
        "[settings]\naccount = MYORG\n",
        &["snowflake-prod.toml:2:11:", "quotes"],
    );
    says("[settings]\na = 1\na = 2\n", &[":3:1:", "duplicate key"]);
}

#[test]
fn a_wrong_scheme_lists_the_known_ones() {
    says(
        "[credentials.x]\nscheme = \"snowflake-keypair\"\n",
        &[
            ":2:10:",
            "did you mean `snowflake-key-pair`?",
            "bearer, headers, snowflake-key-pair",
        ],
    );
    says("[credentials.x]\n", &["`scheme` is missing", "bearer, headers"]);
    says(
        "[credentials.x]\nscheme = \"snowflake-key-pair\"\n",
        &[
            "`account` is missing",
            "`user` is missing",
            "`private-key` is missing",
        ],
    );
}

#[test]
fn a_rule_says_what_is_wrong_with_each_key() {
    let rule = |line: &str| format!("[[allow]]\nhost = \"api.example.com\"\n{line}\n");
    for (text, parts) in [
        (
            "[[allow]]\nhost = \"https://a.b/c\"\n".to_owned(),
            &["is no host"][..],
        ),
        (
            "[[allow]]\nhost = \"{account}.example.com\"\n".to_owned(),
            &["placeholder", "`{account}`"],
        ),
        ("[[allow]]\nport = 1\n".to_owned(), &[":1:1", "`host` is missing"]),
        (
            "[allow]\nhost = \"a.b\"\n".to_owned(),
            &["this is a table", "[[allow]]"],
        ),
        (rule("methods = [\"TRACE\"]"), &["`TRACE` is no method"]),
        (rule("methods = \"GET\""), &["this is text", "list of methods"]),
        (rule("paths = [\"api\"]"), &["`api` is no path prefix"]),
        (rule("paths = []"), &["empty list allows nothing"]),
        (rule("credential = \"snow\""), &["there is no [credentials.snow]"]),
        (rule("price = 0.01"), &["a number with a point", "as text"]),
        (rule("price = \"-1\""), &["is negative", "\"0.01\""]),
        (rule("connect-to = \"localhost:80\""), &["no name"]),
        (rule("addresses = [\"10.0.0.0/99\"]"), &["10.20.0.0/16"]),
        (rule("port = 70000"), &["from 1 to 65535"]),
        (
            rule("headers = { authorization = \"*\" }"),
            &["the host's own", "credential"],
        ),
        (rule("query = { a = 1 }"), &["`allow.query.a`", "a whole number"]),
        (rule("insecure-http = \"yes\""), &["true or false"]),
    ] {
        says(&text, parts);
    }
}

#[test]
fn the_destination_must_be_a_url() {
    for (endpoint, part) in [
        ("localhost:8080", "no http or https URL"),
        ("not a url", "no URL"),
        ("ftp://a.b", "no http or https URL"),
        ("http://a.b/?x=1", "query"),
        ("", "no URL"),
    ] {
        let text = format!("[openfinops]\nendpoint = \"{endpoint}\"\n");
        says(
            &text,
            &[":2:12: `openfinops.endpoint`", part, "http://localhost:8080"],
        );
    }
    says("[openfinops]\n", &["`endpoint` is missing"]);
    says(
        "[openfinops]\nendpoint = \"http://a.b\"\nstart = \"basline\"\ncurrency = \"usd\"\nother-currencies = \"sent\"\n",
        &["did you mean `baseline`?", "\"USD\"", "did you mean `send`?"],
    );
}

#[test]
fn rates_are_dated_text_for_other_currencies_than_the_destination_counts_in() {
    let with = |lines: &str| {
        format!("[openfinops]\nendpoint = \"http://a.b\"\nother-currencies = \"convert\"\n{lines}")
    };
    let rate = "[[openfinops.rates]]\ncurrency = \"EUR\"\nfrom = \"2026-01-01\"\nrate = \"1.0834\"\n";
    let config = Config::parse(&with(rate), Path::new("x.toml")).unwrap();
    let day = "2026-02-01".parse().unwrap();
    let found = config.openfinops.unwrap().rates.on("EUR", day).unwrap();
    assert_eq!(found.to_string(), "1.0834 (from 2026-01-01)");

    says(&with(""), &["no rate to convert at", "[[openfinops.rates]]"]);
    says(
        &with(&rate.repeat(2)),
        &[":11:", "has a rate from that day on already"],
    );
    says(&with(&rate.replace("EUR", "USD")), &["the destination counts in"]);
    says(
        &with(&rate.replace("\"1.0834\"", "1.0834")),
        &["a number with a point", "as text"],
    );
    says(&with(&rate.replace("1.0834", "-1")), &["above zero"]);
    says(&with(&rate.replace("2026-01-01", "January")), &["2026-01-01"]);
    says(
        &with(&rate.replace("rate =", "rates =")),
        &["did you mean `rate`?"],
    );
    let sending = with(rate).replace("convert", "send");
    says(&sending, &["nothing is converted", "\"convert\""]);
}

#[test]
fn limits_have_units_and_ranges() {
    for (line, parts) in [
        ("memory = 128", &["a whole number", "128MiB"][..]),
        ("memory = \"1B\"", &["out of range", "from 1MiB"]),
        ("wall = \"10\"", &["no duration", "10m"]),
        ("requests = 0", &["from 1 to"]),
        ("requests = -5", &["from 1 to"]),
        ("response-whole = \"1GiB\"", &["larger than `in-flight`"]),
    ] {
        says(&format!("[limits]\n{line}\n"), parts);
    }
}

#[test]
fn spending_is_limited_in_exact_money_per_day_and_month() {
    let spend = |text: &str| parse(&format!("[limits]\nspend = {text}\n")).map(|config| config.limits.spend);
    let amount = |text: &str| Some(text.parse().unwrap());
    let both = spend("{ per-day = \"0.10\", per-month = \"20\" }").unwrap();
    assert_eq!((both.per_day, both.per_month), (amount("0.1"), amount("20.00")));
    let one = spend("{ per-month = \"0\" }").unwrap();
    assert_eq!((one.per_day, one.per_month), (None, Some(Decimal::ZERO)));
    assert!(parse("").unwrap().limits.spend.is_unlimited() && !one.is_unlimited());
    for (text, parts) in [
        (
            "{ per-day = 1.5 }",
            &[
                "`limits.spend.per-day`",
                "a number with a point",
                "as text, such as \"1.00\"",
            ][..],
        ),
        ("{ per-day = 1 }", &["a whole number", "as text"]),
        (
            "{ per-month = \"-1\" }",
            &["`limits.spend.per-month`", "is negative"],
        ),
        ("{ per-month = \"1,50\" }", &["not a decimal number"]),
        ("{ per-dy = \"1\" }", &["unknown key", "did you mean `per-day`?"]),
        ("{}", &["`limits.spend`", "limits nothing"]),
        ("\"1.00\"", &["this is text", "per-month = "]),
    ] {
        says(&format!("[limits]\nspend = {text}\n"), parts);
    }
}

#[test]
fn prices_without_a_spending_limit_and_the_reverse_are_warned_of() {
    let rule = "[[allow]]\nhost = \"a.b\"\nprice = \"0.01\"\n";
    let limit = "[limits]\nspend = { per-day = \"1\" }\n";
    let warnings = |text: &str| parse(text).unwrap().warnings;
    assert!(warnings("").is_empty());
    assert!(warnings(&format!("{rule}{limit}")).is_empty());
    let unlimited = warnings(rule).join("|");
    assert!(
        unlimited.contains("snowflake-prod.toml:1: ") && unlimited.contains("[limits] spend"),
        "{unlimited}"
    );
    let useless = warnings(limit).join("|");
    assert!(useless.contains("no rule has a `price`"), "{useless}");
}

#[test]
fn a_cron_expression_says_when_serve_runs_and_stands_instead_of_an_interval() {
    let config = parse("[collector]\ncron = \"30 6 * * *\"\njitter = \"5m\"\n").unwrap();
    assert_eq!(config.cron.unwrap().to_string(), "30 6 * * *");
    assert_eq!(config.jitter, Some(Duration::from_secs(300)));
    says(
        "[collector]\ncron = \"0 25 * * *\"\n",
        &["no cron expression", "day of week (UTC)"],
    );
    says(
        "[collector]\ninterval = \"1h\"\ncron = \"0 * * * *\"\n",
        &["both", "leave one"],
    );
}

#[test]
fn focus_files_are_described_by_directory_version_and_format() {
    let config = parse("[focus]\ndirectory = \"files\"\n").unwrap();
    let focus = config.focus.unwrap();
    assert!(focus.directory.ends_with("files"), "{focus:?}");
    assert_eq!((focus.version.name(), focus.format.name()), ("1.4", "csv"));
    let text = "[focus]\ndirectory = \"files\"\nversion = \"1.2\"\nformat = \"parquet\"\n";
    let focus = parse(text).unwrap().focus.unwrap();
    assert_eq!((focus.version.name(), focus.format.name()), ("1.2", "parquet"));
    says("[focus]\n", &["`directory` is missing"]);
    says("[focus]\ndirectory = \"x\"\nversion = \"1.1\"\n", &["not known"]);
    says("[focus]\ndirectory = \"x\"\nformat = \"json\"\n", &["jsonl"]);
}

#[test]
fn names_digests_and_intervals_are_checked() {
    says("[collector]\nname = \"a/b\"\n", &["no name", "64 letters"]);
    says(
        "[collector]\nsha256 = \"abc\"\n",
        &["no SHA-256", "finops-host inspect"],
    );
    says("[collector]\ninterval = \"0s\"\n", &["out of range"]);
    let error = parse_at("", "/etc/my file.toml").unwrap_err();
    assert!(error.to_string().contains("[collector] name"), "{error}");
}

#[test]
fn an_unset_variable_is_named() {
    says(
        "[settings]\na = { env = \"NO_SUCH\" }\n",
        &[":2:", "NO_SUCH is not set"],
    );
    says(
        "[credentials.x]\nscheme = \"bearer\"\ntoken = { env = \"NO_SUCH\" }\n",
        &[":3:", "NO_SUCH is not set"],
    );
}

fn descriptor() -> Descriptor {
    let setting = |key: &str, kind, required, default: Option<serde_json::Value>| Setting {
        key: key.to_owned(),
        kind,
        list_of: false,
        required,
        default,
        allowed: Vec::new(),
        text: format!("what {key} means"),
    };
    let mut edition = setting("edition", SettingKind::Text, false, Some(json!("standard")));
    edition.allowed = vec!["standard".to_owned(), "enterprise".to_owned()];
    Descriptor {
        name: "snowflake".to_owned(),
        version: "0.1.0".to_owned(),
        provider: "snowflake".to_owned(),
        text: "Reads a bill.\n\u{1b}[31mred\nhost = \"evil\"".to_owned(),
        settings: vec![
            setting("account", SettingKind::Text, true, None),
            edition,
            setting(
                "credit-price",
                SettingKind::DatedDecimal,
                false,
                Some(json!("3.00")),
            ),
            setting("storage", SettingKind::Decimal, false, None),
            setting("days", SettingKind::Integer, false, Some(json!(7))),
        ],
        streams: Vec::new(),
        observations: Vec::new(),
        hosts: vec![
            HostWish {
                host: "{account}.snowflakecomputing.com".to_owned(),
                methods: vec!["POST".to_owned()],
                paths: vec!["/api/v2/statements".to_owned()],
                headers: vec!["x-a".to_owned()],
                credential: Some("snowflake".to_owned()),
                text: "the SQL API".to_owned(),
            },
            HostWish {
                host: "*.blob.example.com".to_owned(),
                methods: vec!["GET".to_owned()],
                paths: vec!["/".to_owned()],
                headers: Vec::new(),
                credential: None,
                text: "results".to_owned(),
            },
        ],
        credentials: vec![crate::component::descriptor::CredentialWish {
            name: "snowflake".to_owned(),
            schemes: vec!["snowflake-key-pair".to_owned(), "bearer".to_owned()],
            text: "SELECT on the views".to_owned(),
        }],
    }
}

#[test]
fn settings_are_checked_and_filled() {
    let text = "[settings]\naccount = { env = \"WAREHOUSE\" }\ncredit-price = [{ from = 2026-07-01, price = \"4\" }, { from = \"2026-01-01\", price = \"3.00\" }]\n";
    let settings = parse(text).unwrap().settings_for(&descriptor()).unwrap();
    assert_eq!(
        settings,
        json!({
            "account": "FINOPS_WH",
            "edition": "standard",
            "credit-price": [{"from": "2026-01-01", "price": "3"}, {"from": "2026-07-01", "price": "4"}],
            "days": 7,
        })
    );
}

#[test]
fn settings_that_do_not_fit_name_line_and_key() {
    let text = "[settings]\nacount = \"x\"\ndays = \"7\"\nedition = \"gold\"\nstorage = 40.5\ncredit-price = [{ price = 3.0 }]\n";
    let error = parse(text).unwrap().settings_for(&descriptor()).unwrap_err();
    let shown = error.to_string();
    for part in [
        ":1:2: `settings.account`: this setting is missing; add it to [settings]: what account means",
        ":2:1: `settings.acount`: the collector snowflake has no such setting; did you mean `account`?",
        ":3:8: `settings.days`: this is text; write a whole number",
        ":4:11: `settings.edition`: `gold` is not taken; write one of standard, enterprise",
        ":5:11: `settings.storage`: a number with a point is no exact decimal in TOML; write it as text",
        ":6:27: `settings.credit-price`: a number with a point",
    ] {
        assert!(shown.contains(part), "no {part:?} in\n{shown}");
    }
}

#[test]
fn a_template_asks_only_for_what_the_operator_must_fill_in() {
    let page = template(&descriptor());
    assert!(!page.contains('\u{1b}'), "{page}");
    let errors = parse(&page).unwrap_err();
    assert_eq!(errors.errors().len(), 1, "{errors}\n{page}");
    assert!(errors.to_string().contains("placeholder"), "{errors}");
    let config = parse(&page.replace("{account}", "acct")).unwrap();
    assert_eq!(config.rules.len(), 1, "{page}");
    assert_eq!(config.rules[0].credential.as_deref(), Some("snowflake"));
    assert!(matches!(
        config.credentials[0].scheme,
        Scheme::SnowflakeKeyPair { .. }
    ));
    assert!(config.settings_for(&descriptor()).is_ok());
}

#[test]
fn every_default_of_a_template_is_a_default_of_the_host() {
    let page = template(&descriptor()).replace("{account}", "acct");
    let uncommented: String = page
        .lines()
        .map(|line| {
            line.strip_prefix("# ")
                .filter(|rest| is_toml(rest))
                .unwrap_or(line)
        })
        .filter(|line| !line.starts_with("sha256"))
        .fold(String::new(), |text, line| text + line + "\n");
    let config = parse(&uncommented).unwrap_or_else(|error| panic!("{error}\n{uncommented}"));
    assert_eq!(config.limits, Limits::default());
    assert_eq!(config.rules.len(), 2);
    assert!(config.openfinops.is_some());
}

fn is_toml(line: &str) -> bool {
    line.starts_with('[') || toml::from_str::<toml::Table>(line).is_ok_and(|table| !table.is_empty())
}

/// A private directory with a configuration that names a secret.
fn on_disk(secret: Option<u32>) -> (tempfile::TempDir, PathBuf) {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("a.toml");
    let text = "[credentials.x]\nscheme = \"bearer\"\ntoken = { file = \"secret\" }\n";
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    if let Some(mode) = secret {
        fs::write(home.path().join("secret"), "HUNTER2").unwrap();
        fs::set_permissions(home.path().join("secret"), fs::Permissions::from_mode(mode)).unwrap();
    }
    (home, path)
}

#[test]
fn a_missing_key_file_is_found_on_loading() {
    let (_home, path) = on_disk(None);
    let error = Config::load(&path).unwrap_err().to_string();
    for part in [
        "a.toml:3:",
        "`credentials.x.token.file`",
        "secret cannot be read",
        "check the path",
    ] {
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn a_directory_in_place_of_a_key_file_is_found_on_loading() {
    let (home, path) = on_disk(None);
    fs::create_dir(home.path().join("secret")).unwrap();
    let error = Config::load(&path).unwrap_err().to_string();
    assert!(error.contains("secret is a directory"), "{error}");
}

#[test]
fn a_secret_that_others_can_read_only_warns() {
    let (_home, path) = on_disk(Some(0o644));
    let config = Config::load(&path).unwrap();
    let [warning] = config.warnings.as_slice() else {
        panic!("one warning: {:?}", config.warnings)
    };
    assert!(
        warning.contains("a.toml:3:") && warning.contains("chmod") && !warning.contains("HUNTER2"),
        "{warning}"
    );
    let (_home, path) = on_disk(Some(0o600));
    assert!(Config::load(&path).unwrap().warnings.is_empty());
}
