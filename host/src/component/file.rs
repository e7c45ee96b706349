//! A component's file, read once: the bytes that are hashed, inspected and compiled are the same.

use super::{
    error::{ComponentError, Unfit},
    inspect::{Inspection, examine, inspect},
};
use sha2::{Digest, Sha256};
use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

/// Largest component read.
pub(super) const LARGEST: u64 = 64 << 20;

/// A component as it was read.
#[derive(Clone)]
pub struct ComponentFile {
    /// Where it was read from.
    pub path: PathBuf,
    /// Its digest, in lower-case hex.
    pub sha256: String,
    /// What is in it.
    pub inspection: Inspection,
    bytes: Vec<u8>,
}

impl ComponentFile {
    /// Reads a component and checks that it is a collector which this host can link.
    ///
    /// # Errors
    /// [`ComponentError`]; with `pin`, also where its SHA-256 is another.
    pub fn read(path: &Path, pin: Option<&str>) -> Result<Self, ComponentError> {
        let (bytes, sha256) = read(path)?;
        held_to(pin, path, &sha256)?;
        let inspection = inspect(&bytes).map_err(|problem| unfit(path, problem))?;
        Ok(Self {
            path: path.to_owned(),
            sha256,
            inspection,
            bytes,
        })
    }

    /// Checks it against the only digest that an operator's file lets it have.
    ///
    /// # Errors
    /// [`ComponentError::Pin`] where it is another.
    pub fn held_to(&self, pin: Option<&str>) -> Result<(), ComponentError> {
        held_to(pin, &self.path, &self.sha256)
    }

    /// The bytes that were hashed and inspected.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

fn held_to(pin: Option<&str>, path: &Path, sha256: &str) -> Result<(), ComponentError> {
    match pin {
        Some(pin) if !pin.eq_ignore_ascii_case(sha256) => Err(ComponentError::Pin {
            path: path.to_owned(),
            pinned: pin.to_owned(),
            found: sha256.to_owned(),
        }),
        _ => Ok(()),
    }
}

/// A file as `inspect` shows it, whether or not it is a collector.
pub struct Examined {
    /// Where it was read from.
    pub path: PathBuf,
    /// Its digest, in lower-case hex.
    pub sha256: String,
    /// Its size in bytes.
    pub size: u64,
    /// What is in it, as far as that can be known.
    pub inspection: Option<Inspection>,
    /// Why it is no collector that this host can link.
    pub refusal: Option<Unfit>,
    bytes: Vec<u8>,
}

impl Examined {
    /// Reads a file and looks at it, without compiling or running it.
    ///
    /// # Errors
    /// Where it cannot be read, or is too large to be.
    pub fn read(path: &Path) -> Result<Self, ComponentError> {
        let (bytes, sha256) = read(path)?;
        let (inspection, refusal) = examine(&bytes);
        Ok(Self {
            path: path.to_owned(),
            sha256,
            size: bytes.len() as u64,
            inspection,
            refusal,
            bytes,
        })
    }

    /// The same bytes as a component to load.
    ///
    /// # Errors
    /// Why it is none.
    pub fn into_file(self) -> Result<ComponentFile, ComponentError> {
        match (self.inspection, self.refusal) {
            (Some(inspection), None) => Ok(ComponentFile {
                path: self.path,
                sha256: self.sha256,
                inspection,
                bytes: self.bytes,
            }),
            (_, refusal) => Err(unfit(&self.path, refusal.unwrap_or(Unfit::NotWasm))),
        }
    }
}

/// Reads a file once: its bytes and their digest.
fn read(path: &Path) -> Result<(Vec<u8>, String), ComponentError> {
    let unreadable = |cause| ComponentError::Unreadable {
        path: path.to_owned(),
        cause,
    };
    let file = File::open(path).map_err(unreadable)?;
    let metadata = file.metadata().map_err(unreadable)?;
    if metadata.is_dir() {
        return Err(unreadable(io::Error::from(io::ErrorKind::IsADirectory)));
    }
    let mut bytes = Vec::new();
    file.take(LARGEST + 1)
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    if bytes.len() as u64 > LARGEST {
        return Err(unfit(path, Unfit::TooLarge(LARGEST)));
    }
    let sha256 = hex(&Sha256::digest(&bytes));
    Ok((bytes, sha256))
}

fn unfit(path: &Path, problem: Unfit) -> ComponentError {
    ComponentError::Unfit {
        path: path.to_owned(),
        problem,
    }
}

impl std::fmt::Debug for ComponentFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ComponentFile")
            .field("path", &self.path)
            .field("sha256", &self.sha256)
            .finish_non_exhaustive()
    }
}

/// Bytes as lower-case hex.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;
    use crate::component::{
        Import, ImportKind,
        samples::{COLLECTOR, collector_with},
    };

    fn read(bytes: &[u8], pin: Option<&str>) -> Result<ComponentFile, ComponentError> {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("c.wasm");
        std::fs::write(&path, bytes).unwrap();
        ComponentFile::read(&path, pin)
    }

    fn wat(text: &str) -> Vec<u8> {
        wat::parse_str(text).unwrap()
    }

    /// Asserts that the file is refused in words that hold all the parts, and says whether as configuration.
    #[track_caller]
    fn refused(bytes: &[u8], parts: &[&str]) {
        let error = read(bytes, None).unwrap_err();
        assert!(!error.is_configuration(), "{error}");
        for part in parts.iter().chain(&["c.wasm: "]) {
            assert!(error.to_string().contains(part), "no {part:?} in {error}");
        }
    }

    #[test]
    fn a_collector_is_read_and_described() {
        let file = read(&wat(COLLECTOR), None).unwrap();
        assert_eq!(file.inspection.world.as_deref(), Some("0.1.0"));
        assert_eq!(file.inspection.exports, ["describe", "collect"]);
        assert_eq!(file.inspection.structure.modules, 1);
        assert_eq!(file.inspection.size, file.bytes().len() as u64);
        let json = serde_json::to_value(&file.inspection).unwrap();
        assert_eq!(json["imports"][0]["kind"], "collector");
    }

    #[test]
    fn the_pin_decides_and_names_both_digests() {
        let bytes = wat(COLLECTOR);
        let digest = read(&bytes, None).unwrap().sha256;
        assert!(read(&bytes, Some(&digest.to_uppercase())).is_ok());
        let pinned = "0".repeat(64);
        let error = read(&bytes, Some(&pinned)).unwrap_err();
        assert!(error.is_configuration());
        for part in [digest.as_str(), pinned.as_str(), "finops-host inspect"] {
            assert!(error.to_string().contains(part), "{error}");
        }
        // A wrong pin is said before anything else of the file is believed.
        assert!(matches!(
            read(b"text", Some(&pinned)),
            Err(ComponentError::Pin { .. })
        ));
    }

    #[test]
    fn a_missing_file_or_a_directory_is_configuration() {
        let home = tempfile::tempdir().unwrap();
        for path in [home.path().join("no.wasm"), home.path().to_owned()] {
            let error = ComponentFile::read(&path, None).unwrap_err();
            assert!(
                error.is_configuration() && error.to_string().contains("check the path"),
                "{error}"
            );
        }
    }

    #[test]
    fn text_is_not_a_component() {
        refused(b"(component)\n", &["this is text", "name the .wasm file"]);
        refused("<html>\u{e9}</html>".as_bytes(), &["this is text"]);
        refused(&[0x89, b'P', b'N', b'G', 0], &["no WebAssembly file"]);
        refused(b"", &["is empty"]);
    }

    #[test]
    fn a_truncated_component_is_recognised() {
        let bytes = wat(COLLECTOR);
        for end in [3, 7, bytes.len() / 2, bytes.len() - 1] {
            refused(bytes.get(..end).unwrap(), &["truncated", "again"]);
        }
    }

    #[test]
    fn a_damaged_component_is_recognised() {
        let mut bytes = wat("(component)");
        bytes.extend([0x7f, 0x01, 0x00]);
        refused(&bytes, &["damaged"]);
    }

    #[test]
    fn a_core_module_is_told_how_to_become_a_component() {
        refused(&wat("(module)"), &["core WebAssembly module", "wasm32-wasip2"]);
    }

    #[test]
    fn another_world_is_no_collector() {
        refused(
            &wat("(component)"),
            &[
                "no collector",
                "imports nothing of finops:collector",
                "finops:collector@0.1.0",
            ],
        );
        let lacking = "(component (import \"finops:collector/types@0.1.0\" (instance)))";
        refused(&wat(lacking), &["no collector", "`describe`"]);
    }

    #[test]
    fn a_future_version_names_both_versions() {
        let text = COLLECTOR.replace("@0.1.0", "@0.7.3");
        refused(
            &wat(&text),
            &["finops:collector@0.7.3", "knows 0.1.0", "newer finops-host"],
        );
        let text = COLLECTOR.replace("@0.1.0", "@0.0.1");
        refused(&wat(&text), &["finops:collector@0.0.1", "rebuild"]);
    }

    #[test]
    fn foreign_imports_are_refused_by_name() {
        let foreign = [
            "wasi:keyvalue/store@0.2.0",
            "evil:thing/door",
            "wasi:http/incoming-handler@0.2.4",
        ];
        refused(&wat(&collector_with(&foreign)), &foreign);
        let resource = COLLECTOR.replacen("(import", "(import \"door\" (type (sub resource))) (import", 1);
        refused(&wat(&resource), &["`door`"]);
        let linked = [
            "wasi:io/poll@0.2.6",
            "wasi:sockets/tcp@0.2.3",
            "wasi:cli/environment@0.2.0",
            "wasi:http/outgoing-handler@0.2.4",
        ];
        assert!(read(&wat(&collector_with(&linked)), None).is_ok());
    }

    #[test]
    fn a_component_that_is_refused_is_still_shown() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("c.wasm");
        let examine = |text: &str| {
            std::fs::write(&path, wat(text)).unwrap();
            Examined::read(&path).unwrap()
        };
        let foreign = examine(&collector_with(&[
            "wasi:keyvalue/store@0.2.0",
            "wasi:io/poll@0.2.6",
        ]));
        let inspection = foreign.inspection.clone().unwrap();
        assert_eq!(inspection.world.as_deref(), Some("0.1.0"));
        let kinds: Vec<_> = inspection.imports.iter().map(|import| import.kind).collect();
        assert!(kinds.contains(&ImportKind::Foreign) && kinds.contains(&ImportKind::WasiInert));
        let refusal = foreign.refusal.clone().unwrap();
        assert_eq!(refusal, Unfit::Foreign(vec!["wasi:keyvalue/store@0.2.0".into()]));
        assert!(foreign.into_file().is_err());
        let later = examine(&COLLECTOR.replace("@0.1.0", "@0.7.3"));
        assert_eq!(later.inspection.unwrap().world.as_deref(), Some("0.7.3"));
        let other = examine("(component (import \"wasi:http/types@0.2.0\" (instance)))");
        let (inspection, refusal) = (other.inspection.unwrap(), other.refusal.unwrap());
        assert_eq!((inspection.world, inspection.imports.len()), (None, 1));
        assert!(matches!(refusal, Unfit::World { .. }));
        let core = examine("(module)");
        assert_eq!((core.inspection, core.refusal), (None, Some(Unfit::CoreModule)));
        assert_eq!((core.size, core.sha256.len()), (8, 64));
        assert!(examine(COLLECTOR).into_file().is_ok());
    }

    #[test]
    fn every_linked_interface_says_what_it_can_do() {
        let import = |name: &str| Import {
            kind: super::super::world::kind(name),
            name: name.to_owned(),
        };
        for (name, part) in [
            ("wasi:cli/environment@0.2.0", "no variables"),
            ("wasi:cli/stdout@0.2.6", "bounded log"),
            ("wasi:cli/terminal-stdin@0.2.6", "no terminal"),
            ("wasi:sockets/tcp@0.2.0", "no network"),
            ("wasi:filesystem/preopens@0.2.0", "no files"),
            ("wasi:random/random@0.2.0", "works"),
            (
                "finops:collector/http@0.1.0",
                "as far as the operator's file grants",
            ),
            ("wasi:sockets/tcp@0.3.0", "refused"),
            ("evil:thing/door", "refused"),
        ] {
            assert!(
                import(name).explain().contains(part),
                "{name}: {}",
                import(name).explain()
            );
        }
    }

    #[test]
    fn a_file_beyond_the_largest_size_is_refused() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("c.wasm");
        File::create(&path).unwrap().set_len(LARGEST + 1).unwrap();
        let error = ComponentFile::read(&path, None).unwrap_err().to_string();
        assert!(error.contains("larger than 64 MiB"), "{error}");
    }
}
