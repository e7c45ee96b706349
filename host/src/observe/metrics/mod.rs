//! Metrics: what this process counts of its runs and deliveries, beside what the ledger and the board say at the moment.
//!
//! What must hold: nothing here waits for anything; an instance that is no longer on the board leaves no series behind;
//! docs/metrics.md names every family.

pub(super) mod exposition;
mod families;
mod histogram;
mod render;
mod tally;
#[cfg(test)]
mod tests;

use super::{Board, Books};
use crate::{delivery::DeliveryReport, schedule::RunSummary};
use exposition::Exposition;
use jiff::Timestamp;
use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::{Duration, Instant},
};
use tally::Tally;

/// What this process counts. Clones share it.
#[derive(Clone, Debug)]
pub struct Metrics(Arc<Counted>);

#[derive(Debug)]
struct Counted {
    began: Instant,
    /// When that was by the host's clock: decided once, so that it stays the same from reading to reading.
    began_at: OnceLock<Timestamp>,
    tally: Mutex<Tally>,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// Nothing counted yet; the process's uptime counts from here.
    #[must_use]
    pub fn new() -> Self {
        Self(Arc::new(Counted {
            began: Instant::now(),
            began_at: OnceLock::new(),
            tally: Mutex::default(),
        }))
    }

    /// A run of an instance, which is on the board, has begun so long after its time.
    pub fn run_started(&self, instance: &str, lag: Duration) {
        self.tally().started(instance, lag);
    }

    /// A run has ended, after so long.
    pub fn run_ended(&self, summary: &RunSummary, took: Duration) {
        self.tally().ended(summary, took);
    }

    /// A delivery has ended.
    pub fn delivered(&self, destination: &str, report: &DeliveryReport) {
        self.tally().delivered(destination, report);
    }

    /// A delivery could not work at all; `kind` is one of few words, such as `storage` or `client`.
    pub fn delivery_failed(&self, destination: &str, kind: &str) {
        self.tally().delivery_failed(destination, kind);
    }

    /// The operator's files were read: so many are in force, and so many were refused.
    pub fn reloaded(&self, accepted: usize, refused: usize) {
        let mut tally = self.tally();
        tally.reloads += 1;
        tally.files = Some((accepted, refused));
    }

    /// The checker has looked over the ledger: how many differences it found in law 2, which must be none.
    pub fn proved(&self, law2_differences: u64, at: Timestamp) {
        self.tally().proof = Some((law2_differences, at));
    }

    /// All of it in Prometheus' text format.
    #[must_use]
    pub fn render(&self, board: &Board, books: &Books, now: Timestamp) -> String {
        self.told(board, books, now).into_text()
    }

    /// All of it as plain data.
    pub(super) fn told(&self, board: &Board, books: &Books, now: Timestamp) -> Exposition {
        // An instance stands on the board before its first run is counted: whoever was counted and is not there is gone.
        let counted: BTreeSet<String> = self.tally().instances.keys().cloned().collect();
        let instances = board.read();
        let tally = {
            let mut tally = self.tally();
            tally
                .instances
                .retain(|name, _| instances.contains_key(name) || !counted.contains(name));
            tally.clone()
        };
        let process = render::Process {
            began: self.began(now),
            uptime: self.0.began.elapsed(),
            resident: resident(),
        };
        render::render(process, &instances, &tally, books, now)
    }

    /// When the process began, by the host's clock.
    pub(super) fn began(&self, now: Timestamp) -> Timestamp {
        let uptime = self.0.began.elapsed();
        let began = || now.saturating_sub(uptime).unwrap_or(now);
        *self.0.began_at.get_or_init(began)
    }

    fn tally(&self) -> MutexGuard<'_, Tally> {
        self.0.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Bytes of the process's memory that are in use; `None` where the system has no such file.
fn resident() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}
