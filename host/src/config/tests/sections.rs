//! Each section of the file: what its keys take and what they refuse.

use super::*;

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
    let plain = "[openfinops]\nendpoint = \"http://a.b\"\nca = \"ca.pem\"\n";
    says(plain, &[":3:1: `openfinops.ca`", "no effect", "https endpoint"]);
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
