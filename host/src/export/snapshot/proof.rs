//! The proof of a snapshot: its files are what the ledger wrote down of them, what was written down is what the records say
//! now, and the manifest says the same. Reads only.
//! What must hold: nothing is told of a snapshot that is behind, or that died while it was rendered: the next run mends it.

use super::{
    Detail, MonthRows,
    directory::{self, name},
    manifest,
};
use crate::{
    component::descriptor::Basis,
    export::{ExportError, FocusVersion, Format, select::Rows, survey::Survey},
    ledger::{
        snapshot::{self, FileFacts, SnapshotRow, StaleFile},
        store::digest_file,
    },
};
use rusqlite::Connection;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File},
    path::Path,
    sync::atomic::AtomicBool,
};

/// What is not as it should be, of all snapshots.
///
/// # Errors
/// [`ExportError`] where the ledger cannot be read.
pub fn prove(connection: &Connection) -> Result<Vec<String>, ExportError> {
    let view = connection.unchecked_transaction()?;
    let mut found = Vec::new();
    for row in snapshot::snapshots(&view)? {
        if row.rendered.is_some() && row.error.is_none() && row.waiting == 0 {
            one(&view, &row, &mut found)?;
        }
    }
    Ok(found)
}

fn one(connection: &Connection, row: &SnapshotRow, found: &mut Vec<String>) -> Result<(), ExportError> {
    let version = FocusVersion::ALL.into_iter().find(|it| it.name() == row.version);
    let format = Format::ALL.into_iter().find(|it| it.name() == row.format);
    let (Some(version), Some(format)) = (version, format) else {
        found.push(format!(
            "{}: the ledger names no version and format of FOCUS that there is",
            row.destination
        ));
        return Ok(());
    };
    let files = snapshot::files(connection, row.epoch.id)?;
    let folder = Path::new(&row.directory);
    for file in &files {
        if let Some(fault) = on_disk(folder, file) {
            found.push(format!("{}: {}: {fault}", row.destination, file.name));
        }
    }
    let mut known: BTreeMap<&str, &FileFacts> = files.iter().map(|file| (file.name.as_str(), file)).collect();
    for of in snapshot::months(connection, row.epoch.id)? {
        for (file, wanted) in said(connection, row, &of, (version, format))? {
            let differs = match known.remove(file.as_str()) {
                None => Some("the ledger has rows for it, and it was not written".to_owned()),
                Some(facts) => wanted.differs(&serde_json::from_str(&facts.detail)?),
            };
            found.extend(differs.map(|what| format!("{}: {file}: {what}", row.destination)));
        }
    }
    for name in known.keys() {
        found.push(format!(
            "{}: {name}: the ledger has no rows for it any more",
            row.destination
        ));
    }
    let wanted = manifest::text(
        connection,
        &row.epoch,
        (version, format),
        &snapshot::known_name(connection)?,
    )?;
    if fs::read_to_string(folder.join(manifest::MANIFEST)).ok() != Some(wanted) {
        found.push(format!(
            "{}: {} is not there, or does not say of the files what the ledger does; the next run writes it",
            row.destination,
            manifest::MANIFEST
        ));
    }
    Ok(())
}

/// What the records say now of a month's files, by name.
fn said(
    connection: &Connection,
    row: &SnapshotRow,
    of: &StaleFile,
    (version, format): (FocusVersion, Format),
) -> Result<Vec<(String, Detail)>, ExportError> {
    let stop = AtomicBool::new(false);
    let rows = MonthRows::of(connection, row.epoch.id, of, &stop)?;
    let mut surveys: BTreeMap<Basis, Survey> = BTreeMap::new();
    let mut tellers: BTreeSet<String> = BTreeSet::new();
    rows.each(&mut |row| {
        if row.record.basis == Basis::Billed {
            tellers.insert(row.origin.source.clone());
        }
        let survey = surveys.entry(row.record.basis);
        survey.or_insert_with(|| Survey::new(version)).add(row)
    })?;
    let closed = rows.closed_or(&[]);
    let is_final = tellers.iter().all(|source| closed.contains(source));
    let files = surveys.iter().map(|(&basis, survey)| {
        let is_final = is_final && basis == Basis::Billed;
        (name(of, basis, format), Detail::surveyed(survey, is_final))
    });
    Ok(files.collect())
}

/// What is wrong with a file where it stands.
fn on_disk(folder: &Path, file: &FileFacts) -> Option<String> {
    if !directory::stands(folder, file) {
        return Some("it is not there as long as it was; the next run writes it again".to_owned());
    }
    let digest = File::open(folder.join(&file.name)).and_then(|mut file| digest_file(&mut file));
    match digest {
        Ok((digest, _)) if digest == file.sha256 => None,
        Ok(_) => Some(format!(
            "its bytes are not those that were written; delete it, and the next run writes the {} file again",
            file.basis
        )),
        Err(error) => Some(format!("it cannot be read: {error}")),
    }
}
