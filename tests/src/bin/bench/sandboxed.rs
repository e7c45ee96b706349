//! A run by the host's library, in this process: a fresh ledger, code from the cache, no destination.
//! What must hold: a run that was not done, or was held, gives no figure.

use crate::{
    setting::{self, Setting},
    stopwatch::{Spent, Stopwatch},
};
use finops_host::{
    clock::{SharedClock, SystemClock},
    component::Compiler,
    config::Config,
    ledger::Ledger,
    sandbox::Runtime,
    schedule::{Asked, Prepared, RunSummary, prepare, run_once},
};
use finops_tests::Error;
use std::{path::Path, sync::Arc};
use tempfile::TempDir;

/// Runs that went well, and what they did together.
pub(crate) struct Ran {
    pub(crate) spent: Spent,
    pub(crate) records: u64,
    pub(crate) added: u64,
    /// CPU time of the guest's thread, in nanoseconds.
    pub(crate) guest_cpu: u64,
    /// The most memory that a guest had, in bytes.
    pub(crate) guest_memory: u64,
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
    let compiler = Compiler::program(setting.arguments.host.clone());
    let prepared = prepare(runtime, wasm, Config::load(config)?, &setting.cache(), &compiler).await?;
    match prepared.cached {
        true => Ok(prepared),
        false => Err(format!("{}: its code did not come from the cache", wasm.display()).into()),
    }
}

/// Collects what is asked for into an empty ledger: a backfill in a run a month, as the program does it.
pub(crate) async fn run(
    setting: &Setting,
    runtime: &Runtime,
    prepared: &Prepared,
    asked: Asked,
) -> Result<Ran, Error> {
    let state = setting.fresh_state()?;
    let clock: SharedClock = Arc::new(SystemClock::starting_at(setting::now()?));
    let ledger = Ledger::open(state.path(), Arc::clone(&clock))?;
    let mut summaries = Vec::new();
    let watch = Stopwatch::start()?;
    for run in asked.runs() {
        let never = std::future::pending();
        summaries.push(run_once(runtime, prepared, &ledger, &clock, run, |_| (), never).await?);
    }
    let mut ran = Ran {
        spent: watch.spent()?,
        records: 0,
        added: 0,
        guest_cpu: 0,
        guest_memory: 0,
        state,
    };
    for summary in summaries {
        if let Some(error) = &summary.error {
            let RunSummary {
                instance, outcome, ..
            } = &summary;
            return Err(format!("a run of {instance} ended with `{outcome}`: {error}").into());
        }
        if summary.counts.receipts.held > 0 {
            return Err(format!("a commit of {} is held for review", summary.instance).into());
        }
        ran.records += summary.counts.records;
        ran.added += summary.counts.receipts.added;
        ran.guest_cpu += summary.usage.cpu_ms.saturating_mul(1_000_000);
        ran.guest_memory = ran.guest_memory.max(summary.usage.memory);
    }
    Ok(ran)
}
