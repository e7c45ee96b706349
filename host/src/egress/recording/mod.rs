//! Recordings of a run's exchanges: what the guest asked before a credential was put on, and what it got after the reply was
//! searched for secrets. What must hold: nothing that the host added is written, and a replay has no way out.

mod answer;
mod asked;
mod format;
mod lines;
mod loading;
mod pieces;
mod read;
mod spool;
mod write;

pub(super) use answer::{Playback, Played};
pub(super) use asked::Asked;
pub use format::About;
pub use read::Recording;
pub use write::Recorder;
pub(super) use write::Taking;

use crate::foreign::Foreign;
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use std::{io, path::PathBuf, sync::Arc};

/// What stands between a run and its providers.
#[derive(Clone, Debug, Default)]
pub enum Wire {
    /// The network alone.
    #[default]
    Live,
    /// The network, and a file that keeps what the guest sees of it.
    Recorded(Arc<Recorder>),
    /// A recording instead of the network.
    Replayed(Arc<Recording>),
}

impl Wire {
    /// The time that collectors are told; `None`: the clock's. One time for a recorded run and its replays: it stands in URLs.
    #[must_use]
    pub fn now(&self) -> Option<Timestamp> {
        match self {
            Self::Live => None,
            Self::Recorded(recorder) => Some(recorder.now()),
            Self::Replayed(recording) => Some(recording.about().now),
        }
    }
}

/// The seed of one guest of several: its random bytes stand in requests, such as their ids.
fn seed_of(seed: &str, guest: u32) -> [u8; 32] {
    let digest = Sha256::new()
        .chain_update(seed.as_bytes())
        .chain_update(guest.to_be_bytes());
    digest.finalize().into()
}

/// Why there is no recording.
#[derive(Debug, thiserror::Error)]
pub enum RecordingError {
    /// The file cannot be used at all.
    #[error("{}: {why}", path.display())]
    File {
        /// The recording.
        path: PathBuf,
        /// Why, and what to do.
        why: String,
    },
    /// A line of it is wrong.
    #[error("{}:{line}: {why}", path.display())]
    Line {
        /// The recording.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong.
        why: Foreign,
    },
    /// It could not be written.
    #[error("{}: the recording could not be written: {cause}", path.display())]
    Write {
        /// The recording.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// A request holds a secret.
    #[error(
        "{}: there is no recording: the collector itself sent a secret of this file, which its settings must have told it",
        path.display()
    )]
    Secret {
        /// The recording.
        path: PathBuf,
    },
}
