//! Step 3: which rule allows a request. Pure: the same request and rules give the same answer.
//! What must hold: a request passes only if one rule alone allows all of it, its body included where the rule speaks of it.

use super::{
    headers::{Headers, unwanted},
    request::Target,
    rule::{HostPattern, Matcher, PathPrefix, Rule},
};
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::fmt;
use url::form_urlencoded;

/// Most fields of a form, or members of a JSON object, that are looked at: a body of more matches no rule that speaks of it.
/// Each takes the host some ten times what it takes the guest.
const PARTS: usize = 10_000;

/// Why a rule does not allow a request; the later, the nearer it came.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub(super) enum Mismatch {
    #[error("no rule names this host")]
    Host,
    #[error("the rule wants https")]
    Scheme,
    #[error("the rule allows another port")]
    Port,
    #[error("the rule does not allow this method")]
    Method,
    #[error("the rule does not allow this path")]
    Path,
    #[error("the rule does not allow an encoded slash in the path")]
    EncodedSlash,
    #[error("the rule does not let the collector set header `{0}`")]
    Unwanted(String),
    #[error("header `{0}` is missing, or its value is not one that the rule allows")]
    Header(String),
    #[error("query parameter `{0}` is missing, not unique, or its value is not one that the rule allows")]
    Query(String),
    #[error("form field `{0}` is missing, not unique, or its value is not one that the rule allows")]
    Form(String),
    #[error("JSON member `{0}` is missing, not unique, or its value is not one that the rule allows")]
    Json(String),
}

/// The index of the rule that allows a request, or the nearest miss: the rule's index and why not.
pub(super) fn choose(
    rules: &[Rule],
    target: &Target,
    headers: &Headers,
    body: &[u8],
) -> Result<usize, (Option<usize>, Mismatch)> {
    let mut nearest = (None, Mismatch::Host);
    for (index, rule) in rules.iter().enumerate() {
        match allows(rule, target, headers, body) {
            Ok(()) => return Ok(index),
            Err(miss) if miss > nearest.1 => nearest = (Some(index), miss),
            Err(_) => {}
        }
    }
    Err(nearest)
}

/// Whether one rule allows all of a request.
pub(super) fn allows(rule: &Rule, target: &Target, headers: &Headers, body: &[u8]) -> Result<(), Mismatch> {
    let demand = |holds: bool, miss: Mismatch| if holds { Ok(()) } else { Err(miss) };
    demand(rule.host.matches(&target.host), Mismatch::Host)?;
    demand(target.https || rule.insecure_http, Mismatch::Scheme)?;
    demand(target.port == port(rule, target.https), Mismatch::Port)?;
    demand(rule.methods.contains(&target.method), Mismatch::Method)?;
    let on_path = rule.paths.iter().any(|prefix| below(prefix, &target.segments));
    demand(on_path, Mismatch::Path)?;
    demand(
        rule.encoded_slash || !target.encoded_slash,
        Mismatch::EncodedSlash,
    )?;
    if let Some(name) = unwanted(headers, rule) {
        return Err(Mismatch::Unwanted(name.to_owned()));
    }
    for matcher in rule.headers.iter().filter(|matcher| matcher.values.is_some()) {
        demand(once(headers, matcher), Mismatch::Header(matcher.name.clone()))?;
    }
    for matcher in &rule.query {
        demand(
            once(&target.query, matcher),
            Mismatch::Query(matcher.name.clone()),
        )?;
    }
    if let Some(first) = rule.form.first() {
        let is_form = media_type(headers) == "application/x-www-form-urlencoded";
        demand(is_form, Mismatch::Form(first.name.clone()))?;
        let fields: Vec<_> = form_urlencoded::parse(body)
            .into_owned()
            .take(PARTS + 1)
            .collect();
        demand(fields.len() <= PARTS, Mismatch::Form(first.name.clone()))?;
        for matcher in &rule.form {
            demand(once(&fields, matcher), Mismatch::Form(matcher.name.clone()))?;
        }
    }
    if let Some(first) = rule.json.first() {
        let media = media_type(headers);
        let is_json = media == "application/json" || media.ends_with("+json") || media.contains("json-1.");
        let members = is_json.then(|| members(body)).flatten();
        let members = members.ok_or_else(|| Mismatch::Json(first.name.clone()))?;
        for matcher in &rule.json {
            demand(once(&members, matcher), Mismatch::Json(matcher.name.clone()))?;
        }
    }
    Ok(())
}

/// The port that a rule allows for a scheme.
pub(super) fn port(rule: &Rule, https: bool) -> u16 {
    rule.port.unwrap_or(if https { 443 } else { 80 })
}

/// Whether a host is this machine by name or as a literal.
pub(crate) fn is_loopback(host: &HostPattern) -> bool {
    match host {
        HostPattern::Exact(name) => {
            name == "localhost"
                || name
                    .trim_start_matches('[')
                    .trim_end_matches(']')
                    .parse::<std::net::IpAddr>()
                    .is_ok_and(|ip| ip.is_loopback())
        }
        HostPattern::Below(_) => false,
    }
}

/// Compares decoded segments, case-sensitively.
fn below(prefix: &PathPrefix, segments: &[Vec<u8>]) -> bool {
    let prefix = prefix.as_str();
    if prefix == "/" {
        return true;
    }
    let mut wanted = prefix.split('/').skip(1);
    let mut given = segments.iter();
    wanted.all(|segment| given.next().is_some_and(|given| given == segment.as_bytes()))
}

/// Whether exactly one pair has the name, however it is cased elsewhere, and carries an allowed value.
/// Providers differ in which of two equal names they take, so two never pass.
fn once(pairs: &[(String, String)], matcher: &Matcher) -> bool {
    let mut named = pairs
        .iter()
        .filter(|(name, _)| name.eq_ignore_ascii_case(&matcher.name));
    match (named.next(), named.next()) {
        (Some((name, value)), None) => {
            *name == matcher.name
                && matcher
                    .values
                    .as_ref()
                    .is_none_or(|allowed| allowed.contains(value))
        }
        _ => false,
    }
}

/// The media type of the body, without parameters.
fn media_type(headers: &Headers) -> String {
    headers
        .iter()
        .find(|(name, _)| name == "content-type")
        .and_then(|(_, value)| value.split(';').next())
        .map(|media| media.trim().to_ascii_lowercase())
        .unwrap_or_default()
}

/// A member's value as a rule writes it. What is nested is skipped, not built up: it could be the whole body.
fn scalar(json: &str) -> serde_json::Result<String> {
    match json.bytes().next() {
        Some(b'"') => serde_json::from_str(json),
        Some(b'{' | b'[' | b'n') | None => Ok("\0".to_owned()),
        // a number or a truth value, as it is written
        Some(_) => Ok(json.to_owned()),
    }
}

/// The top-level members of a JSON object, repeated names kept; those that are neither text, number nor truth value have
/// no value that a rule could name.
fn members(body: &[u8]) -> Option<Vec<(String, String)>> {
    struct Members;
    impl<'de> Visitor<'de> for Members {
        type Value = Vec<(String, String)>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a JSON object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut found = Vec::new();
            while let Some((name, value)) = map.next_entry::<String, &RawValue>()? {
                if found.len() == PARTS {
                    return Err(serde::de::Error::custom("too many members"));
                }
                let value = scalar(value.get()).map_err(serde::de::Error::custom)?;
                found.push((name, value));
            }
            Ok(found)
        }
    }
    let mut reader = serde_json::Deserializer::from_slice(body);
    let found = reader.deserialize_map(Members).ok()?;
    reader.end().ok()?;
    Some(found)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{
        super::{headers::checked, request::target, tests::rule},
        *,
    };

    fn judge(
        rule: &Rule,
        method: &str,
        url: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Result<(), Mismatch> {
        let target = target(method, url).unwrap();
        let headers: Vec<_> = headers
            .iter()
            .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))
            .collect();
        allows(
            rule,
            &target,
            &checked(&headers, &target).unwrap(),
            body.as_bytes(),
        )
    }

    fn matcher(name: &str, values: &[&str]) -> Matcher {
        Matcher {
            name: name.to_owned(),
            values: Some(values.iter().map(|v| (*v).to_owned()).collect()),
        }
    }

    #[test]
    fn scheme_host_port_method_and_path_must_all_match() {
        let rule = rule("api.example.com", &["/v1/cost"]);
        for (url, expected) in [
            ("https://api.example.com/v1/cost", Ok(())),
            ("https://api.example.com:443/v1/cost/a?b=c", Ok(())),
            ("https://API.example.com/v1/c%6fst", Ok(())),
            ("https://other.example.com/v1/cost", Err(Mismatch::Host)),
            (
                "https://api.example.com.evil.example/v1/cost",
                Err(Mismatch::Host),
            ),
            ("http://api.example.com/v1/cost", Err(Mismatch::Scheme)),
            ("https://api.example.com:8443/v1/cost", Err(Mismatch::Port)),
            ("https://api.example.com/v1/costs", Err(Mismatch::Path)),
            ("https://api.example.com/V1/cost", Err(Mismatch::Path)),
            ("https://api.example.com/v1", Err(Mismatch::Path)),
            ("https://api.example.com/v1%2fcost", Err(Mismatch::Path)),
            (
                "https://api.example.com/v1/cost/a%2fb",
                Err(Mismatch::EncodedSlash),
            ),
        ] {
            assert_eq!(judge(&rule, "GET", url, &[], ""), expected, "{url}");
        }
        assert_eq!(
            judge(&rule, "POST", "https://api.example.com/v1/cost", &[], ""),
            Err(Mismatch::Method)
        );
    }

    #[test]
    fn a_rule_can_allow_http_a_port_and_encoded_slashes() {
        let mut rule = rule("api.example.com", &["/"]);
        rule.insecure_http = true;
        rule.encoded_slash = true;
        assert_eq!(
            judge(&rule, "GET", "http://api.example.com/a%2fb", &[], ""),
            Ok(())
        );
        assert_eq!(judge(&rule, "GET", "https://api.example.com/", &[], ""), Ok(()));
        rule.port = Some(8443);
        assert_eq!(
            judge(&rule, "GET", "https://api.example.com:8443/", &[], ""),
            Ok(())
        );
        assert_eq!(
            judge(&rule, "GET", "https://api.example.com/", &[], ""),
            Err(Mismatch::Port)
        );
    }

    #[test]
    fn a_guest_sets_the_usual_headers_and_those_of_the_rule() {
        let mut rule = rule("h.example", &["/"]);
        let url = "https://h.example/";
        assert_eq!(
            judge(
                &rule,
                "GET",
                url,
                &[("If-None-Match", "x"), ("Range", "bytes=0-1")],
                ""
            ),
            Ok(())
        );
        for name in [
            "authorization",
            "x-api-key",
            "x-http-method-override",
            "x-forwarded-for",
        ] {
            assert_eq!(
                judge(&rule, "GET", url, &[(name, "x")], ""),
                Err(Mismatch::Unwanted(name.to_owned()))
            );
        }
        rule.headers = vec![
            Matcher {
                name: "x-any".to_owned(),
                values: None,
            },
            matcher("x-amz-target", &["Cost.Get", "Cost.List"]),
        ];
        let judge = |headers: &[(&str, &str)]| judge(&rule, "GET", url, headers, "");
        assert_eq!(judge(&[("X-Amz-Target", "Cost.Get")]), Ok(()));
        assert_eq!(judge(&[("X-Amz-Target", "Cost.List"), ("x-any", "y")]), Ok(()));
        for wrong in [
            &[("x-amz-target", "Cost.Delete")][..],
            &[("x-amz-target", "cost.get")],
            &[("x-any", "y")],
        ] {
            assert_eq!(judge(wrong), Err(Mismatch::Header("x-amz-target".to_owned())));
        }
    }

    #[test]
    fn a_query_matcher_wants_its_name_once_with_an_allowed_value() {
        let mut rule = rule("h.example", &["/"]);
        rule.query = vec![matcher("Action", &["List", "Get"])];
        for (query, passes) in [
            ("Action=List", true),
            ("a=b&Action=Get", true),
            ("%41ction=Get", true),
            ("", false),
            ("Action=Delete", false),
            ("Action=List&Action=List", false),
            ("Action=List&action=Delete", false),
            ("action=List", false),
            ("Action=List;Action=Delete", false),
        ] {
            let url = format!("https://h.example/?{query}");
            assert_eq!(judge(&rule, "GET", &url, &[], "").is_ok(), passes, "{query}");
        }
    }

    #[test]
    fn a_form_matcher_reads_the_body_only_as_a_form() {
        let mut rule = rule("h.example", &["/"]);
        rule.form = vec![matcher("Action", &["List"])];
        let form = [("content-type", "application/x-www-form-urlencoded; charset=utf-8")];
        let judge = |headers: &[(&str, &str)], body: &str| {
            judge(&rule, "GET", "https://h.example/", headers, body).is_ok()
        };
        assert!(judge(&form, "Action=List&x=1"));
        assert!(judge(&form, &format!("{}Action=List", "a&".repeat(PARTS - 1))));
        assert!(!judge(&form, &format!("{}Action=List", "a&".repeat(PARTS))));
        assert!(!judge(&form, "Action=Delete"));
        assert!(!judge(&form, "Action=List&Action=Delete"));
        assert!(!judge(&form, ""));
        assert!(!judge(&[], "Action=List"));
        assert!(!judge(&[("content-type", "text/plain")], "Action=List"));
    }

    #[test]
    fn a_json_matcher_reads_top_level_members_and_refuses_repeated_names() {
        let mut rule = rule("h.example", &["/"]);
        rule.json = vec![matcher("op", &["list", "7", "true"])];
        let json = [("content-type", "application/x-amz-json-1.1")];
        let judge = |headers: &[(&str, &str)], body: &str| {
            judge(&rule, "GET", "https://h.example/", headers, body).is_ok()
        };
        assert!(judge(&json, r#"{"a": {"op": "drop"}, "op": "list"}"#));
        assert!(judge(&json, r#"{"\u006fp": 7}"#));
        assert!(judge(&json, r#"{"op": true}"#));
        assert!(judge(
            &json,
            &format!(r#"{{"deep": {}1{}, "op": 7}}"#, "[".repeat(100), "]".repeat(100))
        ));
        let many = |count: usize| format!(r#"{{{}"op": 7}}"#, r#""a": 1,"#.repeat(count));
        assert!(judge(&json, &many(PARTS - 1)));
        assert!(!judge(&json, &many(PARTS)));
        for wrong in [
            "",
            "{}",
            "[]",
            r#"{"op": "drop"}"#,
            r#"{"op": ["list"]}"#,
            r#"{"op": null}"#,
            r#"{"op": "list", "op": "drop"}"#,
            r#"{"op": "list", "OP": "drop"}"#,
            r#"{"op": "list"} {"op": "drop"}"#,
            r#"{"op": "list""#,
        ] {
            assert!(!judge(&json, wrong), "{wrong}");
        }
        assert!(!judge(&[("content-type", "text/plain")], r#"{"op": "list"}"#));
    }

    #[test]
    fn the_nearest_miss_is_told() {
        let rules = [rule("a.example", &["/"]), rule("b.example", &["/x"])];
        let target = target("GET", "https://b.example/y").unwrap();
        assert_eq!(
            choose(&rules, &target, &Headers::new(), b""),
            Err((Some(1), Mismatch::Path))
        );
    }
}
