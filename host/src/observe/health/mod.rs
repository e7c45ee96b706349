//! Health: whether the program lives and is ready, how its instances stand, and its metrics, over HTTP.
//!
//! What must hold: `/livez` depends on nothing but the scheduler's own loop; `/statusz` is for this machine alone; what is asked
//! costs little, however often; nothing of a request is logged beyond its method and path.

mod kept;
mod life;
mod listen;
mod loopback;
#[cfg(test)]
mod tests;

use super::{Activity, Board, Books, InstanceState, Metrics};
use crate::{
    clock::SharedClock,
    foreign::{Foreign, for_output},
    ledger::{
        overview::{OutboxRow, outbox_overview},
        quota::{self, Outbox},
        snapshot::{SnapshotRow, snapshots},
        store::{LedgerError, open_read_only},
    },
};
use axum::{
    Router,
    extract::{Request, State},
    http::{Method, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{any, get},
};
use jiff::Timestamp;
use kept::Kept;
pub use life::{Heartbeat, Phase, Readiness};
use listen::Bounds;
use serde::Serialize;
use std::{
    collections::BTreeMap,
    future::Future,
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

/// What is asked for health.
#[derive(Clone, Debug)]
pub struct Health {
    /// How each instance stands.
    pub board: Board,
    /// What is counted.
    pub metrics: Metrics,
    /// Where the ledger is.
    pub state_dir: PathBuf,
    /// The host's clock.
    pub clock: SharedClock,
    /// How far the program is.
    pub ready: Readiness,
    /// Whether the scheduler's loop ticks.
    pub heartbeat: Heartbeat,
}

/// Answers on these sockets until `stop`; replies under way then have a second.
///
/// # Errors
/// Where a socket is none that can be listened on.
pub fn listen(
    listeners: Vec<std::net::TcpListener>,
    health: Health,
    stop: impl Future<Output = ()>,
) -> impl Future<Output = io::Result<()>> {
    listen_within(Bounds::USUAL, listeners, health, stop)
}

async fn listen_within(
    bounds: Bounds,
    listeners: Vec<std::net::TcpListener>,
    health: Health,
    stop: impl Future<Output = ()>,
) -> io::Result<()> {
    let clock = health.clock.clone();
    listen::serve(listeners, router(health), bounds, clock, stop).await
}

/// The least that an answer stands: it is never older than a second, unless making it takes long.
const LEAST: Duration = Duration::from_secs(1);
/// Of its time, the share that reading the ledger may take: a fiftieth.
const SHARE: u32 = 50;

struct Desk {
    health: Health,
    books: Kept<Books>,
    page: Kept<String>,
    deliveries: Kept<Result<Deliveries, String>>,
}

fn router(health: Health) -> Router {
    let desk = Desk {
        health,
        books: Kept::new(LEAST, SHARE),
        page: Kept::new(LEAST, 0),
        deliveries: Kept::new(LEAST, SHARE),
    };
    Router::new()
        .route("/livez", get(livez))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        // Every method, so that no `Allow` header tells others that the path is there.
        .route(
            "/statusz",
            any(statusz).layer(middleware::from_fn(loopback::only)),
        )
        .layer(middleware::from_fn(note))
        .with_state(Arc::new(desk))
}

async fn note(request: Request, next: Next) -> Response {
    let method = Foreign::from(request.method().as_str());
    let path = Foreign::from(request.uri().path());
    tracing::debug!(%method, %path, "health");
    next.run(request).await
}

async fn livez(State(desk): State<Arc<Desk>>) -> Response {
    match desk.health.heartbeat.silent(Instant::now()) {
        None => "alive\n".into_response(),
        Some(silent) => {
            let why = format!("the scheduler has not ticked for {} s\n", silent.as_secs());
            (StatusCode::SERVICE_UNAVAILABLE, why).into_response()
        }
    }
}

async fn readyz(State(desk): State<Arc<Desk>>) -> Response {
    match unready(desk.health.ready.phase(), &desk.health.board.read()) {
        None => "ready\n".into_response(),
        Some(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")).into_response(),
    }
}

/// Why it is not ready: without the names of files, since others than this machine may ask.
fn unready(phase: Phase, instances: &BTreeMap<String, InstanceState>) -> Option<String> {
    match phase {
        Phase::Opening => return Some("the ledger is not open yet".to_owned()),
        Phase::Loading => return Some("the files are being read for the first time".to_owned()),
        Phase::Stopping => return Some("the program is stopping".to_owned()),
        Phase::Serving => {}
    }
    let fit = instances.values().any(|state| state.activity != Activity::Unfit);
    (!fit && !instances.is_empty()).then(|| {
        format!(
            "none of {} instances is fit to run; `finops-host check` says why, and /statusz on the machine itself",
            instances.len()
        )
    })
}

async fn metrics(State(desk): State<Arc<Desk>>) -> Response {
    let Health {
        board,
        metrics,
        state_dir,
        clock,
        ..
    } = desk.health.clone();
    let at = clock.clone();
    let books = desk.books.get(move || Books::read(&state_dir, at.now()));
    let Some(books) = books.await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let page = desk.page.get(move || metrics.render(&board, &books, clock.now()));
    match page.await {
        Some(page) => answer("text/plain; version=0.0.4; charset=utf-8", page.as_str()),
        None => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

fn answer(kind: &'static str, body: &str) -> Response {
    let headers = [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "no-store")];
    (headers, body.to_owned()).into_response()
}

/// What `status --json` shows of deliveries, under the same names.
#[derive(Debug, Serialize)]
struct Deliveries {
    outbox: Vec<OutboxRow>,
    outbox_size: Outbox,
    snapshots: Vec<SnapshotRow>,
}

impl Deliveries {
    fn read(state_dir: &Path) -> Result<Self, LedgerError> {
        let connection = open_read_only(state_dir)?;
        Ok(Self {
            outbox: outbox_overview(&connection)?,
            outbox_size: quota::outbox(&connection)?,
            snapshots: snapshots(&connection)?,
        })
    }
}

/// The answer of `/statusz`.
#[derive(Debug, Serialize)]
struct Status<'a> {
    version: &'static str,
    at: Timestamp,
    phase: Phase,
    instances: BTreeMap<String, InstanceState>,
    #[serde(flatten)]
    deliveries: Option<&'a Deliveries>,
    /// Why deliveries are not shown.
    ledger_error: Option<&'a str>,
}

async fn statusz(State(desk): State<Arc<Desk>>, method: Method) -> Response {
    if !matches!(method, Method::GET | Method::HEAD) {
        return (StatusCode::METHOD_NOT_ALLOWED, [(header::ALLOW, "GET,HEAD")]).into_response();
    }
    let health = &desk.health;
    let state_dir = health.state_dir.clone();
    let read = move || Deliveries::read(&state_dir).map_err(|error| error.to_string());
    let Some(deliveries) = desk.deliveries.get(read).await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let status = Status {
        version: env!("CARGO_PKG_VERSION"),
        at: health.clock.now(),
        phase: health.ready.phase(),
        instances: health.board.read(),
        deliveries: deliveries.as_ref().as_ref().ok(),
        ledger_error: deliveries.as_ref().as_ref().err().map(String::as_str),
    };
    match serde_json::to_string_pretty(&status) {
        Ok(json) => answer("application/json", &for_output(&json)),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
