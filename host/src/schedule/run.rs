//! One run: begin in the ledger, collect under the grant, write down how it ended.
//! What must hold: whatever happens, the run's end and its report are in the ledger, unless the process dies.

use super::{
    figures::{Figure, figures},
    plan::{self, Asked, Reader},
    prepare::Prepared,
    purse::Purse,
};
use crate::{
    clock::SharedClock,
    egress::{Egress, Report, SpendLedger, UserAgent},
    foreign::Foreign,
    ledger::{CommitOptions, Ledger, RunInfo},
    sandbox::{Counts, ProbeRequests, RunError, RunServices, Runtime, Usage},
    trace::{self, RunEnd},
};
use serde::Serialize;
use std::{future::Future, sync::Arc};
use tokio::sync::OnceCell;
use tracing::Instrument;

/// How a run went.
#[derive(Debug, Serialize)]
pub struct RunSummary {
    /// The instance.
    pub instance: String,
    /// `done`, or the kind of failure.
    pub outcome: String,
    /// What went wrong, for people.
    pub error: Option<String>,
    /// The collector's note.
    pub note: Option<String>,
    /// What was read and written.
    pub counts: Counts,
    /// CPU, wall-clock time and memory.
    pub usage: Usage,
    /// Requests, bytes, denied calls, unused grants.
    pub egress: Report,
    /// Each limit, and what was used of it.
    pub limits: Vec<Figure>,
    /// The error itself, for exit codes.
    #[serde(skip)]
    pub end: Result<(), RunError>,
}

/// Runs an instance once. `watch` is given the services as soon as they exist, for showing progress; `stop` ends the run
/// early: what was committed stays.
///
/// # Errors
/// [`RunError`] where the run could not begin; a run that began always gives a summary.
pub async fn run_once<S: Future<Output = ()>>(
    runtime: &Runtime,
    prepared: &Prepared,
    ledger: &Ledger,
    clock: &SharedClock,
    asked: Asked,
    watch: impl FnOnce(Arc<RunServices>),
    stop: S,
) -> Result<RunSummary, RunError> {
    let instance = prepared.config.name.clone();
    let descriptor = &prepared.descriptor;
    let limits = prepared.config.limits;
    let agent = UserAgent {
        collector: descriptor.name.clone(),
        version: descriptor.version.clone(),
    };
    let purse = Purse {
        ledger: ledger.clone(),
        instance: instance.clone(),
        limits: limits.spend,
    };
    let spend: Arc<dyn SpendLedger> = Arc::new(purse);
    let span = trace::run(&instance, &descriptor.name, &descriptor.version);
    let egress = span.in_scope(|| {
        Egress::over(
            &prepared.wire,
            prepared.grant.clone(),
            &limits,
            &agent,
            Arc::clone(clock),
            Some(spend),
        )
    });
    let egress = egress.map_err(|error| RunError::Grant(error.to_string()))?;
    let run = ledger
        .begin_run(RunInfo {
            instance: instance.clone(),
            collector: descriptor.name.clone(),
            version: descriptor.version.clone(),
            sha256: prepared.sha256.clone(),
            streams: descriptor.streams.clone(),
            money: prepared.config.money,
            tags: prepared.config.tags.clone(),
        })
        .await?;
    let requested = match asked {
        Asked::Backfill(period) => Some(period),
        Asked::Everything | Asked::WhatIsDue | Asked::Probe => None,
    };
    let look_back = prepared.config.look_back;
    let options = CommitOptions {
        requested,
        look_back,
        hold: prepared.config.hold,
        repricing: prepared.repricing,
    };
    let services = Arc::new(RunServices::new(
        egress,
        ledger.clone(),
        run,
        Arc::clone(descriptor),
        limits,
        options,
    ));
    watch(Arc::clone(&services));

    let due = OnceCell::new();
    let next_request = || async {
        let now = prepared.wire.now().unwrap_or_else(|| clock.now());
        let reader = Reader {
            ledger,
            instance: &instance,
            look_back,
        };
        let due = due
            .get_or_try_init(|| plan::due(&reader, descriptor, asked, now))
            .await?;
        Ok(plan::request(&reader, descriptor, &prepared.settings, (asked, due), now).await?)
    };
    let (component, of_run) = (&prepared.component, Arc::clone(&services));
    let collecting = async {
        match asked {
            Asked::Probe => {
                let whole = match next_request().await {
                    Ok(request) => request,
                    Err(error) => return (Err(error), Usage::default()),
                };
                let short = plan::last_day(whole.clone());
                let requests = ProbeRequests { whole, short };
                runtime.probe(component, of_run, &limits, clock, requests).await
            }
            Asked::Everything | Asked::WhatIsDue | Asked::Backfill(_) => {
                runtime
                    .collect(component, of_run, &limits, clock, next_request)
                    .await
            }
        }
    }
    .instrument(span.clone());
    let (end, usage) = tokio::select! {
        ended = collecting => ended,
        () = stop => (Err(RunError::Stopped), Usage::default()),
    };

    let outcome = match &end {
        Ok(_) => "done".to_owned(),
        Err(error) => outcome_name(error).to_owned(),
    };
    let (note, end) = match end {
        Ok(note) => (note, Ok(())),
        Err(error) => (None, Err(error)),
    };
    let (counts, report) = (services.counts(), services.egress.report());
    let summary = RunSummary {
        instance,
        limits: figures(&limits, &usage, &counts, &report),
        error: end.as_ref().err().map(ToString::to_string),
        outcome: outcome.clone(),
        note: note.as_ref().map(Foreign::to_string),
        counts,
        usage,
        egress: report,
        end,
    };
    end_of(&summary).record(&span);
    let report = serde_json::to_value(&summary).unwrap_or_default();
    let note = summary.error.clone().or_else(|| summary.note.clone());
    ledger.end_run(run, &outcome, note.as_deref(), report).await?;
    Ok(summary)
}

/// What those learn of it who look on.
fn end_of(summary: &RunSummary) -> RunEnd<'_> {
    let egress = &summary.egress;
    RunEnd {
        outcome: &summary.outcome,
        well: summary.end.is_ok(),
        records: summary.counts.records,
        commits: summary.counts.receipts.commits,
        attempts: egress.attempts,
        denied: egress.denied.iter().map(|call| call.times).sum::<u64>() + egress.denied_unlisted,
        cpu_ms: summary.usage.cpu_ms,
        memory: summary.usage.memory,
    }
}

fn outcome_name(error: &RunError) -> &'static str {
    match error {
        RunError::Failure(failure) => failure.kind.as_str(),
        RunError::Limit(_) => "limit",
        RunError::Trap(_) => "trap",
        RunError::Unusable(_) => "unusable",
        RunError::Grant(_) => "grant",
        RunError::Storage(_) => "storage",
        RunError::Host(_) => "bug",
        RunError::Stopped => "stopped",
    }
}
