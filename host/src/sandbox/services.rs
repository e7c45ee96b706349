//! The services behind the imports, for a real run: egress, the ledger, and the run's own limits.
//! What must hold: each count is checked before the work is done, and counts over the whole run.

use super::{
    failure::{Failure, FailureKind, LimitReached},
    imports::to_failure,
    limits::{self, Limits},
    seam::{LogLevel, Mishap, Sent, Served, Services},
    size,
};
use crate::{
    component::descriptor::{Basis, Descriptor},
    egress::{self, Egress},
    foreign::Foreign,
    ledger::{
        CommitOptions, Ledger, Observation, Receipt, RunId, Seal, WriteError, WriteFault, WriterId,
        record::{CostRecord, Source},
    },
};
use finops_decimal::Decimal;
use jiff::Timestamp;
use serde::Serialize;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use zeroize::Zeroizing;

/// What a run has done so far.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Counts {
    /// Records written.
    pub records: u64,
    /// Bytes of records staged and of observations, estimated.
    pub staged: u64,
    /// Partitions opened.
    pub partitions: u64,
    /// Observations put.
    pub observations: u64,
    /// Bytes of log lines, with a flat figure for each.
    pub log: u64,
    /// The largest of what each call may have.
    pub largest: Largest,
    /// Log lines dropped because the log was full.
    pub log_dropped: u64,
    /// Writers open now.
    #[serde(skip)]
    pub writers: u32,
    /// Stream and first partition opened last: where the run is.
    #[serde(skip)]
    pub at: Option<(String, Timestamp)>,
    /// What commits changed.
    pub receipts: Totals,
    /// What commits brought into the books so far, effective cost by currency.
    pub money: BTreeMap<String, Decimal>,
    /// What was read of each stream, and what commits changed there.
    pub streams: BTreeMap<String, StreamCounts>,
    /// The streams of the writers that are open.
    #[serde(skip)]
    pub(crate) of_writers: BTreeMap<WriterId, String>,
}

/// What a run did with one stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct StreamCounts {
    /// Partitions opened.
    pub partitions: u64,
    /// What its commits changed.
    #[serde(flatten)]
    pub changes: Totals,
}

impl Counts {
    /// Counts what a commit of these writers did.
    fn committed(&mut self, writers: &[WriterId], receipts: &[Receipt]) {
        self.receipts.commits += 1;
        for (writer, receipt) in writers.iter().zip(receipts) {
            self.receipts.add(receipt);
            if let Some(stream) = self.of_writers.get(writer) {
                let changes = &mut self.streams.entry(stream.clone()).or_default().changes;
                changes.commits += 1;
                changes.add(receipt);
            }
            for (currency, amount) in &receipt.money {
                let sum = self.money.get(currency).copied().unwrap_or_default();
                match sum.checked_add(*amount) {
                    Ok(sum) => self.money.insert(currency.clone(), sum),
                    // No figure rather than a wrong one.
                    Err(_) => self.money.remove(currency),
                };
            }
        }
    }
}

/// The most of a limit that one call used, or that was used at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Largest {
    /// Bytes of a record or an observation.
    pub record: u64,
    /// Records, or observations, of a batch.
    pub batch: u64,
    /// Tags of a record, or dimensions of an observation.
    pub tags: u64,
    /// Writers open at once.
    pub writers: u64,
    /// Bytes of a checkpoint.
    pub checkpoint: u64,
}

/// Sums over all receipts of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[allow(missing_docs)]
pub struct Totals {
    pub commits: u64,
    pub written: u64,
    pub unchanged: u64,
    pub revised: u64,
    pub added: u64,
    pub withdrawn: u64,
    pub merged: u64,
    pub held: u64,
}

impl Totals {
    fn add(&mut self, receipt: &Receipt) {
        self.written += receipt.written;
        self.unchanged += receipt.unchanged;
        self.revised += receipt.revised;
        self.added += receipt.added;
        self.withdrawn += receipt.withdrawn;
        self.merged += receipt.merged;
        self.held += u64::from(receipt.held);
    }
}

/// The services of one run.
pub struct RunServices {
    /// The run's egress.
    pub egress: Egress,
    ledger: Ledger,
    run: RunId,
    descriptor: Arc<Descriptor>,
    limits: Limits,
    /// What commits may change unasked.
    options: CommitOptions,
    counts: Mutex<Counts>,
}

impl RunServices {
    /// Services of a run that has begun in the ledger.
    #[must_use]
    pub fn new(
        egress: Egress,
        ledger: Ledger,
        run: RunId,
        descriptor: Arc<Descriptor>,
        limits: Limits,
        options: CommitOptions,
    ) -> Self {
        Self {
            egress,
            ledger,
            run,
            descriptor,
            limits,
            options,
            counts: Mutex::default(),
        }
    }

    /// What has been done so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts records before they are staged.
    fn charge_records(&self, records: &[CostRecord]) -> Result<(), Mishap> {
        let (bytes, largest) = all_fit("record", records, size::of_record)?;
        let mut counts = self.lock();
        let tags = records.iter().map(|record| record.tags.len()).max();
        counts
            .largest
            .see(largest, records.len(), tags.unwrap_or_default());
        counts.records += records.len() as u64;
        counts.staged += bytes;
        if counts.records > self.limits.records {
            return Err(LimitReached::Records(self.limits.records).into());
        }
        self.judge_staged(&counts)
    }

    /// Counts observations before they are stored. Their bytes count with those of records: both fill the same disk.
    fn charge_observations(&self, observations: &[Observation]) -> Result<(), Mishap> {
        let (bytes, largest) = all_fit("observation", observations, size::of_observation)?;
        let mut counts = self.lock();
        let dims = observations
            .iter()
            .map(|observation| observation.dims.len())
            .max();
        counts
            .largest
            .see(largest, observations.len(), dims.unwrap_or_default());
        counts.observations += observations.len() as u64;
        counts.staged += bytes;
        if counts.observations > self.limits.observations {
            return Err(LimitReached::Observations(self.limits.observations).into());
        }
        self.judge_staged(&counts)
    }

    fn judge_staged(&self, counts: &Counts) -> Result<(), Mishap> {
        if counts.staged > self.limits.staged {
            return Err(LimitReached::Staged(self.limits.staged).into());
        }
        Ok(())
    }

    /// A collector speaks for its own provider alone: it could else claim another's source before that one's collector does.
    fn judge_source(&self, source: &Source) -> Result<(), Failure> {
        if source.provider != self.descriptor.provider {
            let provider = &self.descriptor.provider;
            return Err(misused(format!(
                "the source's provider is not the descriptor's `{provider}`"
            )));
        }
        if source.billing_account.len() > limits::SOURCE || source.scope.len() > limits::SOURCE {
            return Err(misused(format!(
                "the source's billing account or scope is longer than {} bytes",
                limits::SOURCE
            )));
        }
        Ok(())
    }
}

fn misused(message: String) -> Failure {
    Failure::new(FailureKind::Internal, message)
}

impl Largest {
    fn see(&mut self, record: u64, batch: usize, tags: usize) {
        self.record = self.record.max(record);
        self.batch = self.batch.max(batch as u64);
        self.tags = self.tags.max(tags as u64);
    }
}

/// The bytes of all items and of the largest, if none is larger than a record may be.
fn all_fit<T>(what: &str, items: &[T], size: impl Fn(&T) -> usize) -> Result<(u64, u64), Failure> {
    let (mut bytes, mut largest) = (0, 0);
    for (index, item) in items.iter().enumerate() {
        let size = size(item);
        if size > limits::RECORD {
            let most = limits::RECORD >> 10;
            return Err(misused(format!(
                "{what} {index} of the batch is larger than {most} KiB"
            )));
        }
        bytes += size as u64;
        largest = largest.max(size as u64);
    }
    Ok((bytes, largest))
}

fn mishap(error: WriteError) -> Mishap {
    match error {
        WriteError::Refused { fault, message } => {
            let kind = match fault {
                WriteFault::Incomplete => FailureKind::Incomplete,
                WriteFault::Malformed => FailureKind::MalformedReply,
                WriteFault::Internal => FailureKind::Internal,
                WriteFault::Denied => FailureKind::Denied,
            };
            Failure::new(kind, message).into()
        }
        WriteError::Ledger(error) => error.into(),
    }
}

impl Services for RunServices {
    fn send(&self, request: egress::Request) -> Sent<'_> {
        Box::pin(self.egress.send(request))
    }

    fn in_flight(&self) -> &egress::InFlight {
        self.egress.in_flight()
    }

    fn seed(&self) -> Option<[u8; 32]> {
        self.egress.seed()
    }

    fn reveal(&self, credential: String) -> Served<'_, Zeroizing<String>> {
        Box::pin(async move {
            self.egress
                .reveal(&credential)
                .await
                .map_err(|refusal| to_failure(refusal).into())
        })
    }

    fn open_writer(
        &self,
        stream: String,
        source: Source,
        partitions: Vec<Timestamp>,
    ) -> Served<'_, WriterId> {
        Box::pin(async move {
            let Some(definition) = self.descriptor.streams.iter().find(|known| known.name == stream) else {
                let message = format!("the descriptor has no stream `{}`", Foreign::from(stream));
                return Err(misused(message).into());
            };
            self.judge_source(&source)?;
            let opened = partitions.len() as u64;
            {
                let mut counts = self.lock();
                if counts.writers >= self.limits.writers {
                    return Err(LimitReached::Writers(self.limits.writers).into());
                }
                counts.partitions += opened;
                if counts.partitions > self.limits.partitions {
                    return Err(LimitReached::Partitions(self.limits.partitions).into());
                }
                counts.at = partitions.first().map(|start| (definition.name.clone(), *start));
            }
            let writer = self
                .ledger
                .open_writer(self.run, definition, &source, partitions)
                .await
                .map_err(mishap)?;
            let mut counts = self.lock();
            counts.writers += 1;
            counts.largest.writers = counts.largest.writers.max(u64::from(counts.writers));
            counts
                .streams
                .entry(definition.name.clone())
                .or_default()
                .partitions += opened;
            counts.of_writers.insert(writer, definition.name.clone());
            Ok(writer)
        })
    }

    fn write(&self, writer: WriterId, records: Vec<CostRecord>) -> Served<'_, ()> {
        Box::pin(async move {
            self.charge_records(&records)?;
            self.ledger.write(writer, records).await.map_err(mishap)
        })
    }

    fn seal(&self, writer: WriterId, seal: Seal) -> Served<'_, ()> {
        {
            let size = seal.checkpoint.as_ref().map_or(0, Vec::len) as u64;
            let mut counts = self.lock();
            counts.largest.checkpoint = counts.largest.checkpoint.max(size);
        }
        Box::pin(async move { self.ledger.seal(writer, seal).await.map_err(mishap) })
    }

    fn commit(&self, writers: Vec<WriterId>) -> Served<'_, Vec<Receipt>> {
        Box::pin(async move {
            let receipts = self
                .ledger
                .commit(self.run, writers.clone(), self.options.clone())
                .await
                .map_err(mishap)?;
            self.lock().committed(&writers, &receipts);
            Ok(receipts)
        })
    }

    fn discard(&self, writer: WriterId) -> Served<'_, ()> {
        Box::pin(async move {
            {
                let mut counts = self.lock();
                counts.writers = counts.writers.saturating_sub(1);
                counts.of_writers.remove(&writer);
            }
            Ok(self.ledger.discard(writer).await?)
        })
    }

    fn observe(&self, observations: Vec<Observation>) -> Served<'_, ()> {
        Box::pin(async move {
            let unknown = observations.iter().find(|one| {
                !self
                    .descriptor
                    .observations
                    .iter()
                    .any(|kind| kind.name == one.name)
            });
            if let Some(unknown) = unknown {
                let message = format!(
                    "the descriptor has no observation `{}`",
                    Foreign::from(unknown.name.as_str())
                );
                return Err(misused(message).into());
            }
            for observation in &observations {
                self.judge_source(&observation.source)?;
            }
            self.charge_observations(&observations)?;
            self.ledger
                .put_observations(self.run, observations)
                .await
                .map_err(mishap)
        })
    }

    fn stream_basis(&self, stream: &str) -> Option<Basis> {
        self.descriptor
            .streams
            .iter()
            .find(|known| known.name == stream)
            .map(|known| known.basis)
    }

    fn log(&self, level: LogLevel, mut message: String) {
        message.truncate(message.floor_char_boundary(limits::MESSAGE));
        let size = (limits::LOG_LINE + message.len()) as u64;
        {
            let mut counts = self.lock();
            if counts.log + size > self.limits.log {
                counts.log_dropped += 1;
                return;
            }
            counts.log += size;
        }
        write_line(level, &self.descriptor.name, message);
    }
}

/// A guest's line, into the host's log.
pub(super) fn write_line(level: LogLevel, collector: &str, message: String) {
    let message = Foreign::new(message);
    match level {
        LogLevel::Debug => tracing::debug!(target: "collector", collector, "{message}"),
        LogLevel::Info => tracing::info!(target: "collector", collector, "{message}"),
        LogLevel::Warn => tracing::warn!(target: "collector", collector, "{message}"),
        LogLevel::Error => tracing::error!(target: "collector", collector, "{message}"),
    }
}
