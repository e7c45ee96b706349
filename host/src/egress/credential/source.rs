//! Reads a secret from where the operator keeps it: at first use, and anew when the file behind the path has changed
//! (Kubernetes swaps a link, so the resolved file counts). Errors name the place, never the content.

use super::{CredentialError, Secret, SecretRef, open_below};
use std::{
    fs::{self, File, Metadata},
    io::{self, Read},
    os::unix::fs::MetadataExt,
    path::Path,
};
use zeroize::Zeroizing;

/// Longest secret, in bytes. It bounds what a reply's body is held back for.
pub(super) const LONGEST: u64 = 16 << 10;

/// One place of a secret, with what was last read there.
#[derive(Debug)]
pub(super) struct Source {
    at: SecretRef,
    seen: Option<(Stamp, Secret)>,
}

/// What tells one version of a file from the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    modified: (i64, i64),
    size: u64,
}

impl Source {
    pub(super) fn new(at: SecretRef) -> Self {
        Self { at, seen: None }
    }

    /// The secret as it is now.
    pub(super) fn read(&mut self) -> Result<Secret, CredentialError> {
        let unreadable = |why| CredentialError::Unreadable {
            at: self.at.clone(),
            why,
        };
        let (stamp, text) = match &self.at {
            SecretRef::File(path) | SecretRef::Below { path, .. } => {
                let stamp = Stamp::of(&fs::metadata(path).map_err(unreadable)?);
                match &self.seen {
                    Some((seen, secret)) if *seen == stamp => return Ok(secret.clone()),
                    _ => file(&self.at, path).map_err(unreadable)?,
                }
            }
            SecretRef::Env(_) if let Some((_, secret)) = &self.seen => return Ok(secret.clone()),
            SecretRef::Env(name) => (Stamp::NONE, variable(name).map_err(unreadable)?),
        };
        if text.is_empty() {
            return Err(unreadable(io::Error::other("it is empty")));
        }
        let secret = Secret::new(text);
        self.seen = Some((stamp, secret.clone()));
        Ok(secret)
    }

    /// Where it is.
    pub(super) fn at(&self) -> &SecretRef {
        &self.at
    }

    /// Reads the file the next time, even if nothing tells that it has changed: within one tick of the file system's clock
    /// nothing does.
    pub(super) fn forget(&mut self) {
        match self.at {
            SecretRef::File(_) | SecretRef::Below { .. } => self.seen = None,
            SecretRef::Env(_) => {}
        }
    }
}

impl SecretRef {
    /// An error about what the secret holds.
    pub(super) fn unusable(&self, why: &'static str) -> CredentialError {
        CredentialError::Unusable {
            at: self.clone(),
            why,
        }
    }
}

impl Stamp {
    const NONE: Self = Self {
        device: 0,
        inode: 0,
        modified: (0, 0),
        size: 0,
    };

    fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            size: metadata.size(),
        }
    }
}

/// Reads a file, and says which version of it was read. White space at its end is no part of the secret.
fn file(at: &SecretRef, path: &Path) -> io::Result<(Stamp, Zeroizing<String>)> {
    // Opening a pipe would wait for its writer.
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is no regular file"));
    }
    let file = match at {
        SecretRef::Below { roots, .. } => open_below(path, roots)?,
        SecretRef::File(_) | SecretRef::Env(_) => File::open(path)?,
    };
    let stamp = Stamp::of(&file.metadata()?);
    let mut bytes = Zeroizing::new(Vec::with_capacity(
        usize::try_from(LONGEST).unwrap_or_default() + 1,
    ));
    file.take(LONGEST + 1).read_to_end(&mut bytes)?;
    Ok((stamp, text(&bytes)?))
}

fn variable(name: &str) -> io::Result<Zeroizing<String>> {
    let value = std::env::var_os(name).ok_or_else(|| io::Error::other("it is not set"))?;
    text(&Zeroizing::new(value.into_encoded_bytes()))
}

fn text(bytes: &[u8]) -> io::Result<Zeroizing<String>> {
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > LONGEST {
        return Err(io::Error::other("it is longer than 16 KiB"));
    }
    let text = std::str::from_utf8(bytes).map_err(|_| io::Error::other("it is not UTF-8 text"))?;
    Ok(Zeroizing::new(text.trim_end().to_owned()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::path::PathBuf;

    fn source(path: impl Into<PathBuf>) -> Source {
        Source::new(SecretRef::File(path.into()))
    }

    #[test]
    fn a_file_is_read_without_white_space_at_its_end() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("token");
        fs::write(&path, " a b \r\n\n").unwrap();
        assert_eq!(source(path).read().unwrap().expose().as_str(), " a b");
    }

    #[test]
    fn an_environment_variable_is_read() {
        // Set by cargo for every test.
        let mut source = Source::new(SecretRef::Env("CARGO_MANIFEST_DIR".to_owned()));
        assert_eq!(
            source.read().unwrap().expose().as_str(),
            std::env::var("CARGO_MANIFEST_DIR").unwrap()
        );
    }

    #[test]
    fn a_swapped_link_is_read_anew() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        fs::write(path("one"), "first").unwrap();
        fs::write(path("two"), "other").unwrap();
        std::os::unix::fs::symlink("one", path("token")).unwrap();
        let mut source = source(path("token"));
        assert_eq!(source.read().unwrap().expose().as_str(), "first");
        std::os::unix::fs::symlink("two", path("next")).unwrap();
        fs::rename(path("next"), path("token")).unwrap();
        assert_eq!(source.read().unwrap().expose().as_str(), "other");
    }

    #[test]
    fn a_forgotten_file_is_read_anew_though_nothing_tells_that_it_changed() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("token");
        fs::write(&path, "first").unwrap();
        let written = fs::metadata(&path).unwrap().modified().unwrap();
        let mut source = source(&path);
        assert_eq!(source.read().unwrap().expose().as_str(), "first");
        fs::write(&path, "other").unwrap();
        let file = File::options().write(true).open(&path).unwrap();
        file.set_modified(written).unwrap();
        assert_eq!(source.read().unwrap().expose().as_str(), "first");
        source.forget();
        assert_eq!(source.read().unwrap().expose().as_str(), "other");
    }

    #[test]
    fn a_tenants_link_is_not_followed_out_of_his_directory_after_it_was_swapped() {
        let directory = tempfile::tempdir().unwrap();
        let base = directory.path().canonicalize().unwrap();
        fs::create_dir(base.join("mine")).unwrap();
        fs::write(base.join("mine/one"), "first").unwrap();
        fs::write(base.join("theirs"), "s3cret").unwrap();
        let path = base.join("mine/token");
        std::os::unix::fs::symlink("one", &path).unwrap();
        let mut source = Source::new(SecretRef::Below {
            path: path.clone(),
            roots: vec![base.join("mine")],
        });
        assert_eq!(source.read().unwrap().expose().as_str(), "first");
        fs::remove_file(&path).unwrap();
        std::os::unix::fs::symlink("../theirs", &path).unwrap();
        let error = source.read().unwrap_err().to_string();
        assert!(
            error.contains("must lie below") && !error.contains("s3cret"),
            "{error}"
        );
    }

    #[test]
    fn errors_name_the_place_and_not_the_content() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        fs::write(path("empty"), " \n").unwrap();
        fs::write(path("binary"), b"s3cr\xffet").unwrap();
        fs::write(path("long"), vec![b'a'; 20_000]).unwrap();
        for (name, why) in [
            ("missing", "No such file"),
            ("empty", "empty"),
            ("binary", "UTF-8"),
            ("long", "longer"),
            ("", "regular file"),
        ] {
            let error = source(path(name)).read().unwrap_err().to_string();
            assert!(
                error.contains(why) && error.contains(path(name).to_str().unwrap()),
                "{error}"
            );
            assert!(!error.contains("s3cr"), "{error}");
        }
        let error = Source::new(SecretRef::Env("FINOPS_NOT_SET_ANYWHERE".to_owned()))
            .read()
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "environment variable FINOPS_NOT_SET_ANYWHERE: it is not set"
        );
    }
}
