//! Instants, days and half-open periods, always in UTC. Days are [`jiff::civil::Date`]s.
//! What must hold: a partition's start is computed here and nowhere else, so that it is always aligned.

use crate::descriptor::Grain;
use jiff::{SignedDuration, civil::Date};

/// Seconds since 1970-01-01T00:00:00Z.
pub type Instant = i64;

/// Seconds of an hour.
pub const HOUR: i64 = 3_600;
/// Seconds of a day.
pub const DAY: i64 = 86_400;

const EPOCH: Date = Date::constant(1970, 1, 1);

/// A half-open span of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Period {
    /// First instant inside.
    pub start: Instant,
    /// First instant after it.
    pub end: Instant,
}

impl Period {
    /// The whole day.
    #[must_use]
    pub fn of_day(day: Date) -> Self {
        let start = start_of(day);
        Self {
            start,
            end: start + DAY,
        }
    }

    /// The calendar month that the day lies in.
    #[must_use]
    pub fn of_month(day: Date) -> Self {
        let first = day.first_of_month();
        let days = i64::from(day.days_in_month());
        Self {
            start: start_of(first),
            end: start_of(first) + days * DAY,
        }
    }

    /// The partition of a grain that holds the instant.
    #[must_use]
    pub fn around(instant: Instant, grain: Grain) -> Self {
        match grain {
            Grain::Hour => {
                let start = instant.div_euclid(HOUR) * HOUR;
                Self {
                    start,
                    end: start + HOUR,
                }
            }
            Grain::Day => Self::of_day(day_of(instant)),
            Grain::Month => Self::of_month(day_of(instant)),
        }
    }

    /// Whether the instant lies inside.
    #[must_use]
    pub fn contains(&self, instant: Instant) -> bool {
        self.start <= instant && instant < self.end
    }

    /// The starts of the partitions of a grain that touch the period, in order.
    #[must_use]
    pub fn partitions(&self, grain: Grain) -> Vec<Instant> {
        let mut starts = Vec::new();
        let mut partition = Self::around(self.start, grain);
        while partition.start < self.end && self.start < self.end {
            starts.push(partition.start);
            partition = Self::around(partition.end, grain);
        }
        starts
    }

    /// The days that touch the period, in order.
    #[must_use]
    pub fn days(&self) -> Vec<Date> {
        self.partitions(Grain::Day).into_iter().map(day_of).collect()
    }

    /// What both periods have in common.
    #[must_use]
    pub fn intersect(&self, other: &Self) -> Option<Self> {
        let both = Self {
            start: self.start.max(other.start),
            end: self.end.min(other.end),
        };
        (both.start < both.end).then_some(both)
    }
}

/// Midnight at the start of the day.
#[must_use]
pub fn start_of(day: Date) -> Instant {
    day.duration_since(EPOCH).as_secs()
}

/// The day that the instant lies in; the calendar's first or last day beyond its ends.
#[must_use]
pub fn day_of(instant: Instant) -> Date {
    EPOCH.saturating_add(SignedDuration::from_secs(instant.div_euclid(DAY) * DAY))
}

/// The day so many days after 1970-01-01, as providers write dates; none outside the calendar.
#[must_use]
pub fn day_after_epoch(days: i64) -> Option<Date> {
    let seconds = days.checked_mul(DAY)?;
    EPOCH.checked_add(SignedDuration::from_secs(seconds)).ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use jiff::civil::date;

    #[test]
    fn days_and_instants_agree_on_both_sides_of_the_epoch() {
        for (day, start) in [
            (date(1970, 1, 1), 0),
            (date(2026, 8, 3), 1_785_715_200),
            (date(1969, 12, 31), -DAY),
        ] {
            assert_eq!(start_of(day), start);
            assert_eq!(day_of(start), day);
            assert_eq!(day_of(start + DAY - 1), day);
            assert_eq!(day_after_epoch(start / DAY), Some(day));
        }
        assert_eq!(day_after_epoch(i64::MAX), None);
    }

    #[test]
    fn a_period_has_every_partition_it_touches() {
        let period = Period {
            start: start_of(date(2024, 2, 28)) + 5,
            end: start_of(date(2024, 3, 2)),
        };
        assert_eq!(
            period.days(),
            [date(2024, 2, 28), date(2024, 2, 29), date(2024, 3, 1)]
        );
        assert_eq!(
            period.partitions(Grain::Month),
            [start_of(date(2024, 2, 1)), start_of(date(2024, 3, 1))]
        );
        assert_eq!(period.partitions(Grain::Hour).len(), 72);
        assert!(Period { start: 9, end: 9 }.partitions(Grain::Hour).is_empty());
        assert_eq!(Period::of_month(date(2024, 2, 9)).end, start_of(date(2024, 3, 1)));
    }
}
