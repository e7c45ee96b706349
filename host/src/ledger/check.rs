//! The checker: proves the laws of the ledger over a database, from nothing but its rows.
//!
//! 1. Every commit's counts add up, and each begins where the one before it on that partition ended.
//! 2. The sum of a posting's entries is the sum of the current counted records of its key, to the last digit.
//! 3. Every entry is in one state, and what a destination's states add up to is what was posted to it.
//! 4. A checkpoint belongs to an applied commit of its stream.
//!
//! Beside the laws: checksums, hashes and ids are recomputed, what counts is decided anew, and what was sent in another
//! currency adds up to the converted total; archives are whole; final months of
//! FOCUS files and their corrections are what the records say. Nothing is repaired.
//! Memory: a row at a time; what must be summed is noted in temporary tables.

mod archives;
mod conversions;
mod entries;
mod places;
mod records;
mod snapshots;
#[cfg(test)]
mod tests;

use super::store::LedgerError;
use rusqlite::Connection;
use serde::Serialize;
use std::fmt;

/// What a finding is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// Law 1: the counts of commits.
    Counts,
    /// Law 2: entries and records.
    Sums,
    /// Law 3: states of entries.
    States,
    /// Law 4: checkpoints.
    Checkpoint,
    /// A row's checksum, hash or id.
    Row,
    /// What counts and what does not.
    Counting,
    /// What is sent of an entry in another currency.
    Conversion,
    /// The database file itself.
    File,
    /// Partitions whose content lies in files.
    Archive,
    /// What FOCUS files say of final months.
    Snapshot,
}

/// A difference between the database and the laws.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What it is about.
    pub rule: Rule,
    /// What is wrong, naming the rows.
    pub what: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rule = match self.rule {
            Rule::Counts => "law 1",
            Rule::Sums => "law 2",
            Rule::States => "law 3",
            Rule::Checkpoint => "law 4",
            Rule::Row => "row",
            Rule::Counting => "counting",
            Rule::Conversion => "conversion",
            Rule::File => "file",
            Rule::Archive => "archive",
            Rule::Snapshot => "snapshot",
        };
        write!(f, "{rule}: {}", self.what)
    }
}

/// What the checker found. No finding: the laws hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Records looked at, history included.
    pub records: u64,
    /// Entries looked at.
    pub entries: u64,
    /// Differences; at most [`MOST`] are told.
    pub findings: Vec<Finding>,
    /// Differences beyond those.
    pub untold: u64,
}

/// Most findings that a report tells.
pub const MOST: usize = 1_000;

impl Report {
    /// Differences in law 2; those that are not told by name may be, and count. `None`: it could not be proven, since the content
    /// of archived records cannot be read.
    #[must_use]
    pub fn law2_differences(&self) -> Option<u64> {
        let of = |rule| self.findings.iter().filter(move |finding| finding.rule == rule);
        if of(Rule::Archive).next().is_some() {
            return None;
        }
        let told = u64::try_from(of(Rule::Sums).count()).unwrap_or(u64::MAX);
        Some(told.saturating_add(self.untold))
    }

    fn found(&mut self, rule: Rule, what: impl Into<String>) {
        if self.findings.len() < MOST {
            let what = what.into();
            self.findings.push(Finding { rule, what });
        } else {
            self.untold += 1;
        }
    }

    /// Notes each row of a query that is written so that rows are differences; its one column says what.
    fn none(&mut self, connection: &Connection, rule: Rule, sql: &str) -> Result<(), LedgerError> {
        let mut statement = connection.prepare(sql)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            self.found(rule, row.get::<_, String>(0)?);
        }
        Ok(())
    }
}

/// Checks the ledger behind a connection, in one consistent view of it.
///
/// # Errors
/// [`LedgerError`] where rows cannot be read at all.
pub fn check(connection: &Connection) -> Result<Report, LedgerError> {
    let view = connection.unchecked_transaction()?;
    let mut report = Report::default();
    file(&view, &mut report)?;
    places::check(&view, &mut report)?;
    let readable = archives::check(&view, &mut report)?;
    if readable {
        records::check(&view, &mut report)?;
        records::counting(&view, &mut report)?;
    }
    records::counts(&view, &mut report)?;
    records::checkpoints(&view, &mut report)?;
    entries::check(&view, &mut report)?;
    snapshots::rows(&view, &mut report)?;
    if readable {
        snapshots::content(&view, &mut report)?;
        entries::sums(&view, &mut report)?;
    } else {
        let what =
            "law 2, and what counts, are not proven: they need the content of records that cannot be read";
        report.found(Rule::Archive, what);
    }
    entries::states(&view, &mut report)?;
    conversions::check(&view, &mut report)?;
    Ok(report)
}

fn file(connection: &Connection, report: &mut Report) -> Result<(), LedgerError> {
    let mut statement = connection.prepare("PRAGMA integrity_check")?;
    let lines = statement.query_map([], |row| row.get::<_, String>(0))?;
    for line in lines {
        let line = line?;
        if line != "ok" {
            report.found(Rule::File, line);
        }
    }
    let mut statement = connection.prepare("PRAGMA foreign_key_check")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (table, id, parent): (String, Option<i64>, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let id = id.unwrap_or_default();
        report.found(
            Rule::File,
            format!("row {id} of {table} refers to a row of {parent} that is not there"),
        );
    }
    Ok(())
}
