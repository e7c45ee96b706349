//! When an instance runs next: plain functions over its rhythm, its last start and how its last runs went.
//!
//! What must hold: however the clock jumps and however long nothing ran, at most one missed run is made up for; a run that failed
//! is never tried again at once; a wait is never negative, and an instance waits at most for one turn of its rhythm (or for the
//! pause that its failures ask for).

use crate::{
    component::descriptor::Descriptor,
    config::{Config, Cron},
    sandbox::{FailureKind, RunError},
};
use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};
use std::time::Duration;

/// The shortest time between two runs where the streams' cadences decide: a stream that names a shorter one means observations
/// that nobody asked for at that price.
const SHORTEST: Duration = Duration::from_secs(60);
/// How long one waits after the first failure; each further one doubles it.
const FIRST_PAUSE: Duration = Duration::from_secs(60);
/// The longest pause that failures ask for.
const LONGEST_PAUSE: Duration = Duration::from_secs(3_600);

/// When an instance is to run.
#[derive(Clone, Debug)]
pub struct Rhythm {
    beat: Beat,
    /// How far its turns are put off: always the same for an instance, so that its runs keep their distance.
    offset: Duration,
}

#[derive(Clone, Debug)]
enum Beat {
    Every(Duration),
    Cron(Cron),
}

/// How the last runs of an instance went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Past {
    /// Well, or there were none.
    #[default]
    Well,
    /// They failed.
    Failed {
        /// How many in a row.
        times: u32,
        /// Whether the last is worth trying again before its turn: what failed may pass by itself.
        passing: bool,
    },
}

impl Past {
    /// What it is once another run has ended.
    #[must_use]
    pub fn then(self, end: &Result<(), RunError>) -> Self {
        let Err(error) = end else {
            return Self::Well;
        };
        let before = match self {
            Self::Well => 0,
            Self::Failed { times, .. } => times,
        };
        Self::Failed {
            times: before.saturating_add(1),
            passing: may_pass(error),
        }
    }
}

/// Whether what ended a run may pass by itself.
fn may_pass(error: &RunError) -> bool {
    match error {
        RunError::Failure(failure) => matches!(
            failure.kind,
            FailureKind::Unreachable
                | FailureKind::Throttled
                | FailureKind::Provider
                | FailureKind::Incomplete
        ),
        RunError::Storage(_) => true,
        _ => false,
    }
}

impl Rhythm {
    /// What the operator's file says, else the shortest cadence of the collector's streams.
    #[must_use]
    pub fn of(config: &Config, descriptor: &Descriptor) -> Self {
        let cadences = descriptor
            .streams
            .iter()
            .map(|stream| stream.cadence.unwrap_or(stream.latency));
        let beat = match (&config.cron, config.interval) {
            (Some(cron), _) => Beat::Cron(cron.clone()),
            (None, Some(interval)) => Beat::Every(interval),
            (None, None) => {
                let shortest = cadences.min().map_or(LONGEST_PAUSE, Duration::from_secs);
                Beat::Every(shortest.max(SHORTEST))
            }
        };
        Self::new(beat, config.jitter, &config.name)
    }

    fn new(beat: Beat, jitter: Option<Duration>, instance: &str) -> Self {
        // Instances of one interval are spread over all of it; a cron expression means the minute that it names.
        let jitter = jitter.unwrap_or(match beat {
            Beat::Every(interval) => interval,
            Beat::Cron(_) => Duration::ZERO,
        });
        let offset = match u64::try_from(jitter.as_millis()) {
            Ok(millis) if millis > 0 => Duration::from_millis(drawn(instance) % millis),
            _ => Duration::ZERO,
        };
        Self { beat, offset }
    }

    /// Its first turn after an instant; `None` beyond the calendar.
    fn turn_after(&self, at: Timestamp) -> Option<Timestamp> {
        let offset = SignedDuration::try_from(self.offset).ok()?;
        let before = at.checked_sub(offset).ok()?;
        let turn = match &self.beat {
            Beat::Every(interval) => {
                let interval = i64::try_from(interval.as_millis()).ok()?.max(1);
                let passed = before.as_millisecond().div_euclid(interval);
                Timestamp::from_millisecond(passed.checked_add(1)?.checked_mul(interval)?).ok()?
            }
            Beat::Cron(cron) => cron.next_after(before)?,
        };
        turn.checked_add(offset).ok()
    }

    /// The first turn that a run begun at `started` leaves: the one after it, but of an interval none that comes before half of
    /// it is over, so that a run by hand does not call the next one at once.
    fn turn_left(&self, started: Timestamp) -> Option<Timestamp> {
        let rest = match self.beat {
            Beat::Every(interval) => SignedDuration::try_from(interval / 2).ok()?,
            Beat::Cron(_) => SignedDuration::ZERO,
        };
        self.turn_after(started.checked_add(rest).ok()?)
    }

    /// When it runs next; now, where a turn was missed or it never ran. `None`: never again within the calendar.
    #[must_use]
    pub fn next(&self, last_start: Option<Timestamp>, past: Past, now: Timestamp) -> Option<Timestamp> {
        let due = match last_start {
            None => Some(now),
            // The clock was put back: what it showed says nothing of how long ago that was.
            Some(started) if started > now => self.turn_after(now),
            Some(started) => self.turn_left(started).map(|turn| turn.max(now)),
        };
        let Past::Failed { times, passing } = past else {
            return due;
        };
        let pause = pause(times);
        let again = now
            .checked_add(SignedDuration::try_from(self.spread(pause)).ok()?)
            .ok()?;
        match passing {
            true => Some(again),
            false => self.turn_after(again.max(due?).checked_sub(SignedDuration::from_millis(1)).ok()?),
        }
    }

    /// A pause, and up to a quarter of it more, so that many who fail for one reason do not come back as one.
    fn spread(&self, pause: Duration) -> Duration {
        let quarter = u64::try_from((pause / 4).as_millis()).unwrap_or(u64::MAX).max(1);
        let offset = u64::try_from(self.offset.as_millis()).unwrap_or_default();
        pause + Duration::from_millis(offset % quarter)
    }
}

/// How long after so many failures in a row.
fn pause(times: u32) -> Duration {
    let doublings = times.saturating_sub(1).min(16);
    FIRST_PAUSE.saturating_mul(1 << doublings).min(LONGEST_PAUSE)
}

/// A number that is always the same for a name, and different for most.
fn drawn(name: &str) -> u64 {
    let digest = Sha256::digest(name.as_bytes());
    digest
        .iter()
        .take(8)
        .fold(0, |number, byte| number << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    const HOUR: Duration = Duration::from_secs(3_600);

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn every(interval: Duration) -> Rhythm {
        Rhythm::new(Beat::Every(interval), Some(Duration::ZERO), "acme")
    }

    fn cron(text: &str, jitter: Option<Duration>) -> Rhythm {
        Rhythm::new(Beat::Cron(text.parse().unwrap()), jitter, "acme")
    }

    fn next(rhythm: &Rhythm, last: &str, now: &str) -> String {
        let last = (!last.is_empty()).then(|| at(last));
        rhythm.next(last, Past::Well, at(now)).unwrap().to_string()
    }

    #[test]
    fn an_instance_that_never_ran_runs_now() {
        assert_eq!(
            next(&every(HOUR), "", "2026-08-03T12:34:56Z"),
            "2026-08-03T12:34:56Z"
        );
        let daily = cron("0 6 * * *", None);
        assert_eq!(next(&daily, "", "2026-08-03T12:34:56Z"), "2026-08-03T12:34:56Z");
    }

    #[test]
    fn turns_of_an_interval_do_not_drift_and_a_run_by_hand_does_not_call_the_next_at_once() {
        let hourly = every(HOUR);
        assert_eq!(
            next(&hourly, "2026-08-03T12:00:03Z", "2026-08-03T12:05:00Z"),
            "2026-08-03T13:00:00Z"
        );
        assert_eq!(
            next(&hourly, "2026-08-03T12:59:00Z", "2026-08-03T12:59:30Z"),
            "2026-08-03T14:00:00Z"
        );
    }

    #[test]
    fn however_many_turns_were_missed_one_run_makes_up_for_them() {
        let now = "2026-08-09T12:34:00Z";
        for (rhythm, then) in [
            (every(HOUR), "2026-08-09T14:00:00Z"),
            (cron("0 * * * *", None), "2026-08-09T13:00:00Z"),
        ] {
            assert_eq!(next(&rhythm, "2026-08-03T12:00:00Z", now), now);
            assert_eq!(next(&rhythm, now, "2026-08-09T12:36:00Z"), then);
        }
    }

    #[test]
    fn a_clock_that_was_put_back_costs_no_more_than_a_turn() {
        for rhythm in [every(HOUR), cron("0 * * * *", None)] {
            assert_eq!(
                next(&rhythm, "2027-08-03T12:00:00Z", "2026-08-03T12:34:00Z"),
                "2026-08-03T13:00:00Z"
            );
        }
    }

    #[test]
    fn what_may_pass_is_tried_again_after_growing_pauses_and_the_rest_waits_for_a_turn() {
        let daily = every(HOUR * 24);
        let (started, now) = (at("2026-08-03T00:00:00Z"), at("2026-08-03T00:01:00Z"));
        let waits = |rhythm: &Rhythm, passing| {
            [1, 2, 3, 7, 40].map(|times| {
                let past = Past::Failed { times, passing };
                let next = rhythm.next(Some(started), past, now).unwrap();
                now.duration_until(next).as_secs() / 60
            })
        };
        assert_eq!(waits(&daily, true), [1, 2, 4, 60, 60]);
        assert_eq!(waits(&daily, false), [1_439; 5]);
        let quick = every(Duration::from_secs(300));
        assert_eq!(waits(&quick, false), [4, 4, 4, 64, 64]);
    }

    #[test]
    fn instances_are_spread_over_their_interval_and_a_cron_expression_is_exact_unless_jitter_is_asked_for() {
        let offsets: std::collections::BTreeSet<u64> = (0..100)
            .map(|index| Rhythm::new(Beat::Every(HOUR), None, &format!("instance-{index}")).offset)
            .map(|offset| offset.as_secs() / 360)
            .collect();
        assert_eq!(offsets.len(), 10, "each tenth of the hour has some");
        assert_eq!(cron("0 6 * * *", None).offset, Duration::ZERO);
        let spread = cron("0 6 * * *", Some(HOUR));
        assert!(spread.offset > Duration::ZERO && spread.offset < HOUR);
        let turn = spread.turn_after(at("2026-08-03T05:00:00Z")).unwrap();
        assert_eq!(turn, at("2026-08-03T06:00:00Z") + spread.offset);
    }

    proptest! {
        #[test]
        fn no_wait_is_negative_and_none_is_longer_than_a_turn_and_a_pause(
            seconds in 1_u64..10_000_000,
            jitter in proptest::option::of(0_u64..100_000),
            last in proptest::option::of(-2_000_000_000_i64..6_000_000_000),
            now in 0_i64..4_000_000_000,
            times in 0_u32..50,
            passing: bool,
            name in "[a-z]{1,8}",
        ) {
            let interval = Duration::from_secs(seconds);
            let rhythm = Rhythm::new(Beat::Every(interval), jitter.map(Duration::from_secs), &name);
            let now = Timestamp::from_second(now).unwrap();
            let last = last.map(|last| Timestamp::from_second(last).unwrap());
            let past = if times == 0 { Past::Well } else { Past::Failed { times, passing } };
            let next = rhythm.next(last, past, now).unwrap();
            prop_assert!(next >= now);
            if times > 0 {
                prop_assert!(next > now, "a failed run is never tried again at once");
            }
            let most = interval * 2 + LONGEST_PAUSE * 2;
            prop_assert!(now.duration_until(next) <= SignedDuration::try_from(most).unwrap());
            // Begun then, the next is later: no storm.
            let after = rhythm.next(Some(next), Past::Well, next).unwrap();
            prop_assert!(after > next);
        }
    }
}
