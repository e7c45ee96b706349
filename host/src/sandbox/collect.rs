//! `collect`: called until it says `done`, in one store, under limits that count over the whole run.

use super::{
    bindings::finops::collector::types as wit,
    convert,
    failure::{LimitReached, RunError},
    guest::GuestClock,
    limits::{self, Limits},
    runtime::{Runtime, Session, Usage},
    seam::{LogLevel, Services},
    services::RunServices,
};
use crate::{
    clock::SharedClock,
    foreign::Foreign,
    ledger::{
        Committed, Completeness,
        record::{Period, Source},
    },
};
use jiff::Timestamp;
use std::{future::Future, sync::Arc};
use wasmtime::component::Component;

/// Most calls of `collect` in one run.
const ROUNDS: u32 = 1_000;

/// What the host asks of a collector.
#[derive(Clone, Debug)]
pub struct CollectRequest {
    /// Checked settings as JSON text.
    pub settings: String,
    /// The host's clock.
    pub now: Timestamp,
    /// Whether the operator asked for the period by hand.
    pub backfill: bool,
    /// One for each stream of the descriptor.
    pub streams: Vec<StreamRequest>,
}

/// What the host knows of a stream, and asks for.
#[derive(Clone, Debug)]
pub struct StreamRequest {
    /// Its name.
    pub name: String,
    /// Whether its cadence asks for a reading now.
    pub due: bool,
    /// What to read.
    pub period: Period,
    /// Committed partitions within that period.
    pub committed: Vec<Committed>,
    /// The last checkpoint of each source.
    pub checkpoints: Vec<(Source, Vec<u8>)>,
}

impl Runtime {
    /// Runs a collector until it is done. `next_request` is asked before each call, so that it shows what is committed.
    ///
    /// # Errors
    /// The run's end, if it is not `done`; beside it always what the run used.
    pub async fn collect<N, F>(
        &self,
        component: &Component,
        services: Arc<RunServices>,
        limits: &Limits,
        clock: &SharedClock,
        mut next_request: N,
    ) -> (Result<Option<Foreign>, RunError>, Usage)
    where
        N: FnMut() -> F,
        F: Future<Output = Result<CollectRequest, RunError>>,
    {
        let mut session = Session::new(
            self,
            limits,
            GuestClock::Running(Arc::clone(clock)),
            services.clone(),
        );
        let collector = match session.instantiate(self, component, limits).await {
            Ok(instance) => Arc::new(instance.collector),
            Err(error) => return (Err(error), session.usage()),
        };
        for _ in 0..ROUNDS {
            let request = match next_request().await {
                Ok(request) => for_guest(request),
                Err(error) => return (Err(error), session.usage()),
            };
            let instance = Arc::clone(&collector);
            let (answer, after) = session
                .call(limits, move |store| {
                    Box::pin(async move { instance.call_collect(store, &request).await })
                })
                .await;
            session = after;
            let outcome = match answer {
                Ok(Ok(outcome)) => outcome,
                Ok(Err(failure)) => {
                    return (Err(RunError::Failure(convert::failure(failure))), session.usage());
                }
                Err(error) => {
                    let end = session.end(error, limits);
                    return (Err(end), session.usage());
                }
            };
            let note = outcome.note.map(shortened);
            match outcome.progress {
                wit::Progress::Done => return (Ok(note), session.usage()),
                wit::Progress::More => {
                    // A line of the log like any other: a thousand rounds could else fill it.
                    if let Some(note) = note {
                        services.log(LogLevel::Info, note.raw().to_owned());
                    }
                }
            }
        }
        (
            Err(RunError::Limit(LimitReached::Rounds(ROUNDS))),
            session.usage(),
        )
    }
}

/// A guest's note, no longer than a message may be.
pub(super) fn shortened(mut note: String) -> Foreign {
    note.truncate(note.floor_char_boundary(limits::MESSAGE));
    Foreign::new(note)
}

pub(super) fn for_guest(request: CollectRequest) -> wit::CollectRequest {
    wit::CollectRequest {
        settings: request.settings,
        now: request.now.as_second(),
        backfill: request.backfill,
        streams: request.streams.into_iter().map(stream_for_guest).collect(),
    }
}

fn stream_for_guest(stream: StreamRequest) -> wit::StreamRequest {
    let committed = stream
        .committed
        .into_iter()
        .map(|partition| wit::CommittedPartition {
            source: convert::source_for_guest(partition.source),
            start: partition.start.as_second(),
            completeness: match partition.completeness {
                Completeness::Complete => wit::Completeness::Complete,
                Completeness::Partial => wit::Completeness::Partial,
            },
            observed_through: partition.observed_through.as_second(),
        });
    let checkpoints = stream
        .checkpoints
        .into_iter()
        .map(|(source, value)| wit::Checkpoint {
            source: convert::source_for_guest(source),
            value,
        });
    wit::StreamRequest {
        name: stream.name,
        due: stream.due,
        period: convert::period_for_guest(stream.period),
        committed: committed.collect(),
        checkpoints: checkpoints.collect(),
    }
}
