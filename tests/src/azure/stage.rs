//! A stage for end-to-end tests: the simulated tenant, and the program with an operator's file that leads to it.

use super::{
    Options, Simulator,
    bill::SHOP,
    export::{ACCOUNT, CONTAINER},
    golden,
    token::{CLIENT, TENANT},
};
use crate::{
    Error, artifacts,
    program::{Place, Ran},
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

/// The settings that have the bill read from the FOCUS export.
#[must_use]
pub fn from_export() -> String {
    format!(
        "export-account = \"{ACCOUNT}\"\nexport-container = \"{CONTAINER}\"\nexport-path = \"costs\"\nexport-name = \"focus-daily\""
    )
}

/// The scope of the first subscription.
#[must_use]
pub fn subscription() -> String {
    format!("subscriptions/{SHOP}")
}

/// The operator's file of the tests; `settings` goes into its settings, `more` to its end.
#[must_use]
pub fn config(simulator: &Simulator, scope: &str, settings: &str, more: &str) -> String {
    let dialled = format!("connect-to = \"{}\"\nca = \"secrets/ca.pem\"\n", simulator.addr());
    let credential = |name: &str, audience: &str| {
        format!(
            "\n[credentials.{name}]\nscheme = \"oauth2-client-credentials\"\n\
             token-url = \"https://login.microsoftonline.com/{TENANT}/oauth2/v2.0/token\"\nclient-id = \"{CLIENT}\"\n\
             client-secret = {{ file = \"secrets/client-secret.txt\" }}\nclient-auth = \"body\"\nscope = \"{audience}/.default\"\n{dialled}"
        )
    };
    format!(
        "[collector]\nname = \"azure-test\"\n\n[settings]\nscope = \"{scope}\"\npace = 0\n{settings}\n\n\
         [[allow]]\nhost = \"management.azure.com\"\nmethods = [\"POST\"]\npaths = [\"/{scope}/providers/Microsoft.CostManagement/query\", \
         \"/providers/Microsoft.ResourceGraph/resources\"]\ncredential = \"azure\"\n{dialled}\n\
         [[allow]]\nhost = \"{ACCOUNT}.blob.core.windows.net\"\npaths = [\"/{CONTAINER}\"]\nheaders = {{ x-ms-version = [\"2021-08-06\"] }}\n\
         credential = \"azure-storage\"\n{dialled}\n\
         [[allow]]\nhost = \"prices.azure.com\"\npaths = [\"/api/retail/prices\"]\n{dialled}{}{}{more}",
        credential("azure", "https://management.azure.com"),
        credential("azure-storage", "https://storage.azure.com"),
    )
}

impl Stage {
    /// A stage with default options, over the first subscription.
    ///
    /// # Errors
    /// Where the simulator cannot start.
    pub async fn new(settings: &str, more: &str) -> Result<Self, Error> {
        Self::with(Options::default(), &subscription(), settings, more).await
    }

    /// A stage with these options of the simulator, over this scope.
    ///
    /// # Errors
    /// Where the simulator cannot start.
    pub async fn with(options: Options, scope: &str, settings: &str, more: &str) -> Result<Self, Error> {
        let simulator = Simulator::start(options).await?;
        let place = Place::new()?;
        simulator.write_files(&place.path().join("secrets"))?;
        let config = place.file("azure.toml", config(&simulator, scope, settings, more))?;
        Ok(Self {
            simulator,
            place,
            config,
        })
    }

    /// Writes the operator's file anew, over the first subscription.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn configure(&self, settings: &str) -> Result<(), Error> {
        let text = config(&self.simulator, &subscription(), settings, "");
        Ok(std::fs::write(&self.config, text)?)
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

    /// Brings provider and clock to a state of the golden records.
    ///
    /// # Errors
    /// Where the patch was applied before.
    pub fn go_to(&mut self, state: golden::State) -> Result<(), Error> {
        if let Some(patch) = state.patch() {
            self.simulator.apply(patch)?;
        }
        self.set_now(&state.now()?.to_string())
    }

    /// A run, as a person starts it.
    ///
    /// # Errors
    /// Where the program cannot be started.
    pub fn collect(&self) -> Result<Ran, Error> {
        self.collect_with(&[])
    }

    /// A run with these further arguments.
    ///
    /// # Errors
    /// Where the program cannot be started.
    pub fn collect_with(&self, more: &[&str]) -> Result<Ran, Error> {
        let wasm = artifacts::collector("azure")?;
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
