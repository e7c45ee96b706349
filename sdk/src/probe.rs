//! What a probe reads where a collector knows no cheaper way to say whether a run would work.

use crate::{
    Period, Request, StreamRequest,
    period::{DAY, day_of},
};

impl Request {
    /// The same request, but of each stream yesterday and today alone, and as if nothing of it had been read.
    #[must_use]
    pub fn of_the_last_day(&self) -> Self {
        let today = Period::of_day(day_of(self.now));
        let last = Period {
            start: today.start - DAY,
            end: today.end,
        };
        let streams = self.streams.iter().map(|stream| StreamRequest {
            name: stream.name.clone(),
            due: true,
            period: last,
            committed: Vec::new(),
            checkpoints: Vec::new(),
        });
        Self {
            settings: self.settings.clone(),
            now: self.now,
            backfill: false,
            streams: streams.collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{Checkpoint, Source};

    #[test]
    fn the_last_day_is_yesterday_and_today_and_nothing_is_known_of_it() {
        let now = 100 * DAY + 7;
        let stream = StreamRequest {
            name: "spend".to_owned(),
            period: Period {
                start: 0,
                end: 120 * DAY,
            },
            checkpoints: vec![Checkpoint {
                source: Source::new("p", "a", ""),
                value: vec![1],
            }],
            ..StreamRequest::default()
        };
        let request = Request {
            settings: "{}".to_owned(),
            now,
            backfill: true,
            streams: vec![stream],
        };
        let short = request.of_the_last_day();
        assert_eq!((short.now, short.backfill), (now, false));
        let stream = short.stream("spend").unwrap();
        assert_eq!(
            stream.period,
            Period {
                start: 99 * DAY,
                end: 101 * DAY
            }
        );
        assert!(stream.due && stream.checkpoints.is_empty());
    }
}
