//! Confines the process to what its command needs, where the command loads a component. The others run nobody's code.

use super::{
    Failed,
    args::{self, Command},
    environment::state_dir,
    recording,
    serve::Opening,
};
use crate::{
    config::Config,
    hardening::{Confinement, Needs, Network, confine, make_private},
    ledger::store,
};
use std::path::{Path, PathBuf};

/// What was read before the process was confined: so that what confines it is what it does.
pub(super) enum Read {
    /// Nothing that is kept.
    Nothing,
    /// The file of a run.
    Run(Box<Config>),
    /// What `serve` runs, and where it listens.
    Serve(Box<Opening>),
}

/// Reads the files of a run or of `serve`, prepares the state directory and confines this thread, before there are others.
///
/// # Errors
/// Where the file of a run cannot be read, or its state directory cannot be used: what is written there must be safe.
pub(super) fn start(command: &Command, state: Option<&Path>) -> Result<Read, Failed> {
    let read = match command {
        Command::Run(run) => Read::Run(Box::new(recording::load(run)?)),
        Command::Serve(serve) => Read::Serve(Box::new(Opening::of(serve)?)),
        _ => Read::Nothing,
    };
    confine_for(command, state, &read)?;
    Ok(read)
}

fn confine_for(command: &Command, state: Option<&Path>, read: &Read) -> Result<(), Failed> {
    let run = runs(command);
    if run && rustix::process::geteuid().is_root() {
        tracing::warn!(
            "this process is root, who needs no secret of its own to do harm; run finops-host as a user of its own"
        );
    }
    let Some(mut needs) = needs(command, read) else {
        return Ok(());
    };
    if let Ok(state) = state_dir(state) {
        match make_private(&state) {
            Ok(warning) => {
                if let Some(warning) = warning {
                    tracing::warn!("{warning}");
                }
                if run {
                    store::temporary_files_in(&state)?;
                }
                needs.state = Some(state);
            }
            Err(error) if run => return Err(error.into()),
            // The others only keep a cache there.
            Err(error) => tracing::debug!(%error, "no code cache"),
        }
    }
    let recordings = recording::paths(command)?;
    let mut access = needs.access(&|name| std::env::var_os(name));
    access.paths.extend(recordings);
    match confine(&access) {
        confined @ (Confinement::Full { .. } | Confinement::Part { .. }) if run => {
            tracing::info!("{confined}")
        }
        Confinement::None { why } if run => tracing::warn!(
            "the process is not confined ({why}); the sandbox holds without, but has nothing behind it"
        ),
        told => tracing::debug!("{told}"),
    }
    Ok(())
}

/// Whether a command runs a component with its grant.
fn runs(command: &Command) -> bool {
    match command {
        Command::Run(_) | Command::Serve(_) => true,
        Command::Check(check) => check.probe,
        _ => false,
    }
}

/// What a command needs; none if it loads no component.
fn needs(command: &Command, read: &Read) -> Option<Needs> {
    let (component, config, network) = match command {
        Command::Run(run) => (&run.wasm, Some(&run.config), recording::network(run)),
        Command::Inspect(args::Inspect {
            wasm,
            config,
            only_static: false,
            ..
        }) => (wasm, config.as_ref(), Network::None),
        Command::Init(init) => (init.wasm.as_ref()?, None, Network::None),
        Command::Check(check) => (
            check.component.as_ref()?,
            check.config.as_ref(),
            Network::Outgoing,
        ),
        Command::Serve(_) => {
            let Read::Serve(opening) = read else { return None };
            return Some(opening.needs());
        }
        Command::Inspect(_)
        | Command::New(_)
        | Command::Costs(_)
        | Command::Export(_)
        | Command::Reconcile(_)
        | Command::Status(_)
        | Command::Ledger(_)
        | Command::Outbox(_)
        | Command::Destination(_)
        | Command::Completions(_)
        | Command::Man(_) => return None,
    };
    // Of other commands, a file that cannot be read is complained about by the command itself.
    let own = match read {
        Read::Run(config) => Some(config.as_ref().clone()),
        _ => config.and_then(|path| Config::load(path).ok()),
    };
    let read = own.as_ref();
    let files = read.map(|config| config.files.clone()).unwrap_or_default();
    let focus = read
        .filter(|_| matches!(command, Command::Run(_)))
        .and_then(|config| config.focus.as_ref())
        .map(|focus| focus.directory.clone());
    Some(Needs {
        state: None,
        components: vec![component.clone()],
        configs: config.cloned().into_iter().collect(),
        files,
        directories: Vec::new(),
        focus: made(focus),
        network,
    })
}

/// These directories, made: one must be there to be allowed. Where it cannot be made, rendering says so.
pub(super) fn made(directories: impl IntoIterator<Item = PathBuf>) -> Vec<PathBuf> {
    let directories: Vec<PathBuf> = directories.into_iter().collect();
    for directory in &directories {
        let _ = std::fs::create_dir_all(directory);
    }
    directories
}
