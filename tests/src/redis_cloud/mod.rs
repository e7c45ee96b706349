//! A Redis Cloud account: the FOCUS cost report as a task, subscriptions and databases, behind two keys in headers.
//!
//! What must hold: written from the fact sheet. A range that is too long or lies in days to come, a second report at the same time
//! and a field that is not documented are refused.

mod inventory;
mod report;

pub use inventory::PASSWORD;

use crate::{
    Error,
    provider::{Api, Asked, Reply},
};
use finops_decimal::Decimal;
use jiff::Timestamp;
use report::Reports;
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// The host.
pub const HOST: &str = "api.redislabs.com";
/// The account.
pub const ACCOUNT: &str = "1001";
/// The account's key, `x-api-key`.
pub const ACCOUNT_KEY: &str = "A3simulated0account0key0000000000000001";
/// A user's key, `x-api-secret-key`.
pub const USER_KEY: &str = "S2simulated0user0key000000000000000000002";

/// How the account is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Whether a report holds its last day.
    pub last_day: bool,
    /// How often a task still runs when it is asked for.
    pub polls: u32,
    /// So many databases bill each line of August that names one.
    pub databases: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            last_day: true,
            polls: 0,
            databases: 1,
        }
    }
}

/// The account.
pub struct RedisCloud {
    reports: Mutex<Reports>,
}

impl RedisCloud {
    /// The account of tests/data.
    ///
    /// # Errors
    /// Where the data is damaged.
    pub fn new(options: Options) -> Result<Self, Error> {
        Ok(Self {
            reports: Mutex::new(Reports::load(options)?),
        })
    }

    /// What a month (`2026-07`) bills at that time, by currency.
    ///
    /// # Errors
    /// Where a sum does not fit.
    pub fn invoice(&self, month: &str, now: Timestamp) -> Result<BTreeMap<String, Decimal>, Error> {
        lock(&self.reports).invoice(month, now)
    }
}

impl Api for RedisCloud {
    fn hosts(&self) -> Vec<String> {
        vec![HOST.to_owned()]
    }

    fn secrets(&self) -> Vec<(&'static str, String)> {
        vec![
            ("api-key.txt", ACCOUNT_KEY.to_owned()),
            ("secret-key.txt", USER_KEY.to_owned()),
        ]
    }

    fn operation(&self, asked: &Asked) -> String {
        let segments = asked.segments();
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        match segments.as_slice() {
            ["v1", "cost-report"] => "createCostReport",
            ["v1", "cost-report", _] => "getCostReport",
            ["v1", "tasks", _] => "getTask",
            ["v1", "subscriptions"] => "listSubscriptions",
            ["v1", "fixed", "subscriptions"] => "listFixedSubscriptions",
            ["v1", .., "databases"] => "listDatabases",
            _ => "unknown",
        }
        .to_owned()
    }

    fn answer(&self, asked: &Asked) -> Reply {
        if asked.header("x-api-key") != ACCOUNT_KEY || asked.header("x-api-secret-key") != USER_KEY {
            return error(401, &asked.path);
        }
        let segments = asked.segments();
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        match (asked.method.as_str(), segments.as_slice()) {
            ("POST", ["v1", "cost-report"]) => lock(&self.reports).create(asked),
            ("GET", ["v1", "cost-report", id]) => lock(&self.reports).file(id, asked),
            ("GET", ["v1", "tasks", id]) => lock(&self.reports).task(id, asked),
            ("GET", ["v1", rest @ ..]) => match inventory::list(rest, asked) {
                Some(body) => Reply::json(200, &body),
                None => error(404, &asked.path),
            },
            _ => error(405, &asked.path),
        }
    }
}

/// An error as Redis Cloud writes it.
#[must_use]
pub fn error(status: u16, path: &str) -> Reply {
    let word = match status {
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        412 => "Precondition Failed",
        429 => "Too Many Requests",
        _ => "Internal Server Error",
    };
    let body: Value =
        json!({"timestamp": "2026-08-03T12:00:00.123456789Z", "status": status, "error": word, "path": path});
    Reply::json(status, &body)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
