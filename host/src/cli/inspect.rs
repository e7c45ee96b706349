//! `inspect`: what a component is and asks for, before it is granted anything. What is no collector is shown as far as it
//! can be, with the reason, and is neither compiled nor run.

mod page;

use super::{Failed, args, environment::state_dir, exit::Exit};
use crate::{
    component::{
        CacheDir, Compiler, ComponentFile, Examined, Inspection, WORLD_VERSION, descriptor::Descriptor,
    },
    config::{
        Config,
        wants::{self, Comparison},
    },
    sandbox::Runtime,
    schedule::{PrepareError, describe},
};
use serde::Serialize;
use std::path::Path;

/// All that is shown. Names and texts are a guest's words.
#[derive(Serialize)]
struct Seen {
    file: String,
    sha256: String,
    /// Bytes.
    size: u64,
    /// The version of the contract that this program links.
    known_world: &'static str,
    /// What is in the file; `None`: that cannot be known.
    inspection: Option<Inspection>,
    /// Why it is no collector that can run.
    refused: Option<String>,
    /// What it says of itself; `None`: it was not asked.
    descriptor: Option<Descriptor>,
    /// That against the operator's file, where one was named.
    wants: Option<Comparison>,
}

/// Runs the command.
pub(super) async fn inspect(args: args::Inspect, state: Option<&Path>) -> Result<Exit, Failed> {
    let config = args.config.as_deref().map(Config::load).transpose()?;
    let examined = Examined::read(&args.wasm)?;
    let mut seen = Seen {
        file: examined.path.display().to_string(),
        sha256: examined.sha256.clone(),
        size: examined.size,
        known_world: WORLD_VERSION,
        inspection: examined.inspection.clone(),
        refused: None,
        descriptor: None,
        wants: None,
    };
    let asked = match examined.into_file() {
        Ok(_) if args.only_static => Ok(()),
        Ok(file) => ask(&file, state).await.map(|descriptor| {
            seen.wants = config
                .as_ref()
                .map(|config| wants::compare(&descriptor, &file.sha256, config));
            seen.descriptor = Some(descriptor);
        }),
        Err(refusal) => Err(Failed::from(refusal)),
    };
    seen.refused = asked.as_ref().err().map(|failed| failed.message.clone());
    if args.json {
        super::print(&format!("{:#}", serde_json::to_value(&seen).unwrap_or_default()));
    } else {
        super::print(page::page(&seen).trim_end());
    }
    asked.map(|()| Exit::Done)
}

/// Compiles a component and asks it what it is.
async fn ask(file: &ComponentFile, state: Option<&Path>) -> Result<Descriptor, Failed> {
    let runtime = Runtime::new().map_err(PrepareError::from)?;
    let cache = CacheDir::open(&state_dir(state).map_err(Failed::config)?.join("cache"));
    let compiler = Compiler::this_program()?;
    Ok(describe(&runtime, file, &cache, &compiler).await?.1)
}
