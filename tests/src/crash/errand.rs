//! One sum of money to be brought to a destination that misbehaves: a small stage for tests of faults, clocks and processes.
//! What must hold: time stands still between calls unless the test lets it pass, for the host as for the destination.

use crate::{
    Error, artifacts, books,
    openfinops::{Outcome, Recorder, Route},
    program::{Place, Ran},
};
use finops_decimal::Decimal;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    process::Command,
};

/// Runs that an end may take.
const LAST_RUNS: u32 = 20;

/// A collector that finds an amount, and a destination that is to get it.
pub struct Errand {
    /// Where the program runs.
    pub place: Place,
    /// The destination.
    pub recorder: Recorder,
    now: Timestamp,
    wasm: PathBuf,
    endpoint: String,
    more: String,
    collector: String,
}

impl Errand {
    /// Ready to run.
    ///
    /// # Errors
    /// Where the destination cannot be started.
    pub fn new() -> Result<Self, Error> {
        let recorder = Recorder::start()?;
        let mut errand = Self {
            place: Place::new()?,
            endpoint: recorder.url(),
            recorder,
            now: crate::program::NOW.parse()?,
            wasm: artifacts::guest("hostile")?,
            more: String::new(),
            collector: String::new(),
        };
        errand.set_now(errand.now);
        Ok(errand)
    }

    /// The destination is reached at another address.
    #[must_use]
    pub fn at(mut self, endpoint: &str) -> Self {
        endpoint.clone_into(&mut self.endpoint);
        self
    }

    /// The operator's file says this too of its destination.
    pub fn configure(&mut self, lines: &str) {
        lines.clone_into(&mut self.more);
    }

    /// The operator's file says this too of the instance.
    pub fn configure_collector(&mut self, lines: &str) {
        lines.clone_into(&mut self.collector);
    }

    /// The host's clock and the destination's.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// Sets both clocks.
    pub fn set_now(&mut self, now: Timestamp) {
        self.now = now;
        self.place.set_now(&now.to_string());
        self.recorder.set_now(now.as_second());
    }

    /// Lets time pass; a negative span turns the clocks back.
    ///
    /// # Errors
    /// Where time ends.
    pub fn pass(&mut self, span: SignedDuration) -> Result<(), Error> {
        self.set_now(self.now.checked_add(span)?);
        Ok(())
    }

    /// `run` of an instance whose collector performs an act, ready for more arguments.
    ///
    /// # Errors
    /// Where the program cannot be built.
    pub fn command(&self, instance: &str, settings: &str) -> Result<Command, Error> {
        let text = format!(
            "[collector]\nname = \"{instance}\"\n{}\n\n[settings]\naccount = \"{instance}\"\n{settings}\n\n\
             [openfinops]\nendpoint = \"{}\"\n{}\n",
            self.collector, self.endpoint, self.more
        );
        let config = self.place.file(&format!("{instance}.toml"), text)?;
        let mut command = self.place.command()?;
        command.arg("run").arg(&self.wasm).arg("--config").arg(config);
        command.arg("--json");
        Ok(command)
    }

    /// Collects this amount of the day before and tries to deliver it for two seconds.
    ///
    /// # Errors
    /// Where the program cannot be started.
    pub fn run(&self, amount: &str) -> Result<Ran, Error> {
        self.run_with(amount, &[])
    }

    /// The same with these variables in the program's environment.
    ///
    /// # Errors
    /// Where the program cannot be started.
    pub fn run_with(&self, amount: &str, environment: &[(&str, &str)]) -> Result<Ran, Error> {
        let mut command = self.command("errand", &behave(amount))?;
        command.args(["--deliver-for", "2s"]);
        command.envs(environment.iter().copied());
        let ran = Ran::of(&command.output()?);
        self.recorder.release();
        Ok(ran)
    }

    /// One number of the ledger's, or none.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn number(&self, sql: &str) -> Result<Option<i64>, Error> {
        Ok(books::open(&self.place.state())?.query_row(sql, [], |row| row.get(0))?)
    }

    /// Seconds until the destination is tried again, as the ledger has it.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn wait(&self) -> Result<Option<i64>, Error> {
        let at = self.number("SELECT retry_at FROM destination")?;
        Ok(at.map(|at| at - self.now.as_second()))
    }

    /// Asserts the ledger's laws.
    ///
    /// # Errors
    /// Where the program cannot be started.
    #[track_caller]
    pub fn assert_lawful(&self) -> Result<(), Error> {
        let ran = self.place.call(&["check", "--ledger"])?;
        assert_eq!(ran.code, Some(0), "{ran:?}");
        Ok(())
    }

    /// Asserts that in the end, while time passes and the destination answers well, exactly this amount is there, once by
    /// entry ids, every batch in one form of bytes, and the laws hold.
    ///
    /// # Errors
    /// Where the program cannot be started.
    #[track_caller]
    pub fn assert_completes(&mut self, amount: &str) -> Result<(), Error> {
        self.recorder.decide(|_, _| Some(Outcome::success()));
        let mut last = None;
        for _ in 0..LAST_RUNS {
            self.pass(SignedDuration::from_mins(16))?;
            let ran = self.run(amount)?;
            self.assert_lawful()?;
            let done = ran.code == Some(0);
            last = Some(ran);
            if done {
                break;
            }
        }
        assert_eq!(last.as_ref().and_then(|ran| ran.code), Some(0), "{last:?}");
        assert_eq!(self.arrived()?, amount.parse::<Decimal>()?, "{last:?}");
        Ok(())
    }

    /// The sum of what the destination has, each entry once.
    ///
    /// # Errors
    /// Where bodies cannot be read.
    pub fn arrived(&self) -> Result<Decimal, Error> {
        let mut forms: BTreeMap<String, BTreeSet<Vec<u8>>> = BTreeMap::new();
        for received in self.recorder.received(Route::Ingest) {
            let body: Value = serde_json::from_slice(&received.body)?;
            if let Some(batch) = body.pointer("/metrics/batch_id").and_then(Value::as_str) {
                let forms = forms.entry(batch.to_owned()).or_default();
                forms.insert(received.body.to_vec());
            }
        }
        if let Some((batch, _)) = forms.iter().find(|(_, forms)| forms.len() > 1) {
            return Err(format!("batch {batch} was sent in several forms").into());
        }
        let mut amounts = BTreeMap::new();
        for row in self.recorder.stored() {
            let entries = row.pointer("/metrics/cost_entries").and_then(Value::as_array);
            for entry in entries.into_iter().flatten() {
                let text = |pointer: &str| entry.pointer(pointer).and_then(Value::as_str);
                let id = text("/entry_id").ok_or("an entry without id")?;
                let amount = text("/tags/finops_host.amount").ok_or("an entry without amount")?;
                amounts.insert(id.to_owned(), amount.parse::<Decimal>()?);
            }
        }
        Ok(Decimal::sum(amounts.into_values())?)
    }

    /// How many batches that carry money the destination has stored.
    #[must_use]
    pub fn stored_batches(&self) -> usize {
        let carries_money = |row: &&Value| row.pointer("/metrics/cost_entries/0").is_some();
        self.recorder.stored().iter().filter(carries_money).count()
    }
}

/// Settings of a collector that finds an amount for the day before.
#[must_use]
pub fn behave(amount: &str) -> String {
    format!("act = \"behave\"\namount = \"{amount}\"")
}
