//! Step 2: which headers and query parameters a guest may set at all. The list is an allow-list; a rule may add names, but
//! never those that the host itself answers for.

use super::{grant::Grant, request::Target, rule::Rule};
use crate::{foreign::Foreign, sandbox::limits};
use reqwest::header::{HeaderName, HeaderValue};

/// Headers of a guest's request: lower-case names, each once.
pub(super) type Headers = Vec<(String, String)>;

/// Names that a guest may always set; `if-*` beside them.
const USUAL: [&str; 4] = ["accept", "accept-language", "content-type", "range"];

/// Names that no rule can grant: the host answers for them, or they change where a message ends or who is asked.
const NEVER: [&str; 20] = [
    "accept-encoding",
    "connection",
    "content-encoding",
    "content-length",
    "cookie",
    "date",
    "expect",
    "forwarded",
    "host",
    "http2-settings",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "via",
    "x-forwarded-host",
];

/// Query parameters that carry authentication.
const AUTHENTICATING: [&str; 16] = [
    "access_token",
    "api_key",
    "api-key",
    "apikey",
    "auth_token",
    "awsaccesskeyid",
    "client_assertion",
    "client_secret",
    "googleaccessid",
    "id_token",
    "oauth_signature",
    "oauth_token",
    "refresh_token",
    "sig",
    "signature",
    "subscription-key",
];

/// Why headers or a query cannot be sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum HeaderError {
    #[error(
        "more than {} headers, or more than {} bytes of them",
        limits::HEADERS,
        limits::HEADER_BYTES
    )]
    Many,
    #[error("`{0}` is no header name, or its value no header value")]
    Invalid(Foreign),
    #[error("header `{0}` is given twice")]
    Twice(String),
    #[error("header `{0}` is set by the host alone")]
    Reserved(String),
    #[error("query parameter `{0}` carries authentication: the host puts the credential on")]
    Authentication(Foreign),
}

/// A guest's headers, parted.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Parted {
    /// Those that a guest may set.
    pub(super) kept: Vec<(String, String)>,
    /// The names of the others.
    pub(super) dropped: Vec<String>,
}

/// Parts off what no rule for the target's host lets a guest set: names that the host answers for, that a credential for
/// that host sets, or that are merely unknown. A name that a rule for that host speaks of is always kept, so that it is
/// matched and never lost on the way to a wider rule.
pub(super) fn without_surplus(
    headers: &[(String, String)],
    grant: &Grant,
    target: &Target,
) -> Result<Parted, HeaderError> {
    within_limits(headers)?;
    let rules = || grant.rules.iter().filter(|rule| rule.host.matches(&target.host));
    let wanted = |name: &str| {
        let named = rules().any(|rule| rule.headers.iter().any(|matcher| matcher.name == name));
        let set = || rules().any(|rule| grant.credential_of(rule).is_some_and(|spec| spec.sets(name)));
        !is_never(name) && (named || is_usual(name) && !set())
    };
    let (kept, dropped): (Vec<_>, Vec<_>) = headers
        .iter()
        .cloned()
        .partition(|(name, _)| wanted(&name.to_ascii_lowercase()));
    Ok(Parted {
        kept,
        dropped: dropped.into_iter().map(|(name, _)| name).collect(),
    })
}

fn within_limits(headers: &[(String, String)]) -> Result<(), HeaderError> {
    let bytes: usize = headers.iter().map(|(name, value)| name.len() + value.len()).sum();
    if headers.len() > limits::HEADERS || bytes > limits::HEADER_BYTES {
        return Err(HeaderError::Many);
    }
    Ok(())
}

/// Checks what holds whatever the rule, and writes the names in lower case.
pub(super) fn checked(headers: &[(String, String)], target: &Target) -> Result<Headers, HeaderError> {
    within_limits(headers)?;
    let mut found: Headers = Vec::with_capacity(headers.len());
    for (name, value) in headers {
        let invalid = || HeaderError::Invalid(Foreign::from(name.as_str()));
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| invalid())?;
        HeaderValue::from_str(value).map_err(|_| invalid())?;
        // Bytes beyond ASCII are allowed by the type, but servers read them in several ways.
        if !value.is_ascii() {
            return Err(invalid());
        }
        let name = name.as_str().to_owned();
        if NEVER.contains(&name.as_str()) {
            return Err(HeaderError::Reserved(name));
        }
        if found.iter().any(|(known, _)| *known == name) {
            return Err(HeaderError::Twice(name));
        }
        found.push((name, value.clone()));
    }
    match target.query.iter().find(|(name, _)| authenticates(name)) {
        Some((name, _)) => Err(HeaderError::Authentication(Foreign::from(name.as_str()))),
        None => Ok(found),
    }
}

/// Whether a guest may set that header without the rule naming it.
pub(crate) fn is_usual(name: &str) -> bool {
    USUAL.contains(&name) || name.starts_with("if-")
}

/// Whether no rule can grant that header.
pub(super) fn is_never(name: &str) -> bool {
    NEVER.contains(&name)
}

/// Whether a credential can set that header: a name, and none that the connection depends on.
pub(super) fn can_carry_credential(name: &str) -> bool {
    HeaderName::from_bytes(name.as_bytes())
        .is_ok_and(|name| name == "cookie" || name == "date" || !is_never(name.as_str()))
}

/// The first header that the rule does not let a guest set.
pub(super) fn unwanted<'a>(headers: &'a Headers, rule: &Rule) -> Option<&'a str> {
    headers
        .iter()
        .map(|(name, _)| name.as_str())
        .find(|name| !is_usual(name) && !rule.headers.iter().any(|matcher| matcher.name == *name))
}

/// Whether that query parameter carries authentication, whatever the file says.
pub(super) fn authenticates(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.starts_with("x-amz-") || name.starts_with("x-goog-") || AUTHENTICATING.contains(&name.as_str())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{
        super::{
            credential::{CredentialSpec, Scheme, SecretRef},
            request::target,
            rule::Matcher,
            tests::rule,
        },
        *,
    };

    fn check(headers: &[(&str, &str)]) -> Result<Headers, HeaderError> {
        let headers: Vec<_> = headers
            .iter()
            .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))
            .collect();
        checked(&headers, &target("GET", "https://h.example/").unwrap())
    }

    #[test]
    fn headers_that_the_host_answers_for_are_refused() {
        for name in NEVER {
            assert_eq!(
                check(&[(&name.to_uppercase(), "x")]),
                Err(HeaderError::Reserved(name.to_owned()))
            );
        }
    }

    /// One host whose first rule names a header and whose second puts a credential on; and another host.
    fn grant() -> Grant {
        let naming = |host, name: &str| Rule {
            headers: vec![Matcher {
                name: name.to_owned(),
                values: None,
            }],
            ..rule(host, &["/a"])
        };
        let secret = || SecretRef::Env("TOKEN".to_owned());
        Grant {
            rules: vec![
                naming("h.example", "x-version"),
                Rule {
                    credential: Some("key".to_owned()),
                    ..rule("h.example", &["/b"])
                },
                naming("other.example", "x-other"),
            ],
            credentials: vec![CredentialSpec {
                name: "key".to_owned(),
                line: 9,
                scheme: Scheme::Headers {
                    headers: vec![
                        ("x-api-key".to_owned(), secret()),
                        ("accept".to_owned(), secret()),
                    ],
                },
                headers: Vec::new(),
                reveal: false,
                connect_to: None,
                ca: None,
                addresses: Vec::new(),
            }],
        }
    }

    fn dropped(names: &[&str]) -> Vec<String> {
        let headers: Vec<_> = names.iter().map(|n| ((*n).to_owned(), "v".to_owned())).collect();
        let target = target("GET", "https://h.example/a").unwrap();
        without_surplus(&headers, &grant(), &target).unwrap().dropped
    }

    #[test]
    fn surplus_is_what_no_rule_for_the_host_lets_a_guest_set() {
        for name in NEVER {
            assert_eq!(dropped(&[&name.to_uppercase()]), [name.to_uppercase()]);
        }
        let given = [
            "Content-Type",
            "If-None-Match",
            "X-Version",
            "X-Other",
            "Authorization",
            "X-Api-Key",
            "Accept",
            "x-forwarded-for",
        ];
        let expected = [
            "X-Other",
            "Authorization",
            "X-Api-Key",
            "Accept",
            "x-forwarded-for",
        ];
        assert_eq!(dropped(&given), expected);
    }

    #[test]
    fn surplus_counts_against_the_limits_before_it_is_dropped() {
        let many = vec![("x-more".to_owned(), "x".to_owned()); limits::HEADERS + 1];
        let target = target("GET", "https://h.example/a").unwrap();
        assert_eq!(without_surplus(&many, &grant(), &target), Err(HeaderError::Many));
    }

    #[test]
    fn values_are_printable_ascii() {
        for value in [
            "a\u{e9}",
            "\u{4e2d}",
            "a\u{10a}b",
            "a\r\nb",
            "a\nb",
            "a\0b",
            "\u{7f}",
        ] {
            assert!(matches!(
                check(&[("accept", value)]),
                Err(HeaderError::Invalid(_))
            ));
        }
        assert!(check(&[("accept", "a\tb")]).is_ok());
    }

    #[test]
    fn names_are_written_in_lower_case_and_given_once() {
        assert_eq!(
            check(&[("Accept", "text/csv")]),
            Ok(vec![("accept".to_owned(), "text/csv".to_owned())])
        );
        assert!(matches!(
            check(&[("Accept", "a"), ("accept", "b")]),
            Err(HeaderError::Twice(_))
        ));
    }

    #[test]
    fn values_cannot_smuggle_lines() {
        for value in ["a\r\nhost: b", "a\nb", "a\0b", "\u{e9}", "a\u{10a}b"] {
            assert!(matches!(
                check(&[("accept", value)]),
                Err(HeaderError::Invalid(_))
            ));
        }
        assert!(matches!(check(&[("a b", "c")]), Err(HeaderError::Invalid(_))));
    }

    #[test]
    fn too_many_or_too_long_headers_are_refused() {
        let long = "x".repeat(limits::HEADER_BYTES);
        assert_eq!(check(&[("accept", &long)]), Err(HeaderError::Many));
        let many = vec![("accept", "x"); limits::HEADERS + 1];
        assert_eq!(check(&many), Err(HeaderError::Many));
    }

    #[test]
    fn query_parameters_that_authenticate_are_refused() {
        for query in [
            "X-Amz-Signature=1",
            "a=1&x%2damz-credential=1",
            "SIG=1",
            "access_token=1",
            "X-Goog-Signature=x",
        ] {
            let target = target("GET", &format!("https://h.example/?{query}")).unwrap();
            assert!(
                matches!(checked(&[], &target), Err(HeaderError::Authentication(_))),
                "{query}"
            );
        }
    }
}
