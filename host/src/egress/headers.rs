//! Step 2: which headers and query parameters a guest may set at all. The list is an allow-list; a rule may add names, but
//! never those that the host itself answers for.

use super::{request::Target, rule::Rule};
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

/// Checks what holds whatever the rule, and writes the names in lower case.
pub(super) fn checked(headers: &[(String, String)], target: &Target) -> Result<Headers, HeaderError> {
    let bytes: usize = headers.iter().map(|(name, value)| name.len() + value.len()).sum();
    if headers.len() > limits::HEADERS || bytes > limits::HEADER_BYTES {
        return Err(HeaderError::Many);
    }
    let mut found: Headers = Vec::with_capacity(headers.len());
    for (name, value) in headers {
        let invalid = || HeaderError::Invalid(Foreign::from(name.as_str()));
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| invalid())?;
        HeaderValue::from_str(value).map_err(|_| invalid())?;
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

fn authenticates(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.starts_with("x-amz-") || name.starts_with("x-goog-") || AUTHENTICATING.contains(&name.as_str())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{super::request::target, *};

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
        for value in ["a\r\nhost: b", "a\nb", "a\0b"] {
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
