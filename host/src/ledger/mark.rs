//! The mark beside the database: how many decisive changes the ledger has seen. A database that went back in time, because its
//! log was lost or cut or an old copy of it came back, counts fewer than its mark and is refused: it would send again what its
//! destinations have.
//!
//! What must hold: the mark is written once a change is durable and before anybody is told of it, and read before the database
//! is. So it is never ahead of a ledger that lost nothing, whoever was killed when, and however many processes use it.

use super::{
    lock::{self, Lock},
    store::{LedgerError, checksum},
};
use rusqlite::{Connection, OptionalExtension};
use std::{
    fs::{File, OpenOptions},
    io::{ErrorKind, Read, Write},
    os::unix::fs::{FileExt, OpenOptionsExt},
    path::{Path, PathBuf},
    time::Duration,
};

/// Name of the mark within the state directory.
pub(super) const FILE_NAME: &str = "ledger.mark";
/// How often a mark that makes no sense is read before it is called damaged, and what passes in between.
const READINGS: u32 = 10;
const PAUSE: Duration = Duration::from_millis(5);
const HEAD: &str = "finops-host ledger mark 1";
/// What leads out of every refusal here.
const REMEDY: &str = "put the whole state directory back as it was last; or, if this is all there is, `finops-host ledger \
    salvage` takes it knowingly and pauses its destinations until you have looked at them";

/// What counts as decisive: whatever a caller, a provider or a destination acts upon. Triggers of the writing connection alone
/// count it, in the transaction that changes it; each fires a few times in a transaction. Staged records do not count: they are
/// written again.
const TRIGGERS: [(&str, &str); 14] = [
    ("commits_new", "INSERT ON commits"),
    ("commits", "UPDATE ON commits"),
    ("batch_new", "INSERT ON batch"),
    ("batch", "UPDATE ON batch"),
    ("run_new", "INSERT ON run"),
    ("run", "UPDATE ON run"),
    ("destination_new", "INSERT ON destination"),
    ("destination", "UPDATE ON destination"),
    ("epoch_new", "INSERT ON epoch"),
    ("source_new", "INSERT ON source"),
    ("source", "UPDATE ON source"),
    ("spend_new", "INSERT ON spend"),
    ("spend", "UPDATE ON spend"),
    ("entry", "UPDATE OF reason ON entry"),
];

/// Which ledger it is, and its decisive changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    uid: String,
    count: u64,
}

impl Mark {
    /// One line of the same length whatever it says: it is written over in place, within one sector, which needs no space on
    /// a full disk and is never half done.
    fn line(&self) -> String {
        let said = format!("{HEAD} {:0>32} {:020}", self.uid, self.count);
        format!("{said} {}\n", checksum([said.as_bytes()]))
    }

    fn parse(line: &str) -> Option<Self> {
        let (said, sum) = line.strip_suffix('\n')?.rsplit_once(' ')?;
        let (uid, count) = said.strip_prefix(HEAD)?.strip_prefix(' ')?.split_once(' ')?;
        (checksum([said.as_bytes()]) == sum).then_some(Self {
            uid: uid.to_owned(),
            count: count.parse().ok()?,
        })
    }

    /// Whether anything decisive was ever seen.
    pub(super) fn is_used(&self) -> bool {
        self.count > 0
    }
}

fn path(directory: &Path) -> PathBuf {
    directory.join(FILE_NAME)
}

fn failed(path: &Path) -> impl Fn(std::io::Error) -> LedgerError {
    let path = path.to_owned();
    move |cause| LedgerError::Io {
        path: path.clone(),
        cause,
    }
}

fn refused(directory: &Path, what: &str) -> LedgerError {
    LedgerError::Refused {
        path: directory.join(super::store::FILE_NAME),
        what: format!("{what}: {REMEDY}"),
    }
}

/// The mark of a state directory.
///
/// # Errors
/// [`LedgerError::Refused`] where it is damaged, [`LedgerError::Io`] where it cannot be read.
pub(super) fn read(directory: &Path) -> Result<Option<Mark>, LedgerError> {
    let path = path(directory);
    for _ in 0..READINGS {
        let mut text = String::new();
        match File::open(&path).and_then(|file| file.take(4096).read_to_string(&mut text)) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) if error.kind() == ErrorKind::InvalidData => text.clear(),
            Err(error) => return Err(failed(&path)(error)),
        }
        if let Some(mark) = Mark::parse(&text) {
            return Ok(Some(mark));
        }
        // Perhaps it was read while it was written over.
        std::thread::sleep(PAUSE);
    }
    Err(refused(
        directory,
        "the mark beside it, ledger.mark, is damaged, so it is not known whether this is the newest state",
    ))
}

/// What the database says: nothing before its first opening by a program that keeps marks.
fn of(connection: &Connection) -> Result<Option<Mark>, LedgerError> {
    let sql = "SELECT uid.value, changes.value FROM meta AS uid JOIN meta AS changes
               WHERE uid.key = 'uid' AND changes.key = 'changes'";
    let found: Option<(String, String)> = connection
        .prepare_cached(sql)?
        .query_row([], |row| row.try_into())
        .optional()?;
    found
        .map(|(uid, count)| match count.parse() {
            Ok(count) => Ok(Mark { uid, count }),
            Err(_) => Err(LedgerError::Damaged(format!("the count of changes is {count:?}"))),
        })
        .transpose()
}

/// Refuses a database that is behind its mark. `before` was read before the connection was opened.
///
/// # Errors
/// [`LedgerError::Refused`] with what is wrong and what to do.
pub(super) fn agree(
    directory: &Path,
    connection: &Connection,
    before: Option<Mark>,
) -> Result<(), LedgerError> {
    let marked = match before {
        // Perhaps it was made since, by the process that made the ledger.
        None => match (read(directory)?, of(connection)?) {
            (Some(mark), _) => mark,
            (None, Some(now)) if now.is_used() => {
                // It is there before anything is counted: perhaps all that happened between the two readings, in a ledger
                // that was made just now. What it says has gone on since, so it is not compared.
                return match read(directory)? {
                    Some(mark) if mark.uid == now.uid => Ok(()),
                    _ => Err(refused(
                        directory,
                        "this is a copy without its mark, ledger.mark, so it is not known whether it is the newest state",
                    )),
                };
            }
            (None, _) => return Ok(()),
        },
        Some(mark) => mark,
    };
    if !marked.is_used() {
        return Ok(());
    }
    match of(connection)? {
        Some(now) if now.uid != marked.uid => Err(refused(
            directory,
            "the mark beside it, ledger.mark, is another ledger's",
        )),
        Some(now) if now.count >= marked.count => Ok(()),
        Some(now) => Err(refused(
            directory,
            &format!(
                "this is an older state of the ledger than was here before: it counts {} changes and its mark {}; \
                 its log, ledger.db-wal, was lost or cut, or an old copy of it was put here",
                now.count, marked.count
            ),
        )),
        None => Err(refused(
            directory,
            "this is an older state of the ledger than was here before, from before marks were kept",
        )),
    }
}

/// Names the ledger, makes its mark where there is none, and lets this connection count.
///
/// # Errors
/// See [`LedgerError`].
pub(super) fn begin(directory: &Path, connection: &Connection) -> Result<Keeper, LedgerError> {
    // Asked first: a ledger that has its name is opened without waiting for whoever writes.
    if of(connection)?.is_none() {
        name(connection)?;
    }
    let missing = || LedgerError::Damaged("the ledger's name is missing".to_owned());
    let now = of(connection)?.ok_or_else(missing)?;
    if read(directory)?.is_none_or(|mark| mark.uid != now.uid) {
        let _turn = lock::acquire_now(directory, Lock::Opening)?;
        // Only a ledger that has seen nothing comes this far without its own.
        if read(directory)?.is_none_or(|mark| mark.uid != now.uid) {
            put(
                directory,
                &Mark {
                    count: 0,
                    ..now.clone()
                },
            )?;
        }
    }
    for (name, event) in TRIGGERS {
        connection.execute_batch(&format!(
            "CREATE TEMP TRIGGER mark_{name} AFTER {event} BEGIN
                 UPDATE meta SET value = CAST(CAST(value AS INTEGER) + 1 AS TEXT) WHERE key = 'changes';
             END"
        ))?;
    }
    Ok(Keeper {
        path: path(directory),
        seen: 0,
        mute: false,
    })
}

/// Gives a ledger a name that no other has, unless it has one.
pub(super) fn name(connection: &Connection) -> Result<(), LedgerError> {
    connection.execute(
        "INSERT INTO meta (key, value) VALUES ('uid', lower(hex(randomblob(16)))), ('changes', '0')
         ON CONFLICT DO NOTHING",
        [],
    )?;
    Ok(())
}

/// Whether a database is not known to be the newest state of its ledger.
pub(super) fn is_behind(directory: &Path, connection: &Connection) -> bool {
    read(directory)
        .and_then(|before| agree(directory, connection, before))
        .is_err()
}

/// Puts the mark of a database where it will lie, on disk.
///
/// # Errors
/// See [`LedgerError`].
pub(super) fn put_of(directory: &Path, connection: &Connection) -> Result<(), LedgerError> {
    match of(connection)? {
        Some(mark) => put(directory, &mark),
        None => Ok(()),
    }
}

/// Copies the mark of a state directory beside a copy of its database that is made afterwards.
///
/// # Errors
/// See [`LedgerError`].
pub fn copy(from: &Path, to: &Path) -> Result<(), LedgerError> {
    read(from)?.map_or(Ok(()), |mark| put(to, &mark))
}

/// Writes a mark as a whole.
fn put(directory: &Path, mark: &Mark) -> Result<(), LedgerError> {
    let (path, new) = (path(directory), directory.join("ledger.mark.new"));
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&new)
        .map_err(failed(&new))?;
    file.write_all(mark.line().as_bytes())
        .and_then(|()| file.sync_all())
        .and_then(|()| std::fs::rename(&new, &path))
        .and_then(|()| File::open(directory)?.sync_all())
        .map_err(failed(&path))
}

/// Writes down what the writing connection has counted.
#[derive(Debug)]
pub(super) struct Keeper {
    path: PathBuf,
    seen: u64,
    /// Whether it was told that the mark cannot be written.
    mute: bool,
}

impl Keeper {
    /// Brings the mark up to what is durable. One that cannot be written lags, which is safe, and is told of once.
    pub(super) fn note(&mut self, connection: &Connection) {
        // Within a transaction that stays open nothing is durable yet.
        if !connection.is_autocommit() {
            return;
        }
        let Ok(Some(now)) = of(connection) else { return };
        if now.count == self.seen {
            return;
        }
        match write_over(&self.path, &now) {
            Ok(()) => self.seen = now.count,
            Err(cause) if !self.mute => {
                self.mute = true;
                tracing::warn!("{} cannot be kept: {cause}", self.path.display());
            }
            Err(_) => {}
        }
    }
}

/// Never back: another process may have counted on meanwhile.
fn write_over(path: &Path, now: &Mark) -> std::io::Result<()> {
    let mut file = OpenOptions::new().read(true).write(true).open(path)?;
    let mut text = String::new();
    file.read_to_string(&mut text)?;
    if Mark::parse(&text).is_some_and(|there| there.uid == now.uid && there.count >= now.count) {
        return Ok(());
    }
    file.write_all_at(now.line().as_bytes(), 0)
}

#[cfg(test)]
mod tests;
