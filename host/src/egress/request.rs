//! Step 1: one parse of what the guest asks for. What the rules see afterwards is what is signed and sent: a URL whose
//! path would have to be rewritten is refused, never repaired.

use super::rule::Method;
use crate::{foreign::Foreign, sandbox::limits};
use bytes::Bytes;
use url::Url;

/// A call that a guest asks for.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// Upper-case method.
    pub method: String,
    /// Absolute URL.
    pub url: String,
    /// Header names and values.
    pub headers: Vec<(String, String)>,
    /// The body. The guest's bytes come charged: [`super::InFlight`].
    pub body: Option<Bytes>,
    /// Whether sending it twice does no harm.
    pub repeatable: bool,
    /// What becomes of headers that the guest may not set.
    pub surplus: Surplus,
}

/// What becomes of headers that a guest may not set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Surplus {
    /// The call is refused.
    #[default]
    Refuse,
    /// They are left out and counted: ordinary HTTP clients set headers of their own accord.
    Drop,
}

/// The target of a call, parsed.
#[derive(Clone, Debug)]
pub(super) struct Target {
    /// The method.
    pub(super) method: Method,
    /// The URL as it is matched, signed and sent.
    pub(super) url: Url,
    /// Its host as `url` writes it.
    pub(super) host: String,
    /// Its port, given or the scheme's.
    pub(super) port: u16,
    /// Whether the scheme is https; otherwise it is http.
    pub(super) https: bool,
    /// The path's decoded segments. Only the last may be empty.
    pub(super) segments: Vec<Vec<u8>>,
    /// Whether a segment holds an encoded slash.
    pub(super) encoded_slash: bool,
    /// The decoded query.
    pub(super) query: Vec<(String, String)>,
}

/// Why a target cannot be used. The guest's own mistake, so the guest is told.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum TargetError {
    #[error(
        "`{0}` is no method that can be sent: GET, HEAD, POST, PUT, PATCH, DELETE or OPTIONS in upper case"
    )]
    Method(Foreign),
    #[error("the URL is longer than {} bytes", limits::URL)]
    Long,
    #[error("the URL holds spaces, control characters or backslashes: percent-encode them")]
    Characters,
    #[error("the URL cannot be parsed: {0}")]
    Parse(url::ParseError),
    #[error("the URL is not https")]
    Scheme,
    #[error("the URL holds a user name or password: the host puts the credential on")]
    UserInfo,
    #[error("the URL has a fragment, which is never sent")]
    Fragment,
    #[error("the URL's host ends with a dot")]
    TrailingDot,
    #[error("the URL's path is not in normal form: {0}")]
    Path(&'static str),
}

/// Parses method and URL.
pub(super) fn target(method: &str, text: &str) -> Result<Target, TargetError> {
    let method: Method = method
        .parse()
        .map_err(|_| TargetError::Method(Foreign::from(method)))?;
    if text.len() > limits::URL {
        return Err(TargetError::Long);
    }
    if text
        .chars()
        .any(|c| c.is_control() || c.is_whitespace() || c == '\\')
    {
        return Err(TargetError::Characters);
    }
    if text.contains('#') {
        return Err(TargetError::Fragment);
    }
    let url = Url::parse(text).map_err(TargetError::Parse)?;
    let https = match url.scheme() {
        "https" => true,
        "http" => false,
        _ => return Err(TargetError::Scheme),
    };
    let written = authority_and_rest(text).ok_or(TargetError::Path("write the scheme with `://`"))?;
    if !url.username().is_empty() || url.password().is_some() || written.0.contains('@') {
        return Err(TargetError::UserInfo);
    }
    let host = url
        .host_str()
        .ok_or(TargetError::Parse(url::ParseError::EmptyHost))?
        .to_owned();
    if host.ends_with('.') {
        return Err(TargetError::TrailingDot);
    }
    let path = written.1.split('?').next().unwrap_or_default();
    if path != url.path() && !(path.is_empty() && url.path() == "/") {
        return Err(TargetError::Path(
            "no `.` or `..` segments, and percent-encode what is not allowed in a path",
        ));
    }
    let (segments, encoded_slash) = segments(url.path()).map_err(TargetError::Path)?;
    let query = url.query_pairs().into_owned().collect();
    let port = url.port_or_known_default().ok_or(TargetError::Scheme)?;
    Ok(Target {
        method,
        host,
        port,
        https,
        segments,
        encoded_slash,
        query,
        url,
    })
}

/// The authority and what follows it, as the guest wrote them.
fn authority_and_rest(text: &str) -> Option<(&str, &str)> {
    let (_, rest) = text.split_once("://")?;
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    rest.split_at_checked(end)
}

/// Decodes the segments of a path, and says whether one holds an encoded slash. What servers read in two ways is refused.
fn segments(path: &str) -> Result<(Vec<Vec<u8>>, bool), &'static str> {
    let inner = path.strip_prefix('/').ok_or("it does not begin with `/`")?;
    let mut encoded_slash = false;
    let mut found = Vec::new();
    let mut left = inner.split('/').peekable();
    while let Some(segment) = left.next() {
        if segment.is_empty() && (left.peek().is_some() || segment.len() == inner.len() && path.len() > 1) {
            return Err("it holds `//`");
        }
        let decoded = decoded(segment, &mut encoded_slash)?;
        // Overlong UTF-8 is a dot or slash to lenient servers.
        if std::str::from_utf8(&decoded).is_err() {
            return Err("it holds encoded bytes that are no UTF-8");
        }
        found.push(decoded);
    }
    Ok((found, encoded_slash))
}

fn decoded(segment: &str, encoded_slash: &mut bool) -> Result<Vec<u8>, &'static str> {
    let mut bytes = segment.bytes();
    let mut out = Vec::with_capacity(segment.len());
    while let Some(byte) = bytes.next() {
        match byte {
            b';' => return Err("it holds `;`"),
            b'%' => {
                let mut digit = || bytes.next().and_then(|b| char::from(b).to_digit(16));
                let (Some(high), Some(low)) = (digit(), digit()) else {
                    return Err("it holds a `%` that begins no escape");
                };
                let value = u8::try_from(high * 16 + low).unwrap_or_default();
                match value {
                    b'/' => *encoded_slash = true,
                    b'\\' | b'.' | b'%' | b';' => return Err("it holds an encoded `\\`, `.`, `%` or `;`"),
                    0..=0x1f | 0x7f => return Err("it holds an encoded control character"),
                    _ => {}
                }
                out.push(value);
            }
            byte => out.push(byte),
        }
    }
    Ok(out)
}

/// The URL without its query, for logs and reports.
pub(super) fn without_query(url: &Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    url.into()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_plain_url_is_taken_as_it_is() {
        let target = target("GET", "https://api.example.com/v1/a%20b?x=1&y=a+b").unwrap();
        assert_eq!(target.url.as_str(), "https://api.example.com/v1/a%20b?x=1&y=a+b");
        assert_eq!(target.segments, [b"v1".to_vec(), b"a b".to_vec()]);
        assert_eq!(target.port, 443);
        assert_eq!(
            target.query,
            [("x".into(), "1".into()), ("y".into(), "a b".into())]
        );
        assert_eq!(without_query(&target.url), "https://api.example.com/v1/a%20b");
    }

    #[test]
    fn what_servers_could_read_in_two_ways_is_refused() {
        for wrong in [
            "https://h.example/a/../b",
            "https://h.example/a/./b",
            "https://h.example/a/%2e%2e/b",
            "https://h.example/a/%2E./b",
            "https://h.example/a%5cb",
            "https://h.example/a%5Cb",
            "https://h.example/a%252fb",
            "https://h.example/a%25",
            "https://h.example/a//b",
            "https://h.example//",
            "https://h.example//a",
            "https://h.example/a//",
            "https://h.example/a;b",
            "https://h.example/a%3bb",
            "https://h.example/a%00b",
            "https://h.example/a%0ab",
            "https://h.example/a%7f",
            "https://h.example/a%zz",
            "https://h.example/a%4",
            "https://h.example/a/%c0%ae%c0%ae/b",
            "https://h.example/a%c0%afb",
            "https://h.example/a%ff",
            "https://h.example/a\\b",
            "https://h.example/a b",
            "https://h.example/a\tb",
            "https://h.example/a\nb",
            "https://h.example/\u{e9}",
            "https://h.example/a\"b",
            "https://user@h.example/",
            "https://user:pw@h.example/",
            "https://@h.example/",
            "https://:@h.example/",
            "https://h.example./",
            "https://h.example/a#b",
            "https://h.example/#",
            "https:h.example/",
            "https:/h.example/",
            "https:///h.example/",
            "ftp://h.example/",
            "file:///etc/passwd",
            "data:text/plain,x",
            "//h.example/",
            "/a",
            "",
        ] {
            assert!(target("GET", wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_encoded_slash_is_noted_for_the_rule() {
        let target = target("GET", "https://h.example/a%2Fb/c").unwrap();
        assert!(target.encoded_slash);
        assert_eq!(target.segments, [b"a/b".to_vec(), b"c".to_vec()]);
    }

    #[test]
    fn hosts_are_written_in_one_way() {
        for (written, host) in [
            ("https://API.Example.COM/", "api.example.com"),
            ("https://b\u{fc}cher.example/", "xn--bcher-kva.example"),
            ("https://0x7f.1/", "127.0.0.1"),
            ("https://2130706433/", "127.0.0.1"),
            ("https://0177.0.0.1/", "127.0.0.1"),
            ("https://[0:0:0:0:0:0:0:1]/", "[::1]"),
            ("https://[::ffff:127.0.0.1]/", "[::ffff:7f00:1]"),
            ("https://api.example.com", "api.example.com"),
            ("https://api.example.com?x", "api.example.com"),
        ] {
            assert_eq!(target("GET", written).unwrap().host, host, "{written}");
        }
    }

    #[test]
    fn only_known_methods_in_upper_case_are_sent() {
        for wrong in ["TRACE", "CONNECT", "get", "", "GET ", "PROPFIND"] {
            assert!(target(wrong, "https://h.example/").is_err(), "{wrong}");
        }
    }
}
