//! `serve`: every instance of a directory in one process, each on its own schedule, under its own grant, limits and credentials.
//!
//! What must hold: a broken instance, file or component is told of and holds up no other; files are taken over whole, or not at all;
//! asked to stop, nothing new begins and what runs ends in order.

mod delivering;
mod fleet;
mod one_run;
mod opening;
mod proving;
mod watching;

pub(super) use opening::Opening;

use super::{
    Failed,
    confinement::Read,
    environment::{clock, state_dir},
    exit::Exit,
    otlp::Otlp,
    room::Patience,
    stop::Stop,
};
use crate::{
    component::{CacheDir, Compiler},
    config::Tenant,
    ledger::Ledger,
    observe::{self, Activity, Board, Health, Heartbeat, InstanceState, Metrics, Phase, Readiness},
    sandbox::{RunError, Runtime},
    schedule::{Due, PrepareError, Prepared, Roster},
};
use delivering::News;
use fleet::{Fleet, Force, Loader};
use jiff::{SignedDuration, Timestamp};
use one_run::{Crew, Turn};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{
    sync::{Semaphore, mpsc, watch},
    task::JoinSet,
};
use watching::{Asker, Watch};

/// The longest that one waits without looking at the clock: it can be set, and a machine can sleep.
const LOOK_AT_THE_CLOCK: Duration = Duration::from_secs(30);

/// Runs the command.
pub(super) async fn serve(read: Read, state: Option<&Path>, otlp: &mut Otlp) -> Result<Exit, Failed> {
    let Read::Serve(opening) = read else {
        return Err(Failed::bug("nothing was read to serve".to_owned()));
    };
    let opening = *opening;
    let (readiness, heartbeat) = (Readiness::new(), Heartbeat::new());
    let clock = clock().map_err(Failed::config)?;
    let runtime = Arc::new(Runtime::new().map_err(PrepareError::from)?);
    let directory = state_dir(state).map_err(Failed::config)?;
    let ledger = Ledger::open(&directory, Arc::clone(&clock))?;
    let _alone = ledger.lock_serve().map_err(Failed::locked)?;
    let last_starts = ledger.last_starts().await?;
    let stop = Stop::on_signals().map_err(|error| Failed::bug(error.to_string()))?;
    let loader = Loader {
        path: opening.path.clone(),
        runtime: Arc::clone(&runtime),
        cache: CacheDir::open(&directory.join("cache")),
        compiler: Compiler::this_program()?,
        collectors: HashMap::new(),
    };
    let crew = Arc::new(Crew {
        runtime,
        ledger,
        directory,
        clock,
        stop,
        board: Board::default(),
        metrics: Metrics::new(),
        places: Semaphore::new(usize::try_from(opening.parallel).unwrap_or(1)),
        news: News::new(),
        patience: std::sync::Mutex::new(Patience::default()),
    });
    readiness.enter(Phase::Loading);
    let health = Health {
        board: crew.board.clone(),
        metrics: crew.metrics.clone(),
        state_dir: crew.directory.clone(),
        clock: Arc::clone(&crew.clock),
        ready: readiness.clone(),
        heartbeat: heartbeat.clone(),
    };
    otlp.count(&health);
    let bug = |error: std::io::Error| Failed::bug(error.to_string());
    let watch = Watch::start().map_err(bug)?;
    let (fleets, fleet) = mpsc::channel(1);
    let site = (opening.tenants, opening.site.directories());
    tokio::spawn(load_for_ever(loader, watch, site, fleets));
    tracing::info!("serving {}", opening.path.display());
    let (openfinops, to_openfinops) = watch::channel(None);
    let (focus, to_focus) = watch::channel(None);
    let beside = [
        tokio::spawn(delivering::entries(Arc::clone(&crew), to_openfinops)),
        tokio::spawn(delivering::files(Arc::clone(&crew), to_focus)),
        tokio::spawn(proving::laws(Arc::clone(&crew))),
    ];
    let address = opening.listener.local_addr().map_err(bug)?;
    // Health is told to the very end, and never holds it up.
    let listening = tokio::spawn(observe::listen(
        vec![opening.listener],
        health,
        std::future::pending::<()>(),
    ));
    tracing::info!("listening on {address}");
    let mut service = Service {
        crew,
        readiness,
        heartbeat,
        roster: Roster::default(),
        last_starts,
        forces: BTreeMap::new(),
        standing: BTreeSet::new(),
        runs: JoinSet::new(),
        names: HashMap::new(),
        openfinops,
        focus,
    };
    service.go_on(fleet).await;
    service.readiness.enter(Phase::Stopping);
    service.come_to_an_end().await;
    for task in beside {
        // It has nothing to tell but that it is over.
        let _over = task.await;
    }
    listening.abort();
    tracing::info!("stopped; what waits for delivery is sent after the next start");
    Ok(Exit::Done)
}

/// Loads the files now, and again whenever that is asked for, until nobody takes what was loaded.
async fn load_for_ever(
    mut loader: Loader,
    mut watch: Watch,
    (tenants, directories): (Vec<Tenant>, Vec<PathBuf>),
    fleets: mpsc::Sender<Fleet>,
) {
    // Watched before they are read, so that no change falls between.
    watch.over(directories);
    let mut fleet = loader.load(tenants, &Fleet::default()).await;
    loop {
        watch.over(fleet.directories());
        if fleets.send(fleet.clone()).await.is_err() {
            return;
        }
        let asker = watch.asked().await;
        match loader.reload(&fleet).await {
            Ok(now) => fleet = now,
            Err(failed) => tracing::error!("everything stays as it is: {}", failed.message),
        }
        fleet.retry = asker == Asker::Person;
    }
}

/// The scheduler's own state.
struct Service {
    crew: Arc<Crew>,
    readiness: Readiness,
    heartbeat: Heartbeat,
    roster: Roster,
    /// When instances were last started, as far as the ledger knows.
    last_starts: BTreeMap<String, Timestamp>,
    /// What is in force, by name.
    forces: BTreeMap<String, Arc<Prepared>>,
    /// The names that stand on the board: of instances in force, and of files that have no version in force.
    standing: BTreeSet<String>,
    runs: JoinSet<Turn>,
    /// The names of running tasks' instances: a task that panics tells no more than its number.
    names: HashMap<tokio::task::Id, Due>,
    openfinops: watch::Sender<Option<crate::config::OpenFinOps>>,
    focus: watch::Sender<Option<crate::export::snapshot::SnapshotConfig>>,
}

impl Service {
    /// Starts what is due, takes over fleets, notes what ended; until it is asked to stop.
    async fn go_on(&mut self, mut fleets: mpsc::Receiver<Fleet>) {
        let stop = self.crew.stop.clone();
        loop {
            self.heartbeat.beat(Instant::now());
            let now = self.crew.clock.now();
            for due in self.roster.due(now) {
                self.start(due);
            }
            let pause = self.roster.next().map_or(LOOK_AT_THE_CLOCK, |next| {
                Duration::try_from(now.duration_until(next)).unwrap_or(Duration::ZERO)
            });
            let sleep = self.crew.clock.sleep(pause.min(LOOK_AT_THE_CLOCK));
            tokio::select! {
                biased;
                () = stop.wait() => return,
                Some(ended) = self.runs.join_next_with_id() => self.ended(ended),
                Some(fleet) = fleets.recv() => self.take_over(&fleet),
                () = sleep => {}
            }
        }
    }

    /// Waits for what runs: it was told to stop, too.
    async fn come_to_an_end(&mut self) {
        while let Some(ended) = self.runs.join_next_with_id().await {
            self.ended(ended);
        }
    }

    fn start(&mut self, due: Due) {
        let Some(prepared) = self.forces.get(&due.name).cloned() else {
            return;
        };
        let (crew, of_run) = (Arc::clone(&self.crew), due.clone());
        let delivers = self.openfinops.borrow().is_some();
        let task = self
            .runs
            .spawn(async move { crew.turn(&prepared, &of_run, delivers).await });
        self.names.insert(task.id(), due);
    }

    fn ended(&mut self, ended: Result<(tokio::task::Id, Turn), tokio::task::JoinError>) {
        let (id, turn) = match ended {
            Ok((id, turn)) => (id, Ok(turn)),
            Err(error) => (error.id(), Err(error.to_string())),
        };
        let Some(due) = self.names.remove(&id) else {
            return;
        };
        let now = self.crew.clock.now();
        let mut failures = None;
        match turn {
            Ok(Turn::Stopped) => self.roster.put_off(&due.name, now),
            Ok(Turn::NotBegun { again }) => {
                let again = SignedDuration::try_from(again).unwrap_or_default();
                self.roster
                    .put_off(&due.name, now.saturating_add(again).unwrap_or(now));
            }
            Ok(Turn::Ran { started, end }) => {
                failures = self.roster.ended(&due.name, started, &end, now);
            }
            Err(panic) => {
                tracing::error!(instance = due.name, "a bug ended the run: {panic}");
                let end = Err(RunError::Host(panic));
                failures = self.roster.ended(&due.name, due.since, &end, now);
            }
        }
        let next = self.roster.next_of(&due.name);
        self.crew.board.change(&due.name, |state| {
            if let Some((_, failures)) = failures {
                state.failures = failures;
            }
            state.activity = next.map_or(Activity::Unfit, |next| Activity::Waiting { next });
        });
    }

    /// Takes over a fleet: what runs ends as it began, and its next run is of the new version.
    fn take_over(&mut self, fleet: &Fleet) {
        let now = self.crew.clock.now();
        let names: BTreeSet<&str> = fleet.in_force().map(|(name, _, _)| name).collect();
        self.roster.keep(&names);
        self.forces.retain(|name, _| names.contains(name.as_str()));
        let mut standing = BTreeSet::new();
        for (name, path, force) in fleet.in_force() {
            let last = self.last_starts.get(name).copied();
            let again = force.changed || fleet.retry;
            self.roster.take(name, force.rhythm.clone(), again, last, now);
            self.forces.insert(name.to_owned(), Arc::clone(&force.prepared));
            let refused = fleet.members.get(path).and_then(|member| member.refused.clone());
            self.put_up(name, path, force, refused);
            standing.insert(name.to_owned());
            if force.changed {
                for warning in warnings(&force.prepared) {
                    tracing::warn!(instance = name, "{warning}");
                }
            }
        }
        for (path, why) in fleet.refused() {
            let name = path
                .file_stem()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            let stands = fleet
                .members
                .get(path)
                .is_some_and(|member| member.force.is_some());
            if stands {
                tracing::error!("its former version stays in force: {why}");
                continue;
            }
            tracing::error!("{why}");
            if standing.insert(name.clone()) {
                self.crew
                    .board
                    .put(&name, InstanceState::unfit(path.to_owned(), why.to_owned()));
            }
        }
        for gone in self.standing.difference(&standing) {
            self.crew.board.remove(gone);
        }
        self.standing = standing;
        self.crew
            .metrics
            .reloaded(self.forces.len(), fleet.refused().count());
        self.readiness.enter(Phase::Serving);
        tracing::info!(
            instances = self.forces.len(),
            refused = fleet.refused().count(),
            "files are read"
        );
        self.openfinops
            .send_if_modified(|it| changed(it, &fleet.openfinops));
        self.focus.send_if_modified(|it| changed(it, &fleet.focus));
    }

    fn put_up(&self, name: &str, path: &Path, force: &Force, refused: Option<String>) {
        let board = &self.crew.board;
        let known = board.read_one(name);
        let descriptor = &force.prepared.descriptor;
        let next = self.roster.next_of(name);
        let activity = match (&known, next) {
            // It runs, or waits for a place.
            (Some(known), None) => known.activity,
            (_, Some(next)) => Activity::Waiting { next },
            (None, None) => Activity::Unfit,
        };
        board.put(
            name,
            InstanceState {
                file: path.to_owned(),
                collector: descriptor.name.clone(),
                version: descriptor.version.clone(),
                sha256: force.prepared.sha256.clone(),
                refused,
                activity,
                failures: known.as_ref().map_or(0, |known| known.failures),
                last: known.and_then(|known| known.last),
            },
        );
    }
}

/// What is allowed but unwise in an instance's file.
fn warnings(prepared: &Prepared) -> Vec<String> {
    let config = &prepared.config;
    let of_grant = prepared
        .grant
        .warnings()
        .into_iter()
        .map(|warning| format!("{}:{}: {}", config.path.display(), warning.line, warning.message));
    config.warnings.iter().cloned().chain(of_grant).collect()
}

fn changed<T: Clone + PartialEq>(held: &mut T, now: &T) -> bool {
    let changed = held != now;
    if changed {
        held.clone_from(now);
    }
    changed
}
