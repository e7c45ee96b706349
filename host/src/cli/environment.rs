//! What the commands take from their surroundings: the state directory, the clock, the terminal.

use crate::clock::{SharedClock, SystemClock};
use std::{
    io::IsTerminal,
    path::{Path, PathBuf},
    sync::Arc,
};

/// A fixed start for the clock, RFC 3339: for demonstrations and tests over recorded data only.
const NOW: &str = "FINOPS_HOST_NOW";

/// The state directory: the flag, the environment, systemd's, or XDG's.
///
/// # Errors
/// What to set, where nothing tells.
pub(super) fn state_dir(flag: Option<&Path>) -> Result<PathBuf, String> {
    let variable = |name: &str| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    flag.map(Path::to_owned)
        .or_else(|| variable("FINOPS_HOST_STATE_DIR"))
        .or_else(|| variable("STATE_DIRECTORY"))
        .or_else(|| variable("XDG_STATE_HOME").map(|home| home.join("finops-host")))
        .or_else(|| variable("HOME").map(|home| home.join(".local/state/finops-host")))
        .ok_or_else(|| {
            "there is no home directory; say where the ledger shall lie with --state-dir".to_owned()
        })
}

/// The clock of this process.
///
/// # Errors
/// Where the variable for demonstrations is set to something else than a time.
pub(super) fn clock() -> Result<SharedClock, String> {
    match std::env::var(NOW) {
        Ok(text) => {
            let now = text
                .parse()
                .map_err(|error| format!("{NOW} is no RFC 3339 time: {error}"))?;
            tracing::warn!("the clock starts at {now}, because {NOW} is set");
            Ok(Arc::new(SystemClock::starting_at(now)))
        }
        Err(_) => Ok(Arc::new(SystemClock::default())),
    }
}

/// Whether a person reads what goes to standard error.
pub(super) fn is_terminal() -> bool {
    std::io::stderr().is_terminal()
}
