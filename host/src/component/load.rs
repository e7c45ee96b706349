//! From a file that was read and checked to a component that can be instantiated: by the code cache, or by compiling.

use super::{
    cache::{self, CacheDir},
    compile::Compiler,
    error::ComponentError,
    file::ComponentFile,
};
use std::time::{Duration, Instant};
use wasmtime::{Engine, component::Component};

/// How a component was loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loaded {
    /// Whether its code came from the cache.
    pub cached: bool,
    /// How long that took.
    pub compile_time: Duration,
}

/// Loads a component, compiling it in a child if the cache does not have its code.
///
/// # Errors
/// Where it does not compile, or compiling takes too much. A cache that cannot be used is no error.
pub async fn load(
    file: &ComponentFile,
    engine: &Engine,
    cache: &CacheDir,
    compiler: &Compiler,
) -> Result<(Component, Loaded), ComponentError> {
    let start = Instant::now();
    let loaded = |cached| Loaded {
        cached,
        compile_time: start.elapsed(),
    };
    let name = cache::code_name(&file.sha256, engine);
    if let Some(code) = cache.get(&name) {
        match cache::deserialize(engine, &code) {
            Ok(component) => return Ok((component, loaded(true))),
            Err(error) => tracing::debug!(%error, "cached code is not taken, compiling anew"),
        }
    }
    let code = compiler.compile(&file.path, file.bytes()).await?;
    let component = cache::deserialize(engine, &code)
        .map_err(|error| ComponentError::Compiler(format!("its code is not taken: {error:#}")))?;
    if let Err(error) = cache.put(&name, &code) {
        tracing::debug!(%error, "compiled code is not kept");
    }
    Ok((component, loaded(false)))
}
