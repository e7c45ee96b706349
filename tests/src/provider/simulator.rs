//! The server: counts what is asked, meets the plan of faults, else lets the provider's [`Api`] answer.

use super::{Api, Asked, Reply};
use crate::{
    Error, plan,
    tls::{Authority, TlsListener},
};
use axum::{
    Router,
    body::Body,
    extract::State,
    http::{HeaderMap, Method, Response, Uri},
};
use bytes::Bytes;
use jiff::Timestamp;
use std::{
    collections::BTreeMap,
    io::Write,
    net::{Ipv4Addr, SocketAddr},
    os::unix::fs::OpenOptionsExt,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::{net::TcpListener, sync::oneshot};

/// What happens at a fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// This answer, in the provider's own way: an error, a throttling.
    Answer(Reply),
    /// The right answer, cut in the middle, as a complete response.
    Truncated,
    /// The right answer, the connection lost in the middle of its body.
    Reset,
}

/// A fault in the plan.
pub type Fault = plan::Fault<Act>;
/// The plan of faults.
pub type Faults = plan::Plan<Act>;

/// How a simulator begins.
#[derive(Clone, Copy, Debug)]
pub struct Start {
    /// The HTTPS port; 0 takes a free one.
    pub port: u16,
    /// Where the clock stands.
    pub now: Timestamp,
}

impl Start {
    /// On a free port, at this time.
    ///
    /// # Errors
    /// Where it is no time.
    pub fn at(now: &str) -> Result<Self, Error> {
        let now = now.parse()?;
        Ok(Self { port: 0, now })
    }
}

struct Running<A> {
    api: A,
    faults: Faults,
    now: Mutex<Timestamp>,
    asked: Mutex<Vec<(String, Asked)>>,
}

/// A running simulator; it stops when dropped.
pub struct Simulator<A> {
    running: Arc<Running<A>>,
    authority: Authority,
    addr: SocketAddr,
    /// Dropped, it ends the server.
    _until: oneshot::Sender<()>,
}

impl<A: Api> Simulator<A> {
    /// Starts a simulator on loopback.
    ///
    /// # Errors
    /// Where the port is taken.
    pub async fn start(api: A, start: Start) -> Result<Self, Error> {
        let authority = Authority::for_hosts(api.hosts())?;
        let running = Arc::new(Running {
            api,
            faults: Faults::default(),
            now: Mutex::new(start.now),
            asked: Mutex::default(),
        });
        let tcp = TcpListener::bind((Ipv4Addr::LOCALHOST, start.port)).await?;
        let addr = tcp.local_addr()?;
        let listener = TlsListener::new(tcp, &authority)?;
        let served = Router::new()
            .fallback(handle::<A>)
            .with_state(Arc::clone(&running));
        let (until, stopped) = oneshot::channel::<()>();
        let ended = async {
            // The sender is dropped with the simulator, which is the sign to end.
            let _dropped = stopped.await;
        };
        tokio::spawn(
            axum::serve(listener, served)
                .with_graceful_shutdown(ended)
                .into_future(),
        );
        Ok(Self {
            running,
            authority,
            addr,
            _until: until,
        })
    }

    /// Where HTTPS is served, for all hosts.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The provider.
    #[must_use]
    pub fn api(&self) -> &A {
        &self.running.api
    }

    /// The plan of faults.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.running.faults
    }

    /// Sets the clock.
    pub fn set_now(&self, now: Timestamp) {
        *lock(&self.running.now) = now;
    }

    /// All that was asked so far, each with its operation.
    #[must_use]
    pub fn asked(&self) -> Vec<(String, Asked)> {
        lock(&self.running.asked).clone()
    }

    /// How many requests came, by operation.
    #[must_use]
    pub fn requests(&self) -> BTreeMap<String, u64> {
        let mut counts = BTreeMap::new();
        for (operation, _) in lock(&self.running.asked).iter() {
            *counts.entry(operation.clone()).or_default() += 1;
        }
        counts
    }

    /// Forgets what was asked.
    pub fn forget_requests(&self) {
        lock(&self.running.asked).clear();
    }

    /// Writes what a client needs into `dir`: ca.pem and the provider's secrets.
    ///
    /// # Errors
    /// Where a file cannot be written.
    pub fn write_files(&self, dir: &Path) -> Result<(), Error> {
        std::fs::create_dir_all(dir)?;
        std::fs::write(dir.join("ca.pem"), &self.authority.ca_pem)?;
        for (name, secret) in self.running.api.secrets() {
            let mut options = std::fs::OpenOptions::new();
            options.write(true).create(true).truncate(true).mode(0o600);
            options.open(dir.join(name))?.write_all(secret.as_bytes())?;
        }
        Ok(())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn handle<A: Api>(
    State(running): State<Arc<Running<A>>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    let host = headers.get("host").and_then(|host| host.to_str().ok());
    let host = host.or_else(|| uri.host()).unwrap_or_default();
    let asked = Asked {
        method,
        host: host.split(':').next().unwrap_or_default().to_owned(),
        path: uri.path().to_owned(),
        query: uri.query().unwrap_or_default().to_owned(),
        headers,
        body,
        now: *lock(&running.now),
    };
    let operation = running.api.operation(&asked);
    let fault = running.faults.meet(&operation);
    lock(&running.asked).push((operation, asked.clone()));
    match fault {
        None => running.api.answer(&asked).whole(),
        Some(Act::Answer(reply)) => reply.whole(),
        Some(Act::Truncated) => running.api.answer(&asked).cut().whole(),
        Some(Act::Reset) => running.api.answer(&asked).reset(),
    }
}
