//! Days that come one after the other, each whole: every day is a commit of its own.
//! What must hold: a day that comes in two pieces is never committed as whole, and one that the provider does not tell of stays
//! as it is.

use crate::{
    CostRecord, Failure, Host, Instant, PartitionWriter, Period, Seal, Source, Window, commit,
    descriptor::Grain, jiff::civil::Date, period::day_of,
};
use std::collections::BTreeSet;

/// Writes the days of a window.
pub struct Daily<'h> {
    host: &'h dyn Host,
    stream: &'static str,
    source: Source,
    window: Window,
    now: Instant,
    seen: BTreeSet<Date>,
    /// The last day: it is committed when another one comes, or at the end with the checkpoint.
    waiting: Option<(Date, PartitionWriter<'h>)>,
}

impl<'h> Daily<'h> {
    /// Nothing is written yet.
    #[must_use]
    pub fn new(
        host: &'h dyn Host,
        stream: &'static str,
        source: &Source,
        window: Window,
        now: Instant,
    ) -> Self {
        Self {
            host,
            stream,
            source: source.clone(),
            window,
            now,
            seen: BTreeSet::new(),
            waiting: None,
        }
    }

    /// Takes all records of the day that begins at `start`.
    ///
    /// # Errors
    /// Those of the records and the host's; `malformed-reply` where no day of the window begins then, or it came before.
    pub fn day(
        &mut self,
        start: Instant,
        records: impl IntoIterator<Item = Result<CostRecord, Failure>>,
    ) -> Result<(), Failure> {
        let day = day_of(start);
        let asked = self.window.period().contains(start) && Period::around(start, Grain::Day).start == start;
        if !asked {
            return Err(Failure::malformed(format_args!(
                "{}: the reply has figures from {start} s (in {day}) on, which were not asked for",
                self.stream
            )));
        }
        if !self.seen.insert(day) {
            return Err(Failure::malformed(format_args!(
                "{}: the reply has {day} twice",
                self.stream
            )));
        }
        self.commit(None)?;
        let mut writer = PartitionWriter::open(self.host, self.stream, &self.source, &[start])?;
        for record in records {
            writer.write(record.map_err(|failure| failure.context(day))?)?;
        }
        self.waiting = Some((day, writer));
        Ok(())
    }

    /// Commits the last day, and the window's checkpoint with it. Gives the number of days.
    ///
    /// # Errors
    /// The host's.
    pub fn finish(mut self) -> Result<usize, Failure> {
        let mut untold = self.window.period().days();
        untold.retain(|day| self.window.is_whole(*day) && !self.seen.contains(day));
        if let Some(day) = untold.first() {
            self.host.warn(format_args!(
                "{}: the reply does not tell of {} days, the first of them {day}: they stay as they are",
                self.stream,
                untold.len()
            ));
        }
        let checkpoint = self.window.checkpoint()?;
        self.commit(Some(checkpoint))?;
        Ok(self.seen.len())
    }

    fn commit(&mut self, checkpoint: Option<Vec<u8>>) -> Result<(), Failure> {
        let Some((day, writer)) = self.waiting.take() else {
            return Ok(());
        };
        let seal = match self.window.is_whole(day) {
            true => Seal::complete(self.now),
            false => Seal::partial(self.now),
        };
        let receipts = commit(self.host, vec![writer.seal(&seal.checkpoint(checkpoint))?])?;
        if receipts.iter().any(|receipt| receipt.held) {
            self.host.warn(format_args!(
                "{}: {day} changed in a way that is held for review",
                self.stream
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;
    use crate::{Completeness, Decimal, Rereading, StreamRequest, period::DAY, testing::FakeHost};

    fn window() -> Window {
        let stream = StreamRequest {
            period: Period {
                start: 0,
                end: 9 * DAY,
            },
            ..StreamRequest::default()
        };
        let rereading = Rereading {
            latency: DAY,
            everything: DAY,
            every_run: 3,
        };
        Window::of(&stream, &Source::default(), false, 3 * DAY + 5, rereading).unwrap()
    }

    fn record(start: Instant) -> Result<CostRecord, Failure> {
        let period = Period {
            start,
            end: start + DAY,
        };
        let cost = (Decimal::ONE, "USD");
        Ok(CostRecord::new(
            period,
            "acct",
            "Example",
            ("Things", "Other"),
            cost,
        ))
    }

    #[test]
    fn each_day_is_a_commit_and_the_last_carries_the_checkpoint() {
        let host = FakeHost::new();
        let mut days = Daily::new(&host, "spend", &Source::default(), window(), 3 * DAY + 5);
        for start in [0, DAY, 3 * DAY] {
            days.day(start, [record(start), record(start)]).unwrap();
        }
        assert_eq!(host.commits().len(), 2);
        assert_eq!(days.finish(), Ok(3));
        let commits = host.commits();
        let seals: Vec<_> = commits
            .iter()
            .map(|commit| commit.seal.clone().unwrap())
            .collect();
        assert_eq!(
            seals.iter().map(|seal| seal.completeness).collect::<Vec<_>>(),
            [
                Completeness::Complete,
                Completeness::Complete,
                Completeness::Partial
            ]
        );
        assert!(seals[0].checkpoint.is_none() && seals[2].checkpoint.is_some());
        // The third day ended less than its latency ago, so that nobody misses it.
        assert!(host.logs().is_empty());
    }

    #[test]
    fn a_day_that_is_missing_stays_as_it_is_and_is_warned_of() {
        let host = FakeHost::new();
        let mut days = Daily::new(&host, "spend", &Source::default(), window(), 3 * DAY + 5);
        days.day(DAY, []).unwrap();
        days.finish().unwrap();
        assert_eq!(host.commits()[0].partitions, [DAY]);
        assert!(host.logs()[0].1.contains("1970-01-01"), "{:?}", host.logs());
    }

    #[test]
    fn a_day_in_two_pieces_one_between_days_and_one_not_asked_for_commit_nothing() {
        for (first, second) in [(0, 0), (0, DAY + 1), (0, 9 * DAY), (0, -DAY)] {
            let host = FakeHost::new();
            let mut days = Daily::new(&host, "spend", &Source::default(), window(), 3 * DAY + 5);
            days.day(first, [record(first)]).unwrap();
            assert!(days.day(second, []).is_err(), "{second}");
            drop(days);
            assert_eq!((host.commits().len(), host.open_writers()), (0, 0), "{second}");
        }
        let host = FakeHost::new();
        let mut days = Daily::new(&host, "spend", &Source::default(), window(), 3 * DAY + 5);
        let failed = days.day(0, [record(0), Err(Failure::malformed("no amount"))]);
        assert!(failed.unwrap_err().message.starts_with("1970-01-01: no amount"));
        assert_eq!(host.open_writers(), 0);
    }

    #[test]
    fn a_day_that_is_held_is_warned_of_and_the_others_go_on() {
        let host = FakeHost::new();
        let mut days = Daily::new(&host, "spend", &Source::default(), window(), 3 * DAY + 5);
        days.day(0, [record(0)]).unwrap();
        host.hold_commits(true);
        days.day(DAY, [record(DAY)]).unwrap();
        host.hold_commits(false);
        days.day(2 * DAY, [record(2 * DAY)]).unwrap();
        days.finish().unwrap();
        assert_eq!(host.commits().len(), 2);
        assert!(
            host.logs()[0]
                .1
                .contains("1970-01-01 changed in a way that is held"),
            "{:?}",
            host.logs()
        );
    }
}
