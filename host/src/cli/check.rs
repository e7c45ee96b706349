//! `check`: everything that can be known to be wrong before a run, and with `--ledger` the ledger's laws.

use super::{Failed, args, environment::state_dir, exit::Exit};
use crate::{
    component::{CacheDir, Compiler},
    config::Config,
    egress::Grant,
    ledger::{check, store::open_read_only},
    sandbox::Runtime,
    schedule::{PrepareError, prepare},
};
use serde::Serialize;
use std::path::Path;

/// What was found.
#[derive(Default, Serialize)]
struct Found {
    errors: Vec<String>,
    warnings: Vec<String>,
    /// The ledger's differences, where it was checked.
    ledger: Option<Vec<String>>,
}

/// Runs the command.
pub(super) async fn check(args: args::Check, state: Option<&Path>) -> Result<Exit, Failed> {
    let state = state_dir(state).map_err(Failed::config)?;
    let mut found = Found::default();
    if let Some(path) = &args.config {
        let config = Config::load(path)?;
        check_grant(&config, &mut found);
        if let Some(wasm) = &args.component {
            check_component(wasm, config, &state).await?;
        }
    }
    if args.ledger {
        let report = check::check(&open_read_only(&state)?)?;
        found.ledger = Some(report.findings.iter().map(ToString::to_string).collect());
    }
    let exit = if found.ledger.as_ref().is_some_and(|findings| !findings.is_empty()) {
        Exit::Storage
    } else if found.errors.is_empty() {
        Exit::Done
    } else {
        Exit::Config
    };
    if args.json {
        super::print(&format!("{:#}", serde_json::to_value(&found).unwrap_or_default()));
    } else {
        super::print(&text(&found));
    }
    Ok(exit)
}

fn check_grant(config: &Config, found: &mut Found) {
    let grant = Grant {
        rules: config.rules.clone(),
        credentials: config.credentials.clone(),
    };
    let place = |line: usize| format!("{}:{line}", config.path.display());
    found.warnings.extend(config.warnings.iter().cloned());
    found.errors.extend(
        grant
            .conflicts()
            .iter()
            .map(|it| format!("{}: {}", place(it.line), it.message)),
    );
    found.warnings.extend(
        grant
            .warnings()
            .iter()
            .map(|it| format!("{}: {}", place(it.line), it.message)),
    );
    for spec in config.credentials.iter().filter(|spec| spec.reveal) {
        let warning = format!(
            "{}: THE SECRET OF `{}` IS REVEALED TO THE COLLECTOR",
            place(spec.line),
            spec.name
        );
        found.warnings.push(warning);
    }
}

/// The component with its pin, and the settings against its descriptor.
async fn check_component(wasm: &Path, config: Config, state: &Path) -> Result<(), Failed> {
    let runtime = Runtime::new().map_err(PrepareError::from)?;
    let cache = CacheDir::open(&state.join("cache"));
    prepare(&runtime, wasm, config, &cache, &Compiler::this_program()?).await?;
    Ok(())
}

fn text(found: &Found) -> String {
    let mut lines: Vec<String> = Vec::new();
    lines.extend(found.errors.iter().map(|error| format!("error: {error}")));
    lines.extend(found.warnings.iter().map(|warning| format!("warning: {warning}")));
    if let Some(findings) = &found.ledger {
        lines.extend(findings.iter().map(|finding| format!("ledger: {finding}")));
        if findings.is_empty() {
            lines.push("the ledger's laws hold over every row".to_owned());
        }
    } else if found.errors.is_empty() {
        lines.push("nothing is wrong".to_owned());
    }
    lines.join("\n")
}
