//! A stage for end-to-end tests: a Snowflake simulator, and the program with an operator's file that leads to it.

use crate::{
    Error, artifacts,
    program::{Place, Ran},
    snowflake::{Options, Simulator, golden::State},
};
use std::path::PathBuf;

/// A simulator and a place for the program.
pub struct Stage {
    /// The provider.
    pub simulator: Simulator,
    /// Where the program runs.
    pub place: Place,
    config: PathBuf,
}

/// The operator's file of the tests; `more` is put at its end, `settings` into its settings.
#[must_use]
pub fn config(simulator: &Simulator, settings: &str, more: &str) -> String {
    format!(
        r#"[collector]
name = "snowflake-test"

[settings]
account = "MYORG-ACCT"
warehouse = "FINOPS_WH"
role = "FINOPS_READER"
{settings}

[[allow]]
host = "myorg-acct.snowflakecomputing.com"
methods = ["GET", "POST"]
paths = ["/api/v2/statements"]
credential = "snowflake"
connect-to = "{}"
ca = "secrets/ca.pem"

[credentials.snowflake]
scheme = "snowflake-key-pair"
account = "MYORG-ACCT"
user = "TELEMETRY"
private-key = {{ file = "secrets/finops.p8" }}

{more}
"#,
        simulator.addr()
    )
}

impl Stage {
    /// A stage with default options.
    ///
    /// # Errors
    /// Where the simulator cannot start.
    pub async fn new(settings: &str, more: &str) -> Result<Self, Error> {
        Self::with(Options::default(), settings, more).await
    }

    /// A stage with these options of the simulator.
    ///
    /// # Errors
    /// Where the simulator cannot start.
    pub async fn with(options: Options, settings: &str, more: &str) -> Result<Self, Error> {
        let simulator = Simulator::start(options).await?;
        let place = Place::new()?;
        let secrets = place.path().join("secrets");
        std::fs::create_dir_all(&secrets)?;
        simulator.write_files(&secrets)?;
        let config = place.file("snowflake.toml", config(&simulator, settings, more))?;
        Ok(Self {
            simulator,
            place,
            config,
        })
    }

    /// Writes the operator's file anew.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn configure(&self, text: &str) -> Result<(), Error> {
        Ok(std::fs::write(&self.config, text)?)
    }

    /// Brings provider and clock to a state of the golden records.
    ///
    /// # Errors
    /// Where the patch was applied before.
    pub fn go_to(&mut self, state: State) -> Result<(), Error> {
        if let Some(patch) = state.patch() {
            self.simulator.apply(patch)?;
        }
        let now = state.now()?;
        self.simulator.set_now(now);
        self.place.set_now(&now.to_string());
        Ok(())
    }

    /// A backfill over all that the simulator has.
    ///
    /// # Errors
    /// Where the program cannot be started.
    pub fn collect(&self) -> Result<Ran, Error> {
        self.collect_with(&["--since", "2026-06-01"])
    }

    /// A run with these further arguments.
    ///
    /// # Errors
    /// Where the program cannot be started.
    pub fn collect_with(&self, more: &[&str]) -> Result<Ran, Error> {
        let wasm = artifacts::collector("snowflake")?;
        let mut command = self.place.command()?;
        command
            .arg("run")
            .arg(wasm)
            .arg("--config")
            .arg(&self.config)
            .arg("--json")
            .args(more);
        tokio::task::block_in_place(|| Ok(Ran::of(&command.output()?)))
    }
}
