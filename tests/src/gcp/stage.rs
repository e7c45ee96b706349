//! A stage for end-to-end tests: the simulated organization, and the program with an operator's file that leads to it.

use super::{HOSTS, Options, Simulator, golden};
use crate::{
    Error, artifacts,
    program::{Place, Ran},
};
use std::path::PathBuf;

/// The setting that names the detailed table.
pub const DETAILED: &str =
    "table = \"fin-billing.billing.gcp_billing_export_resource_v1_0123AB_4567CD_89EF01\"";
/// The setting that names the standard table.
pub const STANDARD: &str = "table = \"fin-billing.billing.gcp_billing_export_v1_0123AB_4567CD_89EF01\"";
/// The setting that names the FOCUS table.
pub const FOCUS: &str = "focus-table = \"fin-billing.billing.gcp_billing_export_focus_0123AB_4567CD_89EF01\"";

/// A simulator and a place for the program.
pub struct Stage {
    /// The provider.
    pub simulator: Simulator,
    /// Where the program runs.
    pub place: Place,
    config: PathBuf,
}

/// The operator's file of the tests.
#[must_use]
pub fn config(simulator: &Simulator, settings: &str) -> String {
    let mut text = format!(
        "[collector]\nname = \"gcp-test\"\n\n[settings]\njob-project = \"fin-jobs\"\n{settings}\n\n\
         [credentials.google]\nscheme = \"bearer\"\ntoken = {{ file = \"secrets/token.txt\" }}\n"
    );
    for host in HOSTS {
        let methods = if host.starts_with("bigquery") {
            "\"GET\", \"POST\""
        } else {
            "\"GET\""
        };
        text.push_str(&format!(
            "\n[[allow]]\nhost = \"{host}\"\nmethods = [{methods}]\ncredential = \"google\"\nconnect-to = \"{}\"\n\
             ca = \"secrets/ca.pem\"\n",
            simulator.addr()
        ));
    }
    text
}

impl Stage {
    /// A stage with default options.
    ///
    /// # Errors
    /// Where the simulator cannot start.
    pub async fn new(settings: &str) -> Result<Self, Error> {
        Self::with(Options::default(), settings).await
    }

    /// A stage with these options of the simulator.
    ///
    /// # Errors
    /// Where the simulator cannot start.
    pub async fn with(options: Options, settings: &str) -> Result<Self, Error> {
        let simulator = Simulator::start(options).await?;
        let place = Place::new()?;
        simulator.write_files(&place.path().join("secrets"))?;
        let config = place.file("gcp.toml", config(&simulator, settings))?;
        Ok(Self {
            simulator,
            place,
            config,
        })
    }

    /// Writes the operator's file anew with these settings.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn configure(&self, settings: &str) -> Result<(), Error> {
        Ok(std::fs::write(&self.config, config(&self.simulator, settings))?)
    }

    /// Sets the clocks of provider and program.
    ///
    /// # Errors
    /// Where it is no time.
    pub fn set_now(&mut self, now: &str) -> Result<(), Error> {
        self.simulator.set_now(now.parse()?);
        self.place.set_now(now);
        Ok(())
    }

    /// Brings the clocks to a state of the golden records.
    ///
    /// # Errors
    /// None, while the states' times are times.
    pub fn go_to(&mut self, state: golden::State) -> Result<(), Error> {
        self.set_now(&state.now()?.to_string())
    }

    /// A run, as a person starts it, with these further arguments.
    ///
    /// # Errors
    /// Where the program cannot be started.
    pub fn collect(&self, more: &[&str]) -> Result<Ran, Error> {
        let wasm = artifacts::collector("gcp")?;
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
