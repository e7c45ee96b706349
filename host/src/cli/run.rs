//! `run`: collect once or at every interval, then deliver.

use super::{
    Failed, args, destination,
    environment::{clock, is_terminal, state_dir},
    exit::Exit,
    progress::Progress,
    render,
    scratch::ScratchLedger,
    stop::Stop,
};
use crate::{
    clock::SharedClock,
    component::CacheDir,
    config::Config,
    delivery::{DeliveryReport, Ended},
    ledger::{Ledger, record::Period},
    sandbox::Runtime,
    schedule::{Asked, PrepareError, Prepared, RunSummary, prepare, run_once},
};
use jiff::{Timestamp, civil::Date, tz::Offset};
use std::{path::Path, sync::Arc, time::Duration};

/// How long to try delivering between the runs of an interval; what is left goes with the next one.
const BETWEEN_RUNS: Duration = Duration::from_secs(60);

/// Runs the command.
pub(super) async fn run(args: args::Run, state: Option<&Path>) -> Result<Exit, Failed> {
    let clock = clock().map_err(Failed::config)?;
    let config = Config::load(&args.config).map_err(PrepareError::from)?;
    for warning in &config.warnings {
        tracing::warn!("{warning}");
    }
    let asked = asked(&args, &clock)?;
    let runtime = Runtime::new().map_err(PrepareError::from)?;
    let state = state_dir(state).map_err(Failed::config)?;
    let cache = CacheDir::open(&state.join("cache"));
    let prepared = prepare(&runtime, &args.wasm, config, &cache).await?;
    for warning in prepared.grant.warnings() {
        tracing::warn!("{}: {warning}", args.config.display());
    }

    let scratch;
    let directory = if args.dry_run {
        scratch = ScratchLedger::copy_of(&state)?;
        scratch.path()
    } else {
        state.as_path()
    };
    let ledger = Ledger::open(directory, Arc::clone(&clock))?;
    let instance = &prepared.config.name;
    let _turn = ledger
        .lock_instance(instance, args.lock_wait)
        .await
        .map_err(Failed::refused)?;
    let stop = Stop::on_signals().map_err(|error| Failed::bug(error.to_string()))?;

    let interval = prepared.config.interval.filter(|_| !args.once && !args.dry_run);
    let mut asked = asked;
    loop {
        let exit = once(
            &args,
            &runtime,
            &prepared,
            &ledger,
            &clock,
            asked,
            &stop,
            interval.is_none(),
        )
        .await?;
        let Some(interval) = interval else { return Ok(exit) };
        if stop.requested() {
            return Ok(exit);
        }
        asked = Asked::WhatIsDue;
        tokio::select! {
            () = clock.sleep(interval) => {}
            () = stop.wait() => return Ok(exit),
        }
    }
}

#[allow(clippy::too_many_arguments)] // one place, and each is a different thing
async fn once(
    args: &args::Run,
    runtime: &Runtime,
    prepared: &Prepared,
    ledger: &Ledger,
    clock: &SharedClock,
    asked: Asked,
    stop: &Stop,
    is_only_run: bool,
) -> Result<Exit, Failed> {
    let destination = match (&prepared.config.openfinops, args.dry_run) {
        (Some(openfinops), false) => Some(destination::ensure(ledger, openfinops).await?),
        _ => None,
    };
    let progress = Progress::start(is_terminal() && !args.json);
    let summary = run_once(
        runtime,
        prepared,
        ledger,
        clock,
        asked,
        |services| progress.watch(services),
        stop.wait(),
    )
    .await
    .map_err(PrepareError::from)?;
    progress.finish();
    let mut exit = match &summary.end {
        Ok(()) => Exit::Done,
        Err(error) => Exit::of_run(error),
    };
    if summary.counts.receipts.held > 0 {
        exit = exit.or(Exit::Refused);
    }

    let delivered = match destination {
        Some(destination) => {
            let time = if is_only_run {
                args.deliver_for
            } else {
                BETWEEN_RUNS
            };
            let report = tokio::select! {
                report = destination.deliver(ledger, clock, time) => Some(report?),
                () = stop.wait() => None,
            };
            exit = exit.or(match &report {
                Some(report) => report_exit(report),
                None => Exit::NotDelivered,
            });
            report
        }
        None => None,
    };
    show(args, prepared, &summary, delivered.as_ref());
    Ok(exit)
}

fn report_exit(report: &DeliveryReport) -> Exit {
    match &report.ended {
        Ended::Drained => Exit::Done,
        Ended::Paused(_) | Ended::Unexpected(_) => Exit::Refused,
        Ended::OutOfTime => Exit::NotDelivered,
    }
}

fn show(args: &args::Run, prepared: &Prepared, summary: &RunSummary, delivered: Option<&DeliveryReport>) {
    if args.json {
        let value = serde_json::json!({ "run": summary, "delivery": delivered, "dry_run": args.dry_run });
        super::print(&format!("{value:#}"));
    } else {
        super::print(&render::summary(prepared, summary, delivered, args.dry_run));
    }
}

fn asked(args: &args::Run, clock: &SharedClock) -> Result<Asked, Failed> {
    let Some(since) = args.since else {
        return Ok(Asked::Everything);
    };
    let start = midnight(since)?;
    let end = match args.until {
        Some(day) => midnight(day)?,
        None => clock.now(),
    };
    Period::new(start, end)
        .map(Asked::Backfill)
        .ok_or_else(|| Failed::usage("--until must be a day after --since".to_owned()))
}

/// The start of a day in UTC.
pub(super) fn midnight(day: Date) -> Result<Timestamp, Failed> {
    Offset::UTC
        .to_timestamp(day.at(0, 0, 0, 0))
        .map_err(|_| Failed::usage(format!("{day} lies outside the calendar")))
}
