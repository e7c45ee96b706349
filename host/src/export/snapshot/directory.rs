//! The directory of a snapshot: names of its files, and the few things that are done with them.
//! What must hold: whatever a provider is called, its files lie in the directory; nothing is deleted that is not ours.

use crate::{
    component::descriptor::Basis,
    export::{
        ExportError, Format,
        file::{UNFINISHED, sync_directory},
    },
    ledger::{
        record::basis_name,
        snapshot::{FileFacts, StaleFile},
        store::hash_parts,
    },
};
use std::{fs, io, os::unix::fs::PermissionsExt, path::Path};

/// Longest provider that is written out in a file's name.
const LONGEST: usize = 80;

/// The name of a file: `billed/acme-2026-08.csv`, `estimated/acme-2026-08-estimated.csv`.
pub(super) fn name(of: &StaleFile, basis: Basis, format: Format) -> String {
    let suffix = match basis {
        Basis::Billed => String::new(),
        Basis::ListPrice | Basis::Estimated => format!("-{}", basis_name(basis)),
    };
    format!(
        "{}/{}-{}{suffix}.{}",
        basis_name(basis),
        stem(&of.provider),
        of.month,
        format.name()
    )
}

/// A provider's name as a part of a file's name that no other provider has.
fn stem(provider: &str) -> String {
    let mut safe = String::new();
    for byte in provider.bytes() {
        match byte {
            b'a'..=b'z' | b'0'..=b'9' | b'-' => safe.push(char::from(byte)),
            other => safe.push_str(&format!("_{other:02x}")),
        }
    }
    if safe.len() > LONGEST {
        safe = hash_parts([provider.as_bytes()]);
    }
    safe
}

/// Makes a directory and those above it.
pub(super) fn make(directory: &Path) -> Result<(), ExportError> {
    fs::create_dir_all(directory).map_err(|cause| ExportError::io(directory, cause))
}

/// Lets those read what lies in the directory who may read the directory: this process makes all else for its user alone,
/// and the operator shares files by the rights of a directory made beforehand.
pub(super) fn share(directory: &Path, path: &Path) -> Result<(), ExportError> {
    let mode = fs::metadata(directory).map(|directory| directory.permissions().mode());
    let shared = mode.and_then(|mode| {
        let bits = if path.is_dir() { 0o777 } else { 0o666 };
        fs::set_permissions(path, fs::Permissions::from_mode(mode & bits))
    });
    shared.map_err(|cause| ExportError::io(path, cause))
}

/// Whether a file is there as long as it was.
pub(super) fn stands(directory: &Path, file: &FileFacts) -> bool {
    fs::symlink_metadata(directory.join(&file.name))
        .is_ok_and(|there| there.is_file() && there.len() == file.bytes)
}

/// Deletes one of our files. One that is gone is as good.
pub(super) fn delete(directory: &Path, name: &str) -> Result<(), ExportError> {
    let path = directory.join(name);
    match fs::remove_file(&path) {
        Ok(()) => sync_directory(&path),
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(cause) => Err(ExportError::io(&path, cause)),
    }
}

/// Deletes what a process that died was writing.
pub(super) fn sweep(directory: &Path) -> Result<(), ExportError> {
    let folders = [Basis::Billed, Basis::ListPrice, Basis::Estimated].map(basis_name);
    let folders = folders.iter().map(|name| directory.join(name));
    for folder in std::iter::once(directory.to_owned()).chain(folders) {
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => continue,
            Err(cause) => return Err(ExportError::io(&folder, cause)),
        };
        for entry in entries {
            let entry = entry.map_err(|cause| ExportError::io(&folder, cause))?;
            if entry.file_name().to_string_lossy().starts_with(UNFINISHED) {
                fs::remove_file(entry.path()).map_err(|cause| ExportError::io(&entry.path(), cause))?;
            }
        }
    }
    Ok(())
}
