//! The files that an operator's file names: whether they are there, who can read the secrets, and under a ceiling whether
//! they lie where they may; and whether certificates are any.

use super::{
    ceiling::Ceiling,
    errors::{self, Problems},
    permissions,
    reading::{Holds, NamedFile, Reading},
};
use crate::{egress::credential::open_below, roots};
use std::{
    fs::{File, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

/// Looks for all of them. Gives what the operator should know.
pub(super) fn look(
    reading: &Reading<'_>,
    path: &Path,
    ceiling: Option<&Ceiling>,
    problems: &Problems,
) -> Vec<String> {
    let mut warnings = Vec::new();
    for named in reading.files.borrow().iter() {
        let shown = named.path.display();
        match open(named, ceiling).and_then(|file| Ok((file.metadata()?, file))) {
            Ok((metadata, _)) if metadata.is_dir() => problems.add(
                &named.span,
                named.key.clone(),
                format!("{shown} is a directory"),
                "name the file in it".to_owned(),
            ),
            Ok((metadata, _)) if !metadata.is_file() => problems.add(
                &named.span,
                named.key.clone(),
                format!("{shown} is no regular file"),
                "name a regular file".to_owned(),
            ),
            Ok((metadata, _)) if named.holds == Holds::Secret && permissions::others_read(&metadata) => {
                let line = errors::line(reading.text, named.span.start);
                warnings.push(format!(
                    "{}:{line}: `{}`: others can read the secret file {shown}; chmod o-r it",
                    path.display(),
                    named.key
                ));
            }
            Ok((_, file)) if named.holds == Holds::Certificates => {
                if let Err(why) = roots::of_open(file) {
                    let remedy = "name a file of PEM certificates".to_owned();
                    problems.add(&named.span, named.key.clone(), format!("{shown}: {why}"), remedy);
                }
            }
            Ok(_) => {}
            Err(cause) => problems.add(
                &named.span,
                named.key.clone(),
                format!("{shown} cannot be read: {cause}"),
                remedy(named, &cause, ceiling),
            ),
        }
    }
    warnings
}

fn open(named: &NamedFile, ceiling: Option<&Ceiling>) -> io::Result<File> {
    match ceiling {
        Some(ceiling) if named.holds == Holds::Secret => open_below(&named.path, &ceiling.secrets),
        Some(ceiling) => open_below(&named.path, &ceiling.files()),
        None => open_without_waiting(&named.path),
    }
}

/// Opens for reading. A pipe would else wait for its writer.
pub(super) fn open_without_waiting(path: &Path) -> io::Result<File> {
    let flags = rustix::fs::OFlags::NONBLOCK.bits();
    OpenOptions::new()
        .read(true)
        .custom_flags(flags.cast_signed())
        .open(path)
}

fn remedy(named: &NamedFile, cause: &io::Error, ceiling: Option<&Ceiling>) -> String {
    match ceiling {
        Some(ceiling) if cause.kind() == io::ErrorKind::PermissionDenied => {
            let what = match named.holds {
                Holds::Secret => "secrets",
                Holds::Certificates => "files",
            };
            format!(
                "move it below one of these, or list its directory in `secrets` of {}:{}, if this tenant may have such {what}",
                ceiling.file.display(),
                ceiling.line
            )
        }
        _ => "check the path (relative to this file) and its permissions".to_owned(),
    }
}
