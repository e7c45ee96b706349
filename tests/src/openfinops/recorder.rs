//! A recording destination on loopback: keeps every request it got, and does with each what the test says.
//! What must hold: it runs on a thread of its own, so that a blocking test and an async one can both use it.

use super::connection::{Breakable, Breaker};
use super::ingest::{Answer, Books, Request};
use super::outcome::{Outcome, Reply, Rest, Storage};
use super::port::ReservedPort;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, DefaultBodyLimit, State};
use axum::http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header};
use futures::StreamExt as _;
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

/// Where an exchange stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// Its headers have arrived; nothing of its body was read.
    Begun(Route),
    /// It was read whole and stored, or not; nothing was answered.
    Recorded(Route),
    /// Its answer has left.
    Answered(Route),
}

type Decision = dyn Fn(Route, &[u8]) -> Option<Outcome> + Send;
type Watch = Arc<dyn Fn(Event) + Send + Sync>;

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

    /// Is told of every exchange as it goes on, by the server's thread, which waits for it: a test can kill the client there.
    pub fn watch(&self, watch: impl Fn(Event) + Send + Sync + 'static) {
        self.notes().watch = Some(Arc::new(watch));
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
    /// The `Date` of an answer, where the server does not live by the real clock.
    fn date(&self) -> Option<HeaderValue> {
        let now = Timestamp::from_second(self.notes().now?).ok()?;
        HeaderValue::from_str(&now.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()).ok()
    }

    fn tell(&self, event: Event) {
        let watch = self.notes().watch.clone();
        if let Some(watch) = watch {
            watch(event);
        }
    }

    fn notes(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the test asked for, and what happened.
#[derive(Default)]
struct Notes {
    script: Vec<(Route, Outcome)>,
    decision: Option<Box<Decision>>,
    watch: Option<Watch>,
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
    request: axum::extract::Request,
) -> Response<Body> {
    let (head, body) = request.into_parts();
    let Some(route) = Route::of(&head.method, head.uri.path()) else {
        return response(
            404,
            &[("content-type", "text/html".to_owned())],
            "<h1>Not Found</h1>",
        );
    };
    shared.tell(Event::Begun(route));
    let Ok(body) = axum::body::to_bytes(body, usize::MAX).await else {
        // The client went away in the middle: nobody reads this.
        return response(400, &[], "");
    };
    // Before the request counts as arrived: a test may release it at once.
    let mut released = shared.released.subscribe();
    let query = head.uri.query().unwrap_or_default();
    let (outcome, (status, honest)) = record(&shared, route, query, head.headers, body);
    shared.tell(Event::Recorded(route));
    let mut reply = match &outcome.reply {
        Reply::Scripted {
            status,
            headers,
            body,
        } => response(*status, headers, body.clone()),
        Reply::Honest | Reply::Reset | Reply::Hang => response(status, &json(), honest.to_string()),
        Reply::Begun(rest) => response(status, &json(), begun(honest.to_string(), *rest)),
    };
    match outcome.reply {
        Reply::Reset => breaker.reset(),
        Reply::Hang => {
            // The sender lives as long as the server.
            let _ = released.changed().await;
            if outcome.storage == Storage::Lost {
                breaker.reset();
            }
        }
        Reply::Scripted { .. } | Reply::Honest | Reply::Begun(_) => {}
    }
    if let Some(date) = shared.date() {
        reply.headers_mut().insert(header::DATE, date);
    }
    breaker.when_left(move || shared.tell(Event::Answered(route)));
    reply
}

/// The first half of an answer, and what comes in place of the second.
fn begun(mut answer: String, rest: Rest) -> Body {
    answer.truncate(answer.len() / 2);
    let first = futures::stream::once(async { Ok(Bytes::from(answer)) });
    let piece = move |_| async move {
        match rest {
            Rest::Breaks => Err(std::io::Error::from(std::io::ErrorKind::ConnectionReset)),
            Rest::Drips(pause) => {
                tokio::time::sleep(pause).await;
                Ok(Bytes::from_static(b" "))
            }
            Rest::Endless => Ok(Bytes::from_static(&[b' '; 1 << 14])),
        }
    };
    Body::from_stream(first.chain(futures::stream::repeat(()).then(piece)))
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

fn json() -> [(&'static str, String); 1] {
    [("content-type", "application/json".to_owned())]
}

fn response(status: u16, headers: &[(&'static str, String)], body: impl Into<Body>) -> Response<Body> {
    let mut response = Response::new(body.into());
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in headers {
        if let Ok(value) = HeaderValue::from_str(value) {
            response.headers_mut().insert(*name, value);
        }
    }
    response
}
