//! Retention: which partitions are archived now, their files, and the transaction that takes the content out of the database.
//!
//! What must hold: a file is whole, on the disk, in its place and read back before a row changes; the rows change in one
//! transaction, and only where the partition is still as it was read; a file that no row names is deleted, and no other.

use super::{
    AWAY, archive_checksum,
    file::{Line, Writer, Written},
    shelf::{ENDING, FOLDER, Shelf},
};
use crate::{
    component::descriptor::LookBack,
    fail_point::{self, Point},
    ledger::{
        error::{damaged, instant},
        opening::create_private,
        period::window,
        record::Source,
        store::{LedgerError, Store, open_read_only},
        stream::definition,
    },
};
use jiff::{Timestamp, ToSpan, tz::Offset};
use rusqlite::{Connection, TransactionBehavior, params};
use serde::Serialize;
use std::{
    collections::BTreeSet,
    fs::{self, File, OpenOptions},
    io::ErrorKind,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
};

/// Records that one run archives, or a few more: what is left is the next run's.
const MOST: u64 = 200_000;
/// What the name of a file that is not whole yet begins with.
const UNFINISHED: &str = ".unfinished-";

/// How long the content of records stays in the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Months after the end of a partition.
    pub months: u32,
    /// The operator's look-back, instead of the streams'.
    pub look_back: Option<LookBack>,
}

/// What was archived.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Archived {
    /// Partitions.
    pub partitions: u64,
    /// Their records, those of the past included.
    pub records: u64,
    /// Bytes of their files.
    pub bytes: u64,
}

/// A partition that is to be archived.
struct Candidate {
    partition: i64,
    commit: i64,
    /// Hash of the source; its files lie together.
    source_hash: String,
    facts: Vec<(&'static str, String)>,
}

/// Archives partitions of an instance's sources. The caller holds the lock of archiving; `stop` ends it early.
///
/// # Errors
/// See [`LedgerError`]; what was archived before stays.
pub(in crate::ledger) fn keep(
    store: &Store,
    instance: &str,
    retention: Retention,
    now: Timestamp,
    stop: &AtomicBool,
) -> Result<Archived, LedgerError> {
    let state = store.path().parent().unwrap_or(Path::new(".")).to_owned();
    let reader = open_read_only(&state)?;
    sweep(&reader, &state)?;
    let mut archived = Archived::default();
    for candidate in candidates(&reader, instance, retention, now)? {
        if stop.load(Ordering::Relaxed) || archived.records >= MOST {
            break;
        }
        if !is_final(&reader, candidate.partition)? {
            continue;
        }
        let (name, written) = match write(&reader, &state, &candidate, stop) {
            Err(LedgerError::Stopped) => break,
            written => written?,
        };
        fail_point::pass(Point::AfterArchive);
        let (partition, commit) = (candidate.partition, candidate.commit);
        let done = {
            let (name, written) = (name.clone(), written.clone());
            store.with_blocking(move |connection| {
                take_out(connection, (partition, commit), &name, &written, now)
            })?
        };
        if done {
            archived.partitions += 1;
            archived.records += written.records.unsigned_abs();
            archived.bytes += written.bytes.unsigned_abs();
        } else {
            let path = state.join(FOLDER).join(name);
            fs::remove_file(&path).map_err(|cause| failed(&path, cause))?;
        }
    }
    Ok(archived)
}

fn failed(path: &Path, cause: std::io::Error) -> LedgerError {
    LedgerError::Io {
        path: path.to_owned(),
        cause,
    }
    .at(path)
}

/// The partitions that are over for long enough, complete, and not read again unasked; the oldest first.
fn candidates(
    reader: &Connection,
    instance: &str,
    retention: Retention,
    now: Timestamp,
) -> Result<Vec<Candidate>, LedgerError> {
    let months = i64::from(retention.months).months();
    let horizon = Offset::UTC.to_datetime(now).checked_sub(months);
    let Ok(horizon) = horizon.and_then(|horizon| Offset::UTC.to_timestamp(horizon)) else {
        return Ok(Vec::new());
    };
    let mut statement = reader.prepare(
        "SELECT partition.id, commit_id, start, stop, definition, hash, provider, billing_account, scope
         FROM partition JOIN stream ON stream.id = partition.stream JOIN source ON source.id = stream.source
         WHERE instance = ? AND archived = 0 AND completeness = 'complete' AND stop <= ?
           AND EXISTS (SELECT 1 FROM record WHERE record.partition = partition.id)
         ORDER BY stop, partition.id",
    )?;
    let mut rows = statement.query(params![instance, horizon.as_second()])?;
    let mut candidates = Vec::new();
    while let Some(row) = rows.next()? {
        let (start, stop) = (instant(row.get(2)?)?, instant(row.get(3)?)?);
        let stream = definition(&row.get::<_, String>(4)?)?;
        let look_back = retention.look_back.unwrap_or(stream.look_back);
        if stop > window(look_back, now).start() {
            continue;
        }
        let source = Source {
            provider: row.get(6)?,
            billing_account: row.get(7)?,
            scope: row.get(8)?,
        };
        candidates.push(Candidate {
            partition: row.get(0)?,
            commit: row.get(1)?,
            source_hash: row.get(5)?,
            facts: vec![
                ("source", source.path()),
                ("stream", stream.name),
                ("partition_start", start.to_string()),
                ("partition_end", stop.to_string()),
            ],
        });
    }
    Ok(candidates)
}

/// Whether the provider calls every billed record of a partition final. Figures of another basis it never does.
fn is_final(reader: &Connection, partition: i64) -> Result<bool, LedgerError> {
    let open: bool = reader
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM record WHERE partition = ? AND until_commit IS NULL
                 AND json_extract(content, '$.Basis') = 'billed' AND json_extract(content, '$.Finality') = 'open')",
        )?
        .query_row([partition], |row| row.get(0))?;
    Ok(!open)
}

/// Writes the file of a partition, puts it in its place and reads it back. Gives its name below the folder. Where it is
/// stopped, what it leaves is swept later.
fn write(
    reader: &Connection,
    state: &Path,
    candidate: &Candidate,
    stop: &AtomicBool,
) -> Result<(String, Written), LedgerError> {
    let view = reader.unchecked_transaction()?;
    let folder = state.join(FOLDER);
    let shelf = candidate.source_hash.get(..16).unwrap_or(&candidate.source_hash);
    let place = folder.join(shelf);
    create_private(&place)?;
    let unfinished = place.join(format!("{UNFINISHED}{}", candidate.partition));
    let at = |cause| failed(&unfinished, cause);
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&unfinished)
        .map_err(at)?;
    let format = |error| damaged("archive", error);
    let mut writer = Writer::new(file, candidate.facts.clone()).map_err(format)?;
    let go_on = || match stop.load(Ordering::Relaxed) {
        true => Err(LedgerError::Stopped),
        false => Ok(()),
    };
    each(&view, candidate.partition, &mut |line| {
        go_on()?;
        writer.add(line).map_err(format)
    })?;
    let written = writer.finish().map_err(at)?;
    fail_point::pass(Point::BeforeArchive);
    let name = format!("{shelf}/{}{ENDING}", written.sha256);
    let path = folder.join(&name);
    fs::rename(&unfinished, &path).map_err(at)?;
    for directory in [&place, &folder, &state.to_owned()] {
        let synced = File::open(directory).and_then(|directory| directory.sync_all());
        synced.map_err(|cause| failed(directory, cause))?;
    }
    let mut back = Shelf::of(state);
    each(&view, candidate.partition, &mut |line| {
        go_on()?;
        back.content(Some(&name), &line.key, line.record, &line.revision)
            .map(drop)
    })?;
    Ok((name, written))
}

/// Gives the records of a partition, in the order of key and record.
fn each(
    view: &Connection,
    partition: i64,
    take: &mut dyn FnMut(Line) -> Result<(), LedgerError>,
) -> Result<(), LedgerError> {
    // Only numbers are sorted: content would not fit into memory.
    let mut ids = view.prepare_cached("SELECT id FROM record WHERE partition = ? ORDER BY key, id")?;
    let mut one = view.prepare_cached(
        "SELECT key, revision, from_commit, until_commit, service, currency, billed, effective, list, contracted, content
         FROM record WHERE id = ?",
    )?;
    let mut ids = ids.query([partition])?;
    while let Some(id) = ids.next()? {
        let record = id.get(0)?;
        let line = one.query_row([record], |row| {
            Ok(Line {
                record,
                key: row.get(0)?,
                revision: row.get(1)?,
                from_commit: row.get(2)?,
                until_commit: row.get(3)?,
                service: row.get(4)?,
                currency: row.get(5)?,
                billed: row.get(6)?,
                effective: row.get(7)?,
                list: row.get(8)?,
                contracted: row.get(9)?,
                content: row.get(10)?,
            })
        })?;
        take(line)?;
    }
    Ok(())
}

/// Takes the content of a partition out of the database; not where it has changed since its file was written.
pub(super) fn take_out(
    connection: &mut Connection,
    (partition, commit): (i64, i64),
    name: &str,
    written: &Written,
    now: Timestamp,
) -> Result<bool, LedgerError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let same: bool = transaction.query_row(
        "SELECT EXISTS (SELECT 1 FROM partition WHERE id = ?1 AND commit_id = ?2 AND archived = 0)
             AND (SELECT count(*) FROM record WHERE partition = ?1) = ?3",
        params![partition, commit, written.records],
        |row| row.get(0),
    )?;
    if !same {
        return Ok(false);
    }
    let now = now.as_second();
    transaction.execute(
        "INSERT INTO archive (partition, file, bytes, records, at, checksum) VALUES (?, ?, ?, ?, ?, ?)",
        params![
            partition,
            name,
            written.bytes,
            written.records,
            now,
            archive_checksum(partition, name, written.bytes, written.records, now)
        ],
    )?;
    transaction.execute(
        "INSERT INTO archive_balance (partition, currency, records, billed, effective, list, contracted)
         SELECT partition, currency, count(*), exact_sum(billed), exact_sum(effective), exact_sum(list),
                exact_sum(contracted)
         FROM record WHERE partition = ? AND until_commit IS NULL GROUP BY currency",
        [partition],
    )?;
    transaction.execute(
        "UPDATE record SET content = ? WHERE partition = ?",
        params![AWAY, partition],
    )?;
    transaction.execute("UPDATE partition SET archived = 1 WHERE id = ?", [partition])?;
    transaction.commit()?;
    Ok(true)
}

/// Deletes what no row names: files that a process left which died, and those of partitions that were brought back.
fn sweep(reader: &Connection, state: &Path) -> Result<(), LedgerError> {
    let folder = state.join(FOLDER);
    let mut statement = reader.prepare("SELECT file FROM archive")?;
    let names = statement.query_map([], |row| row.get::<_, String>(0))?;
    let named: BTreeSet<PathBuf> = names
        .map(|name| name.map(|name| folder.join(name)))
        .collect::<Result<_, _>>()?;
    for shelf in entries(&folder)? {
        for path in entries(&shelf)? {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let ours = name.starts_with(UNFINISHED) || name.ends_with(ENDING);
            if ours && !named.contains(&path) {
                fs::remove_file(&path).map_err(|cause| failed(&path, cause))?;
            }
        }
    }
    Ok(())
}

/// The paths in a directory; none where it is none.
pub(super) fn entries(directory: &Path) -> Result<Vec<PathBuf>, LedgerError> {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(cause) if matches!(cause.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(Vec::new());
        }
        Err(cause) => return Err(failed(directory, cause)),
    };
    let paths = entries.map(|entry| entry.map(|entry| entry.path()));
    paths
        .collect::<Result<_, _>>()
        .map_err(|cause| failed(directory, cause))
}
