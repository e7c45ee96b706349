//! The state directory: the ledger, the locks and the code cache, for one user's eyes.
//!
//! What must hold: a new one is private. One that was there is made private only where it is plainly ours: taking everybody's
//! rights from a shared directory that was named by mistake would be worse than telling.

use rustix::{
    fs::{self, Mode, OFlags},
    process::geteuid,
};
use std::{
    fs::DirBuilder,
    io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

/// Rights of anybody but the owner.
const OTHERS: u32 = 0o077;
const STICKY: u32 = 0o1000;

/// Why a directory cannot hold the state.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// It cannot be made or looked at.
    #[error("the state directory {path}: {cause}; name another with --state-dir", path = .path.display())]
    Io {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// It is another user's, who could change the books and would be locked out of files made in it.
    #[error(
        "the state directory {path} belongs to user {owner}, but this process is user {own}: run as {owner}, chown the directory, or name another with --state-dir",
        path = .path.display()
    )]
    Foreign {
        /// The directory.
        path: PathBuf,
        /// Its owner.
        owner: u32,
        /// This process's user.
        own: u32,
    },
}

/// Makes the directory if it is missing, private; tightens one that is plainly ours. Gives what the operator should know.
///
/// # Errors
/// [`StateError`].
pub fn make_private(directory: &Path) -> Result<Option<String>, StateError> {
    let failed = |cause: io::Error| StateError::Io {
        path: directory.to_owned(),
        cause,
    };
    let mut builder = DirBuilder::new();
    builder
        .recursive(true)
        .mode(0o700)
        .create(directory)
        .map_err(failed)?;
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let opened = fs::open(directory, flags, Mode::empty()).map_err(|errno| failed(errno.into()))?;
    let stat = fs::fstat(&opened).map_err(|errno| failed(errno.into()))?;
    let own = geteuid().as_raw();
    let shown = directory.display();
    let mode = stat.st_mode & 0o7777;
    if stat.st_uid != own {
        // What root owns is safe from others: so Kubernetes mounts volumes, with our group.
        return match stat.st_uid {
            0 if mode & 0o002 == 0 => Ok(None),
            0 => Ok(Some(format!(
                "anybody can write the state directory {shown}; give this user a directory of its own"
            ))),
            owner => Err(StateError::Foreign {
                path: directory.to_owned(),
                owner,
                own,
            }),
        };
    }
    if mode & OTHERS == 0 {
        return Ok(None);
    }
    if mode & STICKY != 0 || !is_ours(directory).map_err(failed)? {
        return Ok(Some(format!(
            "others may enter the state directory {shown} (mode {mode:04o}), and it holds other things too; name a directory of its own with --state-dir"
        )));
    }
    fs::fchmod(&opened, Mode::from_raw_mode(mode & !OTHERS)).map_err(|errno| failed(errno.into()))?;
    Ok(Some(format!(
        "the state directory {shown} was open to others (mode {mode:04o}); it is closed to them now"
    )))
}

/// Whether a directory holds a ledger, or nothing yet.
fn is_ours(directory: &Path) -> io::Result<bool> {
    Ok(directory.join("ledger.db").exists() || std::fs::read_dir(directory)?.next().is_none())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::print_stderr)]
    use super::*;
    use std::{
        fs::{self, Permissions},
        os::unix::fs::{MetadataExt, PermissionsExt, chown},
    };

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().mode() & 0o7777
    }

    /// A directory with these rights, made private; what is said, and its rights afterwards.
    fn situation(before: u32, entries: &[&str]) -> (Option<String>, u32) {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("state");
        fs::create_dir(&path).unwrap();
        for entry in entries {
            fs::write(path.join(entry), "").unwrap();
        }
        fs::set_permissions(&path, Permissions::from_mode(before)).unwrap();
        let said = make_private(&path).unwrap();
        (said, mode(&path))
    }

    #[test]
    fn a_new_directory_is_private_and_silent() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("a/b/state");
        assert_eq!(make_private(&path).unwrap(), None);
        assert_eq!(mode(&path), 0o700);
        assert_eq!(make_private(&path).unwrap(), None);
    }

    #[test]
    fn an_open_directory_that_is_ours_is_closed_and_told() {
        for entries in [&[][..], &["ledger.db", "notes"]] {
            let (said, after) = situation(0o755, entries);
            assert!(said.unwrap().contains("closed to them now"));
            assert_eq!(after, 0o700);
        }
    }

    #[test]
    fn a_shared_directory_is_left_as_it_is_and_told() {
        for (before, entries) in [(0o755, &["photos"][..]), (0o1777, &[]), (0o1777, &["ledger.db"])] {
            let (said, after) = situation(before, entries);
            assert!(said.unwrap().contains("--state-dir"));
            assert_eq!(after, before);
        }
    }

    #[test]
    fn another_users_directory_is_refused_unless_it_is_roots() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("state");
        fs::create_dir(&path).unwrap();
        if chown(&path, Some(65_534), None).is_err() {
            eprintln!("not shown: only root can give a directory away");
            return;
        }
        let error = make_private(&path).unwrap_err().to_string();
        assert!(
            error.contains("65534") && error.contains("--state-dir"),
            "{error}"
        );
    }

    #[test]
    fn a_file_in_its_place_is_an_error_that_names_it() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("state");
        fs::write(&path, "").unwrap();
        let error = make_private(&path).unwrap_err().to_string();
        assert!(
            error.contains(path.to_str().unwrap()) && error.contains("--state-dir"),
            "{error}"
        );
    }
}
