//! Snapshot destinations: a directory of FOCUS files that always shows the current records, and a manifest that says what
//! stands there.
//!
//! What must hold: a file is replaced whole and only where its content changed; what was put is written down afterwards, so
//! that a crash between the two renders it once more; a file that fails holds up no other. A month is final for readers once
//! the manifest says so, which is after it is final in the ledger.

mod directory;
mod manifest;
mod proof;
mod rows;

use super::{
    ExportError, FocusVersion, Format,
    file::{Finished, Sink},
    select::Rows,
    survey::Survey,
    write::{Strictness, write_records},
};
use crate::{
    component::descriptor::Basis,
    ledger::{
        destination::{DestinationKind, DestinationSpec, Measure, OtherCurrencies, StartMode, rates::Rates},
        record::basis_name,
        snapshot::{self, Closing, FileFacts, Outcome, SnapshotEpoch, StaleFile},
        store::{LedgerError, Store, open_read_only},
    },
};
use jiff::Timestamp;
use manifest::Detail;
pub use proof::prove;
use rows::MonthRows;
use rusqlite::Connection;
use serde::Serialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
};

/// Name of the destination that `[focus]` describes.
pub const NAME: &str = "focus";

/// Where and how a snapshot is rendered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotConfig {
    /// The directory. It holds nothing else.
    pub directory: PathBuf,
    /// The version of FOCUS.
    pub version: FocusVersion,
    /// The format of the files.
    pub format: Format,
}

impl SnapshotConfig {
    /// The destination as the ledger knows it: another directory, version or format is another one.
    #[must_use]
    pub fn spec(&self) -> DestinationSpec {
        DestinationSpec {
            name: NAME.to_owned(),
            kind: DestinationKind::Snapshot,
            identity: format!(
                "{} {} {}",
                self.format.name(),
                self.version.name(),
                self.directory.display()
            ),
            // A snapshot has all measures of every currency and sums none.
            measure: Measure::Billed,
            group_by: None,
            currency: "USD".to_owned(),
            other_currencies: OtherCurrencies::Hold,
            rates: Rates::default(),
            start: StartMode::All,
        }
    }
}

/// What a rendering did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SnapshotReport {
    /// Why nothing was done: the destination is paused.
    pub paused: Option<String>,
    /// Files that were written or replaced.
    pub written: Vec<String>,
    /// Files that were rendered and came out as they were.
    pub unchanged: u64,
    /// Files that were deleted, since they have no rows any more.
    pub deleted: Vec<String>,
    /// Providers' months that became final.
    pub closed: Vec<String>,
    /// Files that could not be written, and why.
    pub failed: Vec<String>,
}

/// Renders what is stale. The caller holds the snapshot lock; `stop` ends it early, and what was put stays.
///
/// # Errors
/// [`ExportError`] where nothing could be done at all; a file that fails is part of the report.
pub fn render(
    store: &Store,
    destination: i64,
    config: &SnapshotConfig,
    now: Timestamp,
    stop: &AtomicBool,
) -> Result<SnapshotReport, ExportError> {
    let state = store.path().parent().unwrap_or(Path::new("."));
    let reader = open_read_only(state)?;
    let epoch = snapshot::epoch(&reader, destination)?;
    let rendering = Rendering {
        store,
        reader,
        epoch,
        config,
        now,
        stop,
    };
    if let Some(why) = &rendering.epoch.paused {
        return Ok(SnapshotReport {
            paused: Some(why.clone()),
            ..SnapshotReport::default()
        });
    }
    let result = rendering.all();
    let outcome = match &result {
        Ok((report, commit)) => match report.failed.first() {
            None => Outcome::UpToDate(*commit),
            Some(why) => Outcome::Failed(why.clone()),
        },
        Err(error) => Outcome::Failed(error.to_string()),
    };
    let id = rendering.epoch.id;
    store.with_blocking(move |connection| snapshot::rendered(connection, id, &outcome, now))?;
    result.map(|(report, _)| report)
}

struct Rendering<'a> {
    store: &'a Store,
    reader: Connection,
    epoch: SnapshotEpoch,
    config: &'a SnapshotConfig,
    now: Timestamp,
    stop: &'a AtomicBool,
}

impl Rendering<'_> {
    /// Gives the last commit that the files show, too.
    fn all(&self) -> Result<(SnapshotReport, i64), ExportError> {
        let mut report = SnapshotReport::default();
        let ledger = self.prepare()?;
        self.look_for_lost()?;
        self.read_what_is_sorted()?;
        let commit = snapshot::last_commit(&self.reader)?;
        let mut stale: BTreeSet<StaleFile> = snapshot::stale_files(&self.reader, self.epoch.id)?
            .into_iter()
            .collect();
        stale.extend(snapshot::ripe(&self.reader, self.epoch.id, self.now)?);
        for file in &stale {
            if self.stop.load(Ordering::Relaxed) {
                return Err(ExportError::Stopped);
            }
            if let Err(error) = self.month(file, &mut report) {
                if matches!(error, ExportError::Stopped) {
                    return Err(error);
                }
                report.failed.push(error.to_string());
            }
        }
        self.reader.execute_batch("COMMIT")?;
        manifest::write(&self.reader, &self.epoch, self.config, &ledger)?;
        Ok((report, commit))
    }

    /// The directory is there, is this ledger's, and holds nothing that an earlier epoch or a crash left. Gives the
    /// ledger's name.
    fn prepare(&self) -> Result<String, ExportError> {
        let directory = &self.config.directory;
        directory::make(directory)?;
        let ledger = self
            .store
            .with_blocking(|connection| snapshot::ledger_name(connection))?;
        manifest::refuse_others(directory, &ledger)?;
        let (epoch, path) = (self.epoch.id, directory.clone());
        let how = (self.config.version.name(), self.config.format.name());
        let old = self
            .store
            .with_blocking(move |connection| snapshot::forget_ended(connection, epoch, &path, how))?;
        for name in &old {
            directory::delete(directory, name)?;
        }
        self.store
            .with_blocking(move |connection| snapshot::forget_files(connection, epoch))?;
        directory::sweep(directory)?;
        Ok(ledger)
    }

    /// Files that are gone or have another length are rendered again.
    fn look_for_lost(&self) -> Result<(), ExportError> {
        let id = self.epoch.id;
        let lost: Vec<StaleFile> = snapshot::files(&self.reader, id)?
            .into_iter()
            .filter(|file| !directory::stands(&self.config.directory, file))
            .map(|file| StaleFile {
                provider: file.provider,
                month: file.month,
            })
            .collect();
        if !lost.is_empty() {
            self.store
                .with_blocking(move |connection| snapshot::still_stale(connection, id, &lost))?;
        }
        Ok(())
    }

    /// Begins to read a state of which every changed partition is sorted.
    fn read_what_is_sorted(&self) -> Result<(), ExportError> {
        let id = self.epoch.id;
        loop {
            self.store
                .with_blocking(move |connection| snapshot::sort(connection, id))?;
            self.reader.execute_batch("BEGIN")?;
            // The first read fixes the state.
            if !snapshot::unsorted(&self.reader, id)? {
                return Ok(());
            }
            self.reader.execute_batch("COMMIT")?;
            if self.stop.load(Ordering::Relaxed) {
                return Err(ExportError::Stopped);
            }
        }
    }

    /// Renders a provider's month: a file for each basis.
    fn month(&self, of: &StaleFile, report: &mut SnapshotReport) -> Result<(), ExportError> {
        let directory = &self.config.directory;
        let rows = MonthRows::of(&self.reader, self.epoch.id, of, self.stop)?;
        let mut surveys: BTreeMap<Basis, Survey> = BTreeMap::new();
        let mut tellers: BTreeSet<String> = BTreeSet::new();
        rows.each(&mut |row| {
            if row.record.basis == Basis::Billed && !tellers.contains(&row.origin.source) {
                tellers.insert(row.origin.source.clone());
            }
            let version = self.config.version;
            let survey = surveys.entry(row.record.basis);
            survey.or_insert_with(|| Survey::new(version)).add(row)
        })?;
        let closings = self.closings(&rows, of)?;
        let closed = rows.closed_or(&closings);
        let is_final = tellers.iter().all(|source| closed.contains(source));
        let mut files = Vec::new();
        for (&basis, survey) in &surveys {
            let name = directory::name(of, basis, self.config.format);
            let (facts, finished) = self.file(
                of,
                (basis, &name),
                survey,
                &rows,
                is_final && basis == Basis::Billed,
            )?;
            let stood = snapshot::files(&self.reader, self.epoch.id)?
                .into_iter()
                .find(|file| file.name == name)
                .filter(|file| file.sha256 == facts.sha256 && directory::stands(directory, file));
            match stood {
                Some(stood) => {
                    report.unchanged += 1;
                    files.push(FileFacts {
                        rendered: stood.rendered,
                        ..facts
                    });
                }
                None => {
                    finished.put()?;
                    directory::share(directory, &directory.join(&name))?;
                    report.written.push(name);
                    files.push(facts);
                }
            }
        }
        for gone in snapshot::files(&self.reader, self.epoch.id)? {
            let of_this = gone.provider == of.provider && gone.month == of.month;
            if of_this && files.iter().all(|file| file.name != gone.name) {
                directory::delete(directory, &gone.name)?;
                report.deleted.push(gone.name);
            }
        }
        report
            .closed
            .extend(closings.iter().map(|_| format!("{} {}", of.provider, of.month)));
        let (id, now, of) = (self.epoch.id, self.now, of.clone());
        self.store
            .with_blocking(move |connection| snapshot::put(connection, id, &of, (&files, &closings), now))?;
        Ok(())
    }

    fn file(
        &self,
        of: &StaleFile,
        (basis, name): (Basis, &str),
        survey: &Survey,
        rows: &MonthRows<'_>,
        is_final: bool,
    ) -> Result<(FileFacts, Finished), ExportError> {
        let path = self.config.directory.join(name);
        let folder = path.parent().unwrap_or(&self.config.directory);
        directory::make(folder)?;
        directory::share(&self.config.directory, folder)?;
        let how = (self.config.version, self.config.format);
        let of_basis = rows.only(basis);
        let (written, finished) =
            write_records(&of_basis, survey, how, Strictness::Lenient, Sink::file(&path)?)?;
        let facts = FileFacts {
            name: name.to_owned(),
            provider: of.provider.clone(),
            month: of.month,
            basis: basis_name(basis).to_owned(),
            bytes: written.bytes,
            sha256: written.sha256.clone(),
            detail: Detail::of(&written, is_final).json()?,
            rendered: self.now,
        };
        Ok((facts, finished))
    }

    fn closings(&self, rows: &MonthRows<'_>, of: &StaleFile) -> Result<Vec<Closing>, ExportError> {
        let mut closings = Vec::new();
        for source in rows.sources() {
            let closing = snapshot::closing(&self.reader, self.epoch.id, source, of.month, self.now)?;
            closings.extend(closing);
        }
        Ok(closings)
    }
}

impl From<serde_json::Error> for ExportError {
    fn from(error: serde_json::Error) -> Self {
        Self::Ledger(LedgerError::Damaged(format!("what a file holds: {error}")))
    }
}
