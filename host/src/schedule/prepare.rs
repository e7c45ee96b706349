//! From two files to something that can run: the component is read once, checked, compiled or found in the cache, and
//! asked what it is; the operator's file is checked against that.

use crate::{
    component::{
        self, CacheDir, Compiler, ComponentError, ComponentFile, descriptor::Descriptor, descriptor_cache,
    },
    config::{Config, ConfigErrors},
    egress::{Grant, Wire},
    ledger::Repricing,
    sandbox::{RunError, Runtime},
};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

/// A collector and its operator's file, fit to run.
pub struct Prepared {
    /// The operator's file.
    pub config: Config,
    /// Where the component was read from.
    pub wasm: PathBuf,
    /// Its SHA-256, in hex.
    pub sha256: String,
    /// The compiled component.
    pub component: wasmtime::component::Component,
    /// What it says of itself.
    pub descriptor: Arc<Descriptor>,
    /// Its checked settings, as JSON text.
    pub settings: String,
    /// The grant.
    pub grant: Grant,
    /// Whether this run may change prices of the past.
    pub repricing: Repricing,
    /// What stands between its runs and the providers.
    pub wire: Wire,
    /// Whether the compiled code came from the cache.
    pub cached: bool,
}

/// Why nothing can run.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    /// The operator's file.
    #[error(transparent)]
    Config(#[from] ConfigErrors),
    /// The component's file.
    #[error(transparent)]
    Component(#[from] ComponentError),
    /// The component, when asked what it is.
    #[error(transparent)]
    Run(#[from] RunError),
}

/// A component, compiled and described, for commands that need no operator's file. `compiler` is the program itself, or
/// where this library is part of another program, a `finops-host` of the same build.
///
/// # Errors
/// [`PrepareError`].
pub async fn describe(
    runtime: &Runtime,
    file: &ComponentFile,
    cache: &CacheDir,
    compiler: &Compiler,
) -> Result<(wasmtime::component::Component, Descriptor, bool), PrepareError> {
    let (component, loaded) = component::load(file, runtime.engine(), cache, compiler).await?;
    let descriptor = match descriptor_cache::get(cache, &file.sha256) {
        Some(descriptor) => descriptor,
        None => {
            let descriptor = runtime.describe(&component).await?;
            descriptor_cache::put(cache, &file.sha256, &descriptor);
            descriptor
        }
    };
    Ok((component, descriptor, loaded.cached))
}

/// A collector as it was loaded: what its instances share.
#[derive(Clone)]
pub struct Collector {
    /// Where the component was read from.
    pub wasm: PathBuf,
    /// Its SHA-256, in hex.
    pub sha256: String,
    /// The compiled component.
    pub component: wasmtime::component::Component,
    /// What it says of itself.
    pub descriptor: Arc<Descriptor>,
    /// Whether the compiled code came from the cache.
    pub cached: bool,
}

/// Loads a component: the bytes that were hashed are those that will run.
///
/// # Errors
/// [`PrepareError`].
pub async fn load(
    runtime: &Runtime,
    file: &ComponentFile,
    cache: &CacheDir,
    compiler: &Compiler,
) -> Result<Collector, PrepareError> {
    let (component, descriptor, cached) = describe(runtime, file, cache, compiler).await?;
    Ok(Collector {
        wasm: file.path.clone(),
        sha256: file.sha256.clone(),
        component,
        descriptor: Arc::new(descriptor),
        cached,
    })
}

/// An instance of a collector: the operator's file is checked against what the collector says of itself. That the file allows
/// this component (its pin) was checked before it was loaded.
///
/// # Errors
/// All that is wrong with the file's settings.
pub fn fit(config: Config, collector: &Collector) -> Result<Prepared, ConfigErrors> {
    let settings = config.settings_for(&collector.descriptor)?.to_string();
    let grant = Grant {
        rules: config.rules.clone(),
        credentials: config.credentials.clone(),
    };
    let Collector {
        wasm,
        sha256,
        component,
        descriptor,
        cached,
    } = collector.clone();
    Ok(Prepared {
        config,
        wasm,
        sha256,
        component,
        descriptor,
        settings,
        grant,
        repricing: Repricing::Hold,
        wire: Wire::Live,
        cached,
    })
}

/// Reads and checks everything that a run needs.
///
/// # Errors
/// [`PrepareError`].
pub async fn prepare(
    runtime: &Runtime,
    wasm: &Path,
    config: Config,
    cache: &CacheDir,
    compiler: &Compiler,
) -> Result<Prepared, PrepareError> {
    let file = ComponentFile::read(wasm, config.sha256.as_deref())?;
    let collector = load(runtime, &file, cache, compiler).await?;
    Ok(fit(config, &collector)?)
}
