//! A simulated Prometheus behind a proxy with basic authentication, and a file server with a bearer token, written from the fact
//! sheet.
//!
//! What they hold lies in tests/data/generic, the golden records made from it in tests/golden/generic. Both are moments of the
//! clock: samples arrive, are restated and withdrawn as time goes on.

mod files;
mod metrics;
pub mod real;
pub mod stage;

use crate::{
    Error,
    provider::{Api, Asked, Reply},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use finops_decimal::Decimal;
use jiff::Timestamp;
use metrics::Metrics;
use std::sync::{Mutex, MutexGuard, PoisonError};

pub use metrics::{Sample, Series};

/// Host of the simulated Prometheus.
pub const PROMETHEUS: &str = "prometheus.internal";
/// Host of the file server.
pub const FILES: &str = "files.internal";
/// The user that Prometheus takes.
pub const USER: &str = "finops";
/// That user's password.
pub const PASSWORD: &str = "s3cr3t-of-the-proxy";
/// The token that the file server takes.
pub const TOKEN: &str = "t0ken-of-the-file-server";

/// What both servers hold.
pub struct Generic {
    metrics: Mutex<Metrics>,
    rows: Vec<files::Row>,
    /// How often each series, and each row, is there: for bills of any size.
    copies: usize,
    warning: Mutex<Option<String>>,
}

impl Generic {
    /// Both servers with the data of tests/data/generic.
    ///
    /// # Errors
    /// Where that is damaged.
    pub fn load() -> Result<Self, Error> {
        Ok(Self {
            metrics: Mutex::new(Metrics::load()?),
            rows: files::load()?,
            copies: 1,
            warning: Mutex::default(),
        })
    }

    /// With every series, and every row, so many times: each copy a resource of its own.
    #[must_use]
    pub fn copied(self, copies: usize) -> Self {
        Self { copies, ..self }
    }

    /// Changes what Prometheus holds.
    pub fn change(&self, change: impl FnOnce(&mut Vec<Series>)) {
        change(&mut lock(&self.metrics).series);
    }

    /// From now on every answer of Prometheus carries this warning, as Thanos does where a store is missing.
    pub fn warn(&self, warning: Option<&str>) {
        *lock(&self.warning) = warning.map(str::to_owned);
    }

    /// What the file server's bill of a month (`2026-07`) comes to at a time.
    ///
    /// # Errors
    /// Where a sum does not fit.
    pub fn invoice(&self, month: &str, now: Timestamp) -> Result<Decimal, Error> {
        let mut sum = Decimal::ZERO;
        for row in files::visible(&self.rows, now).filter(|row| row.day.starts_with(month)) {
            for _ in 0..self.copies {
                sum = sum.checked_add(row.amount.parse()?)?;
            }
        }
        Ok(sum)
    }
}

impl Api for Generic {
    fn hosts(&self) -> Vec<String> {
        vec![PROMETHEUS.to_owned(), FILES.to_owned()]
    }

    fn secrets(&self) -> Vec<(&'static str, String)> {
        vec![
            ("password.txt", PASSWORD.to_owned()),
            ("token.txt", TOKEN.to_owned()),
        ]
    }

    fn operation(&self, asked: &Asked) -> String {
        if asked.host == FILES {
            return "file".to_owned();
        }
        let query = metrics::parameters(asked).remove("query").unwrap_or_default();
        lock(&self.metrics).name(&query).to_owned()
    }

    fn answer(&self, asked: &Asked) -> Reply {
        let given = asked.header("authorization");
        match asked.host.as_str() {
            FILES if given == format!("Bearer {TOKEN}") => files::answer(&self.rows, self.copies, asked),
            PROMETHEUS if given == format!("Basic {}", STANDARD.encode(format!("{USER}:{PASSWORD}"))) => {
                let warning = lock(&self.warning).clone();
                metrics::answer(&lock(&self.metrics), self.copies, warning, asked)
            }
            FILES | PROMETHEUS => Reply::new(401, "text/plain", "Unauthorized\n")
                .with("www-authenticate", "Basic realm=\"internal\""),
            _ => Reply::new(421, "text/plain", "no such host\n"),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
