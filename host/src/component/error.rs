//! Why a component cannot be used: where, what, and what to do.

use crate::foreign::Foreign;
use std::{path::PathBuf, time::Duration};

/// Why a component cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ComponentError {
    /// The file is not there or cannot be read.
    #[error("{path}: cannot be read: {cause}; check the path and its permissions", path = path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        cause: std::io::Error,
    },
    /// The digest is not the one that the operator pinned.
    #[error(
        "{path}: its sha256 is {found}, but the configuration pins {pinned}; if the change is wanted, review the new component with `finops-host inspect` and pin the new digest",
        path = path.display()
    )]
    Pin {
        /// The file.
        path: PathBuf,
        /// What the configuration says.
        pinned: String,
        /// What the file has.
        found: String,
    },
    /// The file is not a collector's component.
    #[error("{path}: {problem}", path = path.display())]
    Unfit {
        /// The file.
        path: PathBuf,
        /// In what way.
        problem: Unfit,
    },
    /// The compiler refused the component.
    #[error("{path}: the component does not compile: {message}; was it built completely, for wasm32-wasip2?", path = path.display())]
    Compile {
        /// The file.
        path: PathBuf,
        /// What the compiler said of it.
        message: Foreign,
    },
    /// Compiling took too much time or memory.
    #[error(
        "{path}: compiling was stopped {after}; a collector compiles in seconds: build it in release mode, or distrust it",
        path = path.display()
    )]
    CompileLimit {
        /// The file.
        path: PathBuf,
        /// By which limit.
        after: String,
    },
    /// The compiler's process died of the component, and nothing else did.
    #[error(
        "{path}: the compiler broke down on this component ({how}); do not trust it, and please report it if it was built with ordinary tools",
        path = path.display()
    )]
    CompilerDied {
        /// The file.
        path: PathBuf,
        /// In what way.
        how: Foreign,
    },
    /// The compiler could not be started or this machine cannot run its code.
    #[error("the compiler cannot be used: {0}")]
    Compiler(String),
}

/// In what way a file is not a collector's component.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// Larger than what is read.
    #[error("is larger than {} MiB; build it in release mode and stripped", .0 >> 20)]
    TooLarge(u64),
    /// Empty.
    #[error("is empty; build the collector again")]
    Empty,
    /// Text.
    #[error("this is text, not a WebAssembly component; name the .wasm file that the build made")]
    Text,
    /// Other bytes.
    #[error("this is no WebAssembly file; name the .wasm file that the build made")]
    NotWasm,
    /// Cut off.
    #[error("the file is truncated; copy or download it again")]
    Truncated,
    /// A core module.
    #[error(
        "this is a core WebAssembly module, not a component; build the collector for wasm32-wasip2, or make a component of it with `wasm-tools component new`"
    )]
    CoreModule,
    /// Not the binary format.
    #[error("the file is damaged: {0}; build or download it again")]
    Damaged(Foreign),
    /// Beyond a structural limit.
    #[error("{what} {found} is more than the {most} that a collector may have; split or simplify it")]
    Structure {
        /// What is counted.
        what: &'static str,
        /// How many there are.
        found: u64,
        /// How many may be.
        most: u64,
    },
    /// A component of another world.
    #[error(
        "this component is no collector: {missing}; it must implement the world `collector` of finops:collector@{known}",
        known = super::WORLD_VERSION
    )]
    World {
        /// What a collector would have.
        missing: String,
    },
    /// A version of the contract that this host does not know.
    #[error("the component is built for finops:collector@{found}, this finops-host knows {known}; {remedy}", known = super::WORLD_VERSION)]
    Version {
        /// The component's version.
        found: Foreign,
        /// What to do.
        remedy: &'static str,
    },
    /// Imports beyond what a collector may have.
    #[error("the component imports what no collector gets: {}; build it against finops:collector@{known} and WASI 0.2 only", list(.0), known = super::WORLD_VERSION)]
    Foreign(Vec<Foreign>),
}

impl ComponentError {
    /// Whether the operator's command or configuration is at fault (exit 78), not the component (exit 65).
    #[must_use]
    pub fn is_configuration(&self) -> bool {
        matches!(self, Self::Unreadable { .. } | Self::Pin { .. })
    }

    /// Stopped on the wall clock.
    pub(super) fn too_slow(path: PathBuf, after: Duration) -> Self {
        let after = format!("after {} s", after.as_secs());
        Self::CompileLimit { path, after }
    }
}

/// Names for people, not too many.
fn list(names: &[Foreign]) -> String {
    const SHOWN: usize = 8;
    let mut shown: Vec<_> = names.iter().take(SHOWN).map(|name| format!("`{name}`")).collect();
    if names.len() > SHOWN {
        shown.push(format!("and {} more", names.len() - SHOWN));
    }
    shown.join(", ")
}
