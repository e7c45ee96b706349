//! How time is cut: partitions of a grain, look-back windows, and when a stream is due. Pure functions, all in UTC.
//! What must hold: the partitions of a grain tile time without gap or overlap, and nest: hour in day in month.

use super::record::Period;
use crate::component::descriptor::{Grain, LookBack, Stream};
use jiff::{SignedDuration, Timestamp, ToSpan, civil::Date, tz::Offset};

const HOUR: i64 = 3_600;
const DAY: i64 = 86_400;

/// The partition that holds an instant; `None` only at the ends of representable time.
#[must_use]
pub fn partition_of(grain: Grain, at: Timestamp) -> Option<Period> {
    match grain {
        Grain::Hour => tile(at, HOUR),
        Grain::Day => tile(at, DAY),
        Grain::Month => {
            let first = date(at).first_of_month();
            Period::new(midnight(first)?, midnight(first.checked_add(1.month()).ok()?)?)
        }
    }
}

/// The partition that starts at an instant; `None` where none does.
#[must_use]
pub fn partition_from(grain: Grain, start: Timestamp) -> Option<Period> {
    partition_of(grain, start).filter(|partition| partition.start() == start)
}

/// What to read: the days or months that a look-back asks for, up to the end of today or of the open month.
#[must_use]
pub fn window(look_back: LookBack, now: Timestamp) -> Period {
    match look_back {
        LookBack::Days(days) => {
            let today = now.as_second().div_euclid(DAY) * DAY;
            let start = today.saturating_sub(i64::from(days).saturating_mul(DAY));
            let start = Timestamp::from_second(start).unwrap_or(Timestamp::MIN);
            let end = Timestamp::from_second(today.saturating_add(DAY)).unwrap_or(Timestamp::MAX);
            Period::covering(start, end)
        }
        LookBack::Months { previous, until_day } => {
            let today = date(now);
            let open = today.first_of_month();
            let still = until_day.is_none_or(|day| today.day().unsigned_abs() <= day);
            let back = if still { previous } else { 0 };
            let start = open.checked_sub(i64::from(back.min(12_000)).months());
            let start = start.ok().and_then(midnight).unwrap_or(Timestamp::MIN);
            let end = open.checked_add(1.month());
            let end = end.ok().and_then(midnight).unwrap_or(Timestamp::MAX);
            Period::covering(start, end)
        }
    }
}

/// How much earlier than its cadence a stream is due, at most: readings are written down when they are committed, and a run
/// that begins at the same minute every hour would else find the last one a few seconds too young.
const EARLY: SignedDuration = SignedDuration::from_mins(10);

/// Whether a stream's cadence (its latency, where it names none) asks for a reading. A reading in the future says that the
/// clock went back, and nothing about how old the figures are.
#[must_use]
pub fn due(stream: &Stream, last_commit_at: Option<Timestamp>, now: Timestamp) -> bool {
    let cadence = seconds(stream.cadence.unwrap_or(stream.latency));
    let early = EARLY.min(cadence / 4);
    last_commit_at.is_none_or(|last| last > now || now.duration_since(last) >= cadence - early)
}

/// So many seconds as a span of time.
pub(super) fn seconds(count: u64) -> SignedDuration {
    SignedDuration::from_secs(i64::try_from(count).unwrap_or(i64::MAX))
}

/// Whether two periods share an instant.
pub(super) fn overlap(one: Period, other: Period) -> bool {
    one.start() < other.end() && other.start() < one.end()
}

fn tile(at: Timestamp, length: i64) -> Option<Period> {
    let start = at.as_second().div_euclid(length) * length;
    let instant = |second| Timestamp::from_second(second).ok();
    Period::new(instant(start)?, instant(start + length)?)
}

fn date(at: Timestamp) -> Date {
    Offset::UTC.to_datetime(at).date()
}

fn midnight(date: Date) -> Option<Timestamp> {
    Offset::UTC.to_timestamp(date.at(0, 0, 0, 0)).ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn span(start: &str, end: &str) -> Period {
        Period::new(at(start), at(end)).unwrap()
    }

    #[test]
    fn a_month_ends_where_the_next_begins() {
        let february = partition_of(Grain::Month, at("2028-02-29T23:59:59Z")).unwrap();
        assert_eq!(february, span("2028-02-01T00:00:00Z", "2028-03-01T00:00:00Z"));
        assert_eq!(partition_from(Grain::Month, at("2028-02-02T00:00:00Z")), None);
        assert!(partition_from(Grain::Day, at("1969-12-31T00:00:00Z")).is_some());
    }

    #[test]
    fn a_look_back_in_days_ends_with_today() {
        let read = window(LookBack::Days(3), at("2026-03-02T10:00:00Z"));
        assert_eq!(read, span("2026-02-27T00:00:00Z", "2026-03-03T00:00:00Z"));
        let today = window(LookBack::Days(0), at("2026-03-02T10:00:00Z"));
        assert_eq!(today, span("2026-03-02T00:00:00Z", "2026-03-03T00:00:00Z"));
    }

    #[test]
    fn the_previous_month_is_read_until_its_day() {
        let look_back = LookBack::Months {
            previous: 1,
            until_day: Some(10),
        };
        let on_the_tenth = window(look_back, at("2026-01-10T23:00:00Z"));
        assert_eq!(on_the_tenth, span("2025-12-01T00:00:00Z", "2026-02-01T00:00:00Z"));
        let after = window(look_back, at("2026-01-11T00:00:00Z"));
        assert_eq!(after, span("2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"));
    }

    #[test]
    fn an_absurd_look_back_still_gives_a_window() {
        let now = at("2026-03-02T10:00:00Z");
        assert!(window(LookBack::Days(u32::MAX), now).contains(now));
        let months = LookBack::Months {
            previous: u32::MAX,
            until_day: None,
        };
        assert!(window(months, now).contains(now));
    }

    #[test]
    fn a_stream_is_due_a_little_before_its_cadence_or_else_its_latency_is_over() {
        let mut stream = crate::ledger::sample::stream("daily", Grain::Day);
        stream.latency = 7_200;
        let last = at("2026-03-02T10:00:00Z");
        assert!(due(&stream, None, last));
        assert!(!due(&stream, Some(last), at("2026-03-02T11:49:59Z")));
        assert!(due(&stream, Some(last), at("2026-03-02T11:50:00Z")));
        stream.cadence = Some(300);
        assert!(!due(&stream, Some(last), at("2026-03-02T10:03:44Z")));
        assert!(due(&stream, Some(last), at("2026-03-02T10:03:45Z")));
    }

    #[test]
    fn a_clock_that_jumps_a_year_makes_a_stream_due_once_and_no_storm() {
        let mut stream = crate::ledger::sample::stream("daily", Grain::Day);
        stream.cadence = Some(3_600);
        let (then, now) = (at("2026-03-02T10:00:00Z"), at("2025-03-02T10:00:00Z"));
        for (last, now) in [(then, now), (now, then)] {
            assert!(due(&stream, Some(last), now), "{last} {now}");
            // It was read, and is next due about an hour later whichever way the clock went.
            assert!(!due(&stream, Some(now), now));
            assert!(!due(&stream, Some(now), now + SignedDuration::from_secs(2_999)));
            assert!(due(&stream, Some(now), now + SignedDuration::from_secs(3_600)));
        }
    }

    #[test]
    fn days_are_those_of_utc_whatever_summer_time_or_a_leap_second_does() {
        // The last Sundays of March and October, and the last leap second that there was.
        for day in ["2026-03-29", "2026-10-25", "2016-12-31"] {
            let noon = at(&format!("{day}T12:00:00Z"));
            let partition = partition_of(Grain::Day, noon).unwrap();
            let length = partition.end().duration_since(partition.start());
            assert_eq!(length, SignedDuration::from_hours(24), "{day}");
            let hours = (0..24).map(|hour| noon - SignedDuration::from_hours(12 - hour));
            let starts: std::collections::BTreeSet<_> = hours
                .map(|hour| partition_of(Grain::Hour, hour).unwrap().start())
                .collect();
            assert_eq!(starts.len(), 24, "{day}");
        }
        let leap = partition_of(Grain::Day, at("2016-12-31T23:59:60Z")).unwrap();
        assert_eq!(leap, span("2016-12-31T00:00:00Z", "2017-01-01T00:00:00Z"));
    }

    proptest! {
        #[test]
        fn partitions_tile_time_and_nest(second in -4_000_000_000_i64..8_000_000_000) {
            let at = Timestamp::from_second(second).unwrap();
            let mut inner: Option<Period> = None;
            for grain in [Grain::Hour, Grain::Day, Grain::Month] {
                let partition = partition_of(grain, at).unwrap();
                prop_assert!(partition.contains(at));
                prop_assert_eq!(partition_of(grain, partition.start()), Some(partition));
                prop_assert_eq!(partition_from(grain, partition.end()).unwrap().start(), partition.end());
                if let Some(inner) = inner {
                    prop_assert!(partition.start() <= inner.start() && inner.end() <= partition.end());
                }
                inner = Some(partition);
            }
        }
    }
}
