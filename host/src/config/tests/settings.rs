//! Settings against the collector's descriptor, variables, and the template of a new file.

use super::*;

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
