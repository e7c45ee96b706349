//! Whether one request can match two rules, and what would then be in doubt. Pure.
//! What must hold: two rules that some request matches are always said to overlap; when in doubt, they do.

use super::{
    headers::is_usual,
    matching::port,
    rule::{HostPattern, Matcher, Rule},
};

/// What two rules would do differently with the same request.
pub(super) fn difference(a: &Rule, b: &Rule) -> Option<&'static str> {
    if a.credential != b.credential {
        Some("credential")
    } else if a.price != b.price {
        Some("price")
    } else if a.addresses != b.addresses || a.connect_to != b.connect_to {
        Some("addresses")
    } else if a.ca != b.ca {
        Some("ca")
    } else {
        None
    }
}

/// Whether one request can match both rules. When in doubt, yes.
pub(super) fn overlap(a: &Rule, b: &Rule) -> bool {
    let ports = [true, false]
        .into_iter()
        .filter(|https| *https || a.insecure_http && b.insecure_http)
        .any(|https| port(a, https) == port(b, https));
    let methods = a.methods.iter().any(|method| b.methods.contains(method));
    let paths = a.paths.iter().any(|x| {
        b.paths
            .iter()
            .any(|y| x.matches(y.as_str()) || y.matches(x.as_str()))
    });
    let bodies = (a.form.is_empty() || b.json.is_empty()) && (a.json.is_empty() || b.form.is_empty());
    ports
        && methods
        && paths
        && bodies
        && hosts_overlap(&a.host, &b.host)
        && !headers_exclude(a, b)
        && !headers_exclude(b, a)
        && !exclude(&a.query, &b.query)
        && !exclude(&a.form, &b.form)
        && !exclude(&a.json, &b.json)
}

fn hosts_overlap(a: &HostPattern, b: &HostPattern) -> bool {
    match (a, b) {
        (HostPattern::Exact(x), _) => b.matches(x),
        (_, HostPattern::Exact(y)) => a.matches(y),
        (HostPattern::Below(x), HostPattern::Below(y)) => x == y || a.matches(y) || b.matches(x),
    }
}

/// Whether two lists of matchers want disjoint values for one name.
fn exclude(a: &[Matcher], b: &[Matcher]) -> bool {
    a.iter().any(|x| {
        b.iter()
            .filter(|y| x.name == y.name)
            .any(|y| match (&x.values, &y.values) {
                (Some(x), Some(y)) => !x.iter().any(|value| y.contains(value)),
                _ => false,
            })
    })
}

/// Whether `a` demands a header that `b` refuses, or with other values.
fn headers_exclude(a: &Rule, b: &Rule) -> bool {
    exclude(&a.headers, &b.headers)
        || a.headers
            .iter()
            .filter(|matcher| matcher.values.is_some() && !is_usual(&matcher.name))
            .any(|matcher| !b.headers.iter().any(|other| other.name == matcher.name))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{
        super::{headers::checked, matching::allows, request::target, rule::Method, tests::rule},
        *,
    };
    use proptest::prelude::*;

    fn any_matchers() -> impl Strategy<Value = Vec<Matcher>> {
        let matcher = (
            prop::sample::select(vec!["a", "b"]),
            prop::option::of(prop::sample::subsequence(vec!["1", "2"], 1..=2)),
        );
        prop::collection::vec(
            matcher.prop_map(|(name, allowed)| Matcher {
                name: name.to_owned(),
                values: allowed.map(|list| list.into_iter().map(str::to_owned).collect()),
            }),
            0..=1,
        )
    }

    prop_compose! {
        fn any_rule()(
            host in prop::sample::select(vec!["x.example.com", "*.example.com", "*.x.example.com", "y.example.com"]),
            port in prop::option::of(prop::sample::select(vec![80_u16, 443])),
            insecure_http in any::<bool>(),
            methods in prop::sample::subsequence(vec![Method::Get, Method::Post], 1..=2),
            path in prop::sample::select(vec!["/", "/p", "/p/q", "/pq"]),
            headers in any_matchers(),
            query in any_matchers(),
            form in any_matchers(),
            json in any_matchers(),
            price in any::<bool>(),
        ) -> Rule {
            Rule {
                port, insecure_http, methods, headers, query, form, json,
                price: price.then(|| "0.01".parse().unwrap()),
                ..rule(host, &[path])
            }
        }
    }

    prop_compose! {
        fn any_request()(
            scheme in prop::sample::select(vec!["http", "https"]),
            host in prop::sample::select(vec!["x.example.com", "y.example.com", "z.x.example.com"]),
            port in prop::sample::select(vec!["", ":80", ":443"]),
            path in prop::sample::select(vec!["/", "/p", "/p/q", "/pq"]),
            query in prop::sample::select(vec!["", "?a=1", "?a=2", "?b=1", "?a=1&b=2"]),
            method in prop::sample::select(vec!["GET", "POST"]),
            headers in prop::sample::subsequence(vec![("a", "1"), ("b", "2")], 0..=2),
            body in prop::sample::select(vec![
                ("text/plain", ""),
                ("application/json", r#"{"a": "1"}"#),
                ("application/json", r#"{"a": "2", "b": "1"}"#),
                ("application/x-www-form-urlencoded", "a=1"),
                ("application/x-www-form-urlencoded", "a=2&b=1"),
            ]),
        ) -> (String, String, Vec<(String, String)>, String) {
            let mut named = vec![("content-type".to_owned(), body.0.to_owned())];
            named.extend(headers.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())));
            (method.to_owned(), format!("{scheme}://{host}{port}{path}{query}"), named, body.1.to_owned())
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn no_request_matches_two_rules_that_differ_and_are_said_not_to_overlap(
            a in any_rule(),
            b in any_rule(),
            requests in prop::collection::vec(any_request(), 40),
        ) {
            let differ = a.price != b.price;
            let is_apart = difference(&a, &b).is_none() || !overlap(&a, &b);
            for (method, url, headers, body) in requests {
                let target = target(&method, &url).unwrap();
                let headers = checked(&headers, &target).unwrap();
                let both = [&a, &b]
                    .iter()
                    .all(|rule| allows(rule, &target, &headers, body.as_bytes()).is_ok());
                prop_assert!(!(is_apart && differ && both), "{method} {url} {headers:?} {body}");
            }
        }
    }
}
