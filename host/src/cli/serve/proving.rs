//! Proving the ledger's laws beside the runs, once a day: whoever operates it should hear of a difference without asking.
//! What must hold: it only reads, and it stops when the process stops.

use super::one_run::Crew;
use crate::ledger::{
    check::{Report, check},
    store::{LedgerError, open_read_only},
};
use std::{sync::Arc, time::Duration};

/// After the start, when the first runs are over.
const FIRST: Duration = Duration::from_secs(600);
/// From then on.
const EVERY: Duration = Duration::from_secs(86_400);
/// Findings that are told one by one; all are counted.
const TOLD: usize = 10;

/// Proves the laws until the process stops.
pub(super) async fn laws(crew: Arc<Crew>) {
    let mut pause = FIRST;
    loop {
        tokio::select! {
            () = crew.clock.sleep(pause) => {}
            () = crew.stop.wait() => return,
        }
        pause = EVERY;
        let directory = crew.directory.clone();
        let work = tokio::task::spawn_blocking(move || check(&open_read_only(&directory)?));
        let proved = tokio::select! {
            proved = work => proved,
            () = crew.stop.wait() => return,
        };
        match proved {
            Ok(Ok(report)) => {
                if let Some(differences) = report.law2_differences() {
                    crew.metrics.proved(differences, crew.clock.now());
                }
                tell(&report);
            }
            Ok(Err(error)) => not_proved(&error),
            Err(panic) => tracing::error!("a bug ended the check of the ledger: {panic}"),
        }
    }
}

fn tell(report: &Report) {
    let (records, entries) = (report.records, report.entries);
    if report.findings.is_empty() {
        tracing::info!(records, entries, "the ledger's laws hold");
        return;
    }
    for finding in report.findings.iter().take(TOLD) {
        tracing::error!("the ledger is not as it should be: {finding}");
    }
    let findings = report.findings.len() as u64 + report.untold;
    tracing::error!(
        findings,
        "the ledger is not as it should be: see `finops-host check --ledger`"
    );
}

fn not_proved(error: &LedgerError) {
    tracing::error!("the ledger's laws could not be proved: {error}");
}
