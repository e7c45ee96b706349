//! What lies in the archives of a damaged ledger.
//! What must hold: content that cannot be read, or is not what its record says, is lost like a damaged row, and never made up.

use crate::ledger::{
    archive::Shelf,
    store::{Hash, LedgerError},
};
use rusqlite::Connection;
use std::{collections::BTreeMap, path::Path};

/// The archives that the damaged ledger names, by partition.
#[derive(Default)]
pub(super) struct Archives {
    shelf: Option<Shelf>,
    files: BTreeMap<i64, String>,
}

impl Archives {
    /// As far as the table can be read: ledgers before schema 4 have none. Rows are not believed, since a file proves itself.
    pub(super) fn of(old: &Connection, state: &Path) -> Self {
        let mut files = BTreeMap::new();
        if let Ok(mut statement) = old.prepare("SELECT partition, file FROM archive")
            && let Ok(rows) = statement.query_map([], |row| row.try_into())
        {
            files.extend(rows.map_while(Result::ok));
        }
        Self {
            shelf: Some(Shelf::of(state)),
            files,
        }
    }

    /// The content of a record of a partition.
    pub(super) fn content(
        &mut self,
        (partition, record): (i64, i64),
        key: &Hash,
        revision: &Hash,
    ) -> Result<String, String> {
        let file = self.files.get(&partition).map(String::as_str);
        let shelf = self.shelf.as_mut();
        shelf
            .ok_or(LedgerError::Stopped)
            .and_then(|shelf| shelf.content(file, key, record, revision))
            .map_err(|error| error.to_string())
    }
}
