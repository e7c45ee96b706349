//! Locks between processes: one per instance while it collects, one for whoever delivers,
//! one for whoever renders snapshots, one for whoever archives.
//! What must hold: the kernel frees a lock when its process ends, however it ends; a lock file is never deleted.

use super::store::LedgerError;
use crate::clock::SharedClock;
use std::{
    fs::{File, OpenOptions, TryLockError},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    time::Duration,
};

/// Where locks lie within the state directory.
const FOLDER: &str = "locks";
/// Between two attempts.
const PAUSE: Duration = Duration::from_millis(200);

/// Holds a lock until it is dropped.
#[derive(Debug)]
pub struct LockGuard {
    _file: File,
}

/// What is locked.
#[derive(Clone, Copy, Debug)]
pub(super) enum Lock<'a> {
    /// An instance while it collects.
    Instance(&'a str),
    /// Delivery to all journals.
    Delivery,
    /// Making what there is once: the ledger's file, its mark. Held for a moment.
    Opening,
    /// Rendering of all snapshots.
    Snapshot,
    /// Archiving.
    Archive,
    /// `serve`: one process runs all instances of a ledger.
    Serve,
}

impl Lock<'_> {
    /// A file name that no other lock has, whatever the instance is called.
    fn file_name(self) -> String {
        let name = match self {
            Self::Instance(name) => name,
            Self::Delivery => return "delivery.lock".to_owned(),
            Self::Opening => return "opening.lock".to_owned(),
            Self::Snapshot => return "snapshot.lock".to_owned(),
            Self::Archive => return "archive.lock".to_owned(),
            Self::Serve => return "serve.lock".to_owned(),
        };
        let mut safe = String::from("instance-");
        for byte in name.bytes() {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' => safe.push(char::from(byte)),
                other => safe.push_str(&format!("_{other:02x}")),
            }
        }
        safe + ".lock"
    }

    fn refusal(self) -> String {
        match self {
            Self::Instance(name) => format!(
                "instance {:?} is being collected by another process; wait for it, or give --lock-wait",
                crate::foreign::Foreign::new(name)
            ),
            Self::Delivery => {
                "another process is delivering from this ledger; wait for it, or give --lock-wait".to_owned()
            }
            Self::Opening => "another process is opening this ledger; try again".to_owned(),
            Self::Snapshot => {
                "another process is writing FOCUS files from this ledger; wait for it".to_owned()
            }
            Self::Archive => "another process is archiving from this ledger; wait for it".to_owned(),
            Self::Serve => {
                "another `serve` runs over this state directory; stop it, or give this one a --state-dir of its own"
                    .to_owned()
            }
        }
    }
}

/// Takes a lock, waiting for it at most so long.
///
/// # Errors
/// [`LedgerError::Refused`] where another holds it, [`LedgerError::Io`] where the file cannot be made.
pub(super) async fn acquire(
    directory: &Path,
    lock: Lock<'_>,
    wait: Duration,
    clock: &SharedClock,
) -> Result<LockGuard, LedgerError> {
    let (file, path) = open(directory, lock)?;
    let mut left = wait;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(LockGuard { _file: file }),
            Err(TryLockError::Error(cause)) => return Err(LedgerError::Io { path, cause }),
            Err(TryLockError::WouldBlock) if left.is_zero() => {
                let what = lock.refusal();
                return Err(LedgerError::Refused { path, what });
            }
            Err(TryLockError::WouldBlock) => {
                let pause = PAUSE.min(left);
                clock.sleep(pause).await;
                left = left.saturating_sub(pause);
            }
        }
    }
}

/// Takes a lock that is held for a moment only, waiting as long as it takes.
///
/// # Errors
/// [`LedgerError::Io`] where the file cannot be made or locked.
pub(super) fn acquire_now(directory: &Path, lock: Lock<'_>) -> Result<LockGuard, LedgerError> {
    let (file, path) = open(directory, lock)?;
    match file.lock() {
        Ok(()) => Ok(LockGuard { _file: file }),
        Err(cause) => Err(LedgerError::Io { path, cause }),
    }
}

/// Takes a lock that nobody holds.
///
/// # Errors
/// [`LedgerError::Refused`] where another holds it, [`LedgerError::Io`] where the file cannot be made.
pub(super) fn try_now(directory: &Path, lock: Lock<'_>) -> Result<LockGuard, LedgerError> {
    let (file, path) = open(directory, lock)?;
    try_file(file, path, lock)
}

/// Takes the locks of all instances that ever were.
///
/// # Errors
/// [`LedgerError::Refused`] where another holds one.
pub(super) fn try_instances(directory: &Path) -> Result<Vec<LockGuard>, LedgerError> {
    let mut held = Vec::new();
    for entry in std::fs::read_dir(directory.join(FOLDER))
        .into_iter()
        .flatten()
        .flatten()
    {
        let name = entry.file_name().to_string_lossy().into_owned();
        if let Some(instance) = name.strip_prefix("instance-") {
            let path = entry.path();
            let file = OpenOptions::new().write(true).open(&path);
            let file = file.map_err(|cause| LedgerError::Io {
                path: path.clone(),
                cause,
            })?;
            let instance = instance.trim_end_matches(".lock");
            held.push(try_file(file, path, Lock::Instance(instance))?);
        }
    }
    Ok(held)
}

fn try_file(file: File, path: PathBuf, lock: Lock<'_>) -> Result<LockGuard, LedgerError> {
    match file.try_lock() {
        Ok(()) => Ok(LockGuard { _file: file }),
        Err(TryLockError::Error(cause)) => Err(LedgerError::Io { path, cause }),
        Err(TryLockError::WouldBlock) => Err(LedgerError::Refused {
            path,
            what: lock.refusal(),
        }),
    }
}

/// The file of a lock, made where it is missing.
fn open(directory: &Path, lock: Lock<'_>) -> Result<(File, PathBuf), LedgerError> {
    let folder = directory.join(FOLDER);
    let failed = |path: &PathBuf| {
        let path = path.clone();
        move |cause| {
            LedgerError::Io {
                path: path.clone(),
                cause,
            }
            .at(&path)
        }
    };
    let mut builder = std::fs::DirBuilder::new();
    builder
        .recursive(true)
        .mode(0o700)
        .create(&folder)
        .map_err(failed(&folder))?;
    let path = folder.join(lock.file_name());
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .map_err(failed(&path))?;
    Ok((file, path))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::ledger::sample::Bench;

    #[test]
    fn a_second_holder_is_refused_by_name_and_a_dropped_lock_is_free() {
        let bench = Bench::new();
        let wait = Duration::from_secs(1);
        let held = bench
            .block(bench.ledger.lock_instance("acme/prod", wait))
            .unwrap();
        let error = bench
            .block(bench.ledger.lock_instance("acme/prod", wait))
            .unwrap_err()
            .to_string();
        assert!(error.contains("acme/prod") && !error.contains('\n'), "{error}");
        drop(
            bench
                .block(bench.ledger.lock_instance("acme_prod", wait))
                .unwrap(),
        );
        drop(bench.block(bench.ledger.lock_delivery(wait)).unwrap());
        drop(held);
        drop(
            bench
                .block(bench.ledger.lock_instance("acme/prod", wait))
                .unwrap(),
        );
    }

    #[test]
    fn instances_never_share_a_file() {
        let names = ["a/b", "a_2fb", "a-b", "a.b", "delivery"];
        let files: std::collections::BTreeSet<String> =
            names.map(|name| Lock::Instance(name).file_name()).into();
        assert_eq!(files.len(), names.len());
        assert!(!files.contains(&Lock::Delivery.file_name()));
        assert!(!files.contains(&Lock::Opening.file_name()));
    }
}
