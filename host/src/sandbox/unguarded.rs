//! For `cargo xtask bench` alone: a runtime that keeps no limit of a store, to measure what the limits cost.

use super::{
    engine,
    failure::RunError,
    runtime::{Guards, Runtime},
};
use crate::component::ComponentFile;
use wasmtime::{Engine, component::Component};

impl Runtime {
    /// A runtime whose guests are not interrupted, counted or limited.
    ///
    /// # Errors
    /// Where the platform cannot run it.
    pub fn unguarded() -> Result<Self, RunError> {
        let mut config = engine::config();
        config.epoch_interruption(false);
        let engine = Engine::new(&config).map_err(|error| RunError::Host(format!("{error:#}")))?;
        Self::over(engine, Guards::Off)
    }

    /// Compiles a component for this runtime, in this process: the code cache is for guarded code alone.
    ///
    /// # Errors
    /// Where it does not compile.
    pub fn compile(&self, file: &ComponentFile) -> Result<Component, RunError> {
        Component::new(self.engine(), file.bytes()).map_err(|error| RunError::Host(format!("{error:#}")))
    }
}
