//! The grant as plain data: which requests an operator's file allows. Made by parsing, never wrong afterwards.

use finops_decimal::Decimal;
use ipnet::IpNet;
use std::{fmt, net::SocketAddr, path::PathBuf, str::FromStr};

/// One `[[allow]]` rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Where in the operator's file it stands, for errors: its line.
    pub line: usize,
    /// The host it allows.
    pub host: HostPattern,
    /// The port; absent: the scheme's.
    pub port: Option<u16>,
    /// The methods it allows; default GET.
    pub methods: Vec<Method>,
    /// Path prefixes on whole segments; default `/`.
    pub paths: Vec<PathPrefix>,
    /// Request headers the guest may set beyond the usual ones, with the values allowed.
    pub headers: Vec<Matcher>,
    /// Query parameters that must be there with one of these values.
    pub query: Vec<Matcher>,
    /// Form fields that must be there with one of these values.
    pub form: Vec<Matcher>,
    /// Top-level JSON members of the body that must be there with one of these values.
    pub json: Vec<Matcher>,
    /// Name of the credential put on the request.
    pub credential: Option<String>,
    /// The only address dialled, instead of what the name resolves to.
    pub connect_to: Option<SocketAddr>,
    /// A file of PEM certificates: the only roots trusted for this host.
    pub ca: Option<PathBuf>,
    /// Private address ranges that the host may resolve to.
    pub addresses: Vec<IpNet>,
    /// Price of one call in USD.
    pub price: Option<Decimal>,
    /// Whether plain http is allowed.
    pub insecure_http: bool,
    /// Whether `%2f` is allowed within a path segment.
    pub encoded_slash: bool,
}

/// A name and the exact values allowed for it; no values: any.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Matcher {
    /// The name; for headers in lower case.
    pub name: String,
    /// Allowed values; `None`: any (`"*"`).
    pub values: Option<Vec<String>>,
}

/// The host of a rule: an exact name or address, or `*.suffix`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum HostPattern {
    /// Exactly this host, as `url` writes it: lower case, punycode.
    Exact(String),
    /// Any name below this one, at least one label deeper.
    Below(String),
}

/// A path that a request's path must equal or lie below, on whole segments. Begins with `/`, never ends with one except the root.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PathPrefix(String);

/// An HTTP method that a rule can allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Method {
    /// GET.
    Get,
    /// HEAD.
    Head,
    /// POST.
    Post,
    /// PUT.
    Put,
    /// PATCH.
    Patch,
    /// DELETE.
    Delete,
    /// OPTIONS.
    Options,
}

/// Why a part of a rule cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// Not a host name.
    #[error("`{0}` is no host: give a bare name such as `api.example.com`, an address, or `*.example.com`")]
    Host(String),
    /// Not a path prefix.
    #[error(
        "`{0}` is no path prefix: it begins with `/` and has no `//`, `?`, `#`, `%`, `;`, `.` or `..` segments"
    )]
    Path(String),
    /// Not a method.
    #[error(
        "`{0}` is no method that can be allowed: GET, HEAD, POST, PUT, PATCH, DELETE or OPTIONS in upper case"
    )]
    Method(String),
}

impl HostPattern {
    /// Whether the host of a parsed URL falls under it.
    #[must_use]
    pub fn matches(&self, host: &str) -> bool {
        match self {
            Self::Exact(name) => name == host,
            Self::Below(suffix) => host
                .strip_suffix(suffix.as_str())
                .and_then(|rest| rest.strip_suffix('.'))
                .is_some_and(|label| !label.is_empty()),
        }
    }
}

impl FromStr for HostPattern {
    type Err = RuleError;

    fn from_str(text: &str) -> Result<Self, RuleError> {
        let wrong = || RuleError::Host(text.to_owned());
        let (wildcard, name) = match text.strip_prefix("*.") {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        if name.is_empty() || name.contains('*') || name.ends_with('.') {
            return Err(wrong());
        }
        let host = url::Host::parse(name).map_err(|_| wrong())?;
        match (wildcard, host) {
            (true, url::Host::Domain(name)) if name.contains('.') => Ok(Self::Below(name)),
            (true, _) => Err(wrong()),
            (false, host) => Ok(Self::Exact(host.to_string())),
        }
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(name) => f.write_str(name),
            Self::Below(suffix) => write!(f, "*.{suffix}"),
        }
    }
}

impl PathPrefix {
    /// The whole tree.
    #[must_use]
    pub fn root() -> Self {
        Self("/".to_owned())
    }

    /// Whether a path, as sent, equals it or lies below it.
    #[must_use]
    pub fn matches(&self, path: &str) -> bool {
        self.0 == "/" && path.starts_with('/')
            || path
                .strip_prefix(self.0.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// The prefix as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for PathPrefix {
    type Err = RuleError;

    fn from_str(text: &str) -> Result<Self, RuleError> {
        let wrong = || RuleError::Path(text.to_owned());
        let inner = text.strip_prefix('/').ok_or_else(wrong)?;
        if inner.is_empty() {
            return Ok(Self::root());
        }
        let inner = inner.strip_suffix('/').unwrap_or(inner);
        let good = |segment: &str| {
            !segment.is_empty()
                && segment != "."
                && segment != ".."
                && segment
                    .chars()
                    .all(|c| c.is_ascii_graphic() && !"?#%;\\".contains(c))
        };
        if inner.split('/').all(good) {
            Ok(Self(format!("/{inner}")))
        } else {
            Err(wrong())
        }
    }
}

impl fmt::Display for PathPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Method {
    /// The method's name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
            Self::Options => "OPTIONS",
        }
    }
}

impl FromStr for Method {
    type Err = RuleError;

    fn from_str(text: &str) -> Result<Self, RuleError> {
        Ok(match text {
            "GET" => Self::Get,
            "HEAD" => Self::Head,
            "POST" => Self::Post,
            "PUT" => Self::Put,
            "PATCH" => Self::Patch,
            "DELETE" => Self::Delete,
            "OPTIONS" => Self::Options,
            other => return Err(RuleError::Method(other.to_owned())),
        })
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_path_prefix_matches_whole_segments_only() {
        let prefix: PathPrefix = "/api/v2/statements".parse().unwrap();
        assert!(prefix.matches("/api/v2/statements"));
        assert!(prefix.matches("/api/v2/statements/1"));
        assert!(!prefix.matches("/api/v2/statementsx"));
        assert!(!prefix.matches("/api/v2"));
        assert!(PathPrefix::root().matches("/anything"));
    }

    #[test]
    fn a_wildcard_needs_a_label_and_a_real_suffix() {
        let below: HostPattern = "*.example.com".parse().unwrap();
        assert!(below.matches("a.example.com"));
        assert!(!below.matches("example.com"));
        assert!(!below.matches(".example.com"));
        assert!(!below.matches("badexample.com"));
        for wrong in [
            "*",
            "*.com",
            "a*.example.com",
            "https://a.b",
            "a.b/c",
            "a.b:443",
            "",
            "a.b.",
        ] {
            assert!(wrong.parse::<HostPattern>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_host_is_compared_as_urls_write_it() {
        assert_eq!(
            "API.Example.COM".parse(),
            Ok(HostPattern::Exact("api.example.com".to_owned()))
        );
        assert_eq!("[::1]".parse(), Ok(HostPattern::Exact("[::1]".to_owned())));
    }
}
