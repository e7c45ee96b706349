//! The URL at which a credential has its tokens minted. What must hold: no collector ever reaches it.

use crate::egress::{
    address::AddressPolicy,
    matching::{is_loopback, port},
    request::{self, Target},
    rule::{HostPattern, Rule},
};
use std::{fmt, str::FromStr};
use url::Url;

/// A token URL: https or http, in normal form, without user, password and fragment.
#[derive(Clone)]
pub struct TokenUrl(Target);

/// Why a text is no token URL. Never shows the text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TokenUrlError(String);

impl TokenUrl {
    /// The URL.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.0.url
    }

    /// The host as URLs write it.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.0.host
    }

    /// For people: without its query.
    #[must_use]
    pub fn shown(&self) -> String {
        request::without_query(&self.0.url)
    }

    /// Whether the credential is safe on the way there: https, or http that stays on this machine.
    #[must_use]
    pub fn is_safe(&self, connect_to: Option<std::net::SocketAddr>) -> bool {
        self.0.https || self.is_local() || connect_to.is_some_and(|to| to.ip().is_loopback())
    }

    /// Whether its host is this machine by name or as a literal.
    pub(in crate::egress) fn is_local(&self) -> bool {
        is_loopback(&HostPattern::Exact(self.0.host.clone()))
    }

    /// Whether the host is an address.
    pub(in crate::egress) fn is_literal(&self) -> bool {
        !matches!(self.0.url.host(), Some(url::Host::Domain(_)))
    }

    /// Its port, if it is not the scheme's own.
    pub(in crate::egress) fn explicit_port(&self) -> Option<u16> {
        self.0.url.port()
    }

    /// Which addresses may be dialled for it: judged as a rule's.
    pub(in crate::egress) fn addresses(
        &self,
        connect_to: Option<std::net::SocketAddr>,
        private: &[ipnet::IpNet],
    ) -> AddressPolicy {
        AddressPolicy {
            connect_to,
            private: private.to_vec(),
            loopback: self.is_local() || connect_to.is_some_and(|to| to.ip().is_loopback()),
            machine: Vec::new(),
        }
    }

    /// Whether a request for this target would reach it. Servers differ in whether case, a slash at the end and an encoded
    /// slash make another path, so none of them does here.
    pub(super) fn is_reached_by(&self, target: &Target) -> bool {
        self.is_served_with(target) && path(&self.0).eq_ignore_ascii_case(&path(target))
    }

    /// Whether a request for this target would reach its server.
    pub(super) fn is_served_with(&self, target: &Target) -> bool {
        let own = &self.0;
        (own.https, &own.host, own.port) == (target.https, &target.host, target.port)
    }

    /// Whether a rule allows some request for it.
    pub(super) fn is_allowed_by(&self, rule: &Rule) -> bool {
        let own = &self.0;
        self.server_is_allowed_by(rule)
            && rule.paths.iter().any(|prefix| {
                let prefix = prefix.as_str().trim_end_matches('/').to_ascii_lowercase();
                let path = path(own).to_ascii_lowercase();
                path.strip_prefix(prefix.as_bytes())
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
            })
    }

    /// Whether a rule allows some request to its server.
    pub(super) fn server_is_allowed_by(&self, rule: &Rule) -> bool {
        let own = &self.0;
        rule.host.matches(&own.host) && (own.https || rule.insecure_http) && own.port == port(rule, own.https)
    }
}

/// The decoded path, without a slash at its end.
fn path(target: &Target) -> Vec<u8> {
    let mut path: Vec<u8> = Vec::new();
    for segment in &target.segments {
        path.push(b'/');
        path.extend_from_slice(segment);
    }
    while path.last() == Some(&b'/') {
        path.pop();
    }
    path
}

impl FromStr for TokenUrl {
    type Err = TokenUrlError;

    fn from_str(text: &str) -> Result<Self, TokenUrlError> {
        request::target("POST", text)
            .map(Self)
            .map_err(|error| TokenUrlError(error.to_string()))
    }
}

impl PartialEq for TokenUrl {
    fn eq(&self, other: &Self) -> bool {
        self.0.url == other.0.url
    }
}

impl Eq for TokenUrl {}

impl fmt::Debug for TokenUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::egress::tests::rule;

    fn token_url(text: &str) -> TokenUrl {
        text.parse().unwrap()
    }

    #[test]
    fn however_a_guest_writes_it_it_is_the_same_url() {
        let own = token_url("https://login.example.com/OAuth/token");
        for written in [
            "https://login.example.com/OAuth/token",
            "https://LOGIN.example.com:443/oauth/Token/?x=1",
            "https://login.example.com/oauth/t%6fken",
            "https://login.example.com/oauth%2ftoken",
        ] {
            let target = request::target("GET", written).unwrap();
            assert!(own.is_reached_by(&target), "{written}");
        }
        for other in [
            "https://login.example.com/oauth",
            "https://login.example.com/oauth/token/more",
            "https://login.example.com:8443/oauth/token",
            "http://login.example.com/oauth/token",
            "https://example.com/oauth/token",
        ] {
            let target = request::target("GET", other).unwrap();
            assert!(!own.is_reached_by(&target), "{other}");
        }
    }

    #[test]
    fn a_rule_allows_it_by_host_and_path() {
        let own = token_url("https://login.example.com/oauth/token");
        for (host, path, allowed) in [
            ("login.example.com", "/", true),
            ("*.example.com", "/oauth", true),
            ("login.example.com", "/OAUTH/token", true),
            ("login.example.com", "/oauth/token/x", false),
            ("login.example.com", "/oauth/tok", false),
            ("login.example.com", "/api", false),
            ("example.com", "/", false),
        ] {
            assert_eq!(own.is_allowed_by(&rule(host, &[path])), allowed, "{host}{path}");
        }
    }

    #[test]
    fn http_is_safe_on_this_machine_only() {
        let to = |text: &str| Some(text.parse().unwrap());
        assert!(token_url("https://a.example/t").is_safe(None));
        assert!(token_url("http://127.0.0.1:9/t").is_safe(None));
        assert!(token_url("http://localhost/t").is_safe(None));
        assert!(token_url("http://a.example/t").is_safe(to("127.0.0.1:9")));
        assert!(!token_url("http://a.example/t").is_safe(None));
        assert!(!token_url("http://a.example/t").is_safe(to("10.0.0.1:9")));
    }

    #[test]
    fn a_text_that_is_none_is_refused_without_being_shown() {
        for text in [
            "login.example.com/token",
            "ftp://a.example/token",
            "https://me:hunter2@a.example/token",
            "https://a.example/a/../token",
            "https://a.example/token#hunter2",
        ] {
            let error = text.parse::<TokenUrl>().unwrap_err().to_string();
            assert!(!error.contains("hunter2"), "{error}");
        }
        let shown = format!("{:?}", token_url("https://a.example/token?key=hunter2"));
        assert_eq!(shown, "https://a.example/token");
    }
}
