//! `check --probe`: whether a run would work, from the provider to the destination.
//! What must hold: it goes through the same sandbox and egress as a run, on a ledger that is thrown away; nothing is posted; what
//! is paid is counted where runs count it.

use super::{
    Failed, destination,
    environment::clock,
    exit::Exit,
    render::{self, Kept},
    scratch::ScratchLedger,
    stop::Stop,
};
use crate::{
    delivery::{self, Seen},
    ledger::Ledger,
    sandbox::Runtime,
    schedule::{Asked, PrepareError, Prepared, RunSummary, run_once},
};
use serde::Serialize;
use std::{path::Path, sync::Arc};

/// What was found.
#[derive(Serialize)]
pub(super) struct Probed {
    provider: RunSummary,
    /// Of the OpenFinOps server, where the file names one.
    destination: Option<Seen>,
    #[serde(skip)]
    prepared: Prepared,
}

/// Asks the provider, then the destination.
pub(super) async fn probe(runtime: &Runtime, prepared: Prepared, state: &Path) -> Result<Probed, Failed> {
    let clock = clock().map_err(Failed::config)?;
    let stop = Stop::on_signals().map_err(|error| Failed::bug(error.to_string()))?;
    let scratch = ScratchLedger::empty(state, "probe")?;
    let mut ledger = Ledger::open(scratch.path(), Arc::clone(&clock))?;
    if prepared.grant.rules.iter().any(|rule| rule.price.is_some()) {
        ledger = ledger.paying_from(&Ledger::open(state, Arc::clone(&clock))?);
    }
    let provider = run_once(
        runtime,
        &prepared,
        &ledger,
        &clock,
        Asked::Probe,
        |_| (),
        stop.wait(),
    )
    .await
    .map_err(PrepareError::from)?;
    let destination = match &prepared.config.openfinops {
        Some(openfinops) => {
            let seen = delivery::probe(&destination::reached(openfinops), clock.now()).await;
            Some(seen.map_err(|error| Failed::config(error.to_string()))?)
        }
        None => None,
    };
    Ok(Probed {
        provider,
        destination,
        prepared,
    })
}

impl Probed {
    /// How the command ends because of it.
    pub(super) fn exit(&self) -> Exit {
        let provider = self.provider.end.as_ref().err().map_or(Exit::Done, Exit::of_run);
        let refused = self
            .destination
            .as_ref()
            .is_some_and(|seen| seen.problem.is_some());
        provider.or(if refused { Exit::Refused } else { Exit::Done })
    }

    /// It in some lines.
    pub(super) fn lines(&self) -> Vec<String> {
        let provider = render::summary(&self.prepared, &self.provider, Kept::No);
        let mut lines: Vec<String> = provider.lines().map(str::to_owned).collect();
        if let Some(seen) = &self.destination {
            lines.push(match &seen.problem {
                Some(problem) => format!("destination {}: REFUSED: {problem}", seen.endpoint),
                None => format!(
                    "destination {}: healthy; it lists {} agents, {} of them finops-host's",
                    seen.endpoint, seen.agents, seen.ours
                ),
            });
        }
        lines
    }
}
