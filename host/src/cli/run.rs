//! `run`: collect once or at every interval, then deliver.

use super::{
    Failed, args,
    confinement::Read,
    destination,
    environment::{clock, state_dir},
    exit::Exit,
    focus,
    progress::Progress,
    recording,
    render::{self, Kept},
    room::{self, Lack, Patience, Round},
    scratch::ScratchLedger,
    stop::Stop,
    terminal::Tone,
};
use crate::{
    clock::SharedClock,
    component::{CacheDir, Compiler},
    delivery::{DeliveryReport, Ended},
    export::snapshot::SnapshotReport,
    foreign::Foreign,
    ledger::{
        Archived, Ledger, Repricing, Retention,
        held::{Proposal, review},
        outbox::{Posted, last_entry, posted_since},
        record::Period,
        store::LedgerError,
    },
    sandbox::{RunError, Runtime},
    schedule::{Asked, PrepareError, Prepared, RunSummary, prepare, run_once},
};
use jiff::{Timestamp, civil::Date, tz::Offset};
use rusqlite::Connection;
use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

/// How long to try delivering between the runs of an interval; what is left goes with the next one.
const BETWEEN_RUNS: Duration = Duration::from_secs(60);

/// Runs the command.
pub(super) async fn run(mut args: args::Run, read: Read, state: Option<&Path>) -> Result<Exit, Failed> {
    let Read::Run(config) = read else {
        return Err(Failed::bug("the operator's file was not read".to_owned()));
    };
    for warning in &config.warnings {
        tracing::warn!("{warning}");
    }
    if config.cron.is_some() {
        tracing::info!("`cron` says when `serve` runs it; `run` runs once");
    }
    let state = state_dir(state).map_err(Failed::config)?;
    let replay = recording::open(&mut args, &config, &state)?;
    let clock = match &replay {
        Some(replay) => recording::clock(replay),
        None => clock().map_err(Failed::config)?,
    };
    let mut asked = asked(&args, &clock)?;
    let runtime = Runtime::new().map_err(PrepareError::from)?;
    let cache = CacheDir::open(&state.join("cache"));
    let compiler = Compiler::this_program()?;
    let mut prepared = prepare(&runtime, &args.wasm, *config, &cache, &compiler).await?;
    if args.reprice {
        prepared.repricing = Repricing::Apply;
    }
    for warning in prepared.grant.warnings() {
        tracing::warn!("{}:{}: {}", args.config.display(), warning.line, warning.message);
    }

    let (scratch, replayed);
    let directory = if replay.is_some() {
        replayed = recording::ledger(&args, &state)?;
        replayed.0.as_path()
    } else if args.dry_run {
        scratch = ScratchLedger::copy_of(&state)?;
        scratch.path()
    } else {
        state.as_path()
    };
    let mut ledger = Ledger::open(directory, Arc::clone(&clock))?;
    let pays = prepared.grant.rules.iter().any(|rule| rule.price.is_some());
    if args.dry_run && pays && replay.is_none() {
        ledger = ledger.paying_from(&Ledger::open(&state, Arc::clone(&clock))?);
    }
    let turn = ledger.lock_instance(&prepared.config.name, args.lock_wait);
    let _turn = turn.await.map_err(Failed::locked)?;
    let stop = Stop::on_signals().map_err(|error| Failed::bug(error.to_string()))?;
    let recorded = args.recording.record.is_some();
    recording::connect(&args, &mut prepared, replay, &clock)?;
    let interval = prepared
        .config
        .interval
        .filter(|_| !args.once && !args.dry_run && !recorded && args.since.is_none());

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
            let round = work.round(asked, time, &mut patience).await?;
            recording::end(&work.args, &work.prepared.wire, &work.stop).await?;
            return Ok(round.exit);
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

/// What a round came to, as it is shown at its end.
struct Shown {
    summaries: Vec<RunSummary>,
    held: Vec<Proposal>,
    /// Of a dry run.
    would_post: Vec<Posted>,
    delivered: Option<DeliveryReport>,
    rendered: Option<SnapshotReport>,
    archived: Archived,
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
        let focus = match (&self.prepared.config.focus, self.args.dry_run) {
            (Some(config), false) => tokio::select! {
                known = focus::ensure(&self.ledger, config) => Some(known?),
                () = self.stop.wait() => return Ok(Round::of(Exit::NotDelivered)),
            },
            _ => None,
        };
        let destination = match (&self.prepared.config.openfinops, self.args.dry_run) {
            (Some(openfinops), false) => tokio::select! {
                known = destination::ensure(&self.ledger, openfinops) => Some(known?),
                // Another process may deliver for longer than one may wait before stopping.
                () = self.stop.wait() => return Ok(Round::of(Exit::NotDelivered)),
            },
            _ => None,
        };
        let before = match self.args.dry_run {
            true => Some(
                self.ledger
                    .store()
                    .with(|connection| last_entry(connection))
                    .await?,
            ),
            false => None,
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
        let mut shown = Shown {
            held: self.held(&summaries).await?,
            would_post: match before {
                Some(row) => {
                    let posted = move |connection: &mut Connection| posted_since(connection, row);
                    self.ledger.store().with(posted).await?
                }
                None => Vec::new(),
            },
            summaries,
            delivered: None,
            rendered: None,
            archived: Archived::default(),
        };
        // Beside each other: neither holds up the other.
        let render = async {
            match &focus {
                Some(focus) => Some(focus.render(&self.ledger, &self.clock, &self.stop).await),
                None => None,
            }
        };
        let (delivered, rendered) = {
            let waits = (destination.is_some() || focus.is_some()) && !self.args.json;
            let _line = Progress::start(waits, "delivering");
            tokio::join!(self.deliver(destination.as_ref(), delivery_time), render)
        };
        if let Some(rendered) = &rendered {
            exit = exit.or(rendered.exit);
        }
        shown.rendered = rendered.map(|rendered| rendered.report);
        let delivered = match delivered {
            Ok(delivered) => delivered,
            Err(failed) => {
                // What was collected is in the ledger, and worth showing.
                self.show(&shown, lack.as_ref());
                return Err(failed);
            }
        };
        if destination.is_some() {
            exit = exit.or(delivered.as_ref().map_or(Exit::NotDelivered, report_exit));
        }
        shown.delivered = delivered;
        match self.archive().await {
            Ok(archived) => shown.archived = archived,
            // Nothing is lost by it, and the next run tries again.
            Err(error) => {
                tracing::warn!("old detail could not be archived: {error}");
                exit = exit.or(Exit::Storage);
            }
        }
        self.show(&shown, lack.as_ref());
        Ok(Round {
            exit,
            collected: lack.is_none(),
            full: shown
                .summaries
                .iter()
                .any(|summary| matches!(summary.end, Err(RunError::Storage(LedgerError::Full { .. })))),
        })
    }

    /// Delivers what is new; `None` where there is no destination, or stopping came first.
    async fn deliver(
        &self,
        destination: Option<&destination::Destination>,
        time: Duration,
    ) -> Result<Option<DeliveryReport>, Failed> {
        let Some(destination) = destination else {
            return Ok(None);
        };
        let deliver = || destination.deliver(&self.ledger, &self.clock, time, self.args.fresh);
        let patient = async {
            match deliver().await {
                // The ballast has been given back since: what was sent can be settled with it.
                Err(failed) if failed.full => deliver().await,
                report => report,
            }
        };
        tokio::select! {
            report = patient => report.map(Some),
            () = self.stop.wait() => Ok(None),
        }
    }

    /// Archives what is old enough by the operator's file. Where the program is asked to stop, the partition under way stays as it is.
    async fn archive(&self) -> Result<Archived, LedgerError> {
        let config = &self.prepared.config;
        let Some(months) = config.archive_after.filter(|_| !self.args.dry_run) else {
            return Ok(Archived::default());
        };
        let retention = Retention {
            months,
            look_back: config.look_back,
        };
        let archive = |asked| self.ledger.archive(&config.name, retention, asked);
        self.stop.flagging(archive).await
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
        let progress = Progress::start(!self.args.json, "starting");
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
        Ok(summary)
    }

    fn show(&self, shown: &Shown, lack: Option<&Lack>) {
        let dry_run = self.args.dry_run;
        if self.args.json {
            let mut value = serde_json::json!({
                "runs": shown.summaries, "held": shown.held, "delivery": shown.delivered, "focus": shown.rendered,
                "archived": shown.archived, "dry_run": dry_run, "not_started": lack.map(ToString::to_string),
            });
            if dry_run && let Some(value) = value.as_object_mut() {
                value.insert("would_post".to_owned(), serde_json::json!(shown.would_post));
            }
            super::print(&format!("{value:#}"));
            return;
        }
        let kept = if dry_run { Kept::Compared } else { Kept::Yes };
        for summary in &shown.summaries {
            super::print_toned(&render::summary(&self.prepared, summary, kept));
        }
        for posted in &shown.would_post {
            super::print(&render::would_post(posted));
        }
        for line in shown.held.iter().flat_map(|proposal| proposal.reason.lines()) {
            let held = Tone::Warning.of("held");
            super::print_toned(&format!("  {held}     {}", Foreign::from(line)));
        }
        if let Some(report) = &shown.delivered {
            super::print_toned(&render::delivery(report));
        }
        if let Some(report) = &shown.rendered {
            super::print(&render::snapshot(report));
        }
        if shown.archived.partitions > 0 {
            super::print(&render::archived(&shown.archived));
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
