//! Egress as a whole, against small servers on loopback.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod aws;
mod calls;
mod canary;
mod clouds;
mod digest;
mod keys;
mod recordings;
mod replies;
mod retries;
mod schemes;
mod server;
mod signatures;
mod signed;
mod tls;
mod token_urls;
mod tokens;
mod urls;

use super::{
    Egress, Grant, Refusal, Reply, Request, SpendLedger, UserAgent, Wire,
    credential::{CredentialSpec, Scheme, SecretRef},
    resolve::{Names, SystemNames},
    rule::{Method, Rule},
};
use crate::{clock::Clock, sandbox::limits::Limits};
use futures::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use std::{
    collections::BTreeMap,
    future::Future,
    io,
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    pin::Pin,
    sync::{Arc, Mutex},
    time::Duration,
};

/// A rule for GET on a host.
pub(super) fn rule(host: &str, paths: &[&str]) -> Rule {
    Rule {
        line: 3,
        host: host.parse().unwrap(),
        port: None,
        methods: vec![Method::Get],
        paths: paths.iter().map(|path| path.parse().unwrap()).collect(),
        headers: Vec::new(),
        query: Vec::new(),
        form: Vec::new(),
        json: Vec::new(),
        credential: None,
        connect_to: None,
        ca: None,
        addresses: Vec::new(),
        price: None,
        insecure_http: false,
        encoded_slash: false,
    }
}

/// A rule for GET and POST on `http://api.example.com/v1`, which is dialled at that address.
fn plain(server: SocketAddr) -> Rule {
    let mut rule = rule("api.example.com", &["/v1"]);
    rule.methods.push(Method::Post);
    rule.insecure_http = true;
    rule.connect_to = Some(server);
    rule
}

/// A credential of the name `main`.
fn credential(scheme: Scheme) -> CredentialSpec {
    CredentialSpec {
        name: "main".to_owned(),
        line: 20,
        scheme,
        headers: Vec::new(),
        reveal: false,
        connect_to: None,
        ca: None,
        addresses: Vec::new(),
    }
}

/// A bearer credential of the name `main`, from a file with this token.
fn bearer(directory: &tempfile::TempDir, token: &str) -> CredentialSpec {
    let token = file(directory, "token", token);
    credential(Scheme::Bearer { token })
}

/// A secret's file.
fn file(directory: &tempfile::TempDir, name: &str, content: &str) -> SecretRef {
    let path: PathBuf = directory.path().join(name);
    std::fs::write(&path, content).unwrap();
    SecretRef::File(path)
}

/// A clock that moves when someone sleeps on it.
#[derive(Debug)]
struct ManualClock {
    now: Mutex<Timestamp>,
    slept: Mutex<Vec<Duration>>,
}

impl ManualClock {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            now: Mutex::new("2026-08-01T00:00:00Z".parse().unwrap()),
            slept: Mutex::new(Vec::new()),
        })
    }

    fn forward(&self, duration: Duration) {
        let mut now = self.now.lock().unwrap();
        *now += SignedDuration::try_from(duration).unwrap();
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        *self.now.lock().unwrap()
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        self.slept.lock().unwrap().push(duration);
        self.forward(duration);
        Box::pin(std::future::ready(()))
    }
}

/// Names of the test, instead of the system's resolver.
#[derive(Debug, Default)]
struct FixedNames(BTreeMap<String, Vec<IpAddr>>);

impl Names for FixedNames {
    fn addresses(&self, name: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        let found = self.0.get(&name).cloned();
        Box::pin(async move { found.ok_or_else(|| io::Error::other("no such name")) })
    }
}

/// What a test makes an [`Egress`] of.
struct Setup {
    rules: Vec<Rule>,
    credentials: Vec<CredentialSpec>,
    limits: Limits,
    clock: Arc<ManualClock>,
    names: Arc<dyn Names>,
    spend: Option<Arc<dyn SpendLedger>>,
    wire: Wire,
}

impl Setup {
    fn new(rules: Vec<Rule>) -> Self {
        Self {
            rules,
            credentials: Vec::new(),
            limits: Limits::default(),
            clock: ManualClock::new(),
            names: Arc::new(SystemNames),
            spend: None,
            wire: Wire::Live,
        }
    }

    /// One rule to that server, with the credential.
    fn with_credential(server: SocketAddr, credential: CredentialSpec) -> Self {
        let mut rule = plain(server);
        rule.credential = Some(credential.name.clone());
        let mut setup = Self::new(vec![rule]);
        setup.credentials.push(credential);
        setup
    }

    fn egress(&self) -> Egress {
        let grant = Grant {
            rules: self.rules.clone(),
            credentials: self.credentials.clone(),
        };
        let agent = UserAgent {
            collector: "test (x)".to_owned(),
            version: "1.2.3".to_owned(),
        };
        let (clock, names) = (self.clock.clone(), self.names.clone());
        let (spend, limits) = (self.spend.clone(), &self.limits);
        Egress::with_names(&self.wire, grant, limits, &agent, clock, spend, names).unwrap()
    }
}

fn get(url: &str) -> Request {
    Request {
        method: "GET".to_owned(),
        url: url.to_owned(),
        ..Request::default()
    }
}

fn post(url: &str, body: &str) -> Request {
    Request {
        method: "POST".to_owned(),
        body: Some(body.to_owned().into()),
        ..get(url)
    }
}

fn with_header(mut request: Request, name: &str, value: &str) -> Request {
    request.headers.push((name.to_owned(), value.to_owned()));
    request
}

/// The whole body, with what reading it came to.
async fn whole(mut reply: Reply) -> Result<Vec<u8>, Refusal> {
    let mut all = Vec::new();
    while let Some(piece) = reply.body.chunk(0).await? {
        assert!(!piece.is_empty());
        all.extend_from_slice(&piece);
    }
    Ok(all)
}
