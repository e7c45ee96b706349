//! The ballast: space on the disk that is given back when the disk is full, so that a run can be ended in order, its end written
//! down and what was sent settled. It is made again once there is space; without it no run begins.
//!
//! What must hold: it has blocks of its own, not a hole; it never takes the last of the disk.

use super::store::LedgerError;
use rustix::{
    fs::{FallocateFlags, Mode, OFlags, fallocate, open, statvfs},
    io::Errno,
};
use std::{
    fs::{self, File},
    io::{ErrorKind, Write},
    path::{Path, PathBuf},
};

/// Name of the ballast within the state directory.
pub(super) const FILE_NAME: &str = "ballast";
/// Its size. SQLite's log reaches some 4 MiB before it is used again from its beginning.
const BYTES: u64 = 4 << 20;
/// What must be free beside it: a run that begins is to come to an end.
const SPARE: u64 = 4 << 20;

/// Whether a disk has room for a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ballast {
    /// The ballast is there.
    There,
    /// There is no space for it.
    Missing {
        /// Bytes that are free.
        free: u64,
        /// Bytes that are needed.
        needed: u64,
    },
}

fn path(directory: &Path) -> PathBuf {
    directory.join(FILE_NAME)
}

/// Makes the ballast where it is missing and there is space for it.
///
/// # Errors
/// [`LedgerError::Io`] where the directory cannot be used; a full disk is no error.
pub fn ensure(directory: &Path) -> Result<Ballast, LedgerError> {
    let path = path(directory);
    let failed = |cause| LedgerError::Io {
        path: path.clone(),
        cause,
    };
    let space = statvfs(directory).map_err(|errno| failed(errno.into()))?;
    let free = space.f_bavail.saturating_mul(space.f_frsize);
    let there = fs::metadata(&path).is_ok_and(|file| file.len() == BYTES);
    let needed = if there { SPARE } else { BYTES + SPARE };
    if free < needed {
        return Ok(Ballast::Missing { free, needed });
    }
    if there {
        return Ok(Ballast::There);
    }
    match make(directory, &path) {
        Ok(()) => Ok(Ballast::There),
        Err(cause) => {
            let _ = fs::remove_file(&path);
            match cause.kind() {
                ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Ok(Ballast::Missing { free, needed }),
                _ => Err(failed(cause)),
            }
        }
    }
}

fn make(directory: &Path, path: &Path) -> std::io::Result<()> {
    let flags = OFlags::CREATE | OFlags::TRUNC | OFlags::WRONLY | OFlags::CLOEXEC;
    let file = File::from(open(path, flags, Mode::RUSR | Mode::WUSR)?);
    match fallocate(&file, FallocateFlags::empty(), 0, BYTES) {
        Ok(()) => {}
        // File systems without it: written, and not as zeros, which some of them leave out.
        Err(Errno::OPNOTSUPP | Errno::NOSYS) => {
            let block: Vec<u8> = (0..=u8::MAX).cycle().take(1 << 16).collect();
            for _ in 0..BYTES / (1 << 16) {
                (&file).write_all(&block)?;
            }
        }
        Err(errno) => return Err(errno.into()),
    }
    file.sync_all()?;
    File::open(directory)?.sync_all()
}

/// Gives the ballast back: whether there was any.
pub(super) fn give_back(directory: &Path) -> bool {
    let path = path(directory);
    let there = fs::metadata(&path).is_ok_and(|file| file.len() > 0);
    there && fs::remove_file(&path).is_ok()
}

/// Whether SQLite failed for want of space.
pub(super) fn is_full(error: &rusqlite::Error) -> bool {
    /// The index of the log could not be made as large as it must be.
    const SHMSIZE: i32 = rusqlite::ffi::SQLITE_IOERR_SHMSIZE;
    error.sqlite_error_code() == Some(rusqlite::ErrorCode::DiskFull)
        || error
            .sqlite_error()
            .is_some_and(|error| error.extended_code == SHMSIZE)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::os::unix::fs::MetadataExt;

    #[test]
    fn the_ballast_has_blocks_of_its_own_and_is_given_back_once() {
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(ensure(directory.path()).unwrap(), Ballast::There);
        let file = fs::metadata(path(directory.path())).unwrap();
        assert_eq!(file.len(), BYTES);
        assert!(file.blocks() * 512 >= BYTES, "{}", file.blocks());
        assert_eq!(file.mode() & 0o777, 0o600);
        assert_eq!(ensure(directory.path()).unwrap(), Ballast::There);
        assert!(give_back(directory.path()));
        assert!(!give_back(directory.path()));
        fs::write(path(directory.path()), "cut").unwrap();
        assert_eq!(ensure(directory.path()).unwrap(), Ballast::There);
    }
}
