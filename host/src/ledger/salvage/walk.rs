//! Walking the tables of a damaged file row by row, over what cannot be read.
//! What must hold: it ends, whatever the file holds; each row is given once, in the order of its number.

use crate::ledger::store::{LedgerError, is_damage};
use rusqlite::{Connection, OptionalExtension, types::Value, types::ValueRef};

/// Numbers that are tried one by one after damage, before the steps grow.
const NEAR: u32 = 1 << 16;

/// A row of a table, with the columns that both the old and the new schema have.
pub(super) struct Row<'a> {
    pub(super) id: i64,
    names: &'a [String],
    values: Vec<Value>,
}

impl Row<'_> {
    fn get(&self, name: &str) -> Option<&Value> {
        let place = self.names.iter().position(|known| known == name)?;
        self.values.get(place)
    }

    /// A text, or nothing where it is none.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        match self.get(name) {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// A whole number, or nothing where it is none.
    pub(super) fn whole(&self, name: &str) -> Option<i64> {
        match self.get(name) {
            Some(Value::Integer(number)) => Some(*number),
            _ => None,
        }
    }

    /// Bytes, or nothing where they are none.
    pub(super) fn bytes(&self, name: &str) -> Option<&[u8]> {
        match self.get(name) {
            Some(Value::Blob(bytes)) => Some(bytes),
            _ => None,
        }
    }

    /// Whether a column is empty.
    pub(super) fn is_null(&self, name: &str) -> bool {
        matches!(self.get(name), None | Some(Value::Null))
    }

    /// Puts a column right.
    pub(super) fn set(&mut self, name: &str, value: impl Into<Value>) {
        let place = self.names.iter().position(|known| known == name);
        if let Some(place) = place.and_then(|place| self.values.get_mut(place)) {
            *place = value.into();
        }
    }

    pub(super) fn values(&self) -> &[Value] {
        &self.values
    }
}

/// Rows that lie together and cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Gap {
    pub(super) first: i64,
    /// The next that can be read; none: it goes on to the end.
    pub(super) next: Option<i64>,
}

/// A table as it is walked.
pub(super) struct Table<'a> {
    pub(super) old: &'a Connection,
    pub(super) name: &'static str,
    pub(super) columns: &'a [String],
}

impl Table<'_> {
    /// Gives every row that can be read, and says what could not.
    pub(super) fn walk(
        &self,
        mut each: impl FnMut(Row<'_>) -> Result<(), LedgerError>,
    ) -> Result<Vec<Gap>, LedgerError> {
        let mut gaps = Vec::new();
        let mut from = 1;
        loop {
            let mut last = None;
            let sql = format!(
                "SELECT rowid, {} FROM {} WHERE rowid >= ?1 ORDER BY rowid",
                self.columns.join(", "),
                self.name
            );
            let Err(error) = self.read(&sql, from, &mut |row| {
                // A page that is there twice, or in a wrong place, from which one would not come forward.
                if row.id < from || last.is_some_and(|last| row.id <= last) {
                    out_of_order(&mut gaps, row.id);
                    return Ok(());
                }
                last = Some(row.id);
                each(row)
            }) else {
                return Ok(gaps);
            };
            tolerate(error)?;
            let first = last.map_or(from, |last| last.saturating_add(1));
            // A row may be found and still not be read, as where its later pages are damaged.
            let next = self.next(if last.is_none() {
                first.saturating_add(1)
            } else {
                first
            })?;
            gaps.push(Gap { first, next });
            match next {
                Some(next) => from = next,
                None => return Ok(gaps),
            }
        }
    }

    /// Gives the rows of a table without row numbers, from both ends; whether any could not be read.
    pub(super) fn walk_keyed(
        &self,
        key: &str,
        mut each: impl FnMut(Row<'_>) -> Result<(), LedgerError>,
    ) -> Result<bool, LedgerError> {
        let descending = key.split(", ").map(|column| format!("{column} DESC"));
        let descending = descending.collect::<Vec<_>>().join(", ");
        let mut damaged = false;
        for order in [key, &descending] {
            let sql = format!(
                "SELECT ?1, {} FROM {} ORDER BY {order}",
                self.columns.join(", "),
                self.name
            );
            match self.read(&sql, 0, &mut each) {
                Ok(()) => return Ok(damaged),
                Err(error) => {
                    tolerate(error)?;
                    damaged = true;
                }
            }
        }
        Ok(damaged)
    }

    fn read(
        &self,
        sql: &str,
        from: i64,
        each: &mut impl FnMut(Row<'_>) -> Result<(), LedgerError>,
    ) -> Result<(), LedgerError> {
        let mut statement = self.old.prepare(sql)?;
        let mut rows = statement.query([from])?;
        while let Some(row) = rows.next()? {
            let mut values = Vec::with_capacity(self.columns.len());
            for column in 1..=self.columns.len() {
                values.push(match row.get_ref(column)? {
                    // Text that is none is kept apart from text, so that no check takes it for one.
                    ValueRef::Text(bytes) => String::from_utf8(bytes.to_vec())
                        .map_or_else(|error| Value::Blob(error.into_bytes()), Value::Text),
                    ValueRef::Null => Value::Null,
                    ValueRef::Integer(number) => Value::Integer(number),
                    ValueRef::Real(number) => Value::Real(number),
                    ValueRef::Blob(bytes) => Value::Blob(bytes.to_vec()),
                });
            }
            each(Row {
                id: row.get(0)?,
                names: self.columns,
                values,
            })?;
        }
        Ok(())
    }

    /// The first row from a number on that can be found: row numbers are dense, so it is near; else by ever longer steps, and
    /// back to where the damage ends.
    fn next(&self, from: i64) -> Result<Option<i64>, LedgerError> {
        let mut probe = from;
        for _ in 0..NEAR {
            match self.seek(probe)? {
                Found::Row(id) => return Ok(Some(id)),
                Found::End => return Ok(None),
                Found::Damage => {}
            }
            let Some(next) = probe.checked_add(1) else {
                return Ok(None);
            };
            probe = next;
        }
        let (mut bad, mut step) = (probe, 1_i64);
        let mut good = loop {
            let Some(next) = bad.checked_add(step) else {
                return Ok(None);
            };
            match self.seek(next)? {
                Found::Row(id) => break id,
                // Beyond the last page that can be read there may be nothing, or damage up to the end.
                Found::End => return Ok(None),
                Found::Damage => (bad, step) = (next, step.saturating_mul(2)),
            }
        };
        let mut low = bad;
        while low.saturating_add(1) < good {
            let middle = low + (good - low) / 2;
            match self.seek(middle)? {
                Found::Row(id) if id < good => good = id,
                Found::Row(_) => break,
                Found::End | Found::Damage => low = middle,
            }
        }
        Ok(Some(good))
    }

    fn seek(&self, from: i64) -> Result<Found, LedgerError> {
        let sql = format!(
            "SELECT rowid FROM {} WHERE rowid >= ?1 ORDER BY rowid LIMIT 1",
            self.name
        );
        let found = self
            .old
            .prepare_cached(&sql)
            .and_then(|mut statement| statement.query_row([from], |row| row.get(0)).optional());
        match found {
            // A tree whose order is damaged leads back.
            Ok(Some(id)) if id < from => Ok(Found::Damage),
            Ok(Some(id)) => Ok(Found::Row(id)),
            Ok(None) => Ok(Found::End),
            Err(error) => tolerate(error.into()).map(|()| Found::Damage),
        }
    }
}

/// Names a row that was met where it does not belong; those that follow each other as one.
fn out_of_order(gaps: &mut Vec<Gap>, id: i64) {
    let after = id.checked_add(1);
    match gaps.last_mut() {
        Some(gap) if gap.next == Some(id) => gap.next = after,
        _ => gaps.push(Gap {
            first: id,
            next: after,
        }),
    }
}

enum Found {
    Row(i64),
    End,
    Damage,
}

/// Passes over damage, and nothing else.
fn tolerate(error: LedgerError) -> Result<(), LedgerError> {
    match error {
        LedgerError::Sqlite(error)
            if is_damage(&error)
                || error.sqlite_error_code() == Some(rusqlite::ErrorCode::SystemIoFailure) =>
        {
            Ok(())
        }
        other => Err(other),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;
    use std::fs;

    const PAGE: usize = 512;

    /// Rows of about a fifth of a page, in a file of its own.
    fn table(directory: &std::path::Path) -> std::path::PathBuf {
        let path = directory.join("t.db");
        let connection = Connection::open(&path).unwrap();
        connection
            .execute_batch(
                "PRAGMA page_size = 512; CREATE TABLE t (id INTEGER PRIMARY KEY, body TEXT NOT NULL);
                 WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 120)
                 INSERT INTO t SELECT i, printf('%090d', i) FROM n",
            )
            .unwrap();
        path
    }

    fn walked(path: &std::path::Path) -> (Vec<i64>, Vec<Gap>) {
        let old = Connection::open(path).unwrap();
        let columns = ["body".to_owned()];
        let table = Table {
            old: &old,
            name: "t",
            columns: &columns,
        };
        let mut found = Vec::new();
        let gaps = table.walk(|row| {
            found.push(row.id);
            Ok(())
        });
        (found, gaps.unwrap())
    }

    #[test]
    fn it_ends_and_gives_each_row_once_in_order_whichever_pages_change_places_and_whichever_is_lost() {
        let directory = tempfile::tempdir().unwrap();
        let path = table(directory.path());
        let whole = fs::read(&path).unwrap();
        let pages = whole.len() / PAGE;
        assert!(pages > 20, "{pages}");
        assert_eq!(walked(&path), ((1..=120).collect(), vec![]));
        // The first two hold the schema and the table's root.
        for one in 2..pages {
            for other in (one + 1..pages).step_by(3) {
                let lost = (one + other) % (pages - 2) + 2;
                let mut broken = whole.clone();
                broken[one * PAGE..][..PAGE].copy_from_slice(&whole[other * PAGE..][..PAGE]);
                broken[other * PAGE..][..PAGE].copy_from_slice(&whole[one * PAGE..][..PAGE]);
                broken[lost * PAGE..][..PAGE].fill(0xAA);
                fs::write(&path, broken).unwrap();
                let (found, gaps) = walked(&path);
                assert!(found.is_sorted_by(|one, next| one < next), "{found:?}");
                // What the walk itself cannot know to be missing, counts and chains tell.
                assert!(found.len() == 120 || !gaps.is_empty(), "{one}, {other}, {lost}");
            }
        }
    }
}
