//! The lines of the operator's file that would allow a denied call. Written by `toml_edit`, so that nothing a guest
//! writes can become TOML of its own.

use super::{
    headers::{Headers, is_usual},
    request::Target,
    rule::{HostPattern, PathPrefix, Rule},
};
use toml_edit::{Array, ArrayOfTables, DocumentMut, InlineTable, Item, Table, value};

/// An `[[allow]]` rule that would let this call through. Where and with which credential, it follows a rule for the same host.
pub(super) fn allow(rules: &[Rule], target: &Target, headers: &Headers) -> String {
    let like = rules
        .iter()
        .find(|rule| rule.host == HostPattern::Exact(target.host.clone()));
    let mut table = Table::new();
    table.insert("host", value(target.host.as_str()));
    if target.port != if target.https { 443 } else { 80 } {
        table.insert("port", value(i64::from(target.port)));
    }
    table.insert("methods", value(Array::from_iter([target.method.as_str()])));
    table.insert("paths", value(Array::from_iter([path(target)])));
    let named = headers
        .iter()
        .map(|(name, _)| name)
        .filter(|name| !is_usual(name));
    let wanted: InlineTable = named.map(|name| (name.as_str(), "*")).collect();
    if !wanted.is_empty() {
        table.insert("headers", value(wanted));
    }
    if !target.https {
        table.insert("insecure-http", value(true));
    }
    if target.encoded_slash {
        table.insert("encoded-slash", value(true));
    }
    if let Some(rule) = like {
        if let Some(name) = &rule.credential {
            table.insert("credential", value(name));
        }
        if let Some(to) = rule.connect_to {
            table.insert("connect-to", value(to.to_string()));
        }
        if let Some(ca) = &rule.ca {
            table.insert("ca", value(ca.to_string_lossy().as_ref()));
        }
        if !rule.addresses.is_empty() {
            let ranges = rule.addresses.iter().map(ToString::to_string);
            table.insert("addresses", value(Array::from_iter(ranges)));
        }
        if let Some(price) = &rule.price {
            table.insert("price", value(price.to_string()));
        }
    }
    let mut tables = ArrayOfTables::new();
    tables.push(table);
    let mut document = DocumentMut::new();
    document.insert("allow", Item::ArrayOfTables(tables));
    document.to_string()
}

/// The longest path prefix that covers the call.
fn path(target: &Target) -> String {
    let mut longest = String::new();
    for segment in &target.segments {
        let Ok(text) = std::str::from_utf8(segment) else {
            break;
        };
        let next = format!("{longest}/{text}");
        let fits = !text.contains('/')
            && next
                .parse::<PathPrefix>()
                .is_ok_and(|prefix| prefix.as_str() == next);
        if !fits {
            break;
        }
        longest = next;
    }
    if longest.is_empty() {
        "/".to_owned()
    } else {
        longest
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{
        super::{headers::checked, request::target, tests::rule},
        *,
    };

    fn remedy(rules: &[Rule], method: &str, url: &str, headers: &[(&str, &str)]) -> String {
        let target = target(method, url).unwrap();
        let headers: Vec<_> = headers
            .iter()
            .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))
            .collect();
        allow(rules, &target, &checked(&headers, &target).unwrap())
    }

    #[test]
    fn it_names_just_what_is_needed() {
        assert_eq!(
            remedy(&[], "POST", "https://api.example.com/v1/cost?secret=1", &[]),
            "[[allow]]\nhost = \"api.example.com\"\nmethods = [\"POST\"]\npaths = [\"/v1/cost\"]\n"
        );
        assert_eq!(
            remedy(
                &[],
                "GET",
                "http://api.example.com:8080/a%2Fb/c",
                &[("X-Kind", "a"), ("accept", "b")]
            ),
            "[[allow]]\nhost = \"api.example.com\"\nport = 8080\nmethods = [\"GET\"]\npaths = [\"/\"]\n\
             headers = { x-kind = \"*\" }\ninsecure-http = true\nencoded-slash = true\n"
        );
    }

    #[test]
    fn it_follows_the_rule_for_the_same_host() {
        let mut like = rule("api.example.com", &["/v1"]);
        like.credential = Some("main".to_owned());
        like.connect_to = Some("127.0.0.1:9".parse().unwrap());
        let text = remedy(&[like], "GET", "https://api.example.com/v2/", &[]);
        assert!(
            text.ends_with("paths = [\"/v2\"]\ncredential = \"main\"\nconnect-to = \"127.0.0.1:9\"\n"),
            "{text}"
        );
    }

    #[test]
    fn a_path_cannot_write_toml() {
        let text = remedy(&[], "GET", "https://h.example/a%22%5d%20x/b", &[]);
        assert!(text.contains("paths = [\"/\"]"), "{text}");
        let text = remedy(&[], "GET", "https://h.example/a'b/c", &[]);
        let parsed: toml::Table = text.parse().unwrap();
        assert_eq!(parsed.get("allow").unwrap().as_array().unwrap().len(), 1);
    }
}
