//! The siege itself: rounds of restating, running, killing and checking, then a last undisturbed run and the proof.

use super::{
    bill::Bill,
    chance::Chance,
    mood::Mood,
    phase::Phase,
    proof,
    watcher::{Aim, Watcher},
};
use crate::{
    Error, artifacts, books,
    hostile::{self, Answer},
    openfinops::{Recorder, Route},
    program::{Place, Ran},
};
use jiff::{Timestamp, ToSpan};
use rustix::process::Pid;
use std::{
    collections::BTreeMap,
    fmt,
    fs::File,
    io::{BufRead as _, BufReader},
    path::PathBuf,
    process::Stdio,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Per cent of the destination's answers that are not the honest one.
const MOODY: u64 = 45;
/// Further rounds for a phase that was aimed at and never hit: on a busy machine a kill comes late.
const EXTRA_ROUNDS: u32 = 20;
/// Runs that the undisturbed end may take: a batch of unknown fate is looked up again and again for a while.
const LAST_RUNS: u32 = 40;
/// When the bill's month is young enough for all of it to be read.
const BEGIN: &str = "2026-08-10T00:00:00Z";

/// A program under siege, with its provider and its destination.
pub struct Siege {
    seed: u64,
    chance: Chance,
    now: Timestamp,
    place: Place,
    wasm: PathBuf,
    config: PathBuf,
    bill: Arc<Mutex<Bill>>,
    mood: Arc<Mutex<Mood>>,
    watcher: Arc<Watcher>,
    destination: Recorder,
    tally: Tally,
    _provider: hostile::Recorder,
    _runtime: tokio::runtime::Runtime,
}

/// What a siege came to.
#[derive(Debug, Default)]
struct Tally {
    rounds: u64,
    crashes: u64,
    phases: BTreeMap<Phase, u64>,
    exits: BTreeMap<i32, u64>,
    resumed: u64,
    ambiguous: u64,
    proof: proof::Proof,
}

impl Siege {
    /// Lays it.
    ///
    /// # Errors
    /// Where something of it cannot be started.
    pub fn new(seed: u64) -> Result<Self, Error> {
        let mut chance = Chance::new(seed);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()?;
        let watcher = Arc::new(Watcher::default());
        let bill = Arc::new(Mutex::new(Bill::new(&mut chance)));
        let mood = Arc::new(Mutex::new(Mood::new(chance.fork())));

        let (pages, asked) = (Arc::clone(&bill), Arc::clone(&watcher));
        let provider = runtime.block_on(hostile::Recorder::plain(move |request| {
            let mut numbers = request
                .target()
                .rsplit('/')
                .filter_map(|number| number.parse().ok());
            let (page, part): (usize, usize) = (
                numbers.next().unwrap_or(usize::MAX),
                numbers.next().unwrap_or(usize::MAX),
            );
            asked.asked(part as u64, page as u64);
            match lock(&pages).page(part, page) {
                Some(page) => Answer::ok(page),
                None => Answer::status(404, &[], ""),
            }
        }))?;
        let destination = Recorder::start()?;
        let (moods, answers) = (Arc::clone(&mood), Arc::clone(&watcher));
        destination.decide(move |route, body| {
            let outcome = lock(&moods).outcome(route, body);
            if route == Route::Ingest {
                answers.answers(outcome == crate::openfinops::Outcome::success());
            }
            Some(outcome)
        });
        let events = Arc::clone(&watcher);
        destination.watch(move |event| events.delivery(event));

        let place = Place::new()?;
        let config = place.file(
            "bill.toml",
            format!(
                "[collector]\nname = \"besieged\"\n\n[settings]\nact = \"bill\"\nurl = \"http://bill.example\"\ncount = {}\n\n\
                 [[allow]]\nhost = \"bill.example\"\npaths = [\"/\"]\nconnect-to = \"{}\"\ninsecure-http = true\n\n\
                 [openfinops]\nendpoint = \"{}\"\n",
                lock(&bill).parts(),
                provider.address(),
                destination.url()
            ),
        )?;
        Ok(Self {
            seed,
            now: BEGIN.parse()?,
            place,
            wasm: artifacts::guest("hostile")?,
            config,
            bill,
            mood,
            watcher,
            destination,
            tally: Tally::default(),
            chance,
            _provider: provider,
            _runtime: runtime,
        })
    }

    /// Holds out for so many rounds, then proves the end.
    ///
    /// # Errors
    /// What was lost, invented, changed or doubled, or a phase that was never hit; with the seed.
    pub fn hold(&mut self, rounds: u64) -> Result<(), Error> {
        self.try_hold(rounds)
            .map_err(|error| format!("seed {}, round {}: {error}", self.seed, self.tally.rounds).into())
    }

    fn try_hold(&mut self, rounds: u64) -> Result<(), Error> {
        let mut aims = Vec::new();
        while self.tally.rounds < rounds {
            if aims.is_empty() {
                aims.extend(Phase::AIMED_AT.map(Some));
                // Rounds that are left alone, so that answers can be met to their end.
                aims.extend([None, None]);
                self.chance.shuffle(&mut aims);
            }
            self.tally.rounds += 1;
            self.round(aims.pop().flatten())?;
        }
        for phase in Phase::AIMED_AT {
            for _ in 0..EXTRA_ROUNDS {
                if self.tally.phases.contains_key(&phase) {
                    break;
                }
                self.tally.rounds += 1;
                self.round(Some(phase))?;
            }
        }
        self.last_runs()?;
        let bodies = self.destination.received(Route::Ingest);
        let stored = self.destination.stored();
        let bill = lock(&self.bill);
        self.tally.ambiguous = lock(&self.mood).ambiguous;
        self.tally.proof = proof::prove(&self.place.state(), &bill, &bodies, &stored)?;
        proof::can_fail(&self.place.state(), &bill, &bodies, &stored)?;
        let allowed = self.tally.crashes + self.tally.ambiguous;
        if self.tally.proof.duplicates > allowed {
            return Err(format!(
                "{} duplicates on the wire after {allowed} crashes and ambiguous replies",
                self.tally.proof.duplicates
            )
            .into());
        }
        let missed = Phase::AIMED_AT
            .iter()
            .find(|phase| !self.tally.phases.contains_key(phase));
        match missed {
            Some(phase) => Err(format!("it was never killed {phase}: {self}").into()),
            None => Ok(()),
        }
    }

    fn round(&mut self, phase: Option<Phase>) -> Result<(), Error> {
        // Beyond the longest Retry-After where something shall be sent.
        let least = if phase.is_some_and(Phase::is_of_delivery) {
            16
        } else {
            5
        };
        let minutes = least + self.chance.below(10);
        self.pass(minutes)?;
        lock(&self.bill).restate(&mut self.chance);
        // A batch must be taken to be settled.
        let moody = if phase == Some(Phase::InSettling) {
            0
        } else {
            MOODY
        };
        lock(&self.mood).change(moody);
        let parts = lock(&self.bill).parts() as u64;
        let aim = phase.map(|phase| phase.aim(&mut self.chance, parts));
        self.run(aim)?;
        self.check()
    }

    /// Lets time pass between runs: the host's and the destination's.
    fn pass(&mut self, minutes: u64) -> Result<(), Error> {
        self.now = self.now.checked_add(i64::try_from(minutes)?.minutes())?;
        self.place.set_now(&self.now.to_string());
        self.destination.set_now(self.now.as_second());
        Ok(())
    }

    /// Runs the program to its end or its death.
    fn run(&mut self, aim: Option<Aim>) -> Result<Option<Ran>, Error> {
        let output = self.place.path().join("stdout");
        let mut command = self.place.command()?;
        command
            .arg("run")
            .arg(&self.wasm)
            .arg("--config")
            .arg(&self.config);
        command.args(["--json", "--since", "2026-08-01", "--deliver-for", "2s"]);
        let mut child = command
            .stdout(File::create(&output)?)
            .stderr(Stdio::piped())
            .spawn()?;
        let process = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        self.watcher.begin(process.ok_or("the process has no id")?, aim);
        let mut stderr = String::new();
        if let Some(pipe) = child.stderr.take() {
            for line in BufReader::new(pipe).split(b'\n') {
                let line = String::from_utf8_lossy(&line?).into_owned();
                self.watcher.line(&line);
                stderr.push_str(&line);
                stderr.push('\n');
            }
        }
        let killed = self.watcher.end();
        let status = child.wait()?;
        self.destination.release();
        if killed {
            self.tally.crashes += 1;
            let phase = self.watcher.phase(self.holds_ambiguous()?);
            *self.tally.phases.entry(phase).or_default() += 1;
            return Ok(None);
        }
        let ran = Ran {
            code: status.code(),
            stdout: std::fs::read_to_string(&output)?,
            stderr,
        };
        match ran.code {
            Some(code @ (0 | 69 | 75)) => *self.tally.exits.entry(code).or_default() += 1,
            _ => return Err(format!("the program ended otherwise than it may: {ran:?}").into()),
        }
        self.resume()?;
        Ok(Some(ran))
    }

    /// Lets a destination go on that has paused: three refused batches in a row are the operator's business.
    fn resume(&mut self) -> Result<(), Error> {
        let sql = "SELECT count(*) FROM destination WHERE state = 'paused'";
        let paused: i64 = books::open(&self.place.state())?.query_row(sql, [], |row| row.get(0))?;
        if paused > 0 {
            self.tally.resumed += 1;
            let ran = self.place.call(&["destination", "resume"])?;
            if ran.code != Some(0) {
                return Err(format!("the destination does not go on: {ran:?}").into());
            }
        }
        Ok(())
    }

    /// Whether a batch was sent whose answer is not in the ledger.
    fn holds_ambiguous(&self) -> Result<bool, Error> {
        if !self.place.state().join("ledger.db").exists() {
            return Ok(false);
        }
        let sql = "SELECT count(*) FROM batch WHERE state = 'ambiguous' AND next_at IS NULL";
        let open: rusqlite::Result<i64> =
            books::open(&self.place.state())?.query_row(sql, [], |row| row.get(0));
        // A ledger that has no tables yet holds none.
        Ok(open.is_ok_and(|open| open > 0))
    }

    /// The laws of the ledger.
    fn check(&self) -> Result<(), Error> {
        if !self.place.state().join("ledger.db").exists() {
            return Ok(());
        }
        let ran = self.place.call(&["check", "--ledger"])?;
        match ran.code {
            Some(0) => Ok(()),
            _ => Err(format!("the ledger's laws do not hold: {ran:?}").into()),
        }
    }

    /// Undisturbed runs until everything is delivered.
    fn last_runs(&mut self) -> Result<(), Error> {
        lock(&self.mood).change(0);
        let mut last = None;
        for _ in 0..LAST_RUNS {
            self.pass(20)?;
            last = self.run(None)?;
            self.check()?;
            if last.as_ref().is_some_and(|ran| ran.code == Some(0)) {
                return Ok(());
            }
        }
        Err(format!("not everything is delivered after {LAST_RUNS} runs: {last:?}").into())
    }
}

impl fmt::Display for Siege {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tally = &self.tally;
        writeln!(
            f,
            "seed {}: {} rounds, {} crashes",
            self.seed, tally.rounds, tally.crashes
        )?;
        for (phase, count) in &tally.phases {
            writeln!(f, "  {count:>4} {phase}")?;
        }
        let exits: Vec<_> = tally
            .exits
            .iter()
            .map(|(code, count)| format!("{count} with {code}"))
            .collect();
        writeln!(f, "  other rounds ended by themselves: {}", exits.join(", "))?;
        writeln!(
            f,
            "  {} ambiguous replies, {} pauses; {}",
            tally.ambiguous, tally.resumed, tally.proof
        )
    }
}

fn lock<T>(what: &Mutex<T>) -> MutexGuard<'_, T> {
    what.lock().unwrap_or_else(PoisonError::into_inner)
}
