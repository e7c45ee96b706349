//! `--dry-run` and `--probe`: a run on a ledger that is thrown away.

use crate::ledger::{
    link_archives, mark,
    store::{FILE_NAME, LedgerError, open_read_only},
};
use std::path::{Path, PathBuf};

/// A ledger that is deleted when it is dropped.
pub(super) struct ScratchLedger(PathBuf);

impl ScratchLedger {
    /// A copy of the ledger of a state directory, or an empty directory where there is none.
    pub(super) fn copy_of(state: &Path) -> Result<Self, LedgerError> {
        let scratch = Self::empty(state, "dry-run")?;
        if state.join(FILE_NAME).exists() {
            let target = scratch.0.join(FILE_NAME);
            mark::copy(state, &scratch.0)?;
            open_read_only(state)?.execute("VACUUM INTO ?1", [target.to_string_lossy()])?;
            // They are only read: a dry run makes none and deletes none.
            link_archives(state, &scratch.0)?;
        }
        Ok(scratch)
    }

    /// An empty directory of this name within a state directory.
    pub(super) fn empty(state: &Path, name: &str) -> Result<Self, LedgerError> {
        let directory = state.join(format!("{name}.{}", std::process::id()));
        std::fs::create_dir_all(&directory).map_err(|cause| LedgerError::Io {
            path: directory.clone(),
            cause,
        })?;
        Ok(Self(directory))
    }

    /// Where it lies.
    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for ScratchLedger {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            tracing::warn!("could not delete the copy {}: {error}", self.0.display());
        }
    }
}
