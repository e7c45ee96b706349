//! Step 9: what of a reply reaches the guest. What must hold: no cookie, no hop-by-hop header, no secret; never more bytes
//! than the limits, counted after decompression.

use super::{
    budget::Budget,
    client::chain,
    credential::{Echo, Watch},
    in_flight::Held,
    recording::{Playback, Played, Taking},
    refusal::{Fault, Refusal, RefusalKind},
    report::Journal,
};
use crate::{clock::SharedClock, sandbox::limits};
use bytes::{Bytes, BytesMut};
use jiff::Timestamp;
use reqwest::{Response, header::HeaderMap};
use std::{sync::Arc, time::Duration};

/// Longest wait between two pieces of a body.
const BETWEEN_BYTES: Duration = Duration::from_secs(30);
/// The host's choice of a piece, where the guest has none.
const PIECE: usize = 64 << 10;

/// Headers that never reach a guest: cookies, answers to a credential, and those of the connection (RFC 9110, 7.6.1).
const DROPPED: [&str; 15] = [
    "authentication-info",
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authentication-info",
    "proxy-connection",
    "set-cookie",
    "set-cookie2",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "alt-svc",
    "clear-site-data",
    "strict-transport-security",
];

/// A provider's reply.
#[derive(Debug)]
pub struct Reply {
    /// Its status.
    pub status: u16,
    /// Its headers: lower-case names; values that are not ASCII are left out.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: Body,
}

/// A reply's body, decoded. It holds the host's memory until it is dropped.
#[derive(Debug)]
pub struct Body {
    incoming: Option<Incoming>,
    taking: Option<Taking>,
    ready: BytesMut,
    echo: Echo,
    taken: u64,
    failed: Option<Refusal>,
    run: Arc<Run>,
    method: String,
    url: String,
    _window: Held,
}

/// Where a body comes from.
#[derive(Debug)]
enum Incoming {
    Response(Response),
    Recording(Playback),
}

/// What all calls of a run share.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) budget: Budget,
    pub(super) journal: Journal,
    pub(super) clock: SharedClock,
    pub(super) deadline: Timestamp,
    /// The run's own span: requests lie under it whatever task makes them.
    pub(super) span: tracing::Span,
}

impl Run {
    /// What the run's time still allows.
    pub(super) fn left(&self) -> Duration {
        let left = self.deadline.duration_since(self.clock.now());
        Duration::try_from(left).unwrap_or_default()
    }
}

/// Opens a reply for the guest. `url` is without its query.
pub(super) fn open(
    response: Response,
    watch: Watch,
    window: Held,
    run: Arc<Run>,
    (method, url): (&str, &str),
) -> Result<Reply, Fault> {
    let headers = kept(response.headers(), &watch)?;
    if let Some((_, encoding)) = headers.iter().find(|(name, _)| name == "content-encoding")
        && !encoding.eq_ignore_ascii_case("identity")
    {
        return Err(Fault::open(
            RefusalKind::Malformed,
            "the reply's body has an encoding that was not asked for",
        ));
    }
    Ok(Reply {
        status: response.status().as_u16(),
        headers,
        body: Body {
            incoming: Some(Incoming::Response(response)),
            taking: None,
            ready: BytesMut::new(),
            echo: Echo::new(watch),
            taken: 0,
            failed: None,
            run,
            method: method.to_owned(),
            url: url.to_owned(),
            _window: window,
        },
    })
}

/// Opens a recorded reply, which was filtered and searched when it was recorded.
pub(super) fn played(played: Played, window: Held, run: Arc<Run>, (method, url): (&str, &str)) -> Reply {
    Reply {
        status: played.status,
        headers: played.headers,
        body: Body {
            incoming: Some(Incoming::Recording(played.body)),
            taking: None,
            ready: BytesMut::new(),
            echo: Echo::new(Watch::none()),
            taken: 0,
            failed: None,
            run,
            method: method.to_owned(),
            url: url.to_owned(),
            _window: window,
        },
    }
}

/// The headers that reach the guest.
fn kept(headers: &HeaderMap, watch: &Watch) -> Result<Vec<(String, String)>, Fault> {
    let bytes: usize = headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len())
        .sum();
    if headers.len() > limits::HEADERS || bytes > limits::HEADER_BYTES {
        return Err(Fault::open(
            RefusalKind::TooLarge,
            format!(
                "the reply has more than {} headers, or more than {} bytes of them",
                limits::HEADERS,
                limits::HEADER_BYTES
            ),
        ));
    }
    // RFC 9110, 7.6.1: what `connection` names belongs to the connection, too.
    let named: Vec<String> = headers
        .get_all("connection")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|name| name.trim().to_ascii_lowercase())
        .collect();
    let mut found = Vec::with_capacity(headers.len());
    for (name, value) in headers {
        let name = name.as_str();
        if DROPPED.contains(&name) || named.iter().any(|hop| hop == name) {
            continue;
        }
        if watch.is_in(value.as_bytes()) || watch.is_in(name.as_bytes()) {
            return Err(echoed());
        }
        if let Ok(value) = value.to_str() {
            found.push((name.to_owned(), value.to_owned()));
        }
    }
    Ok(found)
}

impl Incoming {
    async fn next(&mut self, wait: Duration) -> Result<Option<Bytes>, Fault> {
        let response = match self {
            Self::Response(response) => response,
            Self::Recording(playback) => return playback.next(),
        };
        match tokio::time::timeout(wait, response.chunk()).await {
            Err(_) => Err(Fault::unreachable("the reply's body stopped coming")),
            Ok(Err(error)) => Err(Fault::hidden(
                RefusalKind::Malformed,
                "the reply's body is cut short or wrongly encoded",
                chain(&error.without_url()),
            )),
            Ok(Ok(piece)) => Ok(piece),
        }
    }
}

impl Body {
    /// Lets a recording have what the guest reads from now on.
    pub(super) fn recorded(&mut self, taking: Option<Taking>) {
        self.taking = taking;
    }

    /// The next piece, at most `max` bytes (0: the host's choice); none at the end. After an error, that error again.
    pub async fn chunk(&mut self, max: usize) -> Result<Option<Bytes>, Refusal> {
        if let Some(refusal) = &self.failed {
            return Err(refusal.clone());
        }
        let max = if max == 0 { PIECE } else { max };
        match self.next(max).await {
            Ok(Some(piece)) => {
                if let Some(taking) = &mut self.taking {
                    taking.piece(&piece);
                }
                Ok(Some(piece))
            }
            Ok(None) => {
                if let Some(taking) = self.taking.take() {
                    taking.ended();
                }
                Ok(None)
            }
            Err(fault) => {
                if let Some(taking) = self.taking.take() {
                    taking.broke(&fault.refusal);
                }
                self.run.journal.failed(&self.method, &self.url, &fault);
                self.incoming = None;
                self.ready.clear();
                self.failed = Some(fault.refusal.clone());
                Err(fault.refusal)
            }
        }
    }

    async fn next(&mut self, max: usize) -> Result<Option<Bytes>, Fault> {
        loop {
            let held_back = match self.incoming {
                Some(_) => self.echo.held_back(),
                None => 0,
            };
            let free = self.ready.len().saturating_sub(held_back).min(max);
            if free > 0 {
                return Ok(Some(self.ready.split_to(free).freeze()));
            }
            let Some(incoming) = &mut self.incoming else {
                return Ok(None);
            };
            let wait = BETWEEN_BYTES.min(self.run.left());
            match incoming.next(wait).await? {
                None => self.incoming = None,
                Some(piece) => {
                    self.taken = self.run.budget.received(self.taken, piece.len())?;
                    if self.echo.finds(&piece) {
                        return Err(echoed());
                    }
                    self.ready.extend_from_slice(&piece);
                }
            }
        }
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        // Read to its end, though nobody asked for what comes after the last byte.
        if self.incoming.is_none()
            && self.ready.is_empty()
            && let Some(taking) = self.taking.take()
        {
            taking.ended();
        }
    }
}

fn echoed() -> Fault {
    Fault::hidden(
        RefusalKind::Echoed,
        "the reply repeats a secret and is withheld",
        "credential-echoed: the provider's reply repeats a secret of this file, so none of it reached the collector",
    )
}
