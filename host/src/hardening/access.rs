//! What a confined process may touch, as plain data made from what its command needs.
//!
//! A secret is read again after it was rotated, and rotation swaps links and renames files: so the directories of the link, of
//! every link it leads through and of its target are readable, not the file alone.

use super::program::{Loaded, RUNNING};
use std::{
    collections::BTreeSet,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
};

/// What may be done with a path and all that lies beneath it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Right {
    /// Opening a directory, and reading names in it.
    List,
    /// Reading files and directories.
    Read,
    /// Reading and writing what is there: devices.
    Use,
    /// Reading, making, changing and deleting files and directories.
    Write,
    /// Reading and executing.
    Execute,
}

/// Which TCP a process may speak. It never listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Network {
    /// None.
    None,
    /// Connections to anywhere: egress decides.
    Outgoing,
}

/// Everything that a confined process may touch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    /// Paths and what may be done with them. One that is not there gives nothing.
    pub paths: BTreeSet<(PathBuf, Right)>,
    /// TCP.
    pub network: Network,
}

/// What a command is about to use.
#[derive(Clone, Debug)]
pub struct Needs {
    /// The state directory, which must be there already to count.
    pub state: Option<PathBuf>,
    /// The components' files.
    pub components: Vec<PathBuf>,
    /// The operator's files.
    pub configs: Vec<PathBuf>,
    /// Files that the operator's files name: secrets and certificates.
    pub files: Vec<PathBuf>,
    /// Directories in which files come and go that are to be read.
    pub directories: Vec<PathBuf>,
    /// Directories of FOCUS files, which must be there already to count.
    pub focus: Vec<PathBuf>,
    /// TCP.
    pub network: Network,
}

/// Files of the system that programs read: name resolution, time, the loader's cache.
const SYSTEM_FILES: [&str; 17] = [
    "/etc/resolv.conf",
    "/etc/hosts",
    "/etc/host.conf",
    "/etc/nsswitch.conf",
    "/etc/gai.conf",
    "/etc/services",
    "/etc/localtime",
    "/etc/timezone",
    "/etc/ld.so.cache",
    "/etc/ld.so.preload",
    // the system's certificates, where they are one file
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/tls/cacert.pem",
    "/etc/ssl/cert.pem",
    "/opt/etc/ssl/certs/ca-certificates.crt",
];

/// Directories of the system: certificates (without the private keys beside them), time zones, and how many processors
/// this process may use.
const SYSTEM_DIRECTORIES: [&str; 11] = [
    "/etc/ssl/certs",
    "/etc/pki/tls/certs",
    "/etc/pki/ca-trust",
    "/etc/ca-certificates",
    "/usr/share/ca-certificates",
    "/usr/local/share/ca-certificates",
    "/usr/share/zoneinfo",
    "/proc/self",
    "/sys/fs/cgroup",
    "/sys/devices/system/cpu",
    "/dev/urandom",
];

/// Other places of certificates, for OpenSSL's users and so for us.
const CERTIFICATE_VARIABLES: [&str; 2] = ["SSL_CERT_FILE", "SSL_CERT_DIR"];

impl Access {
    /// Nothing at all: for a process that has opened what it needs.
    #[must_use]
    pub fn nothing() -> Self {
        Self {
            paths: BTreeSet::new(),
            network: Network::None,
        }
    }

    fn add(&mut self, right: Right, paths: impl IntoIterator<Item = impl Into<PathBuf>>) {
        self.paths
            .extend(paths.into_iter().map(|path| (path.into(), right)));
    }
}

impl Needs {
    /// What follows from the needs; `variable` looks up the environment.
    #[must_use]
    pub fn access(&self, variable: &dyn Fn(&str) -> Option<OsString>) -> Access {
        let mut access = Access::nothing();
        access.network = self.network;
        access.add(Right::Write, &self.state);
        access.add(Right::Write, &self.focus);
        access.add(Right::Read, &self.components);
        access.add(Right::Read, &self.directories);
        for path in &self.configs {
            access.add(Right::Read, [path]);
            // Its directories are opened to learn who could replace it.
            access.add(Right::List, steps(path).iter().filter_map(|step| parent(step)));
        }
        for file in &self.files {
            access.add(Right::Read, [file]);
            access.add(Right::Read, steps(file).iter().filter_map(|step| parent(step)));
        }
        system(&mut access, variable);
        access
    }
}

fn system(access: &mut Access, variable: &dyn Fn(&str) -> Option<OsString>) {
    access.add(Right::Execute, [RUNNING]);
    let loaded = Loaded::here();
    access.add(Right::Execute, loaded.loader);
    access.add(Right::Read, loaded.libraries);
    access.add(Right::Read, SYSTEM_DIRECTORIES);
    access.add(Right::Use, ["/dev/null", "/dev/tty"]);
    for file in SYSTEM_FILES.map(Path::new) {
        access.add(Right::Read, [file]);
        // Where another program keeps it, as systemd-resolved does resolv.conf, that program also replaces it.
        let elsewhere = steps(file).into_iter().skip(1);
        access.add(
            Right::Read,
            elsewhere
                .filter_map(|step| parent(&step))
                .filter(|directory| directory != Path::new("/etc")),
        );
    }
    for value in CERTIFICATE_VARIABLES.into_iter().filter_map(variable) {
        for path in std::env::split_paths(&value) {
            access.add(Right::Read, steps(&path));
        }
    }
}

/// The path, what each link leads to in turn, and where it ends.
fn steps(path: &Path) -> Vec<PathBuf> {
    /// As many links as Linux follows.
    const LINKS: usize = 40;
    let mut steps = vec![path.to_owned()];
    let mut at = path.to_owned();
    while steps.len() <= LINKS
        && let Ok(target) = fs::read_link(&at)
    {
        at = at.parent().unwrap_or(Path::new("")).join(target);
        steps.push(at.clone());
    }
    if let Ok(end) = fs::canonicalize(path)
        && steps.len() > 1
        && !steps.contains(&end)
    {
        steps.push(end);
    }
    steps
}

/// The directory of a file; the one above it where that is Kubernetes' `..data`, a link which rotation swaps. None for a file
/// of the root directory, which would be everything.
fn parent(file: &Path) -> Option<PathBuf> {
    let mut directory = file.parent()?;
    if directory.ends_with("..data") {
        directory = directory.parent()?;
    }
    if directory.as_os_str().is_empty() {
        directory = Path::new(".");
    }
    (directory != Path::new("/")).then(|| directory.to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::os::unix::fs::symlink;

    fn needs(files: &[&Path]) -> Access {
        Needs {
            state: Some("/state".into()),
            components: vec!["/opt/c.wasm".into()],
            configs: vec!["/config/c.toml".into()],
            files: files.iter().map(|&path| path.to_owned()).collect(),
            directories: vec!["/tenants".into()],
            focus: vec!["/focus".into()],
            network: Network::Outgoing,
        }
        .access(&|name| (name == "SSL_CERT_DIR").then(|| "/one:/two".into()))
    }

    fn may(access: &Access, right: Right, path: impl AsRef<Path>) -> bool {
        access.paths.contains(&(path.as_ref().to_owned(), right))
    }

    #[test]
    fn only_the_state_directory_and_that_of_focus_files_are_written_and_only_the_program_is_executed() {
        let access = needs(&[]);
        let with = |wanted| {
            let with = access.paths.iter().filter(move |(_, right)| *right == wanted);
            with.map(|(path, _)| path.as_path()).collect::<Vec<_>>()
        };
        assert_eq!(with(Right::Write), [Path::new("/focus"), Path::new("/state")]);
        assert!(with(Right::Execute).iter().all(|path| {
            let name = path.file_name().unwrap().to_string_lossy();
            *path == Path::new(RUNNING) || name.starts_with("ld-")
        }));
        assert!(may(&access, Right::Read, "/opt/c.wasm"));
        assert!(may(&access, Right::Read, "/config/c.toml"));
        assert!(may(&access, Right::List, "/config"));
        assert!(may(&access, Right::Read, "/tenants"));
    }

    #[test]
    fn no_grant_is_as_wide_as_the_system() {
        let access = needs(&[Path::new("/key"), Path::new("/secrets/key")]);
        for wide in [
            "/", "/etc", "/usr", "/proc", "/dev", "/tmp", "/etc/ssl", "/config", "/opt",
        ] {
            assert!(!may(&access, Right::Read, wide), "{wide}");
        }
        assert!(may(&access, Right::Read, "/key"));
        assert!(may(&access, Right::Read, "/secrets"));
    }

    #[test]
    fn a_secret_behind_links_is_readable_wherever_rotation_may_put_it() {
        let home = tempfile::tempdir().unwrap();
        let root = home.path().canonicalize().unwrap();
        let mounted = root.join("mounted");
        fs::create_dir_all(mounted.join("..2026_01")).unwrap();
        fs::write(mounted.join("..2026_01/key"), "s").unwrap();
        symlink("..2026_01", mounted.join("..data")).unwrap();
        symlink("..data/key", mounted.join("key")).unwrap();
        fs::create_dir_all(root.join("mine")).unwrap();
        symlink(mounted.join("key"), root.join("mine/key")).unwrap();
        let access = needs(&[&root.join("mine/key")]);
        for directory in ["mine", "mounted", "mounted/..2026_01"] {
            assert!(may(&access, Right::Read, root.join(directory)), "{directory}");
        }
        // Named by the link that is swapped, too.
        symlink(mounted.join("..data/key"), root.join("mine/direct")).unwrap();
        let access = needs(&[&root.join("mine/direct")]);
        assert!(may(&access, Right::Read, mounted));
        assert!(!may(&access, Right::Read, root));
    }

    #[test]
    fn links_in_a_circle_end() {
        let home = tempfile::tempdir().unwrap();
        symlink("a", home.path().join("b")).unwrap();
        symlink("b", home.path().join("a")).unwrap();
        assert!(steps(&home.path().join("a")).len() < 50);
    }

    #[test]
    fn a_file_without_directory_lies_here() {
        assert_eq!(parent(Path::new("c.toml")), Some(PathBuf::from(".")));
    }

    #[test]
    fn certificates_are_found_where_the_environment_says() {
        let access = needs(&[]);
        assert!(may(&access, Right::Read, "/one") && may(&access, Right::Read, "/two"));
    }
}
