//! The HTTP client towards a destination: one request, one bounded reply, and whether any byte may have left.
//!
//! What must hold: no proxy, no redirect, no silent repeat; each request has a connection of its own, so that a failure to
//! connect certainly means that nothing was sent, and everything after it counts as sent. These time limits bound sockets
//! and are real time; whatever the host itself waits for goes through its clock.

use super::outcome::{Exchange, Extent, Reply};
use crate::{
    fail_point::{self, Point},
    foreign::Foreign,
    roots,
};
use reqwest::{Method, StatusCode, Url, header};
use rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs};
use std::{
    error::Error,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

/// Longest reply that is read, but for `/recent`.
pub const MAX_REPLY: usize = 1024 * 1024;
/// Longest reply of `/recent` that is read.
pub const MAX_RECENT: usize = 64 * 1024 * 1024;

/// Time limits of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// Until the connection stands, TLS included.
    pub connect: Duration,
    /// Until the status line, from the beginning.
    pub first_byte: Duration,
    /// Until the end of the reply, from the beginning.
    pub total: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            first_byte: Duration::from_secs(60),
            total: Duration::from_secs(120),
        }
    }
}

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Not an http or https address.
    #[error(
        "the endpoint {0} is no http or https address; set `endpoint` in [openfinops], such as \"http://localhost:8080\""
    )]
    Endpoint(Foreign),
    /// No certificate of the system could be read.
    #[error("no certificate authority of this system could be read ({0}); install its CA certificates")]
    Roots(String),
    /// A file of certificates cannot be used.
    #[error(
        "`ca` {path}: {why}; name a file of PEM certificates in [openfinops]", path = .path.display()
    )]
    Ca {
        /// The file.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// The TLS library or the HTTP client refused its settings.
    #[error("the HTTP client cannot be made: {0}")]
    Build(String),
}

/// A client of one destination.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    endpoint: Url,
    timeouts: Timeouts,
}

impl Client {
    /// A client for an endpoint such as `http://localhost:8080`; a path in it is kept as a prefix. An https server is trusted by
    /// the certificates of `ca` alone, or else by the system's.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn new(endpoint: &str, ca: Option<&Path>, timeouts: Timeouts) -> Result<Self, ClientError> {
        let refused = || ClientError::Endpoint(Foreign::new(endpoint));
        let mut url: Url = endpoint.parse().map_err(|_| refused())?;
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            return Err(refused());
        }
        url.set_query(None);
        url.set_fragment(None);
        if !url.path().ends_with('/') {
            let path = format!("{}/", url.path());
            url.set_path(&path);
        }
        let roots = roots_for(&url, ca)?;
        Self::trusting(url, timeouts, roots)
    }

    fn trusting(endpoint: Url, timeouts: Timeouts, roots: RootCertStore) -> Result<Self, ClientError> {
        let http = http(roots, timeouts.connect)?;
        Ok(Self {
            http,
            endpoint,
            timeouts,
        })
    }

    /// Whom it asks: the host, and the port.
    pub(super) fn peer(&self) -> (&str, Option<u16>) {
        let host = self.endpoint.host_str().unwrap_or_default();
        (host, self.endpoint.port_or_known_default())
    }

    /// Sends a JSON body.
    pub async fn post(&self, path: &str, body: Vec<u8>, at_most: Option<Duration>) -> Exchange {
        self.exchange(Method::POST, path, Some(body), MAX_REPLY, at_most)
            .await
    }

    /// Reads a resource, of which at most `limit` bytes.
    pub async fn get(&self, path: &str, limit: usize, at_most: Option<Duration>) -> Exchange {
        self.exchange(Method::GET, path, None, limit, at_most).await
    }

    async fn exchange(
        &self,
        method: Method,
        path: &str,
        body: Option<Vec<u8>>,
        limit: usize,
        at_most: Option<Duration>,
    ) -> Exchange {
        let Ok(url) = self.endpoint.join(path) else {
            return Exchange::NotConnected(format!("no address for {path}"));
        };
        let mut request = self.http.request(method, url);
        if let Some(body) = body {
            request = request
                .header(header::CONTENT_TYPE, "application/json")
                .body(body);
        }
        let total = at_most.map_or(self.timeouts.total, |most| most.min(self.timeouts.total));
        fail_point::pass(Point::BeforeDelivery);
        let started = tokio::time::Instant::now();
        let first_byte = self.timeouts.first_byte.min(total);
        let response = match tokio::time::timeout(first_byte, request.send()).await {
            Err(_) => return Exchange::Lost(format!("no answer within {first_byte:?}")),
            Ok(Err(error)) if error.is_connect() || error.is_builder() => {
                return Exchange::NotConnected(format!(
                    "no connection to {}: {}",
                    Foreign::new(self.endpoint.origin().ascii_serialization()),
                    chain(&error)
                ));
            }
            Ok(Err(error)) => return Exchange::Lost(format!("the connection broke: {}", chain(&error))),
            Ok(Ok(response)) => response,
        };
        let rest = total.saturating_sub(started.elapsed());
        let reply = read(response, limit, rest).await;
        fail_point::pass(Point::AfterDelivery);
        Exchange::Answered(reply)
    }
}

/// Reads a reply, at most `limit` bytes and for so long.
async fn read(mut response: reqwest::Response, limit: usize, rest: Duration) -> Reply {
    let text = |name: header::HeaderName| {
        let value = response.headers().get(name)?;
        Some(String::from_utf8_lossy(value.as_bytes()).into_owned())
    };
    let mut reply = Reply {
        status: response.status().as_u16(),
        retry_after: text(header::RETRY_AFTER),
        location: text(header::LOCATION),
        content_type: text(header::CONTENT_TYPE),
        date: text(header::DATE),
        body: Vec::new(),
        extent: Extent::Whole,
    };
    if response.status() == StatusCode::NO_CONTENT {
        return reply;
    }
    let deadline = tokio::time::Instant::now() + rest;
    loop {
        match tokio::time::timeout_at(deadline, response.chunk()).await {
            Err(_) => reply.extent = Extent::Lost("the rest of the answer did not come in time".to_owned()),
            Ok(Err(error)) => reply.extent = Extent::Lost(chain(&error)),
            Ok(Ok(None)) => {}
            Ok(Ok(Some(chunk))) => {
                let room = limit.saturating_sub(reply.body.len());
                reply.body.extend_from_slice(chunk.get(..room).unwrap_or(&chunk));
                if chunk.len() <= room {
                    continue;
                }
                reply.extent = Extent::Cut;
            }
        }
        return reply;
    }
}

/// A client of the host's own: no proxy, no redirect, no repeat, and a connection for each request.
pub(crate) fn http(roots: RootCertStore, connect: Duration) -> Result<reqwest::Client, ClientError> {
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls(roots)?)
        .no_proxy()
        .no_gzip()
        .http1_only()
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .pool_max_idle_per_host(0)
        .connect_timeout(connect)
        .user_agent(concat!("finops-host/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|error| ClientError::Build(chain(&error)))
}

/// Whom a client of this address trusts: the authorities of that file, or the system's. For http nobody is needed.
pub(crate) fn roots_for(url: &Url, ca: Option<&Path>) -> Result<RootCertStore, ClientError> {
    match (url.scheme(), ca) {
        ("https", Some(path)) => roots::of_file(path).map_err(|why| ClientError::Ca {
            path: path.to_owned(),
            why,
        }),
        ("https", None) => roots::of_system().map_err(ClientError::Roots),
        _ => Ok(RootCertStore::empty()),
    }
}

fn tls(roots: RootCertStore) -> Result<ClientConfig, ClientError> {
    Ok(
        ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| ClientError::Build(error.to_string()))?
            .with_root_certificates(roots)
            .with_no_client_auth(),
    )
}

/// An error with its causes. It can quote the peer, so it is shown as foreign text; the address, which may hold a password, is left out.
pub(crate) fn chain(error: &reqwest::Error) -> String {
    let mut causes = Vec::new();
    let mut cause = error.source();
    while let Some(inner) = cause {
        causes.push(inner.to_string());
        cause = inner.source();
    }
    // An outer error often repeats the inner one.
    causes.dedup();
    if causes.is_empty() {
        causes.push("the request failed".to_owned());
    }
    Foreign::new(causes.join(": ")).to_string()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    #[test]
    fn an_endpoint_that_is_no_address_is_refused_in_words() {
        for endpoint in [
            "localhost:8080",
            "ftp://x/",
            "not an address",
            "http://",
            "file:///tmp",
        ] {
            let error = Client::new(endpoint, None, Timeouts::default())
                .unwrap_err()
                .to_string();
            assert!(
                error.contains("endpoint") && error.contains("http://localhost:8080"),
                "{error}"
            );
        }
    }

    #[test]
    fn a_path_in_the_endpoint_is_a_prefix() {
        let client = Client::new("http://localhost:1/base?x=1#y", None, Timeouts::default()).unwrap();
        let joined = client.endpoint.join("api/v1/agents").unwrap();
        assert_eq!(joined.as_str(), "http://localhost:1/base/api/v1/agents");
    }

    #[tokio::test]
    async fn a_refused_connection_certainly_sent_nothing() {
        // A port that was free a moment ago and that nobody listens on.
        let port = std::net::TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let client = Client::new(
            &format!("http://user:hush@127.0.0.1:{port}"),
            None,
            Timeouts::default(),
        )
        .unwrap();
        match client.post("x", Vec::new(), None).await {
            Exchange::NotConnected(why) => {
                assert!(why.contains(&format!("http://127.0.0.1:{port}")), "{why}");
                assert!(!why.contains("hush"), "{why}");
            }
            other => panic!("{other:?}"),
        }
    }

    /// A peer that reads something from its first connection, writes these bytes and then keeps it open.
    async fn peer(bytes: Vec<u8>) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let _ = stream.read_buf(&mut Vec::new()).await;
            // The reader may go away before it has read all.
            let _ = stream.write_all(&bytes).await;
            std::future::pending::<()>().await;
        });
        address
    }

    #[tokio::test]
    async fn a_failed_tls_handshake_certainly_sent_nothing() {
        let url = format!("https://{}/", peer(b"HTTP/1.1 200 OK\r\n\r\n".to_vec()).await);
        let client =
            Client::trusting(url.parse().unwrap(), Timeouts::default(), RootCertStore::empty()).unwrap();
        let exchange = client.post("x", Vec::new(), None).await;
        assert!(matches!(exchange, Exchange::NotConnected(_)), "{exchange:?}");
    }

    #[tokio::test]
    async fn a_reply_is_read_up_to_its_limit_only() {
        let mut bytes = b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n".to_vec();
        bytes.extend([b'x'; 5_000]);
        let client = Client::new(
            &format!("http://{}", peer(bytes).await),
            None,
            Timeouts::default(),
        )
        .unwrap();
        match client.get("x", 3_000, None).await {
            Exchange::Answered(reply) => assert_eq!((reply.body.len(), reply.extent), (3_000, Extent::Cut)),
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn a_reply_that_stops_half_way_is_lost_after_the_total_time() {
        let timeouts = Timeouts {
            total: Duration::from_millis(300),
            ..Timeouts::default()
        };
        let half = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf".to_vec();
        let client = Client::new(&format!("http://{}", peer(half).await), None, timeouts).unwrap();
        match client.get("x", MAX_REPLY, None).await {
            Exchange::Answered(reply) => assert!(matches!(reply.extent, Extent::Lost(_)), "{reply:?}"),
            Exchange::Lost(_) => {}
            other => panic!("{other:?}"),
        }
    }
}
