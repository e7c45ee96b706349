//! A recording destination on loopback: keeps every request it got, and does with each what the test says.
//! What must hold: it runs on a thread of its own, so that a blocking test and an async one can both use it.

use super::connection::{Breakable, Breaker};
use super::ingest::{Answer, Books, Request};
use super::outcome::{Outcome, Reply, Storage};
use super::port::ReservedPort;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, DefaultBodyLimit, State};
use axum::http::{HeaderMap, HeaderValue, Method, Response, StatusCode, Uri, header};
use jiff::Timestamp;
use serde_json::Value;
use std::io::Result;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use tokio::sync::{oneshot, watch};

/// A route of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// `POST /api/v1/agents/register`
    Register,
    /// `POST /api/v1/telemetry/ingest`
    Ingest,
    /// `GET /api/v1/agents`
    Agents,
    /// `GET /api/v1/telemetry/recent`
    Recent,
    /// `GET /health`
    Health,
}

impl Route {
    fn of(method: &Method, path: &str) -> Option<Self> {
        match (method.as_str(), path) {
            ("POST", "/api/v1/agents/register") => Some(Self::Register),
            ("POST", "/api/v1/telemetry/ingest") => Some(Self::Ingest),
            ("GET", "/api/v1/agents") => Some(Self::Agents),
            ("GET", "/api/v1/telemetry/recent") => Some(Self::Recent),
            ("GET", "/health") => Some(Self::Health),
            _ => None,
        }
    }
}

/// A request that arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// Where it went.
    pub route: Route,
    /// What stood after the `?`.
    pub query: String,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body, byte for byte.
    pub body: Bytes,
    /// Whether the server kept it.
    pub storage: Storage,
}

type Decision = dyn Fn(Route, &[u8]) -> Option<Outcome> + Send;

/// The recording destination; dropping it stops it.
pub struct Recorder {
    port: ReservedPort,
    shared: Arc<Shared>,
    running: Option<Running>,
}

impl Recorder {
    /// Listens on a free port, answers honestly, and lives by the real clock.
    pub fn start() -> Result<Self> {
        let mut recorder = Self {
            port: ReservedPort::new()?,
            shared: Arc::default(),
            running: None,
        };
        recorder.listen()?;
        Ok(recorder)
    }

    /// What a config's `endpoint` says.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address())
    }

    /// Where it listens, or would.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.port.address()
    }

    /// What happens to the next requests on a route, one after the other.
    pub fn script(&self, route: Route, outcomes: impl IntoIterator<Item = Outcome>) {
        self.notes()
            .script
            .extend(outcomes.into_iter().map(|outcome| (route, outcome)));
    }

    /// What happens to requests by what they say, where the script has nothing for them; `None`: the honest answer.
    pub fn decide(&self, decision: impl Fn(Route, &[u8]) -> Option<Outcome> + Send + 'static) {
        self.notes().decision = Some(Box::new(decision));
    }

    /// Lives at this moment (seconds since the epoch) from now on.
    pub fn set_now(&self, seconds: i64) {
        self.notes().now = Some(seconds);
    }

    /// All requests on a route so far.
    #[must_use]
    pub fn received(&self, route: Route) -> Vec<Received> {
        self.notes()
            .received
            .iter()
            .filter(|received| received.route == route)
            .cloned()
            .collect()
    }

    /// Waits until that many requests have arrived on a route since the start; all so far are given.
    pub async fn arrived(&self, route: Route, count: usize) -> Vec<Received> {
        let mut arrived = self.shared.arrived.subscribe();
        loop {
            let received = self.received(route);
            // The sender lives as long as we do.
            if received.len() >= count || arrived.changed().await.is_err() {
                return received;
            }
        }
    }

    /// The stored rows in the order of arrival, as `/recent` shows them.
    #[must_use]
    pub fn stored(&self) -> Vec<Value> {
        self.notes().books.rows().to_vec()
    }

    /// The ids of the registered agents.
    #[must_use]
    pub fn agents(&self) -> Vec<String> {
        self.notes().books.agent_ids()
    }

    /// Forgets the agents, as a server whose registry was lost.
    pub fn forget_agents(&self) {
        self.notes().books.forget_agents();
    }

    /// Forgets all that was stored, as a server that was set up anew; what it received stays known to the test.
    pub fn wipe(&self) {
        self.notes().books = Books::default();
    }

    /// Lets every hanging request go on: it is answered if it was kept, reset if it was lost.
    pub fn release(&self) {
        self.shared.released.send_replace(());
    }

    /// From here on connections are refused and the open ones are gone.
    pub fn refuse(&mut self) {
        self.running = None;
    }

    /// From here on connections are accepted again, on the same port.
    pub fn listen(&mut self) -> Result<()> {
        if self.running.is_none() {
            self.running = Some(Running::start(self.port.listen()?, Arc::clone(&self.shared))?);
        }
        Ok(())
    }

    fn notes(&self) -> MutexGuard<'_, Notes> {
        self.shared.notes()
    }
}

/// What the recorder and its server share.
#[derive(Default)]
struct Shared {
    notes: Mutex<Notes>,
    arrived: watch::Sender<()>,
    released: watch::Sender<()>,
}

impl Shared {
    fn notes(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the test asked for, and what happened.
#[derive(Default)]
struct Notes {
    script: Vec<(Route, Outcome)>,
    decision: Option<Box<Decision>>,
    now: Option<i64>,
    received: Vec<Received>,
    books: Books,
}

impl Notes {
    /// What happens to this request; its line of the script is used up.
    fn outcome(&mut self, route: Route, body: &[u8]) -> Outcome {
        if let Some(line) = self.script.iter().position(|(scripted, _)| *scripted == route) {
            return self.script.remove(line).1;
        }
        let decided = self.decision.as_ref().and_then(|decision| decision(route, body));
        decided.unwrap_or_else(Outcome::success)
    }
}

/// The server's thread; dropping it ends the thread, and with it every connection.
struct Running {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Running {
    fn start(listener: std::net::TcpListener, shared: Arc<Shared>) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let (stop, stopped) = oneshot::channel();
        let listener = {
            let _guard = runtime.enter();
            Breakable(tokio::net::TcpListener::from_std(listener)?)
        };
        let service = Router::new()
            .fallback(answer)
            .layer(DefaultBodyLimit::disable())
            .with_state(shared);
        let service = service.into_make_service_with_connect_info::<Breaker>();
        let thread = std::thread::Builder::new()
            .name("recorder".to_owned())
            .spawn(move || {
                runtime.block_on(async {
                    tokio::select! {
                        _ = axum::serve(listener, service) => {}
                        _ = stopped => {}
                    }
                });
            })?;
        Ok(Self {
            stop: Some(stop),
            thread: Some(thread),
        })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.stop.take());
        // A thread that panicked has said so already.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

async fn answer(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(breaker): ConnectInfo<Breaker>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    let Some(route) = Route::of(&method, uri.path()) else {
        return response(
            404,
            &[("content-type", "text/html".to_owned())],
            "<h1>Not Found</h1>".to_owned(),
        );
    };
    // Before the request counts as arrived: a test may release it at once.
    let mut released = shared.released.subscribe();
    let query = uri.query().unwrap_or_default();
    let (outcome, (status, honest)) = record(&shared, route, query, headers, body);
    match outcome.reply {
        Reply::Honest => {}
        Reply::Scripted {
            status,
            headers,
            body,
        } => return response(status, &headers, body),
        Reply::Reset => breaker.reset(),
        Reply::Hang => {
            // The sender lives as long as the server.
            let _ = released.changed().await;
            if outcome.storage == Storage::Lost {
                breaker.reset();
            }
        }
    }
    response(
        status,
        &[("content-type", "application/json".to_owned())],
        honest.to_string(),
    )
}

/// Takes the request into the books as the test wants it, and says so to whoever waits.
fn record(shared: &Shared, route: Route, query: &str, headers: HeaderMap, body: Bytes) -> (Outcome, Answer) {
    let mut notes = shared.notes();
    let outcome = notes.outcome(route, &body);
    let now = notes.now.unwrap_or_else(|| Timestamp::now().as_second());
    let content_type = headers
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .unwrap_or_default();
    let request = Request {
        route,
        query,
        content_type,
        body: &body,
    };
    let (storage, answer) = notes.books.answer(&request, outcome.storage, now);
    notes.received.push(Received {
        route,
        query: query.to_owned(),
        headers,
        body,
        storage,
    });
    drop(notes);
    shared.arrived.send_replace(());
    (outcome, answer)
}

fn response(status: u16, headers: &[(&'static str, String)], body: String) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in headers {
        if let Ok(value) = HeaderValue::from_str(value) {
            response.headers_mut().insert(*name, value);
        }
    }
    response
}
