//! Whether the scheduler's loop ticks, and how far the program is: written by whoever serves, read by whoever asks.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU8, Ordering},
    },
    time::{Duration, Instant},
};

/// How long the scheduler's loop may be silent.
const SILENCE: Duration = Duration::from_secs(60);

/// The last tick of the scheduler's loop, by the monotonic clock. Clones share it.
#[derive(Clone, Debug)]
pub struct Heartbeat {
    origin: Instant,
    /// Milliseconds from the origin to the last beat.
    last: Arc<AtomicI64>,
}

impl Default for Heartbeat {
    fn default() -> Self {
        Self::new()
    }
}

impl Heartbeat {
    /// One that has just beaten.
    #[must_use]
    pub fn new() -> Self {
        Self {
            origin: Instant::now(),
            last: Arc::default(),
        }
    }

    /// The loop ticks.
    pub fn beat(&self, now: Instant) {
        self.last.fetch_max(self.since_origin(now), Ordering::Relaxed);
    }

    /// How long the loop has been silent, if that is too long.
    #[must_use]
    pub fn silent(&self, now: Instant) -> Option<Duration> {
        let silent = self
            .since_origin(now)
            .saturating_sub(self.last.load(Ordering::Relaxed));
        let silent = Duration::from_millis(u64::try_from(silent).unwrap_or(0));
        (silent > SILENCE).then_some(silent)
    }

    fn since_origin(&self, now: Instant) -> i64 {
        let passed = now.saturating_duration_since(self.origin);
        i64::try_from(passed.as_millis()).unwrap_or(i64::MAX)
    }

    /// As if the last beat were so long ago.
    #[cfg(test)]
    pub(super) fn stopped(ago: Duration) -> Self {
        let stopped = Self::new();
        let millis = i64::try_from(ago.as_millis()).unwrap_or(i64::MAX);
        stopped.last.store(-millis, Ordering::Relaxed);
        stopped
    }
}

/// How far the program is. It only goes forward.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// The ledger is being opened.
    Opening,
    /// The ledger is open; the operator's files are being read for the first time.
    Loading,
    /// What the files ask for is being done.
    Serving,
    /// It ends: nothing new begins.
    Stopping,
}

/// The program's phase. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Readiness(Arc<AtomicU8>);

impl Readiness {
    /// One that is [`Phase::Opening`].
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The program is in this phase now. An earlier one than that which it is in changes nothing.
    pub fn enter(&self, phase: Phase) {
        let rank = match phase {
            Phase::Opening => 0,
            Phase::Loading => 1,
            Phase::Serving => 2,
            Phase::Stopping => 3,
        };
        self.0.fetch_max(rank, Ordering::Relaxed);
    }

    /// Where it is.
    #[must_use]
    pub fn phase(&self) -> Phase {
        match self.0.load(Ordering::Relaxed) {
            0 => Phase::Opening,
            1 => Phase::Loading,
            2 => Phase::Serving,
            _ => Phase::Stopping,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loop_is_silent_too_long_after_a_minute_and_a_beat_mends_it() {
        let heartbeat = Heartbeat::new();
        let start = heartbeat.origin;
        let after = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(heartbeat.silent(after(60)), None);
        assert_eq!(heartbeat.silent(after(61)), Some(Duration::from_secs(61)));
        heartbeat.clone().beat(after(61));
        assert_eq!(heartbeat.silent(after(121)), None);
        heartbeat.beat(after(30));
        assert_eq!(
            heartbeat.silent(after(122)),
            Some(Duration::from_secs(61)),
            "a late word of an early beat changes nothing"
        );
    }

    #[test]
    fn phases_only_go_forward() {
        let readiness = Readiness::new();
        assert_eq!(readiness.phase(), Phase::Opening);
        readiness.clone().enter(Phase::Serving);
        readiness.enter(Phase::Loading);
        assert_eq!(readiness.phase(), Phase::Serving);
        readiness.enter(Phase::Stopping);
        readiness.enter(Phase::Serving);
        assert_eq!(readiness.phase(), Phase::Stopping);
    }
}
