//! `[focus]`: the destination that is a directory of FOCUS files.

use super::{openfinops::choice, reading::Reading, section::Section};
use crate::export::{FocusVersion, Format, snapshot::SnapshotConfig};
use std::path::Path;

/// Reads the section.
pub(super) fn read(section: &Section<'_>, path: &Path, reading: &Reading<'_>) -> Option<SnapshotConfig> {
    let directory = section
        .require(
            "directory",
            "write the directory for the files, such as directory = \"/var/lib/focus\"",
        )
        .and_then(|item| {
            let directory = reading.path(&item, "a directory")?;
            if directory.exists() && !directory.is_dir() {
                item.problem(
                    "this is a file",
                    "name a directory; it is made where it is missing",
                );
                return None;
            }
            // The process may write there: it must not be able to change its own grant.
            let holds = |file: &Path| {
                Some(
                    file.canonicalize()
                        .ok()?
                        .starts_with(directory.canonicalize().ok()?),
                )
            };
            if holds(path) == Some(true) {
                item.problem(
                    "this directory holds the operator's file",
                    "name a directory of its own for the FOCUS files",
                );
                return None;
            }
            Some(directory)
        });
    let version = section
        .take("version")
        .and_then(|item| choice(&item, &FocusVersion::ALL, FocusVersion::name))
        .unwrap_or_default();
    let format = section
        .take("format")
        .and_then(|item| choice(&item, &Format::ALL, Format::name))
        .unwrap_or_default();
    section.finish();
    Some(SnapshotConfig {
        directory: directory?,
        version,
        format,
    })
}
