//! `run`: collect once or at every interval, then deliver.

use super::{
    Failed, args, destination,
    environment::{clock, is_terminal, state_dir},
    exit::Exit,
    progress::Progress,
    render,
    room::{self, Lack, Patience, Round},
    scratch::ScratchLedger,
    stop::Stop,
};
use crate::{
    clock::SharedClock,
    component::{CacheDir, Compiler},
    config::Config,
    delivery::{DeliveryReport, Ended},
    foreign::Foreign,
    ledger::{
        Ledger, Repricing,
        held::{Proposal, review},
        record::Period,
        store::LedgerError,
    },
    sandbox::{RunError, Runtime},
    schedule::{Asked, PrepareError, Prepared, RunSummary, prepare, run_once},
};
use jiff::{Timestamp, civil::Date, tz::Offset};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

/// How long to try delivering between the runs of an interval; what is left goes with the next one.
const BETWEEN_RUNS: Duration = Duration::from_secs(60);

/// Runs the command.
pub(super) async fn run(args: args::Run, state: Option<&Path>) -> Result<Exit, Failed> {
    let clock = clock().map_err(Failed::config)?;
    let config = Config::load(&args.config)?;
    for warning in &config.warnings {
        tracing::warn!("{warning}");
    }
    let mut asked = asked(&args, &clock)?;
    let runtime = Runtime::new().map_err(PrepareError::from)?;
    let state = state_dir(state).map_err(Failed::config)?;
    let cache = CacheDir::open(&state.join("cache"));
    let compiler = Compiler::this_program()?;
    let mut prepared = prepare(&runtime, &args.wasm, config, &cache, &compiler).await?;
    if args.reprice {
        prepared.repricing = Repricing::Apply;
    }
    for warning in prepared.grant.warnings() {
        tracing::warn!("{}:{}: {}", args.config.display(), warning.line, warning.message);
    }

    let scratch;
    let directory = if args.dry_run {
        scratch = ScratchLedger::copy_of(&state)?;
        scratch.path()
    } else {
        state.as_path()
    };
    let mut ledger = Ledger::open(directory, Arc::clone(&clock))?;
    let pays = prepared.grant.rules.iter().any(|rule| rule.price.is_some());
    if args.dry_run && pays {
        ledger = ledger.paying_from(&Ledger::open(&state, Arc::clone(&clock))?);
    }
    let turn = ledger.lock_instance(&prepared.config.name, args.lock_wait);
    let _turn = turn.await.map_err(Failed::locked)?;
    let stop = Stop::on_signals().map_err(|error| Failed::bug(error.to_string()))?;
    let interval = prepared
        .config
        .interval
        .filter(|_| !args.once && !args.dry_run && args.since.is_none());

    let work = Work {
        directory: directory.to_owned(),
        args,
        runtime,
        prepared,
        ledger,
        clock,
        stop,
    };
    let mut patience = Patience::default();
    loop {
        let time = if interval.is_some() {
            BETWEEN_RUNS
        } else {
            work.args.deliver_for
        };
        let Some(interval) = interval else {
            return Ok(work.round(asked, time, &mut patience).await?.exit);
        };
        let round = match work.round(asked, time, &mut patience).await {
            Err(failed) if failed.full => patience.full(&failed.message),
            round => round?,
        };
        if round.collected {
            asked = Asked::WhatIsDue;
        }
        tokio::select! {
            () = work.clock.sleep(patience.pause(interval, &round)) => {}
            () = work.stop.wait() => return Ok(round.exit),
        }
    }
}

/// Everything that a round of collecting and delivering needs.
struct Work {
    /// Where the ledger lies.
    directory: PathBuf,
    args: args::Run,
    runtime: Runtime,
    prepared: Prepared,
    ledger: Ledger,
    clock: SharedClock,
    stop: Stop,
}

impl Work {
    /// Collects what is asked for, in one run or several, and delivers what is new.
    async fn round(
        &self,
        asked: Asked,
        delivery_time: Duration,
        patience: &mut Patience,
    ) -> Result<Round, Failed> {
        let destination = match (&self.prepared.config.openfinops, self.args.dry_run) {
            (Some(openfinops), false) => tokio::select! {
                known = destination::ensure(&self.ledger, openfinops) => Some(known?),
                // Another process may deliver for longer than one may wait before stopping.
                () = self.stop.wait() => return Ok(Round::of(Exit::NotDelivered)),
            },
            _ => None,
        };
        let lack = match self.args.dry_run {
            true => None,
            false => room::lack(&self.ledger, &self.directory, destination.is_some()).await?,
        };
        patience.tell(lack.as_ref());
        let mut exit = lack.as_ref().map_or(Exit::Done, Lack::exit);
        let mut summaries = Vec::new();
        let runs = if lack.is_none() { asked.runs() } else { Vec::new() };
        for run in runs {
            let summary = self.collect(run).await?;
            exit = exit.or(run_exit(&summary));
            let failed = summary.end.is_err();
            summaries.push(summary);
            if failed {
                break;
            }
        }
        let held = self.held(&summaries).await?;
        let mut delivered = None;
        if let Some(destination) = destination {
            let mut report = self.deliver(&destination, delivery_time).await;
            if report.as_ref().is_err_and(|failed| failed.full) {
                // The ballast has been given back since: what was sent can be settled with it.
                report = self.deliver(&destination, delivery_time).await;
            }
            match report {
                Ok(report) => delivered = report,
                Err(failed) => {
                    // What was collected is in the ledger, and worth showing.
                    self.show(&summaries, &held, None, lack.as_ref());
                    return Err(failed);
                }
            }
            exit = exit.or(delivered.as_ref().map_or(Exit::NotDelivered, report_exit));
        }
        self.show(&summaries, &held, delivered.as_ref(), lack.as_ref());
        Ok(Round {
            exit,
            collected: lack.is_none(),
            full: summaries
                .iter()
                .any(|summary| matches!(summary.end, Err(RunError::Storage(LedgerError::Full { .. })))),
        })
    }

    /// Delivers until nothing is left, the time is over or it is to stop: then there is no report.
    async fn deliver(
        &self,
        destination: &destination::Destination,
        time: Duration,
    ) -> Result<Option<DeliveryReport>, Failed> {
        let deliver = destination.deliver(&self.ledger, &self.clock, time, self.args.fresh);
        tokio::select! {
            report = deliver => report.map(Some),
            () = self.stop.wait() => Ok(None),
        }
    }

    /// The commits of these runs that are held: of a dry run nothing else tells of them.
    async fn held(&self, summaries: &[RunSummary]) -> Result<Vec<Proposal>, Failed> {
        if summaries.iter().all(|summary| summary.counts.receipts.held == 0) {
            return Ok(Vec::new());
        }
        let held = self.ledger.store().with(|connection| review(connection)).await?;
        Ok(held)
    }

    /// One run, with a line of progress on a terminal.
    async fn collect(&self, asked: Asked) -> Result<RunSummary, Failed> {
        let progress = Progress::start(is_terminal() && !self.args.json);
        let summary = run_once(
            &self.runtime,
            &self.prepared,
            &self.ledger,
            &self.clock,
            asked,
            |services| progress.watch(services),
            self.stop.wait(),
        )
        .await
        .map_err(PrepareError::from)?;
        progress.finish();
        Ok(summary)
    }

    fn show(
        &self,
        summaries: &[RunSummary],
        held: &[Proposal],
        delivered: Option<&DeliveryReport>,
        lack: Option<&Lack>,
    ) {
        let dry_run = self.args.dry_run;
        if self.args.json {
            let value = serde_json::json!({
                "runs": summaries, "held": held, "delivery": delivered, "dry_run": dry_run,
                "not_started": lack.map(ToString::to_string),
            });
            super::print(&format!("{value:#}"));
            return;
        }
        for summary in summaries {
            super::print(&render::summary(&self.prepared, summary, dry_run));
        }
        for line in held.iter().flat_map(|proposal| proposal.reason.lines()) {
            super::print(&format!("  held     {}", Foreign::from(line)));
        }
        if let Some(report) = delivered {
            super::print(&render::delivery(report));
        }
    }
}

fn run_exit(summary: &RunSummary) -> Exit {
    match &summary.end {
        Ok(()) if summary.counts.receipts.held > 0 => Exit::Refused,
        Ok(()) => Exit::Done,
        Err(error) => Exit::of_run(error),
    }
}

fn report_exit(report: &DeliveryReport) -> Exit {
    match &report.ended {
        Ended::Drained => Exit::Done,
        Ended::Paused(_) | Ended::Unexpected(_) => Exit::Refused,
        Ended::OutOfTime => Exit::NotDelivered,
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
