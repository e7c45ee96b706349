//! The archive files of a state directory, as a connection reads them.
//!
//! What must hold: a file is opened only where its bytes hash to its name; what is read of it is the content that the
//! record's revision says. Anything else is an error that names the file, never another content or none.

use super::file::Reader;
use crate::ledger::{
    key,
    store::{Hash, LedgerError, digest_file},
};
use std::{
    fs::File,
    path::{Component, Path, PathBuf},
};

/// Where archives lie within the state directory.
pub(in crate::ledger) const FOLDER: &str = "archive";
/// How the names of archive files end.
pub(super) const ENDING: &str = ".parquet";
/// Files that stay open: records are read partition by partition.
const OPEN: usize = 4;

/// Reads archive files, keeping those that were read last open.
pub(in crate::ledger) struct Shelf {
    folder: PathBuf,
    open: Vec<(String, Reader)>,
}

impl Shelf {
    /// The archives of a state directory, of which there may be none.
    pub(in crate::ledger) fn of(state: &Path) -> Self {
        Self {
            folder: state.join(FOLDER),
            open: Vec::new(),
        }
    }

    /// The content of a record that lies in a file; `None`: the ledger does not say in which.
    ///
    /// # Errors
    /// [`LedgerError::Refused`], naming the file.
    pub(in crate::ledger) fn content(
        &mut self,
        file: Option<&str>,
        key: &Hash,
        record: i64,
        revision: &Hash,
    ) -> Result<String, LedgerError> {
        let Some(name) = file else {
            return Err(LedgerError::Damaged(format!(
                "the content of record {record} is archived, and no archive of its partition is known"
            )));
        };
        let found = self.reader(name)?.content(key, record);
        let content = found.map_err(|error| self.refused(name, &error.to_string()))?;
        content
            .and_then(|bytes| String::from_utf8(bytes).ok())
            .filter(|content| key::revision(content) == *revision)
            .ok_or_else(|| self.refused(name, &format!("it does not hold record {record} as it was")))
    }

    fn reader(&mut self, name: &str) -> Result<&mut Reader, LedgerError> {
        let place = self.open.iter().position(|(open, _)| open == name);
        let opened = match place {
            Some(place) => self.open.remove(place),
            None => {
                let file = self.proven(name, None).map_err(|why| self.refused(name, &why))?;
                let reader = Reader::new(file).map_err(|error| self.refused(name, &error.to_string()))?;
                (name.to_owned(), reader)
            }
        };
        if self.open.len() >= OPEN {
            self.open.remove(0);
        }
        self.open.push(opened);
        match self.open.last_mut() {
            Some((_, reader)) => Ok(reader),
            None => Err(LedgerError::Stopped),
        }
    }

    /// What is wrong with a file of so many bytes.
    pub(super) fn fault(&self, name: &str, bytes: u64) -> Option<String> {
        self.proven(name, Some(bytes)).err()
    }

    /// Opens a file whose bytes hash to its name, or says why there is none.
    fn proven(&self, name: &str, bytes: Option<u64>) -> Result<File, String> {
        let plain = Path::new(name)
            .components()
            .all(|part| matches!(part, Component::Normal(_)));
        let wanted = Path::new(name).file_name().and_then(|name| name.to_str());
        let wanted = wanted.and_then(|name| name.strip_suffix(ENDING));
        let Some(wanted) = wanted.filter(|_| plain) else {
            return Err("this is no name of an archive".to_owned());
        };
        let path = self.folder.join(name);
        let mut file = File::open(&path).map_err(|error| error.to_string())?;
        let (digest, length) = digest_file(&mut file).map_err(|error| error.to_string())?;
        if bytes.is_some_and(|bytes| bytes != length) {
            return Err(format!(
                "it has {length} bytes, and had {}",
                bytes.unwrap_or_default()
            ));
        }
        if digest != wanted {
            return Err(
                "its bytes are not those that were written: their SHA-256 is not its name".to_owned(),
            );
        }
        Ok(file)
    }

    fn refused(&self, name: &str, why: &str) -> LedgerError {
        LedgerError::Refused {
            path: self.folder.join(name),
            what: format!(
                "the archived detail of a partition cannot be read: {why}; ask again if a run has just brought the partition back, else put the file back from a copy of the state \
                 directory, or `finops-host ledger salvage` goes on without it"
            ),
        }
    }
}
