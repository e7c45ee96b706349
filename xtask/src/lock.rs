//! A lock between processes, so that parallel test runners make shared things once.
//! What must hold: it is given back when the holder drops it or dies.

use crate::failure::{Context as _, Result};
use std::fs::{self, File};
use std::path::Path;

/// Held until dropped.
pub(crate) struct Lock(#[expect(dead_code, reason = "the open file is the lock")] File);

/// Waits until nobody else holds the lock on this file.
pub(crate) fn wait(path: &Path) -> Result<Lock> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).context(|| format!("could not make {}", folder.display()))?;
    }
    let file = File::create(path).context(|| format!("could not open {}", path.display()))?;
    file.lock()
        .context(|| format!("could not lock {}", path.display()))?;
    Ok(Lock(file))
}
