//! A run by the host's library, in this process: a fresh ledger, code from the cache, no destination.
//! What must hold: a run that was not done, or was held, gives no figure.

use crate::{
    setting::{self, Setting},
    stopwatch::{Spent, Stopwatch},
};
use finops_host::{
    clock::{SharedClock, SystemClock},
    config::Config,
    ledger::{Ledger, record::Period},
    sandbox::Runtime,
    schedule::{Asked, Prepared, RunSummary, prepare, run_once},
};
use finops_tests::Error;
use std::{path::Path, sync::Arc};
use tempfile::TempDir;

/// A run that went well.
pub(crate) struct Ran {
    pub(crate) spent: Spent,
    pub(crate) summary: RunSummary,
    /// The state directory with the ledger.
    pub(crate) state: TempDir,
}

/// Reads file and component once; what follows is measured without that.
pub(crate) async fn prepared(
    setting: &Setting,
    runtime: &Runtime,
    wasm: &Path,
    config: &Path,
) -> Result<Prepared, Error> {
    let prepared = prepare(runtime, wasm, Config::load(config)?, &setting.cache()).await?;
    match prepared.cached {
        true => Ok(prepared),
        false => Err(format!("{}: its code did not come from the cache", wasm.display()).into()),
    }
}

/// One run over the backfill's period.
pub(crate) async fn run(setting: &Setting, runtime: &Runtime, prepared: &Prepared) -> Result<Ran, Error> {
    let state = setting.fresh_state()?;
    let clock: SharedClock = Arc::new(SystemClock::starting_at(setting::now()?));
    let ledger = Ledger::open(state.path(), Arc::clone(&clock))?;
    let period = Period::new(setting::since()?, setting::now()?).ok_or("the backfill has no length")?;
    let watch = Stopwatch::start()?;
    let summary = run_once(
        runtime,
        prepared,
        &ledger,
        &clock,
        Asked::Backfill(period),
        |_| (),
        std::future::pending(),
    )
    .await?;
    let spent = watch.spent()?;
    if let Some(error) = &summary.error {
        return Err(format!(
            "the run of {} ended with `{}`: {error}",
            summary.instance, summary.outcome
        )
        .into());
    }
    if summary.counts.receipts.held > 0 {
        return Err(format!("a commit of {} is held for review", summary.instance).into());
    }
    Ok(Ran {
        spent,
        summary,
        state,
    })
}
