//! A stage for end-to-end tests: a simulated provider, and the program with an operator's file that leads to it.

use super::{Api, Simulator, Start};
use crate::{
    Error, artifacts,
    program::{Place, Ran},
};
use std::{net::SocketAddr, path::PathBuf};

/// A simulator and a place for the program.
pub struct Stage<A> {
    /// The provider.
    pub simulator: Simulator<A>,
    /// Where the program runs.
    pub place: Place,
    collector: &'static str,
    config: PathBuf,
}

impl<A: Api> Stage<A> {
    /// A stage for a collector by its folder's name. Provider and program begin at the same time; secrets and `ca.pem` lie in
    /// `secrets/` beside the operator's file, which `config` writes for the simulator's address.
    ///
    /// # Errors
    /// Where the simulator cannot start.
    pub async fn new(
        collector: &'static str,
        api: A,
        start: Start,
        config: impl FnOnce(SocketAddr) -> String,
    ) -> Result<Self, Error> {
        let simulator = Simulator::start(api, start).await?;
        let mut place = Place::new()?;
        place.set_now(&start.now.to_string());
        simulator.write_files(&place.path().join("secrets"))?;
        let config = place.file("collector.toml", config(simulator.addr()))?;
        Ok(Self {
            simulator,
            place,
            collector,
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

    /// Sets the clocks of provider and program.
    ///
    /// # Errors
    /// Where it is no time.
    pub fn set_now(&mut self, now: &str) -> Result<(), Error> {
        self.simulator.set_now(now.parse()?);
        self.place.set_now(now);
        Ok(())
    }

    /// A run, as a person starts it, with these further arguments.
    ///
    /// # Errors
    /// Where the program cannot be started.
    pub fn collect(&self, more: &[&str]) -> Result<Ran, Error> {
        let wasm = artifacts::collector(self.collector)?;
        let mut command = self.place.command()?;
        command.arg("run").arg(wasm).arg("--config").arg(&self.config);
        command.arg("--json").args(more);
        tokio::task::block_in_place(|| Ok(Ran::of(&command.output()?)))
    }

    /// How often an operation of the provider was asked for, since that was last forgotten.
    #[must_use]
    pub fn asked(&self, operation: &str) -> u64 {
        self.simulator
            .requests()
            .get(operation)
            .copied()
            .unwrap_or_default()
    }
}
