//! What a run asks of a collector: for each stream the period to read and what is already committed of it.

use crate::{
    component::descriptor::{Descriptor, Grain, LookBack, Stream},
    ledger::{Ledger, period, record::Period, store::LedgerError},
    sandbox::{CollectRequest, StreamRequest},
};
use jiff::Timestamp;
use std::collections::BTreeSet;

/// What a run is asked to read.
#[derive(Clone, Copy, Debug)]
pub enum Asked {
    /// The look-back of every stream, due or not: a person started this run.
    Everything,
    /// The look-back of the streams whose cadence says so.
    WhatIsDue,
    /// A period by hand.
    Backfill(Period),
    /// Nothing to keep: whether a run would work.
    Probe,
}

impl Asked {
    /// The runs that this is cut into: a backfill month by month, so that the limits of a run hold whatever its length.
    #[must_use]
    pub fn runs(self) -> Vec<Self> {
        let Self::Backfill(whole) = self else {
            return vec![self];
        };
        let mut runs = Vec::new();
        let mut start = whole.start();
        while start < whole.end() {
            let month_end = period::partition_of(Grain::Month, start).map_or(whole.end(), Period::end);
            let end = month_end.min(whole.end());
            runs.extend(Period::new(start, end).map(Self::Backfill));
            start = end;
        }
        runs
    }
}

/// Who reads, and how far back.
pub(super) struct Reader<'a> {
    pub(super) ledger: &'a Ledger,
    pub(super) instance: &'a str,
    /// The operator's look-back, instead of each stream's own.
    pub(super) look_back: Option<LookBack>,
}

/// The streams that a run is to read, decided once for all of its calls: what one call commits does not keep the next from
/// going on with the stream.
pub(super) async fn due(
    reader: &Reader<'_>,
    descriptor: &Descriptor,
    asked: Asked,
    now: Timestamp,
) -> Result<BTreeSet<String>, LedgerError> {
    let mut names = BTreeSet::new();
    for stream in &descriptor.streams {
        let due = match asked {
            Asked::Everything | Asked::Probe | Asked::Backfill(_) => true,
            Asked::WhatIsDue => {
                let last = reader.ledger.last_read(reader.instance, &stream.name).await?;
                period::due(stream, last, now)
            }
        };
        if due {
            names.insert(stream.name.clone());
        }
    }
    Ok(names)
}

/// The request of the next call, in a run of these streams.
pub(super) async fn request(
    reader: &Reader<'_>,
    descriptor: &Descriptor,
    settings: &str,
    (asked, due): (Asked, &BTreeSet<String>),
    now: Timestamp,
) -> Result<CollectRequest, LedgerError> {
    let mut streams = Vec::with_capacity(descriptor.streams.len());
    for stream in &descriptor.streams {
        let due = due.contains(&stream.name);
        streams.push(stream_request(reader, stream, asked, due, now).await?);
    }
    Ok(CollectRequest {
        settings: settings.to_owned(),
        now,
        backfill: matches!(asked, Asked::Backfill(_)),
        streams,
    })
}

/// Of a request, yesterday and today alone: what is asked of a collector that cannot be probed.
pub(super) fn last_day(mut request: CollectRequest) -> CollectRequest {
    let period = period::window(LookBack::Days(1), request.now);
    for stream in &mut request.streams {
        stream.period = period;
        stream.committed.clear();
        stream.checkpoints.clear();
    }
    request
}

async fn stream_request(
    reader: &Reader<'_>,
    stream: &Stream,
    asked: Asked,
    due: bool,
    now: Timestamp,
) -> Result<StreamRequest, LedgerError> {
    let Reader { ledger, instance, .. } = reader;
    let period = match asked {
        Asked::Everything | Asked::Probe | Asked::WhatIsDue => {
            period::window(reader.look_back.unwrap_or(stream.look_back), now)
        }
        Asked::Backfill(period) => period,
    };
    let state = ledger.stream_state(instance, &stream.name, period).await?;
    Ok(StreamRequest {
        name: stream.name.clone(),
        due,
        period,
        committed: state.committed,
        checkpoints: state.checkpoints,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn period(start: &str, end: &str) -> Period {
        Period::new(start.parse().unwrap(), end.parse().unwrap()).unwrap()
    }

    #[test]
    fn a_backfill_is_cut_at_months_without_gap_or_overlap() {
        let whole = period("2026-05-20T00:00:00Z", "2026-08-03T12:00:00Z");
        let runs: Vec<Period> = Asked::Backfill(whole)
            .runs()
            .into_iter()
            .filter_map(|run| match run {
                Asked::Backfill(period) => Some(period),
                Asked::Everything | Asked::WhatIsDue | Asked::Probe => None,
            })
            .collect();
        assert_eq!(
            runs,
            [
                period("2026-05-20T00:00:00Z", "2026-06-01T00:00:00Z"),
                period("2026-06-01T00:00:00Z", "2026-07-01T00:00:00Z"),
                period("2026-07-01T00:00:00Z", "2026-08-01T00:00:00Z"),
                period("2026-08-01T00:00:00Z", "2026-08-03T12:00:00Z"),
            ]
        );
    }
}
