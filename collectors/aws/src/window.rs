//! Which days are read: all that is asked for once a day, between that only the last three.
//! What must hold: a gap in the books is always read again.

use finops_collector::{
    Completeness, Failure, Instant, Partitions, Period, Source, StreamRequest,
    descriptor::Grain,
    jiff::civil::Date,
    period::{DAY, HOUR, day_of},
};
use serde::{Deserialize, Serialize};

/// AWS's figures of a day are there this long after its end.
pub(crate) const LATENCY: i64 = 24 * HOUR;
/// After this long everything that is asked for is read again.
const FULL: i64 = 20 * HOUR;
/// Days that every run reads.
const EVERY_RUN: i64 = 3;

/// What is kept between runs.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Bookmark {
    /// When everything was last read.
    full_at: Instant,
}

/// The days of a reading, one span without gaps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    pub(crate) first: Date,
    /// The first day after it.
    pub(crate) end: Date,
    now: Instant,
    full_at: Instant,
}

impl Window {
    /// What to read; none where nothing of it has begun.
    pub(crate) fn of(stream: &StreamRequest, source: &Source, backfill: bool, now: Instant) -> Option<Self> {
        let begun = stream.begun(Grain::Day, now);
        let (first, last) = (*begun.first()?, *begun.last()?);
        let recent = Period::around(now - (EVERY_RUN - 1) * DAY, Grain::Day).start;
        let full_at = stream
            .checkpoint(source)
            .and_then(|value| serde_json::from_slice::<Bookmark>(value).ok())
            .map(|bookmark| bookmark.full_at)
            .filter(|at| (now - at).abs() < FULL);
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
        })
    }

    /// From midnight to midnight.
    pub(crate) fn period(&self) -> Period {
        Period {
            start: Period::of_day(self.first).start,
            end: Period::of_day(self.end).start,
        }
    }

    /// The same days, but none before this instant; none where nothing is left.
    pub(crate) fn since(&self, start: Instant) -> Option<Self> {
        let first = self.first.max(day_of(start));
        (first < self.end).then_some(Self { first, ..*self })
    }

    /// The last days, as many as every run reads.
    pub(crate) fn recent(&self) -> Self {
        let start = Period::of_day(self.end).start - EVERY_RUN * DAY;
        Self {
            first: self.first.max(day_of(start)),
            ..*self
        }
    }

    /// The partitions of a grain, complete once AWS's latency has passed since the end of their day.
    pub(crate) fn partitions(&self, grain: Grain) -> Partitions {
        let complete = |start: &Instant| Period::of_day(day_of(*start)).end + LATENCY <= self.now;
        let (complete, partial) = self.period().partitions(grain).into_iter().partition(complete);
        Partitions {
            complete,
            partial,
            ..Partitions::default()
        }
    }

    /// The stream's checkpoint once this is committed.
    pub(crate) fn checkpoint(&self) -> Result<Vec<u8>, Failure> {
        let bookmark = Bookmark {
            full_at: self.full_at,
        };
        serde_json::to_vec(&bookmark).map_err(Failure::internal)
    }
}
