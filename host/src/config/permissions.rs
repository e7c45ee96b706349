//! Who else could change the operator's file, or read its secrets.
//!
//! The file is the collector's whole authority, so whoever can write it, or swap it in its directory, can grant. A file or
//! directory that others can write is refused (a directory not on a read-only mount, where Kubernetes mounts its own as 0777).
//! Writable by a group counts too, unless it is the owner's private group (same number), as many systems make by default.

use super::{errors::ConfigErrors, files::open_without_waiting};
use rustix::fs::{self, StatVfsMountFlags};
use std::{
    fs::{File, Metadata},
    io::{self, Read},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

/// Largest file read.
const LARGEST: u64 = 1 << 20;

/// Reads the file once, having checked who can write it.
pub(super) fn read_guarded(path: &Path) -> Result<String, ConfigErrors> {
    let file = open_without_waiting(path).map_err(|cause| unreadable(path, &cause))?;
    read_open(file, path)
}

/// Reads an open file once, having checked who can write it or put another in its place.
pub(super) fn read_open(file: File, path: &Path) -> Result<String, ConfigErrors> {
    let unreadable = |cause: &io::Error| unreadable(path, cause);
    let metadata = file.metadata().map_err(|cause| unreadable(&cause))?;
    if metadata.is_dir() {
        return Err(ConfigErrors::whole(path, "is a directory", "name the file in it"));
    }
    if !metadata.is_file() {
        let remedy = "put the configuration into a regular file";
        return Err(ConfigErrors::whole(path, "is no regular file", remedy));
    }
    if others_write(&metadata) {
        let remedy = "the file decides what the collector may do: chmod go-w it";
        return Err(ConfigErrors::whole(path, "others can write the file", remedy));
    }
    for directory in directories(path) {
        if replaceable(&directory).map_err(|cause| unreadable(&cause))? {
            let what = format!("others can write its directory {}", directory.display());
            let remedy = "they could replace the file: chmod go-w the directory, or move the file";
            return Err(ConfigErrors::whole(path, what, remedy));
        }
    }
    let mut bytes = Vec::new();
    file.take(LARGEST + 1)
        .read_to_end(&mut bytes)
        .map_err(|cause| unreadable(&cause))?;
    if bytes.len() as u64 > LARGEST {
        return Err(ConfigErrors::whole(
            path,
            "is larger than 1 MiB",
            "is this the right file?",
        ));
    }
    String::from_utf8(bytes)
        .map_err(|_| ConfigErrors::whole(path, "is no UTF-8 text", "is this the right file? TOML is UTF-8"))
}

fn unreadable(path: &Path, cause: &io::Error) -> ConfigErrors {
    let remedy = match cause.kind() {
        io::ErrorKind::NotFound => "check the path; `finops-host init` prints a file to begin with",
        _ => "check the path and its permissions",
    };
    ConfigErrors::whole(path, format!("cannot be read: {cause}"), remedy)
}

/// Whether others can read a file.
pub(super) fn others_read(metadata: &Metadata) -> bool {
    metadata.mode() & 0o004 != 0
}

fn others_write(metadata: &Metadata) -> bool {
    let private_group = metadata.gid() == metadata.uid();
    metadata.mode() & 0o002 != 0 || metadata.mode() & 0o020 != 0 && !private_group
}

/// The directory of the path as given, and that of the file behind links.
fn directories(path: &Path) -> Vec<PathBuf> {
    let parent = |path: &Path| match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => PathBuf::from("."),
        Some(parent) => parent.to_owned(),
        None => PathBuf::from("/"),
    };
    let mut found = vec![parent(path)];
    if let Ok(real) = path.canonicalize() {
        found.push(parent(&real));
    }
    found
}

fn replaceable(directory: &Path) -> io::Result<bool> {
    let directory = File::open(directory)?;
    if !others_write(&directory.metadata()?) {
        return Ok(false);
    }
    Ok(!fs::fstatvfs(&directory)?
        .f_flag
        .contains(StatVfsMountFlags::RDONLY))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::{fs, os::unix::fs::PermissionsExt};

    fn situation(directory: u32, file: u32) -> Result<String, String> {
        let home = tempfile::tempdir().unwrap();
        let inner = home.path().join("etc");
        fs::create_dir(&inner).unwrap();
        let path = inner.join("a.toml");
        fs::write(&path, "text").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(file)).unwrap();
        fs::set_permissions(&inner, fs::Permissions::from_mode(directory)).unwrap();
        read_guarded(&path).map_err(|error| error.to_string())
    }

    #[test]
    fn a_file_that_others_can_write_is_refused() {
        assert_eq!(situation(0o755, 0o644), Ok("text".to_owned()));
        let error = situation(0o755, 0o646).unwrap_err();
        assert!(
            error.contains("others can write the file") && error.contains("chmod"),
            "{error}"
        );
    }

    #[test]
    fn a_directory_that_others_can_write_is_refused_even_if_sticky() {
        for mode in [0o777, 0o1777] {
            let error = situation(mode, 0o600).unwrap_err();
            assert!(
                error.contains("its directory") && error.contains("replace"),
                "{error}"
            );
        }
    }

    #[test]
    fn a_missing_file_a_directory_and_a_binary_are_named() {
        let home = tempfile::tempdir().unwrap();
        let error = read_guarded(&home.path().join("no.toml"))
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("no.toml: cannot be read") && error.contains("finops-host init"),
            "{error}"
        );
        let error = read_guarded(home.path()).unwrap_err().to_string();
        assert!(error.contains("is a directory"), "{error}");
        let path = home.path().join("b.toml");
        fs::write(&path, [0xff, 0xfe]).unwrap();
        let error = read_guarded(&path).unwrap_err().to_string();
        assert!(error.contains("UTF-8"), "{error}");
    }

    #[test]
    fn a_path_without_directory_is_looked_for_here() {
        assert_eq!(directories(Path::new("no-such-file.toml")), [PathBuf::from(".")]);
    }
}
