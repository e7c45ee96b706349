//! A simulated Elastic Cloud organization: costs by instance over HTTPS on loopback, written from the fact sheet.
//!
//! It checks the API key, its role, the organization and the window as Elastic does, and gives one total for the window. Product lines
//! have versions: the state is a moment of the clock. They lie in tests/data/elastic, the golden records made from them in
//! tests/golden/elastic.

mod costs;
mod lines;
pub mod stage;

pub use lines::Lines;

use crate::{
    Error,
    provider::{Api, Asked, Reply, golden::Golden},
};
use serde_json::json;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The host of the API.
pub const HOST: &str = "cloud.elastic.co";
/// Id of the organization.
pub const ORGANIZATION: &str = "3166899605";
/// The API key that is taken.
pub const KEY: &str = "essu_c2ltdWxhdGVkLWVsYXN0aWMtY2xvdWQta2V5LTAxMjM0NTY3ODk=";
/// An API key without the role Billing admin.
pub const KEY_WITHOUT_ROLE: &str = "essu_c2ltdWxhdGVkLXZpZXdlcnMta2V5LTAwMDAwMDAwMDAwMDAwMDA=";

/// The organization.
pub struct Elastic {
    lines: Mutex<Lines>,
}

impl Elastic {
    /// The organization of tests/data/elastic; each product line stands so many times in a reply, each time with another SKU.
    ///
    /// # Errors
    /// Where the data is damaged.
    pub fn new(copies: u32) -> Result<Self, Error> {
        let lines = Mutex::new(Lines::load(copies)?);
        Ok(Self { lines })
    }

    /// Its product lines, to look at and to change.
    pub fn lines(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Api for Elastic {
    fn hosts(&self) -> Vec<String> {
        vec![HOST.to_owned()]
    }

    fn secrets(&self) -> Vec<(&'static str, String)> {
        vec![("authorization.txt", format!("ApiKey {KEY}"))]
    }

    /// `costs:2026-07-01`, so that a fault can be set for a day.
    fn operation(&self, asked: &Asked) -> String {
        match asked.path.ends_with("/costs/instances") {
            true => format!(
                "costs:{}",
                asked
                    .param("from")
                    .unwrap_or_default()
                    .get(..10)
                    .unwrap_or_default()
            ),
            false => "unknown".to_owned(),
        }
    }

    fn answer(&self, asked: &Asked) -> Reply {
        let is = |key: &str| asked.header("authorization") == format!("ApiKey {key}");
        if is(KEY_WITHOUT_ROLE) {
            let text = format!("403: User does not have 'billing-costs:get:{ORGANIZATION}' permissions");
            return Reply::new(403, "text/plain; charset=UTF-8", text);
        }
        if !is(KEY) {
            return refused(401, "root.unauthorized", "The supplied authentication is invalid");
        }
        let segments = asked.segments();
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        match (asked.method.as_str(), segments.as_slice()) {
            (
                "GET",
                [
                    "api",
                    "v2",
                    "billing",
                    "organizations",
                    ORGANIZATION,
                    "costs",
                    "instances",
                ],
            ) => costs::by_instance(self, asked),
            ("GET", ["api", "v2", "billing", "organizations", ..]) => {
                refused(404, "organization.not_found", "Organization not found")
            }
            _ => refused(
                404,
                "root.resource_not_found",
                "The requested resource could not be found",
            ),
        }
    }
}

/// An error of Elastic's.
#[must_use]
pub fn refused(status: u16, code: &str, message: &str) -> Reply {
    let error = json!({"code": code, "message": message});
    Reply::json(status, &json!({"errors": [error]})).with("x-cloud-error-codes", code)
}

/// What is answered to a client that asks too often; it may try again at once, so that no test has to wait.
#[must_use]
pub fn throttled() -> Reply {
    refused(429, "root.too_many_requests", "Too many requests").with("retry-after", "0")
}

/// The states of the golden records: moments of the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// 3 August: July as it is known then.
    Initial,
    /// 4 August: of the last days a late line, a restated one, one withdrawn.
    Restated,
    /// 9 August: late lines of longer ago; July is closed.
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

    /// The expected records, an ECU for a dollar.
    ///
    /// # Errors
    /// Where a committed file is damaged.
    pub fn golden(self) -> Result<Golden, Error> {
        Golden::read(match self {
            Self::Initial => include_str!("../../golden/elastic/initial.json"),
            Self::Restated => include_str!("../../golden/elastic/restated.json"),
            Self::Closed => include_str!("../../golden/elastic/closed.json"),
        })
    }
}

/// The expected records of the closed state by the price list of [`stage::CONTRACT`].
///
/// # Errors
/// Where the committed file is damaged.
pub fn contract() -> Result<Golden, Error> {
    Golden::read(include_str!("../../golden/elastic/contract.json"))
}
