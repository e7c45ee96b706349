//! Staged records by key: each batch is a sorted run of small entries, and the runs of a writer are merged into one order
//! when it is sealed. The contents are not touched by that; they stay where they were staged.
//! What must hold: an order gives each key once. Memory: a part of each of [`FAN`] runs, however many there are.

use super::{
    error::damaged,
    store::{Hash, LedgerError},
};
use rusqlite::{CachedStatement, Connection, Rows, params};
use std::{
    cmp::Reverse,
    collections::{BinaryHeap, VecDeque, binary_heap::PeekMut},
};

/// Entries of a part: four of them fill a page of the temporary tables.
const PART: usize = 48;
/// Bytes of an entry.
const BYTES: usize = 80;
/// Runs that are merged at once.
const FAN: usize = 1_024;

/// A staged record in its place: by partition start, key, and the row that holds its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Entry {
    pub(super) start: i64,
    pub(super) key: Hash,
    pub(super) staged: i64,
    pub(super) revision: Hash,
}

impl Entry {
    fn write(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(&self.start.to_le_bytes());
        bytes.extend_from_slice(&self.key);
        bytes.extend_from_slice(&self.staged.to_le_bytes());
        bytes.extend_from_slice(&self.revision);
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let (start, rest) = bytes.split_first_chunk()?;
        let (key, rest) = rest.split_first_chunk()?;
        let (staged, rest) = rest.split_first_chunk()?;
        let (revision, _) = rest.split_first_chunk()?;
        Some(Self {
            start: i64::from_le_bytes(*start),
            key: *key,
            staged: i64::from_le_bytes(*staged),
            revision: *revision,
        })
    }
}

/// Bytes of entries, taken one by one.
#[derive(Debug, Default)]
struct Part {
    bytes: Vec<u8>,
    taken: usize,
}

impl Part {
    fn fill(&mut self, bytes: &[u8]) {
        self.bytes.clear();
        self.bytes.extend_from_slice(bytes);
        self.taken = 0;
    }

    fn next(&mut self) -> Result<Option<Entry>, LedgerError> {
        if self.taken >= self.bytes.len() {
            return Ok(None);
        }
        let entry = self.bytes.get(self.taken..).and_then(Entry::read);
        self.taken += BYTES;
        entry.map(Some).ok_or_else(|| damaged("staged run", "it is cut"))
    }
}

/// Keeps entries, which come in their order, as a run of their writer.
pub(super) fn note(
    connection: &Connection,
    writer: i64,
    entries: impl Iterator<Item = Result<Entry, LedgerError>>,
) -> Result<(), LedgerError> {
    keep(connection, writer, entries)?;
    Ok(())
}

/// [`note`], and which parts hold it.
fn keep(
    connection: &Connection,
    writer: i64,
    entries: impl Iterator<Item = Result<Entry, LedgerError>>,
) -> Result<Run, LedgerError> {
    let (from, to) = super::stage::bounds(writer);
    let first: i64 = connection
        .prepare_cached("SELECT COALESCE(max(id) + 1, ?1) FROM temp.staged_run WHERE id >= ?1 AND id < ?2")?
        .query_row([from, to], |row| row.get(0))?;
    let mut insert =
        connection.prepare_cached("INSERT INTO temp.staged_run (id, opens, entries) VALUES (?, ?, ?)")?;
    let mut next = first;
    let mut write = |bytes: &mut Vec<u8>| -> Result<(), LedgerError> {
        if !bytes.is_empty() {
            insert.execute(params![next, next == first, bytes.as_slice()])?;
            next += 1;
            bytes.clear();
        }
        Ok(())
    };
    let mut bytes = Vec::with_capacity(PART * BYTES);
    for entry in entries {
        entry?.write(&mut bytes);
        if bytes.len() >= PART * BYTES {
            write(&mut bytes)?;
        }
    }
    write(&mut bytes)?;
    Ok(Run {
        next: first,
        end: next,
        part: Part::default(),
    })
}

/// A run that is read.
struct Run {
    /// Its next part, and the one behind its last.
    next: i64,
    end: i64,
    part: Part,
}

impl Run {
    fn next(&mut self, read: &mut CachedStatement<'_>) -> Result<Option<Entry>, LedgerError> {
        if let Some(entry) = self.part.next()? {
            return Ok(Some(entry));
        }
        if self.next == self.end {
            return Ok(None);
        }
        let mut rows = read.query([self.next])?;
        let row = rows
            .next()?
            .ok_or_else(|| damaged("staged run", "a part is missing"))?;
        self.part
            .fill(row.get_ref(0)?.as_blob().map_err(rusqlite::Error::from)?);
        self.next += 1;
        self.part.next()
    }
}

/// Entries of several runs in one order.
pub(super) struct Merged<'a> {
    read: CachedStatement<'a>,
    runs: Vec<Run>,
    /// The next entry of each run that has one.
    heads: BinaryHeap<Reverse<(Entry, usize)>>,
}

/// All that a writer staged, in one order. Equal keys stand beside each other.
pub(super) fn merged(connection: &Connection, writer: i64) -> Result<Merged<'_>, LedgerError> {
    let mut runs = runs(connection, writer)?;
    while runs.len() > FAN {
        let first = Merged::of(connection, runs.drain(..FAN).collect())?;
        runs.push_back(keep(connection, writer, first)?);
    }
    Merged::of(connection, runs.into())
}

/// The runs of a writer.
fn runs(connection: &Connection, writer: i64) -> Result<VecDeque<Run>, LedgerError> {
    let (from, to) = super::stage::bounds(writer);
    let mut statement = connection
        .prepare_cached("SELECT id, opens FROM temp.staged_run WHERE id >= ? AND id < ? ORDER BY id")?;
    let mut rows = statement.query([from, to])?;
    let mut runs: VecDeque<Run> = VecDeque::new();
    while let Some(row) = rows.next()? {
        let part: i64 = row.get(0)?;
        match runs.back_mut() {
            Some(run) if !row.get::<_, bool>(1)? => run.end = part + 1,
            _ => runs.push_back(Run {
                next: part,
                end: part + 1,
                part: Part::default(),
            }),
        }
    }
    Ok(runs)
}

impl<'a> Merged<'a> {
    fn of(connection: &'a Connection, mut runs: Vec<Run>) -> Result<Self, LedgerError> {
        let mut read = connection.prepare_cached("SELECT entries FROM temp.staged_run WHERE id = ?")?;
        let mut heads = BinaryHeap::with_capacity(runs.len());
        for (index, run) in runs.iter_mut().enumerate() {
            if let Some(entry) = run.next(&mut read)? {
                heads.push(Reverse((entry, index)));
            }
        }
        Ok(Self { read, runs, heads })
    }

    fn take(&mut self) -> Result<Option<Entry>, LedgerError> {
        let Some(mut head) = self.heads.peek_mut() else {
            return Ok(None);
        };
        let (entry, index) = head.0;
        let run = self.runs.get_mut(index);
        match run.map(|run| run.next(&mut self.read)).transpose()?.flatten() {
            Some(next) => head.0 = (next, index),
            None => {
                PeekMut::pop(head);
            }
        }
        Ok(Some(entry))
    }
}

impl Iterator for Merged<'_> {
    type Item = Result<Entry, LedgerError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.take().transpose()
    }
}

/// Writes down the order of a writer's records, each key once, as it is found.
pub(super) struct Ordering<'a> {
    insert: CachedStatement<'a>,
    writer: i64,
    /// Partition start and number of the part that is being filled.
    part: (i64, i64),
    bytes: Vec<u8>,
}

impl<'a> Ordering<'a> {
    pub(super) fn begin(connection: &'a Connection, writer: i64) -> Result<Self, LedgerError> {
        let sql = "INSERT INTO temp.sealed (writer, start, part, entries) VALUES (?, ?, ?, ?)";
        Ok(Self {
            insert: connection.prepare_cached(sql)?,
            writer,
            part: (0, 0),
            bytes: Vec::with_capacity(PART * BYTES),
        })
    }

    pub(super) fn add(&mut self, entry: &Entry) -> Result<(), LedgerError> {
        if entry.start != self.part.0 {
            self.end()?;
            self.part = (entry.start, 0);
        }
        entry.write(&mut self.bytes);
        if self.bytes.len() >= PART * BYTES {
            self.end()?;
        }
        Ok(())
    }

    /// Writes what is left.
    pub(super) fn end(&mut self) -> Result<(), LedgerError> {
        if !self.bytes.is_empty() {
            let (start, part) = self.part;
            self.insert
                .execute(params![self.writer, start, part, self.bytes.as_slice()])?;
            self.part = (start, part + 1);
            self.bytes.clear();
        }
        Ok(())
    }
}

/// Reads the order of one partition of a writer; [`Ordered`] takes the rows one by one.
pub(super) fn ordered(connection: &Connection) -> Result<CachedStatement<'_>, LedgerError> {
    let sql = "SELECT entries FROM temp.sealed WHERE writer = ? AND start = ? ORDER BY part";
    Ok(connection.prepare_cached(sql)?)
}

/// The records of one partition of a sealed writer, by key.
pub(super) struct Ordered<'s> {
    rows: Rows<'s>,
    part: Part,
}

impl<'s> Ordered<'s> {
    pub(super) fn of(
        statement: &'s mut CachedStatement<'_>,
        (writer, start): (i64, i64),
    ) -> Result<Self, LedgerError> {
        Ok(Self {
            rows: statement.query([writer, start])?,
            part: Part::default(),
        })
    }

    fn take(&mut self) -> Result<Option<Entry>, LedgerError> {
        if let Some(entry) = self.part.next()? {
            return Ok(Some(entry));
        }
        let Some(row) = self.rows.next()? else {
            return Ok(None);
        };
        self.part
            .fill(row.get_ref(0)?.as_blob().map_err(rusqlite::Error::from)?);
        self.part.next()
    }
}

impl Iterator for Ordered<'_> {
    type Item = Result<Entry, LedgerError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.take().transpose()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::ledger::temporary;

    fn entry(number: u64, staged: i64) -> Entry {
        let mut key = [0; 32];
        for (byte, of) in key
            .iter_mut()
            .zip(number.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_be_bytes())
        {
            *byte = of;
        }
        Entry {
            start: i64::try_from(number % 3).unwrap() - 1,
            key,
            staged,
            revision: [7; 32],
        }
    }

    #[test]
    fn more_runs_than_are_merged_at_once_come_out_in_one_order() {
        let connection = Connection::open_in_memory().unwrap();
        temporary::lay(&connection).unwrap();
        let mut all = Vec::new();
        for run in 0..2_500 {
            // Keys come again in other runs, and runs are of one entry up to several parts.
            let long = if run % 500 == 0 { 130 } else { 1 + run % 3 };
            let mut entries: Vec<Entry> = (0..long)
                .map(|number| {
                    entry(
                        run % 70 + number,
                        i64::try_from(all.len()).unwrap() + i64::try_from(number).unwrap(),
                    )
                })
                .collect();
            entries.sort_unstable();
            all.extend_from_slice(&entries);
            note(&connection, 1, entries.into_iter().map(Ok)).unwrap();
        }
        note(&connection, 2, std::iter::once(Ok(entry(1, 1)))).unwrap();
        all.sort_unstable();
        let merged: Vec<Entry> = merged(&connection, 1).unwrap().map(Result::unwrap).collect();
        assert!(merged == all, "{} of {}", merged.len(), all.len());

        let mut order = Ordering::begin(&connection, 1).unwrap();
        for entry in &merged {
            order.add(entry).unwrap();
        }
        order.end().unwrap();
        let mut statement = ordered(&connection).unwrap();
        for start in -1..2 {
            let read: Vec<Entry> = Ordered::of(&mut statement, (1, start))
                .unwrap()
                .map(Result::unwrap)
                .collect();
            let wanted = all.iter().filter(|entry| entry.start == start).copied();
            assert!(read == wanted.collect::<Vec<_>>(), "{start}");
        }
        assert_eq!(super::merged(&connection, 3).unwrap().count(), 0);
    }
}
