//! A simulated Confluent Cloud organization: the cost list over HTTPS on loopback, written from the fact sheet.
//!
//! It checks the API key, the dates and the page size as Confluent does, and pages by an opaque token. Rows have versions: the state
//! is a moment of the clock. They lie in tests/data/confluent, the golden records made from them in tests/golden/confluent.

mod costs;
mod error;
mod rows;
pub mod stage;

pub use rows::{Row, Rows, Shape};

use crate::{
    Error,
    provider::{Api, Asked, Reply, golden::Golden},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The host of the API.
pub const HOST: &str = "api.confluent.cloud";
/// Id of the Cloud API key that is taken.
pub const KEY: &str = "CLOUDKEY7SIMULATED";
/// Its secret.
pub const SECRET: &str = "cflt-simulated+Secret/0123456789abcdefghij";
/// The secret of `KEY` when its owner has no role that may see costs.
pub const SECRET_WITHOUT_ROLE: &str = "cflt-simulated-secret-of-a-viewer-000000";

/// How it is set up.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Rows on a page, if fewer than were asked for.
    pub page: usize,
    /// How often each row stands in the list, each time of another resource: a large bill.
    pub copies: usize,
    /// What a row covers.
    pub shape: Shape,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            page: 10_000,
            copies: 1,
            shape: Shape::Days,
        }
    }
}

/// The organization.
pub struct Confluent {
    options: Options,
    rows: Mutex<Rows>,
}

impl Confluent {
    /// The organization of tests/data/confluent.
    ///
    /// # Errors
    /// Where the data is damaged.
    pub fn new(options: Options) -> Result<Self, Error> {
        let rows = Mutex::new(Rows::load(options.copies)?);
        Ok(Self { options, rows })
    }

    /// Its rows, to look at and to change.
    pub fn rows(&self) -> MutexGuard<'_, Rows> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn page(&self) -> usize {
        self.options.page
    }

    fn shape(&self) -> Shape {
        self.options.shape
    }
}

impl Api for Confluent {
    fn hosts(&self) -> Vec<String> {
        vec![HOST.to_owned()]
    }

    fn secrets(&self) -> Vec<(&'static str, String)> {
        vec![("key.txt", KEY.to_owned()), ("secret.txt", SECRET.to_owned())]
    }

    fn operation(&self, asked: &Asked) -> String {
        match asked.path.as_str() {
            "/billing/v1/costs" if asked.param("page_token").is_some() => "costs.next".to_owned(),
            "/billing/v1/costs" => "costs".to_owned(),
            _ => "unknown".to_owned(),
        }
    }

    fn answer(&self, asked: &Asked) -> Reply {
        let is = |secret: &str| {
            let encoded = BASE64_STANDARD.encode(format!("{KEY}:{secret}"));
            asked.header("authorization") == format!("Basic {encoded}")
        };
        if is(SECRET_WITHOUT_ROLE) {
            return error::reply(403, "forbidden", "Forbidden Access", "");
        }
        if !is(SECRET) {
            return error::reply(
                401,
                "unauthorized",
                "invalid API key: make sure you're using a Cloud API Key and not a Cluster API Key",
                "",
            )
            .with(
                "www-authenticate",
                "Basic error=\"invalid_key\", error_description=\"The API Key is invalid\"",
            );
        }
        match (asked.method.as_str(), asked.path.as_str()) {
            ("GET", "/billing/v1/costs") => costs::list(self, asked),
            _ => error::reply(404, "not_found", "Not Found", ""),
        }
    }
}

/// What is answered to a client that asks too often; it may try again at once, so that no test has to wait.
#[must_use]
pub fn throttled() -> Reply {
    error::throttled().with("retry-after", "0")
}

/// An error of Confluent's.
#[must_use]
pub fn refused(status: u16, detail: &str) -> Reply {
    error::reply(status, "simulated", detail, "")
}

/// The states of the golden records: moments of the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// 3 August: July as it is known then.
    Initial,
    /// 4 August: a late row, a restated one, one withdrawn.
    Restated,
    /// 9 August: July is closed with a credit.
    Closed,
}

impl State {
    /// All, in their order.
    pub const ALL: [Self; 3] = [Self::Initial, Self::Restated, Self::Closed];

    /// The time of the run that finds this state.
    #[must_use]
    pub fn now(self) -> &'static str {
        match self {
            Self::Initial => "2026-08-03T12:00:00Z",
            Self::Restated => "2026-08-04T12:00:00Z",
            Self::Closed => "2026-08-09T12:00:00Z",
        }
    }

    /// The expected records.
    ///
    /// # Errors
    /// Where a committed file is damaged.
    pub fn golden(self) -> Result<Golden, Error> {
        Golden::read(match self {
            Self::Initial => include_str!("../../golden/confluent/initial.json"),
            Self::Restated => include_str!("../../golden/confluent/restated.json"),
            Self::Closed => include_str!("../../golden/confluent/closed.json"),
        })
    }
}
