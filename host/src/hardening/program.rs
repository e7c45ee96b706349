//! What this program was loaded from: its child must be loaded from the same files.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

/// The running file itself, also when it was replaced on disk.
pub(super) const RUNNING: &str = "/proc/self/exe";

/// Where the dynamic loader and the libraries of a program lie. Both are empty for a static one.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Loaded {
    /// The dynamic loader, which the kernel executes.
    pub(super) loader: BTreeSet<PathBuf>,
    /// Directories of libraries.
    pub(super) libraries: BTreeSet<PathBuf>,
}

impl Loaded {
    /// Of this process.
    pub(super) fn here() -> Self {
        Self::of(&std::fs::read_to_string("/proc/self/maps").unwrap_or_default())
    }

    /// From a process's list of mapped files, as `proc(5)` describes it.
    fn of(maps: &str) -> Self {
        let mut loaded = Self::default();
        let mapped = maps
            .lines()
            .filter_map(|line| line.find('/').and_then(|at| line.get(at..)));
        for path in mapped.map(Path::new) {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if !name.contains(".so") {
                continue;
            }
            // `ld-linux-x86-64.so.2`, `ld-musl-aarch64.so.1`, `ld-2.31.so`
            if name.starts_with("ld-") {
                loaded.loader.insert(path.to_owned());
            }
            loaded.libraries.extend(path.parent().map(Path::to_owned));
        }
        loaded
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loader_and_the_libraries_directories_are_read_from_the_mapped_files() {
        let maps = "\
55d0c0 r-xp 00000000 fd:00 12 /opt/finops host/finops-host
55d0c1 rw-p 00000000 00:00 0 [heap]
7f0000 r-xp 00000000 fd:00 34 /usr/lib/x86_64-linux-gnu/libc.so.6
7f1000 r-xp 00000000 fd:00 35 /usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2
7f2000 rw-p 00000000 00:00 0
";
        let directory = PathBuf::from("/usr/lib/x86_64-linux-gnu");
        assert_eq!(
            Loaded::of(maps),
            Loaded {
                loader: [directory.join("ld-linux-x86-64.so.2")].into(),
                libraries: [directory].into(),
            }
        );
    }

    #[test]
    fn a_static_program_has_neither() {
        let maps = "55d0c0 r-xp 00000000 fd:00 12 /opt/finops-host\n";
        assert_eq!(Loaded::of(maps), Loaded::default());
    }
}
