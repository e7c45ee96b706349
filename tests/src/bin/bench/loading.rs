//! From a component's file to a component: compiled or from the cache; and from that to an answer.

use crate::{
    figure::{COMPILE_CACHED, COMPILE_COLD, INSTANTIATE, Samples},
    setting::Setting,
    stopwatch::nanoseconds,
};
use finops_host::{
    component::{self, CacheDir, Compiler, ComponentFile},
    sandbox::Runtime,
    schedule::Prepared,
};
use finops_tests::Error;
use std::{path::Path, time::Instant};

/// Calls of `describe` whose mean is one sample.
const CALLS: u32 = 20;

/// One round: into an empty cache, out of it again, and some calls.
pub(crate) async fn measure(
    setting: &Setting,
    runtime: &Runtime,
    prepared: &Prepared,
    samples: &mut Samples,
) -> Result<(), Error> {
    let wasm = &setting.arguments.collector;
    let compiler = Compiler::program(setting.arguments.host.clone());
    let directory = setting.fresh_state()?;
    let cache = CacheDir::open(&directory.path().join("cache"));

    samples.add(
        &COMPILE_COLD,
        load(runtime, wasm, &cache, &compiler, false).await?,
    );
    samples.add(
        &COMPILE_CACHED,
        load(runtime, wasm, &cache, &compiler, true).await?,
    );

    let watch = Instant::now();
    for _ in 0..CALLS {
        runtime.describe(&prepared.component).await?;
    }
    samples.add(&INSTANTIATE, nanoseconds(watch.elapsed() / CALLS)?);
    Ok(())
}

/// Puts the code of both components into the shared cache, so that no later figure has compiling in it.
pub(crate) async fn prepare_cache(setting: &Setting, runtime: &Runtime) -> Result<(), Error> {
    let compiler = Compiler::program(setting.arguments.host.clone());
    for wasm in [&setting.arguments.collector, &setting.arguments.guest] {
        load(runtime, wasm, &setting.cache(), &compiler, false).await?;
    }
    Ok(())
}

/// Loads it as a run does; gives nanoseconds.
async fn load(
    runtime: &Runtime,
    wasm: &Path,
    cache: &CacheDir,
    compiler: &Compiler,
    expect_cached: bool,
) -> Result<u64, Error> {
    let watch = Instant::now();
    let file = ComponentFile::read(wasm, None)?;
    let (_component, loaded) = component::load(&file, runtime.engine(), cache, compiler).await?;
    let spent = watch.elapsed();
    if loaded.cached != expect_cached {
        let why = cache.why_unused().unwrap_or("without a known reason");
        return Err(format!("{}: cached is {}, {why}", wasm.display(), loaded.cached).into());
    }
    nanoseconds(spent)
}
