//! A request as a recording keeps it: as the guest wrote it, without the values of names that carry authentication.
//! What must hold: a request is written and looked up in the same words.

use crate::egress::{
    Grant,
    headers::{Headers, authenticates},
    request::Target,
};
use sha2::{Digest, Sha256};
use url::{Url, form_urlencoded};

/// What stands instead of a value that carries authentication.
const SCRUBBED: &str = "(scrubbed)";

/// Headers that carry authentication wherever they stand.
const SECRETIVE: [&str; 9] = [
    "api-key",
    "authorization",
    "cookie",
    "proxy-authorization",
    "x-access-token",
    "x-amz-security-token",
    "x-api-key",
    "x-auth-token",
    "x-csrf-token",
];

/// A request, as it is written and looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::egress) struct Asked {
    /// The method.
    pub(super) method: String,
    /// The URL.
    pub(super) url: String,
    /// The headers: lower-case names.
    pub(super) headers: Headers,
    /// The digest of the body; no body is an empty one.
    pub(super) body: [u8; 32],
}

impl Asked {
    /// A guest's request, checked and matched.
    pub(in crate::egress) fn of(target: &Target, headers: &Headers, body: &[u8], grant: &Grant) -> Self {
        Self {
            method: target.method.as_str().to_owned(),
            url: scrubbed_url(&target.url, grant),
            headers: scrubbed(headers, grant),
            body: digest(body),
        }
    }
}

/// The digest of a body.
pub(super) fn digest(body: &[u8]) -> [u8; 32] {
    Sha256::digest(body).into()
}

/// Headers of a request or a reply without the values of those that carry authentication, or links that do.
pub(super) fn scrubbed(headers: &Headers, grant: &Grant) -> Headers {
    let carries =
        |name: &str| SECRETIVE.contains(&name) || grant.credentials.iter().any(|spec| spec.sets(name));
    let value = |name: &str, value: &str| match carries(name) {
        true => SCRUBBED.to_owned(),
        false => match Url::parse(value) {
            Ok(link) if link.query().is_some() => scrubbed_url(&link, grant),
            _ => value.to_owned(),
        },
    };
    let headers = headers.iter();
    headers
        .map(|(name, old)| (name.clone(), value(name, old)))
        .collect()
}

/// A URL without the values of query parameters that carry authentication; else to the letter as it is.
fn scrubbed_url(url: &Url, grant: &Grant) -> String {
    let Some(query) = url.query() else {
        return url.as_str().to_owned();
    };
    let carries =
        |name: &str| authenticates(name) || grant.credentials.iter().any(|spec| spec.sets_query(name));
    let mut any = false;
    let parts = query.split('&').map(|part| {
        let name = form_urlencoded::parse(part.as_bytes())
            .next()
            .map(|(name, _)| name);
        match name {
            Some(name) if carries(&name) => {
                any = true;
                let written = part.split('=').next().unwrap_or_default();
                format!("{written}={SCRUBBED}")
            }
            _ => part.to_owned(),
        }
    });
    let scrubbed = parts.collect::<Vec<_>>().join("&");
    if !any {
        return url.as_str().to_owned();
    }
    let mut url = url.clone();
    url.set_query(Some(&scrubbed));
    url.into()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::egress::{
        credential::{CredentialSpec, Scheme, SecretRef},
        request::target,
    };

    fn grant() -> Grant {
        let scheme = Scheme::Query {
            parameters: vec![("Key".to_owned(), SecretRef::Env("KEY".to_owned()))],
        };
        Grant {
            rules: Vec::new(),
            credentials: vec![CredentialSpec {
                name: "main".to_owned(),
                line: 1,
                scheme,
                headers: vec![("X-Own".to_owned(), "x".to_owned())],
                reveal: false,
                connect_to: None,
                ca: None,
                addresses: Vec::new(),
            }],
        }
    }

    #[test]
    fn values_of_names_that_carry_authentication_are_not_written_and_all_else_is_to_the_letter() {
        for (given, kept) in [
            (
                "https://h.example/a%20b?x=1&y=a+b&x=%2f",
                "https://h.example/a%20b?x=1&y=a+b&x=%2f",
            ),
            (
                "https://h.example/?page_token=abc",
                "https://h.example/?page_token=abc",
            ),
            (
                "https://h.example/?a=1&KEY=s&b=2",
                "https://h.example/?a=1&KEY=(scrubbed)&b=2",
            ),
            (
                "https://h.example/?%6bey=s",
                "https://h.example/?%6bey=(scrubbed)",
            ),
            (
                "https://h.example/?sig=s%26&a",
                "https://h.example/?sig=(scrubbed)&a",
            ),
        ] {
            let target = target("GET", given).unwrap();
            let asked = Asked::of(&target, &Headers::new(), b"", &grant());
            assert_eq!(asked.url, kept);
        }
        let pairs = |pairs: [(&str, &str); 4]| pairs.map(|(n, v)| (n.to_owned(), v.to_owned())).to_vec();
        let headers = pairs([
            ("accept", "a/b"),
            ("x-own", "s"),
            ("authorization", "s"),
            ("location", "https://h.example/blob?x=1&sig=s"),
        ]);
        let kept = pairs([
            ("accept", "a/b"),
            ("x-own", "(scrubbed)"),
            ("authorization", "(scrubbed)"),
            ("location", "https://h.example/blob?x=1&sig=(scrubbed)"),
        ]);
        assert_eq!(scrubbed(&headers, &grant()), kept);
    }
}
