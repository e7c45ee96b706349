//! A request as an API sees it.

use axum::http::{HeaderMap, Method};
use bytes::Bytes;
use jiff::Timestamp;

/// A request, taken apart.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The method.
    pub method: Method,
    /// The host by its header, without a port.
    pub host: String,
    /// The path as it was sent.
    pub path: String,
    /// The query as it was sent; empty if there is none.
    pub query: String,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    /// The provider's time.
    pub now: Timestamp,
}

impl Asked {
    /// The path's segments, percent-decoded: `/v1/x%2Fy` is `v1`, `x/y`.
    #[must_use]
    pub fn segments(&self) -> Vec<String> {
        let path = self.path.trim_start_matches('/');
        path.split('/').map(decoded).collect()
    }

    /// The first value of a query parameter, decoded.
    #[must_use]
    pub fn param(&self, name: &str) -> Option<String> {
        self.params(name).into_iter().next()
    }

    /// All values of a query parameter, decoded, in their order.
    #[must_use]
    pub fn params(&self, name: &str) -> Vec<String> {
        let pairs = self.query.split('&').filter_map(|pair| pair.split_once('='));
        pairs
            .filter(|(key, _)| decoded(key) == name)
            .map(|(_, value)| decoded(&value.replace('+', " ")))
            .collect()
    }

    /// A header's text; empty if there is none.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or_default()
    }
}

fn decoded(text: &str) -> String {
    String::from_utf8_lossy(&crate::aws::sigv4::decoded(text)).into_owned()
}
