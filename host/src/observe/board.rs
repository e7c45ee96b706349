//! The board: how each instance stands at this moment, written by whoever runs them and read by whoever asks.
//! What must hold: it is locked for moments only, never over anything that waits.

use crate::schedule::RunSummary;
use jiff::Timestamp;
use serde::Serialize;
use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// All instances as they stand now. Clones share one board.
#[derive(Clone, Debug, Default)]
pub struct Board(Arc<Mutex<BTreeMap<String, InstanceState>>>);

/// One instance as it stands now.
#[derive(Clone, Debug, Serialize)]
pub struct InstanceState {
    /// The operator's file.
    pub file: PathBuf,
    /// The collector in force, as it names itself; empty while there is none.
    pub collector: String,
    /// Its version.
    pub version: String,
    /// The component's SHA-256, in hex.
    pub sha256: String,
    /// Why the file, or its component, as it now lies there is not in force.
    pub refused: Option<String>,
    /// What it does.
    pub activity: Activity,
    /// Its last run of this process.
    pub last: Option<LastRun>,
    /// How many runs in a row have failed.
    pub failures: u32,
}

/// What an instance does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "is")]
pub enum Activity {
    /// Nothing: no version of its file was ever fit to run.
    Unfit,
    /// It waits for its time.
    Waiting {
        /// When that is.
        next: Timestamp,
    },
    /// Its time has come, and it waits for one of the places of runs.
    Queued {
        /// When its time came.
        since: Timestamp,
    },
    /// It runs.
    Running {
        /// Since when.
        since: Timestamp,
    },
}

/// How a run went.
#[derive(Clone, Debug, Serialize)]
pub struct LastRun {
    /// When it began.
    pub started: Timestamp,
    /// When it ended.
    pub ended: Timestamp,
    /// `done`, or the kind of failure.
    pub outcome: String,
    /// What went wrong, for people.
    pub error: Option<String>,
    /// Cost records written.
    pub records: u64,
    /// Requests made.
    pub requests: u64,
    /// Different calls that were denied.
    pub denied: usize,
}

impl InstanceState {
    /// One that is not fit to run.
    #[must_use]
    pub fn unfit(file: PathBuf, refused: String) -> Self {
        Self {
            file,
            collector: String::new(),
            version: String::new(),
            sha256: String::new(),
            refused: Some(refused),
            activity: Activity::Unfit,
            last: None,
            failures: 0,
        }
    }
}

impl LastRun {
    /// What is kept of a summary.
    #[must_use]
    pub fn of(summary: &RunSummary, started: Timestamp, ended: Timestamp) -> Self {
        Self {
            started,
            ended,
            outcome: summary.outcome.clone(),
            error: summary.error.clone(),
            records: summary.counts.records,
            requests: summary.egress.requests,
            denied: summary.egress.denied.len(),
        }
    }
}

impl Board {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, InstanceState>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts an instance up, or in the place of its former state.
    pub fn put(&self, name: &str, state: InstanceState) {
        self.lock().insert(name.to_owned(), state);
    }

    /// Takes an instance down.
    pub fn remove(&self, name: &str) {
        self.lock().remove(name);
    }

    /// Changes how an instance stands; nothing where there is no such instance.
    pub fn change(&self, name: &str, change: impl FnOnce(&mut InstanceState)) {
        if let Some(state) = self.lock().get_mut(name) {
            change(state);
        }
    }

    /// One instance as it stands now.
    #[must_use]
    pub fn read_one(&self, name: &str) -> Option<InstanceState> {
        self.lock().get(name).cloned()
    }

    /// All instances by name, as they stand now.
    #[must_use]
    pub fn read(&self) -> BTreeMap<String, InstanceState> {
        self.lock().clone()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_change_is_seen_through_every_clone_and_one_of_an_unknown_instance_by_nobody() {
        let board = Board::default();
        let other = board.clone();
        board.put(
            "acme",
            InstanceState::unfit("acme.toml".into(), "no component".to_owned()),
        );
        other.change("acme", |state| state.failures = 3);
        other.change("nobody", |state| state.failures = 4);
        let seen = board.read();
        assert_eq!(seen.len(), 1);
        assert_eq!(seen.get("acme").unwrap().failures, 3);
        other.remove("acme");
        assert!(board.read().is_empty());
    }
}
