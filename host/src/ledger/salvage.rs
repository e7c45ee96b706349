//! Salvage: a new ledger from what can be read of a damaged one, and from an older state that the operator takes knowingly.
//!
//! What must hold: the damaged files are only read; every row whose checksum holds is carried over and every other is named;
//! the result obeys all laws, or does not replace anything; a partition that lost something is read again; a destination of
//! which it is not certain what it has is paused, so that nothing is sent twice unasked.

mod archives;
mod carry;
mod files;
mod journal;
mod judge;
mod mend;
#[cfg(test)]
mod page_tests;
#[cfg(test)]
mod tests;
mod walk;

use super::{
    check,
    lock::{self, Lock, LockGuard},
    mark, opening,
    store::{FILE_NAME, LedgerError},
};
use jiff::Timestamp;
use rusqlite::{Connection, OpenFlags};
use serde::Serialize;
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

/// A row, or rows, that could not be carried over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Lost {
    /// Its table.
    pub table: String,
    /// Its row, or the first of several that lie together.
    pub row: i64,
    /// What is wrong, and what it was, as far as it can be read.
    pub what: String,
}

/// A partition that is to be read again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Hurt {
    /// Whose it is: provider, billing account, scope.
    pub source: String,
    /// The instance that reads it.
    pub instance: String,
    /// Its stream.
    pub stream: String,
    /// Its start.
    pub start: Timestamp,
    /// Its end.
    pub end: Timestamp,
}

/// A destination of which it is not certain what it has: it is paused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Paused {
    /// Its name.
    pub destination: String,
    /// Why, and what the operator can do.
    pub reason: String,
}

/// What was salvaged.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Salvaged {
    /// Rows carried over, by table.
    pub carried: BTreeMap<String, u64>,
    /// What could not be.
    pub lost: Vec<Lost>,
    /// What the next runs read again.
    pub again: Vec<Hurt>,
    /// What waits for the operator.
    pub paused: Vec<Paused>,
    /// Whether the state is older than one that was here before.
    pub older: bool,
    /// Where the new ledger lies.
    pub ledger: PathBuf,
    /// Where the damaged one lies now.
    pub kept: PathBuf,
}

/// How it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing is wrong with the ledger, and nothing was done.
    Whole,
    /// An earlier salvage had come as far as the new ledger, which is in its place now.
    Finished,
    /// A new ledger stands.
    Salvaged(Box<Salvaged>),
}

/// Salvages the ledger of a state directory, into another directory or in its place.
///
/// # Errors
/// [`LedgerError::Refused`] while another process uses the ledger, and where so much of it is damaged that it must be restored
/// from a copy; then nothing has changed.
pub fn salvage(directory: &Path, into: Option<&Path>, now: Timestamp) -> Result<Outcome, LedgerError> {
    let path = directory.join(FILE_NAME);
    let _alone = alone(directory)?;
    if into.is_none() && files::finish(directory, now)? {
        return Ok(Outcome::Finished);
    }
    if opening::is_missing(&path) {
        let what = "there is no ledger to salvage: put a copy of ledger.db here first, however old, and salvage that";
        return Err(LedgerError::Refused {
            path,
            what: what.to_owned(),
        });
    }
    let target = into.unwrap_or(directory);
    opening::create_private(target)?;
    opening::refuse_network(target)?;
    if into.is_some() && target.join(FILE_NAME).exists() {
        return Err(LedgerError::Refused {
            path: target.join(FILE_NAME),
            what: "there is a ledger already; name an empty directory with --into".to_owned(),
        });
    }
    let work = files::Work::copy_of(directory, target)?;
    let old = work.open(directory).map_err(|error| unreadable(error, &path))?;
    let older = mark::is_behind(directory, &old);
    if !older && opening::check_version(&old, &path).is_ok() && is_whole(&old) {
        return Ok(Outcome::Whole);
    }
    opening::fill(&work.new_ledger())?;
    let mut new = Connection::open_with_flags(work.new_ledger(), OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    super::store::add_functions(&new)?;
    super::temporary::lay(&new)?;
    super::archive::attach(&new, target)?;
    let said = make((&old, directory), &mut new, older, now).map_err(|error| unreadable(error, &path))?;
    drop(old);
    let report = check::check(&new)?;
    if let Some(finding) = report.findings.first() {
        let kept = work.keep();
        return Err(LedgerError::Refused {
            path,
            what: format!(
                "{} findings of the checker remain after salvage, such as {finding}; what was made lies in {}, and the \
                 ledger is left as it is: restore a copy of the whole state directory",
                report.findings.len(),
                kept.display()
            ),
        });
    }
    let (ledger, kept) = files::place(&work, new, directory, into, now)?;
    Ok(Outcome::Salvaged(Box::new(Salvaged { ledger, kept, ..said })))
}

/// Carries over and mends, in one transaction.
fn make(
    (old, directory): (&Connection, &Path),
    new: &mut Connection,
    older: bool,
    now: Timestamp,
) -> Result<Salvaged, LedgerError> {
    new.pragma_update(None, "foreign_keys", "OFF")?;
    let transaction = new.transaction()?;
    mark::name(&transaction)?;
    let carried = carry::carry(old, &transaction, directory)?;
    render_anew(old, &transaction)?;
    let said = mend::mend(&transaction, carried, older, now)?;
    transaction.commit()?;
    Ok(said)
}

/// What was said in FOCUS files is not known for certain: their destinations begin anew with the next run, in the directories
/// that this ledger's name stands in.
fn render_anew(old: &Connection, new: &Connection) -> Result<(), LedgerError> {
    new.execute_batch(
        "DELETE FROM epoch WHERE destination IN (SELECT id FROM destination WHERE kind = 'snapshot');
         DELETE FROM destination WHERE kind = 'snapshot';",
    )?;
    let name = old.query_row("SELECT value FROM meta WHERE key = 'ledger'", [], |row| {
        row.get::<_, String>(0)
    });
    if let Ok(name) = name {
        new.execute(
            "INSERT OR REPLACE INTO meta (key, value) VALUES ('ledger', ?)",
            [name],
        )?;
    }
    Ok(())
}

fn is_whole(old: &Connection) -> bool {
    check::check(old).is_ok_and(|report| report.findings.is_empty())
}

/// Everybody who collects or delivers holds one of these.
fn alone(directory: &Path) -> Result<Vec<LockGuard>, LedgerError> {
    let mut held = vec![lock::try_now(directory, Lock::Delivery)?];
    held.extend(lock::try_instances(directory)?);
    Ok(held)
}

/// Damage to what says where the rows are.
fn unreadable(error: LedgerError, path: &Path) -> LedgerError {
    match error.at(path) {
        LedgerError::Refused { path, what } if what.starts_with("the file is damaged") => LedgerError::Refused {
            path,
            what: "the list of its tables cannot be read, so nothing can be salvaged; it is left as it is: restore a copy of \
                   the whole state directory"
                .to_owned(),
        },
        other => other,
    }
}
