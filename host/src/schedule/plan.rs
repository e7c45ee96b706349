//! What a run asks of a collector: for each stream the period to read and what is already committed of it.

use crate::{
    component::descriptor::{Descriptor, Stream},
    ledger::{Ledger, period, record::Period, store::LedgerError},
    sandbox::{CollectRequest, StreamRequest},
};
use jiff::Timestamp;

/// What a run is asked to read.
#[derive(Clone, Copy, Debug)]
pub enum Asked {
    /// The look-back of every stream, due or not: a person started this run.
    Everything,
    /// The look-back of the streams whose cadence says so.
    WhatIsDue,
    /// A period by hand.
    Backfill(Period),
}

/// The request of the next call.
pub(super) async fn request(
    ledger: &Ledger,
    instance: &str,
    descriptor: &Descriptor,
    settings: &str,
    asked: Asked,
    now: Timestamp,
) -> Result<CollectRequest, LedgerError> {
    let mut streams = Vec::with_capacity(descriptor.streams.len());
    for stream in &descriptor.streams {
        streams.push(stream_request(ledger, instance, stream, asked, now).await?);
    }
    Ok(CollectRequest {
        settings: settings.to_owned(),
        now,
        backfill: matches!(asked, Asked::Backfill(_)),
        streams,
    })
}

async fn stream_request(
    ledger: &Ledger,
    instance: &str,
    stream: &Stream,
    asked: Asked,
    now: Timestamp,
) -> Result<StreamRequest, LedgerError> {
    let (due, period) = match asked {
        Asked::Everything => (true, period::window(stream.look_back, now)),
        Asked::WhatIsDue => {
            let last = ledger.last_read(instance, &stream.name).await?;
            (
                period::due(stream, last, now),
                period::window(stream.look_back, now),
            )
        }
        Asked::Backfill(period) => (true, period),
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
