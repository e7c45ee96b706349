//! The cache of compiled code: a private directory of files that this program wrote.
//!
//! Code from here runs outside the sandbox, so on any doubt it is not used and the component is compiled anew: the directory
//! is ours alone (0700, own uid), opened once and used by its descriptor, without following links; a file is ours, regular,
//! and begins with the SHA-256 of its name and content, so a torn or moved file is not taken. A cache that cannot be used
//! costs time and is no error.

use super::file::hex;
use rustix::{
    fd::OwnedFd,
    fs::{self, AtFlags, FileType, Mode, OFlags},
    io::Errno,
};
use sha2::{Digest, Sha256};
use std::{
    fs::{DirBuilder, File},
    hash::{Hash, Hasher},
    io::{self, Read, Write},
    os::unix::fs::DirBuilderExt,
    path::Path,
    sync::atomic::{AtomicU64, Ordering},
};
use wasmtime::{Engine, component::Component};

/// Largest file read or written.
pub(super) const LARGEST: u64 = 1 << 30;
/// Most files kept; the oldest go first.
const KEPT: usize = 64;
const DIGEST: usize = 32;

/// The cache directory, or none.
#[derive(Debug)]
pub struct CacheDir(Result<OwnedFd, String>);

impl CacheDir {
    /// Opens a directory, made if it is missing. Never fails: see [`CacheDir::why_unused`].
    #[must_use]
    pub fn open(path: &Path) -> Self {
        Self(open_private(path).map_err(|why| format!("{}: {why}", path.display())))
    }

    /// No cache.
    #[must_use]
    pub fn none() -> Self {
        Self(Err("no code cache was asked for".to_owned()))
    }

    /// Why the cache is not used, if it is not.
    #[must_use]
    pub fn why_unused(&self) -> Option<&str> {
        self.0.as_ref().err().map(String::as_str)
    }

    /// The content kept under a name, if there is any and it is beyond doubt.
    pub(super) fn get(&self, name: &str) -> Option<Vec<u8>> {
        let directory = self.0.as_ref().ok()?;
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let file = fs::openat(directory, name, flags, Mode::empty()).ok()?;
        let stat = fs::fstat(&file).ok()?;
        let private = stat.st_uid == rustix::process::geteuid().as_raw() && stat.st_mode & 0o077 == 0;
        if !private || FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return None;
        }
        let mut stored = Vec::new();
        File::from(file).take(LARGEST + 1).read_to_end(&mut stored).ok()?;
        let (sum, content) = stored.split_at_checked(DIGEST)?;
        if sum != digest(name, content) {
            return None;
        }
        stored.drain(..DIGEST);
        Some(stored)
    }

    /// Keeps content under a name.
    ///
    /// # Errors
    /// Where it cannot be written; the caller goes on without.
    pub(super) fn put(&self, name: &str, content: &[u8]) -> io::Result<()> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let Ok(directory) = &self.0 else {
            return Ok(());
        };
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let temporary = format!(".{name}.{}.{count}", std::process::id());
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let open = || fs::openat(directory, temporary.as_str(), flags, Mode::RUSR | Mode::WUSR);
        let file = match open() {
            Err(Errno::EXIST) => {
                // of a dead process that had our number
                fs::unlinkat(directory, temporary.as_str(), AtFlags::empty())?;
                open()
            }
            other => other,
        }?;
        let mut file = File::from(file);
        let written = file
            .write_all(&digest(name, content))
            .and_then(|()| file.write_all(content))
            .and_then(|()| Ok(fs::renameat(directory, temporary.as_str(), directory, name)?));
        if written.is_err() {
            let _ = fs::unlinkat(directory, temporary.as_str(), AtFlags::empty());
        }
        written.and_then(|()| prune(directory))
    }
}

/// The name under which compiled code is kept: changed by the component's bytes and by all that changes compiled code.
pub(super) fn code_name(sha256: &str, engine: &Engine) -> String {
    let mut hasher = DigestHasher(Sha256::new());
    engine.precompile_compatibility_hash().hash(&mut hasher);
    let compatibility = hex(&hasher.0.finalize());
    let short = compatibility.get(..32).unwrap_or(&compatibility);
    format!("{sha256}-{short}.code")
}

/// Makes a component of compiled code.
///
/// The code must have come from our own compile child or from [`CacheDir::get`].
#[allow(unsafe_code)]
pub(super) fn deserialize(engine: &Engine, code: &[u8]) -> wasmtime::Result<Component> {
    // SAFETY: loading runs whatever the bytes are. They are the output of `precompile_component` in a child of this very
    // program, either straight from its pipe or from a file that only this user can write and whose digest was verified.
    // wasmtime itself refuses code of another version or configuration.
    unsafe { Component::deserialize(engine, code) }
}

fn open_private(path: &Path) -> Result<OwnedFd, String> {
    // A directory that cannot be made may be there already: opening decides.
    let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let directory = fs::open(path, flags, Mode::empty()).map_err(|error| match made {
        Err(cause) => cause.to_string(),
        Ok(()) => error.to_string(),
    })?;
    let stat = fs::fstat(&directory).map_err(|error| error.to_string())?;
    if stat.st_uid != rustix::process::geteuid().as_raw() {
        return Err("the directory belongs to another user".to_owned());
    }
    if stat.st_mode & 0o077 != 0 {
        return Err("others have access to the directory; chmod 700 it".to_owned());
    }
    Ok(directory)
}

fn digest(name: &str, content: &[u8]) -> Vec<u8> {
    let mut hasher = Sha256::new();
    hasher.update((name.len() as u64).to_be_bytes());
    hasher.update(name);
    hasher.update(content);
    hasher.finalize().to_vec()
}

/// Removes all but the newest files.
fn prune(directory: &OwnedFd) -> io::Result<()> {
    let mut files = Vec::new();
    for entry in fs::Dir::read_from(directory)? {
        let entry = entry?;
        let name = entry.file_name().to_owned();
        let stat = fs::statat(directory, &name, AtFlags::SYMLINK_NOFOLLOW)?;
        if FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile {
            files.push(((stat.st_mtime, stat.st_mtime_nsec), name));
        }
    }
    files.sort();
    let surplus = files.len().saturating_sub(KEPT);
    for (_, name) in files.iter().take(surplus) {
        fs::unlinkat(directory, name, AtFlags::empty())?;
    }
    Ok(())
}

/// Feeds what is hashed into SHA-256.
struct DigestHasher(Sha256);

impl Hasher for DigestHasher {
    fn finish(&self) -> u64 {
        0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;
    use std::{
        fs::{self, Permissions},
        os::unix::fs::{PermissionsExt, symlink},
        path::PathBuf,
    };

    fn cache() -> (tempfile::TempDir, PathBuf, CacheDir) {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("a/cache");
        let cache = CacheDir::open(&path);
        (home, path, cache)
    }

    #[test]
    fn what_is_put_is_got_from_a_private_directory() {
        let (_home, path, cache) = cache();
        assert_eq!(cache.why_unused(), None);
        assert_eq!(cache.get("x"), None);
        cache.put("x", b"content").unwrap();
        cache.put("x", b"newer").unwrap();
        assert_eq!(cache.get("x").as_deref(), Some(b"newer".as_slice()));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
        assert_eq!(
            fs::metadata(path.join("x")).unwrap().permissions().mode() & 0o777,
            0o600
        );
        assert_eq!(fs::read_dir(&path).unwrap().count(), 1);
    }

    #[test]
    fn a_damaged_torn_renamed_or_exposed_file_is_not_taken() {
        let (_home, path, cache) = cache();
        let file = path.join("x");
        cache.put("x", b"content").unwrap();
        let good = fs::read(&file).unwrap();
        for bad in [
            &good[..good.len() - 1],
            &good[..10],
            b"",
            &[good.as_slice(), b"!"].concat(),
        ] {
            fs::write(&file, bad).unwrap();
            assert_eq!(cache.get("x"), None);
        }
        fs::write(&file, &good).unwrap();
        assert!(cache.get("x").is_some());
        fs::copy(&file, path.join("y")).unwrap();
        assert_eq!(cache.get("y"), None);
        fs::set_permissions(&file, Permissions::from_mode(0o666)).unwrap();
        assert_eq!(cache.get("x"), None);
    }

    #[test]
    fn a_link_is_not_followed() {
        let (home, path, cache) = cache();
        cache.put("x", b"content").unwrap();
        let elsewhere = home.path().join("elsewhere");
        fs::rename(path.join("x"), &elsewhere).unwrap();
        symlink(&elsewhere, path.join("x")).unwrap();
        assert_eq!(cache.get("x"), None);
        cache.put("x", b"content").unwrap();
        assert!(cache.get("x").is_some(), "the link was replaced");
    }

    #[test]
    fn a_directory_that_is_not_private_or_not_there_is_no_error() {
        let home = tempfile::tempdir().unwrap();
        let open = home.path().join("open");
        fs::create_dir(&open).unwrap();
        fs::set_permissions(&open, Permissions::from_mode(0o755)).unwrap();
        let link = home.path().join("link");
        symlink(home.path(), &link).unwrap();
        let file = home.path().join("file");
        fs::write(&file, "").unwrap();
        for path in [open, link, file.clone(), file.join("below"), "/proc/none".into()] {
            let cache = CacheDir::open(&path);
            assert!(cache.why_unused().is_some(), "{}", path.display());
            assert_eq!(cache.get("x"), None);
            cache.put("x", b"content").unwrap();
        }
        assert!(CacheDir::none().why_unused().is_some());
    }

    #[test]
    fn another_users_file_or_directory_is_not_taken() {
        let (_home, path, cache) = cache();
        cache.put("x", b"content").unwrap();
        let file = path.join("x");
        if std::os::unix::fs::chown(&file, Some(65_534), None).is_err() {
            return; // only root can give a file away
        }
        assert_eq!(cache.get("x"), None);
        std::os::unix::fs::chown(&path, Some(65_534), None).unwrap();
        assert!(CacheDir::open(&path).why_unused().is_some());
    }

    #[test]
    fn only_the_newest_files_are_kept() {
        let (_home, path, cache) = cache();
        for number in 0..KEPT + 5 {
            cache.put(&number.to_string(), b"content").unwrap();
        }
        assert_eq!(fs::read_dir(&path).unwrap().count(), KEPT);
        assert!(cache.get(&(KEPT + 4).to_string()).is_some());
    }

    #[test]
    fn another_configuration_has_another_name() {
        let engine = crate::sandbox::engine::engine().unwrap();
        let mut other = crate::sandbox::engine::config();
        other.epoch_interruption(false);
        let other = Engine::new(&other).unwrap();
        assert_eq!(code_name("a", engine), code_name("a", engine));
        assert_ne!(code_name("a", engine), code_name("a", &other));
        assert_ne!(code_name("a", engine), code_name("b", engine));
    }
}
