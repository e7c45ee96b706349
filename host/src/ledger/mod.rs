//! The host's store of records, entries and checkpoints, and the rules by which money moves through it.
//!
//! [`Ledger`] is the writing side, one call for each thing that a run does; readers take a read-only connection
//! ([`store::open_read_only`]) to [`query`], [`overview`], [`held::review`] and [`check`].

use crate::{clock::SharedClock, component::descriptor::Stream, sandbox::limits::Spend};
use finops_decimal::Decimal;
use jiff::Timestamp;
use record::{CostRecord, Period, Source};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};
use store::{LedgerError, Store};
use writing::Writers;

pub mod apart;
mod archive;
pub mod as_of;
pub mod ballast;
pub mod check;
mod collapse;
pub mod commit;
mod compare;
mod content;
pub mod control;
pub mod coverage;
pub mod destination;
pub mod dimension;
pub mod dims;
mod emptied;
mod entries;
pub mod error;
mod fingerprint;
#[cfg(test)]
mod full_tests;
pub mod gauges;
pub mod held;
pub mod hold;
mod key;
#[cfg(test)]
mod large_tests;
mod links;
mod lock;
mod log;
pub mod mark;
mod merge;
mod migrate;
#[cfg(test)]
mod model_tests;
pub mod month;
mod moves;
pub mod observe;
mod opening;
pub mod orphans;
pub mod outbox;
pub mod overlaps;
pub mod overview;
pub mod period;
mod post;
#[cfg(test)]
mod posting_tests;
pub mod query;
pub mod quota;
pub mod reconcile;
pub mod record;
mod recount;
mod replace;
mod reprice;
pub mod retire;
#[cfg(test)]
mod retire_tests;
mod run;
mod runs;
pub mod salvage;
#[cfg(test)]
mod sample;
mod slots;
pub mod snapshot;
mod source;
pub mod spend;
mod stage;
pub mod store;
mod stream;
mod supersede;
#[cfg(test)]
mod supersede_tests;
pub mod tags;
mod temporary;
mod writing;

pub use apart::Money;
pub use archive::{Archived, Retention, link as link_archives};
pub use commit::{CommitOptions, Receipt};
pub use destination::{DestinationId, DestinationSpec};
pub use error::{WriteError, WriteFault};
pub use hold::{HoldPolicy, Repricing};
pub use lock::LockGuard;
pub use observe::Observation;
pub use retire::{Freeze, Recounted, Retire};
pub use run::{RunId, RunInfo};
pub use source::source_hash;
pub use stage::{Completeness, ControlTotals, Seal, WriterId};
pub use stream::{Committed, StreamState};

/// The writing side of a ledger. Clones share one writer thread.
#[derive(Clone, Debug)]
pub struct Ledger {
    store: Store,
    /// Where paid calls are written down.
    purse: Store,
    directory: PathBuf,
    clock: SharedClock,
    /// Those that write.
    writers: Writers,
}

impl Ledger {
    /// Opens the ledger of a state directory, making it where it is missing.
    ///
    /// # Errors
    /// See [`LedgerError`].
    pub fn open(directory: &Path, clock: SharedClock) -> Result<Self, LedgerError> {
        let store = Store::open(directory)?;
        let directory = directory.to_owned();
        Ok(Self {
            purse: store.clone(),
            store,
            directory,
            clock,
            writers: Writers::default(),
        })
    }

    /// The same ledger, with paid calls written down in another one: a dry run pays real money.
    #[must_use]
    pub fn paying_from(mut self, other: &Self) -> Self {
        self.purse = other.purse.clone();
        self
    }

    /// The database, for delivery.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Takes the lock of an instance, waiting for it at most so long.
    ///
    /// # Errors
    /// [`LedgerError::Refused`] where another process collects for it.
    pub async fn lock_instance(&self, name: &str, wait: Duration) -> Result<LockGuard, LedgerError> {
        lock::acquire(&self.directory, lock::Lock::Instance(name), wait, &self.clock).await
    }

    /// Takes the lock of whoever delivers, waiting for it at most so long.
    ///
    /// # Errors
    /// [`LedgerError::Refused`] where another process delivers.
    pub async fn lock_delivery(&self, wait: Duration) -> Result<LockGuard, LedgerError> {
        lock::acquire(&self.directory, lock::Lock::Delivery, wait, &self.clock).await
    }

    /// Takes the lock of the one `serve` over this ledger.
    ///
    /// # Errors
    /// [`LedgerError::Refused`] where another process has it.
    pub fn lock_serve(&self) -> Result<LockGuard, LedgerError> {
        lock::try_now(&self.directory, lock::Lock::Serve)
    }

    /// When each instance was last started.
    ///
    /// # Errors
    /// See [`LedgerError`].
    pub async fn last_starts(&self) -> Result<BTreeMap<String, Timestamp>, LedgerError> {
        self.store.with(|connection| run::last_starts(connection)).await
    }

    /// Takes the lock of whoever renders snapshots, waiting for it at most so long.
    ///
    /// # Errors
    /// [`LedgerError::Refused`] where another process renders.
    pub async fn lock_snapshot(&self, wait: Duration) -> Result<LockGuard, LedgerError> {
        lock::acquire(&self.directory, lock::Lock::Snapshot, wait, &self.clock).await
    }

    /// Begins a run of an instance whose lock the caller holds. Unfinished earlier runs of it are closed as
    /// `killed`, and what they staged is deleted.
    ///
    /// # Errors
    /// See [`LedgerError`].
    pub async fn begin_run(&self, info: RunInfo) -> Result<RunId, LedgerError> {
        let now = self.clock.now();
        self.store
            .with(move |connection| run::begin(connection, &info, now))
            .await
    }

    /// Ends a run: its outcome (`done` or a failure kind), a line for people, its figures.
    ///
    /// # Errors
    /// See [`LedgerError`].
    pub async fn end_run(
        &self,
        run: RunId,
        outcome: &str,
        note: Option<&str>,
        report: serde_json::Value,
    ) -> Result<(), LedgerError> {
        self.writers.close_run(run.0).await;
        let now = self.clock.now();
        let (outcome, note) = (outcome.to_owned(), note.map(str::to_owned));
        let end = |leftovers| {
            let (outcome, note, report) = (outcome.clone(), note.clone(), report.clone());
            self.store.with(move |connection| {
                let how = (outcome.as_str(), note.as_deref());
                run::end(connection, run, how, (&report, leftovers), now)
            })
        };
        match end(run::Leftovers::Deleted).await {
            Err(LedgerError::Full { .. }) => end(run::Leftovers::Left).await,
            ended => ended,
        }
    }

    /// Takes the content of partitions that are long over out of the database, into files of their own. What another
    /// process is archiving is left to it; `stop` ends it early.
    ///
    /// # Errors
    /// See [`LedgerError`]; what was archived before stays.
    pub async fn archive(
        &self,
        instance: &str,
        retention: Retention,
        stop: Arc<AtomicBool>,
    ) -> Result<Archived, LedgerError> {
        let _turn = match lock::try_now(&self.directory, lock::Lock::Archive) {
            Err(LedgerError::Refused { .. }) => return Ok(Archived::default()),
            turn => turn?,
        };
        let (store, instance, now) = (self.store.clone(), instance.to_owned(), self.clock.now());
        let keep = move || archive::keep(&store, &instance, retention, now, &stop);
        tokio::task::spawn_blocking(keep)
            .await
            .map_err(|_| LedgerError::Stopped)?
    }

    /// Opens a writer that will replace the partitions which start at the given instants.
    ///
    /// # Errors
    /// [`WriteError`]: another instance's source, unaligned partitions, a stream that changed under its records.
    pub async fn open_writer(
        &self,
        run: RunId,
        stream: &Stream,
        source: &Source,
        partitions: Vec<Timestamp>,
    ) -> Result<WriterId, WriteError> {
        let now = self.clock.now();
        let (stream, source) = (stream.clone(), source.clone());
        let open = move |connection: &mut rusqlite::Connection| {
            stage::open(connection, run, &stream, &source, partitions, now)
        };
        Ok(self.writers.opened(self.write_job(open).await?))
    }

    /// Takes records, all or none of them. They are judged at once and stored while the caller goes on: that storing
    /// failed is told by a later call, and a writer that lacks records never seals.
    ///
    /// # Errors
    /// [`WriteError`]: a record outside the writer's partitions, or without what every record must have; an earlier
    /// batch could not be stored.
    pub async fn write(&self, writer: WriterId, records: Vec<CostRecord>) -> Result<(), WriteError> {
        self.writers.write(&self.store, writer, records).await
    }

    /// Ends writing: merges records of equal key and checks the control totals.
    ///
    /// # Errors
    /// [`WriteError`]: totals that do not agree, lines of one id that differ, sums in two units.
    pub async fn seal(&self, writer: WriterId, seal: Seal) -> Result<(), WriteError> {
        let seal = self.write_job(move |connection| stage::seal(connection, writer, &seal));
        self.writers.seal(writer, seal).await
    }

    /// Commits sealed writers in one transaction. They are used up; the receipts stand in their order.
    ///
    /// # Errors
    /// [`WriteError`]; then nothing has changed.
    pub async fn commit(
        &self,
        run: RunId,
        writers: Vec<WriterId>,
        options: CommitOptions,
    ) -> Result<Vec<Receipt>, WriteError> {
        let now = self.clock.now();
        let committed = writers.clone();
        let commit = move |connection: &mut rusqlite::Connection| {
            commit::commit(connection, run, &committed, &options, now)
        };
        let receipts = self.write_job(commit).await?;
        let staged = writers.clone();
        self.store.later(move |connection| {
            let transaction = connection.transaction()?;
            staged
                .iter()
                .try_for_each(|writer| stage::sweep(&transaction, writer.0))?;
            Ok(transaction.commit()?)
        });
        for writer in writers {
            self.writers.close(writer).await;
        }
        Ok(receipts)
    }

    /// Deletes a writer and what it staged. One that is gone already is no error, and one that a held commit keeps
    /// stays.
    ///
    /// # Errors
    /// See [`LedgerError`].
    pub async fn discard(&self, writer: WriterId) -> Result<(), LedgerError> {
        self.writers.close(writer).await;
        self.store
            .with(move |connection| stage::abandon(connection, writer))
            .await
    }

    /// Stores observations; the newest of each key stands.
    ///
    /// # Errors
    /// [`WriteError`]: another instance's source.
    pub async fn put_observations(
        &self,
        run: RunId,
        observations: Vec<Observation>,
    ) -> Result<(), WriteError> {
        self.write_job(move |connection| observe::put(connection, run, &observations))
            .await
    }

    /// What an instance's sources hold of a stream within a period, and their checkpoints.
    ///
    /// # Errors
    /// See [`LedgerError`].
    pub async fn stream_state(
        &self,
        instance: &str,
        stream: &str,
        period: Period,
    ) -> Result<StreamState, LedgerError> {
        let (instance, stream) = (instance.to_owned(), stream.to_owned());
        self.store
            .with(move |connection| stream::state(connection, &instance, &stream, period))
            .await
    }

    /// When an instance last committed a stream.
    ///
    /// # Errors
    /// See [`LedgerError`].
    pub async fn last_read(&self, instance: &str, stream: &str) -> Result<Option<Timestamp>, LedgerError> {
        let (instance, stream) = (instance.to_owned(), stream.to_owned());
        self.store
            .with(move |connection| stream::last_read(connection, &instance, &stream))
            .await
    }

    /// Makes a destination be as the operator's file says. The caller holds the delivery lock.
    ///
    /// # Errors
    /// See [`LedgerError`].
    pub async fn ensure_destination(&self, spec: &DestinationSpec) -> Result<DestinationId, LedgerError> {
        let now = self.clock.now();
        let spec = spec.clone();
        let path = self.store.path().to_owned();
        self.store
            .with(move |connection| destination::ensure(connection, &spec, &path, now))
            .await
    }

    /// Gives a source to another instance. Says whether there is such a source.
    ///
    /// # Errors
    /// See [`LedgerError`].
    pub async fn adopt(&self, source: &Source, instance: &str) -> Result<bool, LedgerError> {
        let (source, instance) = (source.clone(), instance.to_owned());
        self.store
            .with(move |connection| source::adopt(connection, &source, &instance))
            .await
    }

    /// Freezes a source, so that it takes no commits, or opens it again. Its records keep counting.
    ///
    /// # Errors
    /// [`WriteError`]: no such source, or one that was retired.
    pub async fn freeze(&self, source: &Source, to: Freeze) -> Result<(), WriteError> {
        let source = source.clone();
        self.write_job(move |connection| retire::freeze(connection, &source, to))
            .await
    }

    /// Retires a stream or all of a source: its records stay as history and no longer count.
    ///
    /// # Errors
    /// [`WriteError`]: no such source or stream, or a successor that cannot be one.
    pub async fn retire(&self, source: &Source, what: &Retire) -> Result<Recounted, WriteError> {
        let now = self.clock.now();
        let (source, what) = (source.clone(), what.clone());
        self.write_job(move |connection| retire::retire(connection, &source, &what, now))
            .await
    }

    /// Reserves the price of one call of an instance, in USD, before the call leaves.
    ///
    /// # Errors
    /// See [`LedgerError`]; a limit that would be passed is no error.
    pub async fn reserve_spend(
        &self,
        instance: &str,
        price: Decimal,
        limits: Spend,
    ) -> Result<spend::Reservation, LedgerError> {
        let now = self.clock.now();
        let instance = instance.to_owned();
        self.purse
            .with(move |connection| spend::reserve(connection, &instance, price, limits, now))
            .await
    }

    /// Applies a held commit as it was written.
    ///
    /// # Errors
    /// [`WriteError`] where the commit is not held.
    pub async fn accept(&self, commit: i64) -> Result<Vec<Receipt>, WriteError> {
        let now = self.clock.now();
        self.write_job(move |connection| held::accept(connection, commit, now))
            .await
    }

    /// Gives a held commit up; what stands stays.
    ///
    /// # Errors
    /// [`WriteError`] where the commit is not held.
    pub async fn reject(&self, commit: i64) -> Result<(), WriteError> {
        self.write_job(move |connection| held::reject(connection, commit))
            .await
    }

    /// Runs a job that may refuse; a refusal has rolled its transaction back.
    async fn write_job<T, F>(&self, job: F) -> Result<T, WriteError>
    where
        T: Send + 'static,
        F: FnOnce(&mut rusqlite::Connection) -> Result<T, WriteError> + Send + 'static,
    {
        self.store.decide(job).await
    }
}
