//! The stage of hostile tests: guests run in this process through the host's library, a server records what reaches it,
//! and a secret is searched for wherever it could have come.
//! What must hold: a test that ends with [`Stage::assert_unharmed`] has shown that nothing leaked and that a good collector
//! still runs in this very process, over the same ledger.

mod act;
mod answer;
mod canary;
pub mod elsewhere;
mod handmade;
pub mod log;
mod names;
mod recorder;

pub use act::Act;
use act::Guest;
pub use answer::{Answer, Then};
pub use canary::Canary;
pub use handmade::Handmade;
pub use names::Names;
pub use recorder::{Connection, Received, Recorder};

use crate::{
    Error, artifacts,
    program::{Place, program},
};
use finops_host::{
    clock::{SharedClock, SystemClock},
    component::{CacheDir, Compiler},
    config::Config,
    ledger::{
        Ledger, check,
        query::{CostFilter, costs},
        record::Source,
        store::open_read_only,
    },
    sandbox::{FailureKind, RunError, Runtime},
    schedule::{Asked, RunSummary, prepare, run_once},
};
use log::Log;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// The account that only the good collector writes.
const GOOD_ACCOUNT: &str = "good";
/// What it costs.
const GOOD_AMOUNT: &str = "12.5";

/// A ledger, a secret and a place for files. Guests that run on it share the process with those of other tests.
pub struct Stage {
    place: Place,
    canary: Canary,
    log: &'static Log,
    runtime: &'static Runtime,
    ledger: Ledger,
    clock: SharedClock,
    /// What runs told the operator: reports and errors.
    told: Mutex<Vec<String>>,
}

impl Stage {
    /// An empty one.
    ///
    /// # Errors
    /// Where there is no room for it.
    pub fn new() -> Result<Self, Error> {
        let log = log::capture()?;
        let place = Place::new()?;
        let clock: SharedClock = Arc::new(SystemClock::starting_at(crate::program::NOW.parse()?));
        let ledger = Ledger::open(&place.state(), Arc::clone(&clock))?;
        let canary = Canary::new()?;
        place.file("canary", canary.secret())?;
        Ok(Self {
            place,
            canary,
            log,
            runtime: runtime()?,
            ledger,
            clock,
            told: Mutex::default(),
        })
    }

    /// Where its files lie: `canary` holds the secret, `state` the ledger. The real program can be called on it, too.
    #[must_use]
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// The secret.
    #[must_use]
    pub fn canary(&self) -> &Canary {
        &self.canary
    }

    /// The log of this process.
    #[must_use]
    pub fn log(&self) -> &Log {
        self.log
    }

    /// Runs a guest once. A run that ended badly is no error here: its report says how.
    ///
    /// # Errors
    /// Where nothing ran: the operator's file or the component was refused.
    pub async fn perform(&self, act: &Act) -> Result<RunSummary, Error> {
        let performed = self.run(act).await;
        let told = match &performed {
            Ok(summary) => format!("{summary:?}\n{:#}", serde_json::to_value(summary)?),
            Err(error) => format!("{error:?}\n{error}"),
        };
        let mut all = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        all.push(told);
        performed
    }

    async fn run(&self, act: &Act) -> Result<RunSummary, Error> {
        let wasm = match &act.guest {
            Guest::Named(name) => artifacts::guest(name)?,
            Guest::File(path) => path.clone(),
        };
        let config = Config::load(&self.place.file("operator.toml", act.operators_file())?)?;
        let compiler = Compiler::program(program()?);
        let prepared = prepare(self.runtime, &wasm, config, &cache()?, &compiler).await?;
        let never = std::future::pending();
        let asked = Asked::Everything;
        let summary = run_once(
            self.runtime,
            &prepared,
            &self.ledger,
            &self.clock,
            asked,
            |_| (),
            never,
        );
        Ok(summary.await?)
    }

    /// All that runs told the operator so far.
    #[must_use]
    pub fn told(&self) -> String {
        let told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        told.join("\n")
    }

    /// Asserts that the secret is in no log line, report, error or file of the state, nor in what these servers recorded.
    ///
    /// # Errors
    /// Where the state cannot be read.
    #[track_caller]
    pub fn assert_no_canary(&self, recorders: &[&Recorder]) -> Result<(), Error> {
        assert_eq!(
            self.canary.found_in(self.log.text()),
            None,
            "the secret is in the log"
        );
        assert_eq!(
            self.canary.found_in(self.told()),
            None,
            "the secret is in a report"
        );
        assert_eq!(self.canary.found_below(&self.place.state())?, None);
        for recorder in recorders {
            let recorded = recorder.bytes();
            assert_eq!(self.canary.found_in(recorded), None, "the secret left");
        }
        Ok(())
    }

    /// Asserts that a good collector runs in this process over this ledger, and that the ledger's laws hold.
    ///
    /// # Errors
    /// Where the ledger cannot be read.
    pub async fn assert_lives(&self) -> Result<(), Error> {
        let good = Act::new("behave")
            .instance("good")
            .set("account", GOOD_ACCOUNT)
            .set("amount", GOOD_AMOUNT);
        let summary = self.perform(&good).await?;
        assert_eq!(
            summary.outcome, "done",
            "a good collector no longer runs: {summary:?}"
        );
        let connection = open_read_only(&self.place.state())?;
        let report = check::check(&connection)?;
        assert!(
            report.findings.is_empty(),
            "the ledger's laws are broken: {report:?}"
        );
        let filter = CostFilter {
            source: Some(Source {
                provider: "hostile".to_owned(),
                billing_account: GOOD_ACCOUNT.to_owned(),
                scope: String::new(),
            }),
            ..CostFilter::default()
        };
        let rows = costs(&connection, &filter)?;
        let amounts: Vec<_> = rows.iter().map(|row| row.effective.to_string()).collect();
        assert_eq!(amounts, [GOOD_AMOUNT], "the good collector's money is not there");
        Ok(())
    }

    /// Both: nothing leaked, and the host lives on. `recorders` are the servers that must not have seen the secret.
    ///
    /// # Errors
    /// Where the state cannot be read.
    pub async fn assert_unharmed(&self, recorders: &[&Recorder]) -> Result<(), Error> {
        self.assert_lives().await?;
        self.assert_no_canary(recorders)
    }
}

/// Asserts that a run ended with a failure of this kind whose message holds these words; none: with any words.
#[track_caller]
pub fn assert_failed(what: &str, summary: &RunSummary, kind: FailureKind, words: &str) {
    match &summary.end {
        Err(RunError::Failure(failure)) => {
            assert_eq!(failure.kind, kind, "{what}: {failure}");
            assert!(failure.message.raw().contains(words), "{what}: {failure}");
        }
        other => assert!(matches!(other, Err(RunError::Failure(_))), "{what}: {summary:?}"),
    }
}

/// Asserts that a run was done.
#[track_caller]
pub fn assert_done(what: &str, summary: &RunSummary) {
    assert!(summary.end.is_ok(), "{what}: {summary:?}");
}

/// The engine that all stages of this process share, as the instances of a host do.
fn runtime() -> Result<&'static Runtime, Error> {
    static RUNTIME: OnceLock<Result<Runtime, String>> = OnceLock::new();
    let runtime = RUNTIME.get_or_init(|| Runtime::new().map_err(|error| error.to_string()));
    runtime.as_ref().map_err(|error| error.clone().into())
}

/// A code cache that the test programs share.
fn cache() -> Result<CacheDir, Error> {
    let beside = program()?.with_file_name("hostile.cache");
    let cache = CacheDir::open(&beside);
    match cache.why_unused() {
        Some(why) => Err(format!("{}: {why}", beside.display()).into()),
        None => Ok(cache),
    }
}
