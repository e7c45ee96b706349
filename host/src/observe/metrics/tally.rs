//! What this process has seen of runs and deliveries, added up.
//! What must hold: sums are whole numbers and exact decimals; each source of labels is bounded by who is on the board.

use super::histogram::Histogram;
use crate::{delivery::DeliveryReport, delivery::Ended, ledger::outbox::Counts, schedule::RunSummary};
use finops_decimal::Decimal;
use jiff::Timestamp;
use std::{collections::BTreeMap, time::Duration};

const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Upper bounds of how long runs take: from one that finds nothing due to a backfill.
const DURATIONS: &[Duration] = &[
    millis(100),
    millis(500),
    millis(1_000),
    millis(5_000),
    millis(15_000),
    millis(60_000),
    millis(300_000),
    millis(900_000),
    millis(3_600_000),
];
/// Upper bounds of how late runs start: a second is what the host is built for.
const LAGS: &[Duration] = &[
    millis(10),
    millis(50),
    millis(100),
    millis(500),
    millis(1_000),
    millis(5_000),
    millis(30_000),
    millis(300_000),
    millis(1_800_000),
];

/// Everything.
#[derive(Clone, Debug)]
pub(super) struct Tally {
    pub(super) instances: BTreeMap<String, InstanceTally>,
    pub(super) destinations: BTreeMap<String, DestinationTally>,
    pub(super) durations: Histogram,
    pub(super) lags: Histogram,
    /// Readings of the operator's files.
    pub(super) reloads: u64,
    /// Files that were accepted and refused at the last reading.
    pub(super) files: Option<(usize, usize)>,
    /// Differences in law 2, and when the checker looked.
    pub(super) proof: Option<(u64, Timestamp)>,
}

/// The runs of an instance.
#[derive(Clone, Debug, Default)]
pub(super) struct InstanceTally {
    pub(super) started: u64,
    pub(super) outcomes: BTreeMap<String, u64>,
    pub(super) last_took: Option<Duration>,
    pub(super) fates: Fates,
    pub(super) requests: Requests,
    pub(super) attempts: u64,
    pub(super) paid_calls: u64,
    pub(super) sent: u64,
    pub(super) received: u64,
    pub(super) spent: Decimal,
    /// Of the last run.
    pub(super) memory_peak: Option<u64>,
    pub(super) cpu: Duration,
}

/// What became of records, over all commits.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Fates {
    unchanged: u64,
    revised: u64,
    added: u64,
    withdrawn: u64,
    merged: u64,
}

/// Calls of guests: each is in one of these.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Requests {
    ok: u64,
    denied: u64,
    failed: u64,
}

/// The deliveries to a destination.
#[derive(Clone, Debug, Default)]
pub(super) struct DestinationTally {
    pub(super) outcomes: BTreeMap<String, u64>,
    pub(super) sent: u64,
    pub(super) found: u64,
    pub(super) settled: u64,
    pub(super) dead: u64,
    pub(super) maybe_duplicated: u64,
    /// Its entries by state, as the last delivery left them.
    pub(super) counts: Option<Counts>,
}

impl Default for Tally {
    fn default() -> Self {
        Self {
            instances: BTreeMap::new(),
            destinations: BTreeMap::new(),
            durations: Histogram::new(DURATIONS),
            lags: Histogram::new(LAGS),
            reloads: 0,
            files: None,
            proof: None,
        }
    }
}

impl Tally {
    pub(super) fn started(&mut self, instance: &str, lag: Duration) {
        self.instances.entry(instance.to_owned()).or_default().started += 1;
        self.lags.observe(lag);
    }

    pub(super) fn ended(&mut self, summary: &RunSummary, took: Duration) {
        self.durations.observe(took);
        let tally = self.instances.entry(summary.instance.clone()).or_default();
        tally.add(summary, took);
    }

    pub(super) fn delivered(&mut self, destination: &str, report: &DeliveryReport) {
        let tally = self.destinations.entry(destination.to_owned()).or_default();
        tally.add(report);
    }

    pub(super) fn delivery_failed(&mut self, destination: &str, kind: &str) {
        let tally = self.destinations.entry(destination.to_owned()).or_default();
        *tally.outcomes.entry(kind.to_owned()).or_default() += 1;
    }
}

impl InstanceTally {
    fn add(&mut self, summary: &RunSummary, took: Duration) {
        *self.outcomes.entry(summary.outcome.clone()).or_default() += 1;
        self.last_took = Some(took);
        let receipts = &summary.counts.receipts;
        self.fates.unchanged += receipts.unchanged;
        self.fates.revised += receipts.revised;
        self.fates.added += receipts.added;
        self.fates.withdrawn += receipts.withdrawn;
        self.fates.merged += receipts.merged;
        let egress = &summary.egress;
        let denied = egress.denied.iter().map(|call| call.times).sum::<u64>() + egress.denied_unlisted;
        let failed = egress.failed.iter().map(|call| call.times).sum::<u64>() + egress.failed_unlisted;
        self.requests.denied += denied;
        self.requests.failed += failed;
        self.requests.ok += egress.requests.saturating_sub(denied + failed);
        self.attempts += egress.attempts;
        self.paid_calls += egress.paid_calls;
        self.sent += egress.sent;
        self.received += egress.received;
        match self.spent.checked_add(egress.spent) {
            Ok(spent) => self.spent = spent,
            Err(error) => tracing::warn!(%error, "spend on paid calls is no longer added up for metrics"),
        }
        self.memory_peak = Some(summary.usage.memory);
        self.cpu = self
            .cpu
            .saturating_add(Duration::from_millis(summary.usage.cpu_ms));
    }
}

impl Fates {
    /// Each by its name.
    pub(super) fn named(self) -> [(&'static str, u64); 5] {
        [
            ("unchanged", self.unchanged),
            ("revised", self.revised),
            ("new", self.added),
            ("withdrawn", self.withdrawn),
            ("merged", self.merged),
        ]
    }
}

impl Requests {
    /// Each by its name.
    pub(super) fn named(self) -> [(&'static str, u64); 3] {
        [("ok", self.ok), ("denied", self.denied), ("failed", self.failed)]
    }
}

impl DestinationTally {
    fn add(&mut self, report: &DeliveryReport) {
        let outcome = match report.ended {
            Ended::Drained => "drained",
            Ended::Paused(_) => "paused",
            Ended::Unexpected(_) => "unexpected",
            Ended::OutOfTime => "out-of-time",
        };
        *self.outcomes.entry(outcome.to_owned()).or_default() += 1;
        self.sent += report.sent;
        self.found += report.found;
        self.settled += report.settled;
        self.dead += report.dead;
        self.maybe_duplicated += report.maybe_duplicated;
        self.counts = Some(report.counts);
    }
}
