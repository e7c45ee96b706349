//! Opens a file only if it lies below certain directories, whatever links lead to it.
//! What must hold: the file that is opened is the one that was judged. So its real path, in which no link is left, is walked
//! from the root without following links: one that somebody puts there in between makes opening fail.

use rustix::fs::{Mode, OFlags, open, openat};
use std::{
    fs::{self, File},
    io,
    path::{Component, Path, PathBuf},
};

/// Opens a file for reading, without waiting for the writer of a pipe. The roots are real paths.
///
/// # Errors
/// Where it cannot be opened, or lies below none of the roots (`PermissionDenied`).
pub(crate) fn open_below(path: &Path, roots: &[PathBuf]) -> io::Result<File> {
    let real = fs::canonicalize(path)?;
    if !roots.iter().any(|root| real.starts_with(root)) {
        return Err(outside(&real, roots));
    }
    without_links(&real)
}

fn without_links(real: &Path) -> io::Result<File> {
    let walk = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let read = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut names = real.components().peekable();
    let mut directory = open("/", walk, Mode::empty())?;
    while let Some(component) = names.next() {
        match component {
            Component::Normal(name) if names.peek().is_none() => {
                return Ok(openat(&directory, name, read, Mode::empty())?.into());
            }
            Component::Normal(name) => directory = openat(&directory, name, walk, Mode::empty())?,
            Component::RootDir => {}
            Component::Prefix(_) | Component::CurDir | Component::ParentDir => {
                return Err(io::ErrorKind::InvalidInput.into());
            }
        }
    }
    Err(io::ErrorKind::IsADirectory.into())
}

fn outside(real: &Path, roots: &[PathBuf]) -> io::Error {
    let roots: Vec<_> = roots.iter().map(|root| root.display().to_string()).collect();
    let message = format!(
        "it is {}, and this tenant's files must lie below {}",
        real.display(),
        roots.join(" or ")
    );
    io::Error::new(io::ErrorKind::PermissionDenied, message)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::{io::Read, os::unix::fs::symlink};

    /// A directory `in` with a secret, and one `out` with another.
    fn situation() -> (tempfile::TempDir, impl Fn(&str) -> PathBuf) {
        let home = tempfile::tempdir().unwrap();
        let base = home.path().canonicalize().unwrap();
        for (directory, text) in [("in", "mine"), ("out", "theirs"), ("inside", "theirs")] {
            fs::create_dir(base.join(directory)).unwrap();
            fs::write(base.join(directory).join("key"), text).unwrap();
        }
        (home, move |name: &str| base.join(name))
    }

    fn text(file: io::Result<File>) -> io::Result<String> {
        let mut text = String::new();
        file?.read_to_string(&mut text)?;
        Ok(text)
    }

    #[test]
    fn links_within_are_followed_as_kubernetes_lays_them() {
        let (_home, at) = situation();
        fs::create_dir(at("in/..2026")).unwrap();
        fs::write(at("in/..2026/token"), "rotated").unwrap();
        symlink("..2026", at("in/..data")).unwrap();
        symlink("..data/token", at("in/token")).unwrap();
        symlink(at("in"), at("door")).unwrap();
        for name in ["in/token", "door/token", "in/../in/token"] {
            assert_eq!(
                text(open_below(&at(name), &[at("in")])).unwrap(),
                "rotated",
                "{name}"
            );
        }
    }

    #[test]
    fn no_link_and_no_neighbour_with_the_same_beginning_leads_out() {
        let (_home, at) = situation();
        symlink("../out/key", at("in/file-link")).unwrap();
        symlink("../out", at("in/directory-link")).unwrap();
        for name in [
            "out/key",
            "in/../out/key",
            "in/file-link",
            "in/directory-link/key",
            "inside/key",
        ] {
            let error = open_below(&at(name), &[at("in")]).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::PermissionDenied, "{name}");
            assert!(error.to_string().contains("must lie below"), "{error}");
        }
    }

    #[test]
    fn a_root_that_was_replaced_by_a_link_opens_nothing() {
        let (_home, at) = situation();
        fs::rename(at("in"), at("old")).unwrap();
        symlink("out", at("in")).unwrap();
        let error = open_below(&at("in/key"), &[at("in")]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
    }

    #[test]
    fn a_link_that_appears_after_the_judgement_is_not_followed() {
        let (_home, at) = situation();
        let real = at("in/key");
        assert_eq!(text(without_links(&real)).unwrap(), "mine");
        fs::remove_file(&real).unwrap();
        symlink("../out/key", &real).unwrap();
        assert!(without_links(&real).is_err());
        fs::rename(at("in"), at("old")).unwrap();
        symlink("out", at("in")).unwrap();
        assert!(without_links(&real).is_err());
    }
}
