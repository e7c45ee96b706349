//! One run of one instance under `serve`: from its time to its end, told in the log.
//! What must hold: whatever happens to a run, the others go on.

use super::{
    super::{
        room::{self, Patience},
        stop::Stop,
    },
    delivering::News,
};
use crate::{
    clock::SharedClock,
    foreign::Foreign,
    ledger::{Ledger, Retention, store::LedgerError},
    observe::{Activity, Board, LastRun, Metrics},
    sandbox::{RunError, Runtime},
    schedule::{Asked, Due, Prepared, RunSummary, run_once},
};
use jiff::Timestamp;
use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::sync::Semaphore;

/// When one looks again where a run could not begin.
const LOOK_AGAIN: Duration = Duration::from_secs(60);

/// What all runs share.
pub(super) struct Crew {
    pub(super) runtime: Arc<Runtime>,
    pub(super) ledger: Ledger,
    /// The state directory.
    pub(super) directory: PathBuf,
    pub(super) clock: SharedClock,
    pub(super) stop: Stop,
    pub(super) board: Board,
    pub(super) metrics: Metrics,
    /// The places of runs.
    pub(super) places: Semaphore,
    pub(super) news: News,
    /// What is told once of a full disk or outbox.
    pub(super) patience: Mutex<Patience>,
}

/// What became of an instance's turn.
pub(super) enum Turn {
    /// It ran.
    Ran {
        started: Timestamp,
        end: Result<(), RunError>,
    },
    /// It could not begin, for no fault of its own.
    NotBegun { again: Duration },
    /// The process stops.
    Stopped,
}

impl Crew {
    /// Waits for a place, runs the instance, and tells how it went.
    pub(super) async fn turn(&self, prepared: &Prepared, due: &Due, delivers: bool) -> Turn {
        let name = due.name.as_str();
        self.board.change(name, |state| {
            state.activity = Activity::Queued { since: due.since };
        });
        let _place = tokio::select! {
            place = self.places.acquire() => match place {
                Ok(place) => place,
                Err(_) => return Turn::Stopped,
            },
            () = self.stop.wait() => return Turn::Stopped,
        };
        let put_off = Turn::NotBegun { again: LOOK_AGAIN };
        let _lock = match self.ledger.lock_instance(name, Duration::ZERO).await {
            Ok(lock) => lock,
            Err(error) => {
                tracing::warn!(instance = name, "no run was started: {error}");
                return put_off;
            }
        };
        match room::lack(&self.ledger, &self.directory, delivers).await {
            Ok(lack) => {
                self.patience
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .tell(lack.as_ref());
                if lack.is_some() {
                    return put_off;
                }
            }
            Err(failed) => {
                tracing::warn!(instance = name, "no run was started: {}", failed.message);
                return put_off;
            }
        }
        self.run(prepared, due).await
    }

    async fn run(&self, prepared: &Prepared, due: &Due) -> Turn {
        let (name, started) = (due.name.as_str(), self.clock.now());
        let late = Duration::try_from(due.since.duration_until(started)).unwrap_or_default();
        self.board.change(name, |state| {
            state.activity = Activity::Running { since: started };
        });
        self.metrics.run_started(name, late);
        let late_ms = u64::try_from(late.as_millis()).unwrap_or(u64::MAX);
        tracing::info!(instance = name, late_ms, "a run begins");
        let (runtime, ledger, clock) = (&self.runtime, &self.ledger, &self.clock);
        let asked = Asked::WhatIsDue;
        let ran = run_once(runtime, prepared, ledger, clock, asked, |_| (), self.stop.wait()).await;
        let summary = match ran {
            Ok(summary) => summary,
            Err(error) => {
                tracing::error!(instance = name, "the run did not begin: {error}");
                return Turn::Ran {
                    started,
                    end: Err(error),
                };
            }
        };
        tell(&summary);
        let ended = clock.now();
        let took = Duration::try_from(started.duration_until(ended)).unwrap_or_default();
        self.metrics.run_ended(&summary, took);
        let last = LastRun::of(&summary, started, ended);
        self.board.change(name, |state| state.last = Some(last));
        self.news.spread();
        if let Err(error) = self.archive(prepared, name).await {
            // Nothing is lost by it, and the next run tries again.
            tracing::warn!(instance = name, "old detail could not be archived: {error}");
        }
        Turn::Ran {
            started,
            end: summary.end,
        }
    }

    /// Archives what is old enough by the operator's file.
    async fn archive(&self, prepared: &Prepared, name: &str) -> Result<(), LedgerError> {
        let config = &prepared.config;
        let Some(months) = config.archive_after else {
            return Ok(());
        };
        let retention = Retention {
            months,
            look_back: config.look_back,
        };
        let archived = self
            .stop
            .flagging(|asked| self.ledger.archive(name, retention, asked))
            .await?;
        if archived.partitions > 0 {
            tracing::info!(
                instance = name,
                partitions = archived.partitions,
                "old detail is archived"
            );
        }
        Ok(())
    }
}

/// Tells how a run went: one line for it, one for each kind of call that it was denied.
fn tell(summary: &RunSummary) {
    let receipts = &summary.counts.receipts;
    let (instance, outcome) = (summary.instance.as_str(), summary.outcome.as_str());
    let (records, requests) = (summary.counts.records, summary.egress.requests);
    match &summary.error {
        None => tracing::info!(instance, outcome, records, requests, "a run ended"),
        Some(error) => tracing::warn!(instance, outcome, records, requests, "a run failed: {error}"),
    }
    for call in &summary.egress.denied {
        tracing::warn!(
            instance,
            times = call.times,
            remedy = call.remedy.as_deref(),
            "denied: {} {}: {}",
            Foreign::from(call.method.as_str()),
            Foreign::from(call.url.as_str()),
            call.why
        );
    }
    if receipts.held > 0 {
        tracing::warn!(
            instance,
            commits = receipts.held,
            "commits are held: see `finops-host ledger review`"
        );
    }
}
