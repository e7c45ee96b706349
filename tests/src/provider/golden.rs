//! Golden records: what an independent script expects in the books, and the books in the same shape.
//!
//! A golden file is `{"columns": [...], "rows": [[...]]}`. A column is the path of a value in a record's content as the ledger
//! keeps it (`ChargePeriod.start`, `ServiceName`, `BilledCost`, `Tags.team`, `Extra.x_Kind`), a cell its text or null.

use crate::{Error, books};
use serde::Deserialize;
use serde_json::Value;
use std::{collections::BTreeMap, fmt::Debug, path::Path};

/// A record's cells, in the order of the columns.
pub type Row = Vec<Option<String>>;

/// Expected records.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Golden {
    /// Paths in a record's content.
    pub columns: Vec<String>,
    /// The records, in order once read.
    pub rows: Vec<Row>,
}

impl Golden {
    /// Reads a golden file's text.
    ///
    /// # Errors
    /// Where it is damaged, holds no record, or a row has too many or too few cells.
    pub fn read(text: &str) -> Result<Self, Error> {
        let mut golden: Self = serde_json::from_str(text)?;
        if golden.rows.is_empty() {
            return Err("a golden file without records proves nothing".into());
        }
        if let Some(row) = golden.rows.iter().find(|row| row.len() != golden.columns.len()) {
            return Err(format!("{row:?} does not fit the columns {:?}", golden.columns).into());
        }
        golden.rows.sort();
        Ok(golden)
    }

    /// The current records of a stream in the same shape, in order.
    ///
    /// # Errors
    /// Where the ledger cannot be read.
    pub fn found(&self, state: &Path, stream: &str) -> Result<Vec<Row>, Error> {
        let cells = |content: &Value| self.columns.iter().map(|path| cell(content, path)).collect();
        let mut rows: Vec<Row> = books::contents(state, stream)?.iter().map(cells).collect();
        rows.sort();
        Ok(rows)
    }

    /// That a stream's current records are exactly these; the error shows the first that differ.
    ///
    /// # Errors
    /// Where they are not, or the ledger cannot be read.
    pub fn held_by(&self, state: &Path, stream: &str) -> Result<(), Error> {
        let found = self.found(state, stream)?;
        match difference(&found, &self.rows) {
            None => Ok(()),
            Some(differs) => Err(format!("{stream}: {differs}\ncolumns {:?}", self.columns).into()),
        }
    }
}

/// How two lists of records differ, in whatever order they stand: up to three of what is missing and of what is surplus. A record
/// that stands there twice and is expected once is surplus once. None where they are the same.
#[must_use]
pub fn difference<R: Ord + Debug>(found: &[R], expected: &[R]) -> Option<String> {
    let (missing, surplus) = (beyond(expected, found), beyond(found, expected));
    if missing.is_empty() && surplus.is_empty() {
        return None;
    }
    let first = |of: &[&R]| format!("{:#?}", of.get(..3).unwrap_or(of));
    Some(format!(
        "{} records found, {} expected\nmissing {}\nsurplus {}",
        found.len(),
        expected.len(),
        first(&missing),
        first(&surplus)
    ))
}

/// What one list has more often than another, in order.
fn beyond<'r, R: Ord>(of: &'r [R], than: &[R]) -> Vec<&'r R> {
    let mut left: BTreeMap<&R, usize> = BTreeMap::new();
    for one in than {
        *left.entry(one).or_default() += 1;
    }
    let mut more: Vec<&R> = of
        .iter()
        .filter(|one| match left.get_mut(one) {
            Some(count) if *count > 0 => {
                *count -= 1;
                false
            }
            _ => true,
        })
        .collect();
    more.sort();
    more
}

fn cell(content: &Value, path: &str) -> Option<String> {
    let found = match path.split_once('.') {
        Some((object, name)) => content.get(object).and_then(|object| object.get(name)),
        None => content.get(path),
    };
    match found? {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}
