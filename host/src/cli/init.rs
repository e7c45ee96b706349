//! `init`: an operator's file for a collector, to review and edit; or one for each service of the old SaaS agent's file.

mod from;
mod services;

use super::{Failed, args, environment::state_dir, exit::Exit};
use crate::{
    component::{CacheDir, Compiler, ComponentFile},
    config,
    sandbox::Runtime,
    schedule::{PrepareError, describe},
};
use std::path::Path;

/// Runs the command.
pub(super) async fn init(args: args::Init, state: Option<&Path>) -> Result<Exit, Failed> {
    if let (Some(old), Some(out)) = (&args.from, &args.out) {
        return from::run(&args, old, out);
    }
    let Some(wasm) = &args.wasm else {
        return Err(Failed::usage("name a component, or --from and --out".to_owned()));
    };
    let runtime = Runtime::new().map_err(PrepareError::from)?;
    let cache = CacheDir::open(&state_dir(state).map_err(Failed::config)?.join("cache"));
    let file = ComponentFile::read(wasm, None)?;
    let (_, descriptor, _) = describe(&runtime, &file, &cache, &Compiler::this_program()?).await?;
    super::print(config::template(&descriptor).trim_end());
    Ok(Exit::Done)
}
