//! Step 7: the HTTP clients. One per address policy and set of roots, so that a pooled connection went to an address that
//! was judged by the very policy of the rule that uses it. No redirects, no proxy, no retries, no cookies of their own.

use super::{
    EgressError,
    address::{AddressError, AddressPolicy},
    credential::Outgoing,
    refusal::Fault,
    resolve::{Judged, Names, Unreachable},
    rule::Rule,
};
use crate::{
    fail_point::{self, Point},
    roots,
};
use reqwest::{Response, redirect, retry};
use rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs};
use std::{
    error::Error,
    net::IpAddr,
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
    time::Duration,
};
use url::Url;

const CONNECT: Duration = Duration::from_secs(10);
const FIRST_BYTE: Duration = Duration::from_secs(60);
const IDLE: Duration = Duration::from_secs(30);

/// The clients of one run.
#[derive(Debug)]
pub(super) struct Clients {
    /// For each rule, which client it uses.
    of_rule: Vec<usize>,
    clients: Vec<Client>,
}

/// A client and the policy that it keeps.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) policy: AddressPolicy,
    ca: Option<PathBuf>,
    http: reqwest::Client,
}

/// An attempt without a reply.
#[derive(Debug)]
pub(super) struct Failed {
    pub(super) fault: Fault,
    /// Whether nothing can have reached the peer, and trying again may help.
    pub(super) unconnected: bool,
}

impl Clients {
    pub(super) fn new(rules: &[Rule], names: &Arc<dyn Names>, user_agent: &str) -> Result<Self, EgressError> {
        let mut clients: Vec<Client> = Vec::new();
        let mut of_rule = Vec::with_capacity(rules.len());
        for rule in rules {
            let policy = AddressPolicy::of(rule);
            let known = clients
                .iter()
                .position(|client| client.policy == policy && client.ca == rule.ca);
            of_rule.push(known.unwrap_or(clients.len()));
            if known.is_none() {
                clients.push(Client::new(policy, rule.ca.as_deref(), names, user_agent)?);
            }
        }
        Ok(Self { of_rule, clients })
    }

    /// The client of a rule.
    pub(super) fn of(&self, rule: usize) -> Option<&Client> {
        self.clients.get(*self.of_rule.get(rule)?)
    }
}

impl Client {
    /// A client that keeps this policy. Reads the `ca` file.
    pub(super) fn new(
        policy: AddressPolicy,
        ca: Option<&Path>,
        names: &Arc<dyn Names>,
        user_agent: &str,
    ) -> Result<Self, EgressError> {
        Ok(Self {
            http: http(&policy, ca, names, user_agent)?,
            ca: ca.map(Path::to_owned),
            policy,
        })
    }

    /// Sends a request and waits for the reply's head, at most as long as the run has `left`.
    pub(super) async fn send(&self, outgoing: Outgoing, left: Duration) -> Result<Response, Failed> {
        let Outgoing {
            method,
            url,
            headers,
            body,
        } = outgoing;
        let mut request = reqwest::Request::new(method, url);
        *request.headers_mut() = headers;
        *request.body_mut() = body.map(Into::into);
        let failed = |fault| Failed {
            fault,
            unconnected: false,
        };
        fail_point::pass(Point::BeforeProvider);
        let response = tokio::time::timeout(FIRST_BYTE.min(left), self.http.execute(request))
            .await
            .map_err(|_| failed(Fault::unreachable("no answer in time")))?
            .map_err(judged)?;
        fail_point::pass(Point::AfterProvider);
        let peer = response
            .remote_addr()
            .ok_or_else(|| failed(Fault::unreachable("the connection's address is not known")))?;
        self.policy
            .judge_peer(peer)
            .map_err(|error| failed(Fault::unreachable(error).listed()))?;
        Ok(response)
    }
}

/// Step 5 for an address in the URL: it is dialled without asking the resolver.
pub(super) fn judge_literal(policy: &AddressPolicy, url: &Url) -> Result<(), AddressError> {
    match url.host() {
        Some(url::Host::Ipv4(address)) => policy.judge(IpAddr::V4(address)),
        Some(url::Host::Ipv6(address)) => policy.judge(IpAddr::V6(address)),
        Some(url::Host::Domain(_)) | None => Ok(()),
    }
}

/// What a failed attempt means.
fn judged(error: reqwest::Error) -> Failed {
    let connecting = error.is_connect();
    let error = error.without_url();
    let causes = causes(&error);
    let forbidden = causes.iter().any(|cause| cause.is::<Unreachable>());
    let is_tls = causes.iter().any(|cause| is_tls(*cause));
    let fault = Fault::unreachable(chain(&error));
    Failed {
        fault: if forbidden { fault.listed() } else { fault },
        unconnected: connecting && !forbidden && !is_tls,
    }
}

/// Whether the peer's certificate or protocol is at fault: asking again does not help.
fn is_tls(error: &(dyn Error + 'static)) -> bool {
    let wrapped = error
        .downcast_ref::<std::io::Error>()
        .and_then(std::io::Error::get_ref);
    error.is::<rustls::Error>() || wrapped.is_some_and(|inner| is_tls(inner))
}

/// An error and its causes, outermost first.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> Vec<&'a (dyn Error + 'static)> {
    let mut found = vec![error];
    let mut next = error.source();
    while let Some(cause) = next {
        found.push(cause);
        next = cause.source();
    }
    found
}

/// An error with its causes on one line.
pub(super) fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    for cause in causes(error).into_iter().skip(1) {
        let cause = cause.to_string();
        if !text.contains(&cause) {
            text.push_str(": ");
            text.push_str(&cause);
        }
    }
    text
}

fn http(
    policy: &AddressPolicy,
    ca: Option<&Path>,
    names: &Arc<dyn Names>,
    user_agent: &str,
) -> Result<reqwest::Client, EgressError> {
    let resolver = Judged {
        policy: policy.clone(),
        names: Arc::clone(names),
    };
    let window = super::budget::REPLY_WINDOW;
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls(ca)?)
        .dns_resolver(Arc::new(resolver))
        .redirect(redirect::Policy::none())
        .retry(retry::never())
        .referer(false)
        .no_proxy()
        .gzip(true)
        .user_agent(user_agent)
        .connect_timeout(CONNECT)
        .pool_idle_timeout(IDLE)
        // Room above the limit, so that it is step 9 that refuses.
        .http1_max_headers(crate::sandbox::limits::HEADERS * 2)
        .http2_initial_stream_window_size(window)
        .http2_initial_connection_window_size(window.saturating_mul(8))
        .http2_max_header_list_size(u32::try_from(crate::sandbox::limits::HEADER_BYTES).unwrap_or(u32::MAX))
        .build()
        .map_err(|error| EgressError::Client(chain(&error)))
}

fn tls(ca: Option<&Path>) -> Result<ClientConfig, EgressError> {
    let roots = match ca {
        Some(path) => Arc::new(roots::of_file(path).map_err(|why| EgressError::Ca {
            path: path.to_owned(),
            why,
        })?),
        None => native(),
    };
    let mut config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| EgressError::Client(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

/// The system's certificates, read once for all clients.
fn native() -> Arc<RootCertStore> {
    static ROOTS: OnceLock<Arc<RootCertStore>> = OnceLock::new();
    let read = || {
        Arc::new(roots::of_system().unwrap_or_else(|why| {
            tracing::warn!(
                why,
                "the system has no root certificates: only rules with `ca` can reach https hosts"
            );
            RootCertStore::empty()
        }))
    };
    Arc::clone(ROOTS.get_or_init(read))
}
