//! Confining this thread, and the threads and processes that it will start, by landlock.
//!
//! Best effort: an older kernel enforces the part that it knows, one without landlock nothing, and a path that is not there is
//! passed over. What is enforced is told, never assumed.

use super::access::{Access, Network, Right};
use landlock::{
    ABI, Access as _, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, LandlockStatus,
    RestrictionStatus, Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetError, RulesetStatus, Scope,
    make_bitflags, path_beneath_rules,
};
use std::{fmt, path::Path};

/// The newest kernel interface whose rights are taken up here: a later one has rights that were not tried.
const KNOWN: ABI = ABI::V6;

/// What landlock enforces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Confinement {
    /// Everything.
    Full {
        /// The kernel's interface version.
        abi: i32,
    },
    /// What this older kernel knows.
    Part {
        /// The kernel's interface version.
        abi: i32,
    },
    /// Nothing.
    None {
        /// Why.
        why: String,
    },
}

impl fmt::Display for Confinement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full { abi } => write!(f, "confined by landlock (version {abi})"),
            Self::Part { abi } => write!(
                f,
                "confined by landlock as far as this older kernel knows it (version {abi})"
            ),
            Self::None { why } => write!(f, "not confined: {why}"),
        }
    }
}

/// Confines this thread and all that it starts from now on; what is open stays open. There is no way back.
pub fn confine(access: &Access) -> Confinement {
    match restrict(access) {
        Ok(status) => told(&status),
        Err(error) => Confinement::None {
            why: error.to_string(),
        },
    }
}

fn restrict(access: &Access) -> Result<RestrictionStatus, RulesetError> {
    let ruleset = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(KNOWN))?
        .scope(Scope::from_all(KNOWN))?;
    // Which hosts a process may call is for egress to say: landlock knows ports alone.
    let ruleset = match access.network {
        Network::None => ruleset.handle_access(AccessNet::from_all(KNOWN))?,
        Network::Outgoing => ruleset.handle_access(AccessNet::BindTcp)?,
    };
    let mut created = ruleset.create()?;
    for (path, right) in &access.paths {
        if let Err(error) = allow(&mut created, path, *right) {
            tracing::debug!(path = %path.display(), %error, "out of reach: landlock takes no rule for it");
        }
    }
    created.restrict_self()
}

fn allow(created: &mut landlock::RulesetCreated, path: &Path, right: Right) -> Result<(), RulesetError> {
    created
        .add_rules(path_beneath_rules([path], rights(right)))
        .map(drop)
}

fn rights(right: Right) -> BitFlags<AccessFs> {
    match right {
        Right::List => AccessFs::ReadDir.into(),
        Right::Read => make_bitflags!(AccessFs::{ReadFile | ReadDir}),
        Right::Use => make_bitflags!(AccessFs::{ReadFile | WriteFile | IoctlDev}),
        Right::Write => make_bitflags!(AccessFs::{
            ReadFile | ReadDir | WriteFile | Truncate | MakeReg | MakeDir | RemoveFile | RemoveDir | Refer
        }),
        Right::Execute => make_bitflags!(AccessFs::{ReadFile | Execute}),
    }
}

fn told(status: &RestrictionStatus) -> Confinement {
    let none = |why: &str| Confinement::None { why: why.to_owned() };
    let abi = match status.landlock {
        LandlockStatus::NotImplemented => return none("this kernel has no landlock"),
        LandlockStatus::NotEnabled => return none("landlock is not enabled in this kernel"),
        LandlockStatus::Available {
            effective_abi,
            kernel_abi,
        } => kernel_abi.unwrap_or(effective_abi as i32),
    };
    match status.ruleset {
        RulesetStatus::FullyEnforced => Confinement::Full { abi },
        RulesetStatus::PartiallyEnforced => Confinement::Part { abi },
        RulesetStatus::NotEnforced => none("landlock enforces nothing here"),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr)]
    use super::*;
    use crate::hardening::Needs;
    use std::{
        fs,
        io::ErrorKind,
        net::{TcpListener, TcpStream},
        os::unix::fs::symlink,
        path::PathBuf,
        process::{Command, Stdio},
        thread,
    };

    /// A directory with a state directory, a component, secrets mounted as Kubernetes does it, and a canary beside them.
    struct Home(tempfile::TempDir);

    impl Home {
        fn new() -> Self {
            let home = Self(tempfile::tempdir().unwrap());
            for directory in ["state", "config", "secrets", "elsewhere"] {
                fs::create_dir(home.path(directory)).unwrap();
            }
            fs::write(home.path("c.wasm"), "component").unwrap();
            fs::write(home.path("config/c.toml"), "grant").unwrap();
            fs::write(home.path("config/sibling.toml"), "another's grant").unwrap();
            fs::write(home.path("elsewhere/shadow"), "canary").unwrap();
            home.rotate("1");
            symlink("..data/key", home.path("secrets/key")).unwrap();
            home
        }

        fn path(&self, name: &str) -> PathBuf {
            self.0.path().join(name)
        }

        /// Puts a new version of the secret in place, as Kubernetes does: a directory of its own, then the link is swapped.
        fn rotate(&self, version: &str) {
            let directory = self.path(&format!("secrets/..{version}"));
            fs::create_dir(&directory).unwrap();
            fs::write(directory.join("key"), version).unwrap();
            symlink(format!("..{version}"), self.path("secrets/..next")).unwrap();
            fs::rename(self.path("secrets/..next"), self.path("secrets/..data")).unwrap();
        }

        fn access(&self, network: Network) -> Access {
            Needs {
                state: Some(self.path("state")),
                components: vec![self.path("c.wasm")],
                configs: vec![self.path("config/c.toml")],
                files: vec![self.path("secrets/key")],
                directories: Vec::new(),
                focus: Vec::new(),
                network,
            }
            .access(&|_| None)
        }

        /// Runs an attack on a confined thread of its own, or says that this kernel confines nothing.
        fn confined<T: Send>(&self, network: Network, attack: impl FnOnce() -> T + Send) -> Option<T> {
            let access = self.access(network);
            thread::scope(|scope| {
                let confined = scope.spawn(|| {
                    let confinement = confine(&access);
                    eprintln!("{confinement}");
                    match confinement {
                        Confinement::None { why } => {
                            assert!(why.contains("landlock"), "{why}");
                            None
                        }
                        Confinement::Full { abi } => {
                            assert!(abi >= KNOWN as i32);
                            Some(attack())
                        }
                        Confinement::Part { abi } => {
                            assert!(abi < KNOWN as i32, "a rule was not taken as it was meant");
                            Some(attack())
                        }
                    }
                });
                confined.join().unwrap()
            })
        }
    }

    #[track_caller]
    fn assert_denied<T>(result: std::io::Result<T>) {
        match result {
            Err(error) => assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error}"),
            Ok(_) => panic!("it went through"),
        }
    }

    #[test]
    fn files_beside_what_is_needed_cannot_be_read() {
        let home = Home::new();
        home.confined(Network::Outgoing, || {
            assert_denied(fs::read(home.path("elsewhere/shadow")));
            assert_denied(fs::read(home.path("config/sibling.toml")));
            assert_denied(fs::read_dir(home.path("elsewhere")));
            assert_denied(fs::read("/etc/passwd"));
            assert_eq!(fs::read_to_string(home.path("config/c.toml")).unwrap(), "grant");
            assert_eq!(fs::read_to_string(home.path("c.wasm")).unwrap(), "component");
        });
    }

    #[test]
    fn only_the_state_directory_can_be_written() {
        let home = Home::new();
        home.confined(Network::Outgoing, || {
            for path in ["new", "c.wasm", "config/c.toml", "secrets/key"] {
                assert_denied(fs::write(home.path(path), "x"));
            }
            assert_denied(fs::remove_file(home.path("elsewhere/shadow")));
            let inner = home.path("state/cache");
            fs::create_dir(&inner).unwrap();
            fs::write(inner.join("a"), "x").unwrap();
            fs::rename(inner.join("a"), inner.join("b")).unwrap();
            fs::remove_dir_all(&inner).unwrap();
        });
    }

    #[test]
    fn a_rotated_secret_is_read_anew() {
        let home = Home::new();
        let (confined, rotated) = (std::sync::Barrier::new(2), std::sync::Barrier::new(2));
        let read = || fs::read_to_string(home.path("secrets/key")).unwrap();
        thread::scope(|scope| {
            scope.spawn(|| {
                confined.wait();
                home.rotate("2");
                rotated.wait();
            });
            let seen = home.confined(Network::Outgoing, || {
                let first = read();
                confined.wait();
                rotated.wait();
                (first, read())
            });
            match seen {
                Some(seen) => assert_eq!(seen, ("1".to_owned(), "2".to_owned())),
                None => {
                    confined.wait();
                    rotated.wait();
                }
            }
        });
    }

    #[test]
    fn no_other_program_can_be_started_and_none_through_the_loader() {
        let home = Home::new();
        fs::copy("/bin/true", home.path("state/true")).unwrap();
        let start = |program: &Path, arguments: &[&str]| {
            let mut command = Command::new(program);
            let command = command
                .args(arguments)
                .stdout(Stdio::null())
                .stderr(Stdio::null());
            command.status()
        };
        home.confined(Network::Outgoing, || {
            assert_denied(start(Path::new("/bin/true"), &[]));
            assert_denied(start(&home.path("state/true"), &[]));
            let maps = fs::read_to_string("/proc/self/maps").unwrap();
            let loader = maps.split_whitespace().find(|word| word.contains("/ld-"));
            if let Some(loader) = loader {
                let status = start(Path::new(loader), &["/bin/true"]).unwrap();
                assert!(!status.success(), "the loader started another program");
            }
        });
    }

    #[test]
    fn this_program_can_be_started_again() {
        let home = Home::new();
        let started = home.confined(Network::Outgoing, || {
            let mut command = Command::new("/proc/self/exe");
            command.arg("--list").env_clear().stdout(Stdio::null()).status()
        });
        assert!(started.is_none_or(|status| status.unwrap().success()));
    }

    #[test]
    fn without_network_nothing_is_called_and_with_it_nothing_listens() {
        let home = Home::new();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let calls = home.confined(Network::Outgoing, || {
            assert_denied(TcpListener::bind("127.0.0.1:0"));
            TcpStream::connect(address).is_ok()
        });
        assert!(calls.unwrap_or(true));
        home.confined(Network::None, || assert_denied(TcpStream::connect(address)));
    }

    #[test]
    fn a_process_that_needs_nothing_has_nothing() {
        let home = Home::new();
        let access = Access::nothing();
        let path = home.path("c.wasm");
        thread::spawn(move || {
            if !matches!(confine(&access), Confinement::None { .. }) {
                assert_denied(fs::read(path));
                assert_denied(Command::new("/proc/self/exe").status());
            }
        })
        .join()
        .unwrap();
    }
}
