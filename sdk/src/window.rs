//! Which days are read: all that is asked for once a day, between that only the last few.
//! What must hold: a gap in the books is always read again.

use crate::{
    Completeness, Failure, Instant, Partitions, Period, Source, StreamRequest,
    descriptor::Grain,
    period::{DAY, day_of},
};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// How often a provider's days are read again. All in seconds, but for the days.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rereading {
    /// The figures of a day are whole this long after its end.
    pub latency: i64,
    /// After this long everything that is asked for is read again.
    pub everything: i64,
    /// Days that every run reads, today among them.
    pub every_run: i64,
}

/// What is kept between runs.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Bookmark {
    /// When everything was last read.
    full_at: Instant,
}

/// The days of a reading, without gaps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// The first day.
    pub first: Date,
    /// The first day after it.
    pub end: Date,
    now: Instant,
    full_at: Instant,
    rereading: Rereading,
}

impl Window {
    /// What to read; none where nothing of it has begun.
    #[must_use]
    pub fn of(
        stream: &StreamRequest,
        source: &Source,
        backfill: bool,
        now: Instant,
        rereading: Rereading,
    ) -> Option<Self> {
        let begun = stream.begun(Grain::Day, now);
        let (first, last) = (*begun.first()?, *begun.last()?);
        let recent = Period::around(now - (rereading.every_run - 1) * DAY, Grain::Day).start;
        let full_at = stream
            .checkpoint(source)
            .and_then(|value| serde_json::from_slice::<Bookmark>(value).ok())
            .map(|bookmark| bookmark.full_at)
            .filter(|at| (now - at).abs() < rereading.everything);
        let held = |start: &Instant| {
            stream.committed.iter().any(|held| {
                held.start == *start && held.source == *source && held.completeness == Completeness::Complete
            })
        };
        let gap = begun.iter().any(|start| *start < recent && !held(start));
        let (start, full_at) = match full_at.filter(|_| !backfill && !gap) {
            Some(at) => (first.max(recent), at),
            None => (first, now),
        };
        (start <= last).then(|| Self {
            first: day_of(start),
            end: day_of(last + DAY),
            now,
            full_at,
            rereading,
        })
    }

    /// From midnight to midnight.
    #[must_use]
    pub fn period(&self) -> Period {
        Period {
            start: Period::of_day(self.first).start,
            end: Period::of_day(self.end).start,
        }
    }

    /// The same days, but none before this instant; none where nothing is left.
    #[must_use]
    pub fn since(&self, start: Instant) -> Option<Self> {
        let first = self.first.max(day_of(start));
        (first < self.end).then_some(Self { first, ..*self })
    }

    /// The last days, as many as every run reads.
    #[must_use]
    pub fn recent(&self) -> Self {
        let start = Period::of_day(self.end).start - self.rereading.every_run * DAY;
        Self {
            first: self.first.max(day_of(start)),
            ..*self
        }
    }

    /// The same days in parts of at most so many: whole if they fit, else cut at the ends of months.
    #[must_use]
    pub fn parts(&self, most: usize) -> Vec<Self> {
        let days = self.period().days();
        if days.len() <= most {
            return vec![*self];
        }
        let months = self.period().partitions(Grain::Month).into_iter();
        let parts = months.filter_map(|start| {
            let both = Period::around(start, Grain::Month).intersect(&self.period())?;
            Some(Self {
                first: day_of(both.start),
                end: day_of(both.end),
                ..*self
            })
        });
        parts.collect()
    }

    /// Whether a day's figures are whole: the provider's latency has passed since its end.
    #[must_use]
    pub fn is_whole(&self, day: Date) -> bool {
        Period::of_day(day).end + self.rereading.latency <= self.now
    }

    /// The partitions of a grain, complete once the provider's latency has passed since the end of their day.
    #[must_use]
    pub fn partitions(&self, grain: Grain) -> Partitions {
        let starts = self.period().partitions(grain).into_iter();
        let (complete, partial) = starts.partition(|start| self.is_whole(day_of(*start)));
        Partitions {
            complete,
            partial,
            ..Partitions::default()
        }
    }

    /// The stream's checkpoint once all of this is committed.
    ///
    /// # Errors
    /// `internal`, where it cannot be written.
    pub fn checkpoint(&self) -> Result<Vec<u8>, Failure> {
        let bookmark = Bookmark {
            full_at: self.full_at,
        };
        serde_json::to_vec(&bookmark).map_err(Failure::internal)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{Checkpoint, CommittedPartition, period::start_of};
    use jiff::civil::date;

    const REREADING: Rereading = Rereading {
        latency: DAY,
        everything: DAY,
        every_run: 4,
    };

    fn stream(source: &Source, held: Option<Date>, full_at: Option<Instant>) -> StreamRequest {
        let period = Period {
            start: start_of(date(2026, 7, 1)),
            end: start_of(date(2026, 8, 4)),
        };
        let committed = period
            .days()
            .into_iter()
            .filter(|day| held.is_none_or(|gap| gap != *day));
        StreamRequest {
            period,
            committed: committed
                .map(|day| CommittedPartition {
                    source: source.clone(),
                    start: start_of(day),
                    completeness: Completeness::Complete,
                    observed_through: 0,
                })
                .collect(),
            checkpoints: full_at
                .map(|full_at| Checkpoint {
                    source: source.clone(),
                    value: serde_json::to_vec(&Bookmark { full_at }).unwrap(),
                })
                .into_iter()
                .collect(),
            ..StreamRequest::default()
        }
    }

    #[test]
    fn between_two_whole_readings_only_the_last_days_are_read_unless_there_is_a_gap() {
        let source = Source::new("p", "a", "");
        let now = start_of(date(2026, 8, 3)) + DAY / 2;
        let first = |held, full_at, backfill| {
            Window::of(&stream(&source, held, full_at), &source, backfill, now, REREADING)
                .unwrap()
                .first
        };
        let whole = date(2026, 7, 1);
        assert_eq!(first(None, Some(now - 3_600), false), date(2026, 7, 31));
        assert_eq!(first(None, None, false), whole);
        assert_eq!(first(None, Some(now - 2 * DAY), false), whole);
        assert_eq!(first(None, Some(now - 3_600), true), whole);
        assert_eq!(first(Some(date(2026, 7, 9)), Some(now - 3_600), false), whole);
    }

    #[test]
    fn a_long_reading_is_cut_at_the_ends_of_months_and_young_days_are_not_whole() {
        let source = Source::new("p", "a", "");
        let now = start_of(date(2026, 8, 3)) + DAY / 2;
        let window = Window::of(&stream(&source, None, None), &source, false, now, REREADING).unwrap();
        let parts: Vec<_> = window
            .parts(31)
            .iter()
            .map(|part| (part.first, part.end))
            .collect();
        assert_eq!(
            parts,
            [
                (date(2026, 7, 1), date(2026, 8, 1)),
                (date(2026, 8, 1), date(2026, 8, 4))
            ]
        );
        assert_eq!(window.parts(34).len(), 1);
        assert_eq!(window.partitions(Grain::Day).partial.len(), 2);
    }
}
