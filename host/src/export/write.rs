//! Writing one file: a survey of its rows, then the rows themselves into a sheet of the format.

use super::{
    Finding, FocusVersion, Format, Kind,
    file::{Finished, Sink},
    select::Rows,
    sheet::{self, Heading},
    survey::{Sums, Survey},
};
use crate::ledger::store::LedgerError;
use serde::Serialize;
use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
};

/// Why a file was not written.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The ledger.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The file or its directory.
    #[error("{path}: {cause}", path = .path.display())]
    Io {
        /// What was touched.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// The format's own library.
    #[error("{path}: {cause}", path = .path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What it said.
        cause: String,
    },
    /// A sum beyond 10^20.
    #[error("a sum of costs is larger than the program can hold")]
    Overflow,
    /// The directory is not ours.
    #[error("{path}: {what}", path = .path.display())]
    Elsewhere {
        /// What shows it.
        path: PathBuf,
        /// What it is, and what to do.
        what: String,
    },
    /// The program is asked to stop.
    #[error("stopped before all files were written")]
    Stopped,
    /// The rows are not fit to be written.
    #[error("{path} was not written: {what}", path = .path.display())]
    Refused {
        /// The file.
        path: PathBuf,
        /// What breaks which rule.
        what: String,
    },
}

impl ExportError {
    pub(super) fn io(path: &Path, cause: io::Error) -> Self {
        Self::Io {
            path: path.to_owned(),
            cause,
        }
    }

    pub(super) fn format(path: &Path, cause: impl std::fmt::Display) -> Self {
        Self::Format {
            path: path.to_owned(),
            cause: cause.to_string(),
        }
    }
}

impl From<rusqlite::Error> for ExportError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Ledger(error.into())
    }
}

/// Which findings stop a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Strictness {
    /// Those that make its money unreadable.
    #[default]
    Lenient,
    /// All of them.
    Strict,
}

/// A file that was written.
#[derive(Clone, Debug, Serialize)]
pub struct Written {
    /// Its path; `-` for standard output.
    pub path: PathBuf,
    /// Its rows.
    pub rows: u64,
    /// Of these, how many may still change at the provider.
    pub open: u64,
    /// What they add up to, by currency.
    pub sums: BTreeMap<String, Sums>,
    /// Its length.
    pub bytes: u64,
    /// SHA-256 of its bytes, lower-case hex.
    pub sha256: String,
    /// Decimal columns that are text in it, since they hold more than 38 digits.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub text_columns: Vec<String>,
    /// What is not as the specification says.
    pub findings: Vec<Finding>,
}

/// Writes the rows that were surveyed. The file is whole, and still to be put in its place.
///
/// # Errors
/// [`ExportError`]; then nothing is left of it.
pub fn write_records(
    rows: &dyn Rows,
    survey: &Survey,
    (version, format): (FocusVersion, Format),
    strictness: Strictness,
    sink: Sink,
) -> Result<(Written, Finished), ExportError> {
    let findings = survey.findings();
    refuse(&findings, strictness, sink.path())?;
    let columns = survey.columns();
    let headings: Vec<Heading> = columns
        .iter()
        .map(|column| Heading {
            name: column.name.to_string(),
            kind: match format {
                Format::Parquet => survey.narrow_kind(column),
                Format::Csv | Format::Jsonl => column.kind,
            },
        })
        .collect();
    let path = sink.path().to_owned();
    let text_columns = headings
        .iter()
        .zip(&columns)
        .filter(|(heading, column)| heading.kind == Kind::Text && column.kind == Kind::Decimal)
        .map(|(heading, _)| heading.name.clone())
        .collect();
    let mut sheet = sheet::open(format, headings, &[("focus_version", version.name())], sink)?;
    let mut written = 0_u64;
    rows.each(&mut |row| {
        written += 1;
        let values: Vec<_> = columns.iter().map(|column| column.value(row)).collect();
        sheet.row(&values)
    })?;
    let finished = sheet.finish()?.finish()?;
    let written = Written {
        path,
        rows: written,
        open: survey.open,
        sums: survey.sums.clone(),
        bytes: finished.bytes,
        sha256: finished.sha256.clone(),
        text_columns,
        findings,
    };
    Ok((written, finished))
}

/// Refuses what may not be written.
fn refuse(findings: &[Finding], strictness: Strictness, path: &Path) -> Result<(), ExportError> {
    let stops = |finding: &&Finding| finding.refuses || strictness == Strictness::Strict;
    let told: Vec<String> = findings.iter().filter(stops).map(Finding::told).collect();
    if told.is_empty() {
        return Ok(());
    }
    Err(ExportError::Refused {
        path: path.to_owned(),
        what: told.join("; "),
    })
}

impl Finding {
    /// The finding in a line for people.
    #[must_use]
    pub fn told(&self) -> String {
        use crate::foreign::Foreign;
        let mut line = format!("{} rows break the rule \"{}\"", self.rows, self.text);
        if let Some(first) = self.examples.first() {
            line.push_str(&format!(
                ", first {} {} {} {}: {}",
                Foreign::from(first.source.as_str()),
                Foreign::from(first.stream.as_str()),
                first.partition,
                first.key.get(..12).unwrap_or(&first.key),
                Foreign::from(first.says.as_str()),
            ));
        }
        line
    }
}
