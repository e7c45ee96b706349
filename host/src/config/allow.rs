//! `[[allow]]`: each table becomes one [`Rule`] of the grant. Whether rules conflict is for egress to judge.

use super::{
    errors,
    reading::{Reading, name_of_header},
    section::{Item, Section},
    suggest,
};
use crate::egress::rule::{HostPattern, Matcher, Method, PathPrefix, Rule};
use ipnet::IpNet;
use std::{fmt::Display, str::FromStr};
use toml::de::DeValue;

const HOST: &str = "a host name such as \"api.example.com\"";
const METHODS: &str = "a list of methods such as [\"GET\", \"POST\"]";
const PATHS: &str = "a list of path prefixes such as [\"/api/v2\"]";
pub(super) const ADDRESSES: &str = "a list of address ranges such as [\"10.20.0.0/16\"]";
const MATCHERS: &str =
    "a table of names and allowed values such as { \"x-target\" = [\"List\", \"Get\"] }, or \"*\" for any";

/// Headers that a rule can't leave to the guest: they carry authentication or belong to the host's HTTP client.
const HOST_HEADERS: [&str; 12] = [
    "authorization",
    "proxy-authorization",
    "cookie",
    "host",
    "user-agent",
    "content-length",
    "transfer-encoding",
    "connection",
    "upgrade",
    "te",
    "trailer",
    "expect",
];

/// Reads all rules. `credentials` are the names that the file defines.
pub(super) fn read(item: &Item<'_>, reading: &Reading<'_>, credentials: &[&str]) -> Vec<Rule> {
    let expected = "rules as [[allow]] tables";
    item.list(expected)
        .unwrap_or_default()
        .iter()
        .filter_map(|item| rule(&item.section(expected)?, item, reading, credentials))
        .collect()
}

fn rule(
    section: &Section<'_>,
    whole: &Item<'_>,
    reading: &Reading<'_>,
    credentials: &[&str],
) -> Option<Rule> {
    let host = section
        .require(
            "host",
            "name the host to allow, such as host = \"api.example.com\"",
        )
        .and_then(|item| host(&item));
    let methods = section
        .take("methods")
        .map_or_else(|| vec![Method::Get], |item| parse_list(&item, METHODS));
    let paths = section
        .take("paths")
        .map_or_else(|| vec![PathPrefix::root()], |item| parse_list(&item, PATHS));
    let credential = section.take("credential").and_then(|item| {
        let name = item.text("the name of a [credentials.NAME] table")?;
        if !credentials.contains(&name) {
            let what = format!("there is no [credentials.{name}]");
            item.problem(what, suggest::remedy(name, credentials));
        }
        Some(name.to_owned())
    });
    let price = section.take("price").and_then(|item| item.usd("0.01"));
    let addresses = section
        .take("addresses")
        .map(|item| parse_list::<IpNet>(&item, ADDRESSES))
        .unwrap_or_default();
    let matchers = |key: &'static str| section.take(key).map(|item| matchers(&item)).unwrap_or_default();
    let rule = Rule {
        line: errors::line(reading.text, whole.span.start),
        port: section
            .take("port")
            .and_then(|item| item.count(1, 65_535))
            .and_then(|port| u16::try_from(port).ok()),
        methods,
        paths,
        headers: section
            .take("headers")
            .map(|item| header_matchers(&item))
            .unwrap_or_default(),
        query: matchers("query"),
        form: matchers("form"),
        json: matchers("json"),
        credential,
        connect_to: reading.connect_to(section),
        ca: section.take("ca").and_then(|item| reading.ca(&item)),
        addresses,
        price,
        insecure_http: flag(section, "insecure-http"),
        encoded_slash: flag(section, "encoded-slash"),
        host: host.unwrap_or(HostPattern::Exact(String::new())),
    };
    section.finish();
    (!matches!(&rule.host, HostPattern::Exact(name) if name.is_empty())).then_some(rule)
}

/// The host of a rule, or of a ceiling.
pub(super) fn host(item: &Item<'_>) -> Option<HostPattern> {
    let text = item.text(HOST)?;
    if text.contains('@') {
        item.problem("a host holds no user and password", format!("write {HOST}"));
        return None;
    }
    if let Some((_, rest)) = text.split_once('{') {
        let name = rest.split('}').next().unwrap_or(rest);
        let remedy = format!("replace `{{{name}}}` by what stands for it in the provider's host name");
        item.problem("a placeholder is left from `init`", remedy);
        return None;
    }
    item.parse(HOST)
}

/// A key that is false unless it is there.
pub(super) fn flag(section: &Section<'_>, key: &'static str) -> bool {
    section.take(key).and_then(|item| item.boolean()).unwrap_or(false)
}

/// The items of a list that is not empty.
pub(super) fn parse_list<T: FromStr<Err: Display>>(item: &Item<'_>, expected: &str) -> Vec<T> {
    let items = item.list(expected).unwrap_or_default();
    if items.is_empty() && matches!(item.value, DeValue::Array(_)) {
        item.problem(
            "an empty list allows nothing",
            format!("write {expected}, or leave the key out"),
        );
    }
    items.iter().filter_map(|item| item.parse(expected)).collect()
}

fn header_matchers(item: &Item<'_>) -> Vec<Matcher> {
    let mut found = Vec::new();
    for mut matcher in matchers(item) {
        matcher.name.make_ascii_lowercase();
        let name = matcher.name.as_str();
        if name_of_header(name).is_none() {
            item.problem(
                format!("`{name}` is no header name"),
                "write a name such as \"x-target\"".to_owned(),
            );
        } else if HOST_HEADERS.contains(&name) {
            item.problem(
                format!("the header `{name}` is the host's own"),
                "put authentication into a [credentials.NAME] table and name it by `credential`; leave other such headers to the host"
                    .to_owned(),
            );
        } else {
            found.push(matcher);
        }
    }
    found
}

fn matchers(item: &Item<'_>) -> Vec<Matcher> {
    let Some(section) = item.section(MATCHERS) else {
        return Vec::new();
    };
    section
        .items()
        .filter_map(|item| {
            let values = match item.value {
                DeValue::String(text) if text == "*" => None,
                DeValue::String(text) => Some(vec![text.to_string()]),
                DeValue::Array(_) => {
                    let texts = item.list(MATCHERS)?;
                    if texts.is_empty() {
                        item.problem("an empty list allows nothing", format!("write {MATCHERS}"));
                    }
                    let texts = texts.iter().map(|text| text.text(MATCHERS).map(str::to_owned));
                    Some(texts.collect::<Option<Vec<_>>>()?)
                }
                _ => return item.wrong_type(MATCHERS),
            };
            Some(Matcher {
                name: item.name.to_owned(),
                values,
            })
        })
        .collect()
}
