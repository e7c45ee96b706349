//! Writing on the caller's side: which writers are open, where each record belongs, its content, key and hashes. None of
//! this needs the database, so batches are made ready while earlier ones are stored.
//! What must hold: a writer of which a batch was not stored never seals; only a few batches of it wait at a time.

use super::{
    content::{self, Places},
    error::{Stored as _, WriteError},
    fingerprint::Fingerprint,
    key,
    period::partition_of,
    record::{CostRecord, Period},
    stage::{self, Routing, WriterId},
    store::{Hash, LedgerError, Store},
    stream,
};
use crate::{component::descriptor::Anchor, foreign::Foreign};
use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
};
use tokio::task::{JoinHandle, spawn_blocking};

/// Batches of a writer that are being made ready or stored while its caller goes on.
const AHEAD: usize = 4;

/// Bytes that the content of a record likely has.
const LIKELY: usize = 1024;

/// A record as it is staged.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) start: i64,
    pub(super) key: Hash,
    pub(super) revision: Hash,
    /// In the text of its batch.
    pub(super) places: Places,
}

/// A batch that is ready to be staged.
#[derive(Debug)]
pub(super) struct Batch {
    /// The contents of all records.
    pub(super) text: String,
    /// In the order of starts and keys.
    pub(super) records: Vec<Prepared>,
    /// Per partition start: how many records, and their fingerprint.
    pub(super) prints: BTreeMap<i64, (u64, Fingerprint)>,
}

/// The writers that this process has open.
#[derive(Clone, Debug, Default)]
pub(super) struct Writers(Arc<Mutex<BTreeMap<WriterId, Arc<tokio::sync::Mutex<Open>>>>>);

/// Records that were handed over, given back to be freed, and whether they were staged.
type Staged = (Vec<CostRecord>, Result<(), WriteError>);

/// One of them.
#[derive(Debug)]
struct Open {
    routing: Arc<Routing>,
    sealed: bool,
    /// Batches that are not known to be stored yet, oldest first.
    under_way: VecDeque<JoinHandle<Staged>>,
    /// A batch was not stored.
    broken: bool,
}

impl Writers {
    /// A writer that was just opened.
    pub(super) fn opened(&self, routing: Routing) -> WriterId {
        let id = routing.writer;
        let open = Open {
            routing: Arc::new(routing),
            sealed: false,
            under_way: VecDeque::new(),
            broken: false,
        };
        self.all().insert(id, Arc::new(tokio::sync::Mutex::new(open)));
        id
    }

    /// Takes records: they are judged at once and stored soon.
    pub(super) async fn write(
        &self,
        store: &Store,
        writer: WriterId,
        records: Vec<CostRecord>,
    ) -> Result<(), WriteError> {
        let open = self.find(writer)?;
        let mut open = open.lock().await;
        if open.sealed {
            return Err(WriteError::internal("a sealed writer takes no records"));
        }
        let mut starts = Vec::with_capacity(records.len());
        for record in &records {
            starts.push(route(&open.routing, record)?);
            check_columns(record)?;
        }
        open.stored(AHEAD - 1).await?;
        let (routing, store) = (Arc::clone(&open.routing), store.clone());
        open.under_way.push_back(spawn_blocking(move || {
            let stored = prepare(&routing, &starts, &records)
                .and_then(|batch| {
                    // A full disk is no error of the job's: the ballast is for the run's end, and what is still to be staged
                    // would take it.
                    store.with_blocking(move |connection| {
                        Ok(stage::insert(connection, routing.writer, &batch))
                    })
                })
                .map_err(WriteError::from)
                .flatten()
                .map_err(|error| error.map_storage(|error| error.at(store.path())));
            // They go where they came from: an allocator takes back slowly what another thread was given.
            (records, stored)
        }));
        Ok(())
    }

    /// Waits until all that was written is stored, and lets `seal` end the writing.
    pub(super) async fn seal<F>(&self, writer: WriterId, seal: F) -> Result<(), WriteError>
    where
        F: Future<Output = Result<(), WriteError>>,
    {
        let open = self.find(writer)?;
        let mut open = open.lock().await;
        open.stored(0).await?;
        seal.await?;
        open.sealed = true;
        Ok(())
    }

    /// Forgets a writer once nothing of it is under way any more.
    pub(super) async fn close(&self, writer: WriterId) {
        let open = self.all().remove(&writer);
        if let Some(open) = open {
            // What became of its last batches makes no difference now.
            let _ = open.lock().await.stored(0).await;
        }
    }

    /// [`Writers::close`] for all writers of a run.
    pub(super) async fn close_run(&self, run: i64) {
        let open: Vec<(WriterId, Arc<tokio::sync::Mutex<Open>>)> = self
            .all()
            .iter()
            .map(|(id, open)| (*id, Arc::clone(open)))
            .collect();
        for (id, open) in open {
            let of = open.lock().await.routing.run;
            if of == run {
                self.close(id).await;
            }
        }
    }

    fn find(&self, writer: WriterId) -> Result<Arc<tokio::sync::Mutex<Open>>, WriteError> {
        self.all().get(&writer).cloned().ok_or_else(stage::no_such_writer)
    }

    fn all(&self) -> std::sync::MutexGuard<'_, BTreeMap<WriterId, Arc<tokio::sync::Mutex<Open>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    /// Waits until at most so many batches are under way, and tells if one of them was not stored.
    async fn stored(&mut self, at_most: usize) -> Result<(), WriteError> {
        while self.under_way.len() > at_most {
            let Some(oldest) = self.under_way.front_mut() else {
                break;
            };
            let stored = oldest.await;
            self.under_way.pop_front();
            let (_, stored) = stored.unwrap_or((Vec::new(), Err(WriteError::Ledger(LedgerError::Stopped))));
            if stored.is_err() {
                self.broken = true;
            }
            stored?;
        }
        if self.broken {
            return Err(WriteError::internal(
                "the writer lacks records, since an earlier batch could not be stored",
            ));
        }
        Ok(())
    }
}

/// Makes a batch ready, in the order of keys: the commit, which takes all records in that order, then reads each page of
/// a batch once.
fn prepare(routing: &Routing, starts: &[i64], records: &[CostRecord]) -> Result<Batch, LedgerError> {
    let mut text = String::with_capacity(records.len().saturating_mul(LIKELY));
    let mut parts = key::Parts::default();
    let mut prepared = Vec::with_capacity(records.len());
    let mut prints: BTreeMap<i64, (u64, Fingerprint)> = BTreeMap::new();
    for (start, record) in starts.iter().zip(records) {
        let places = content::write(&mut text, record)?;
        let key = key::record_key_by(&mut parts, record, &routing.definition.key_tags);
        let revision = key::revision(places.content.of(&text));
        let (count, sum) = prints.entry(*start).or_default();
        *count += 1;
        *sum = sum.with(Fingerprint::of(&key, &revision));
        prepared.push(Prepared {
            start: *start,
            key,
            revision,
            places,
        });
    }
    prepared.sort_by_cached_key(|record| (record.start, record.key));
    Ok(Batch {
        text,
        records: prepared,
        prints,
    })
}

/// The start of the writer's partition that a record falls into.
fn route(routing: &Routing, record: &CostRecord) -> Result<i64, WriteError> {
    let Routing {
        definition,
        partitions,
        ..
    } = routing;
    let anchor = match definition.anchor {
        Anchor::ChargeStart => record.charge_period.start(),
        Anchor::BillingPeriod => record.billing_period.start(),
    };
    let start = partition_of(definition.grain, anchor).map(Period::start);
    match start {
        Some(start) if partitions.binary_search(&start).is_ok() => Ok(start.as_second()),
        _ => {
            let first = partitions.first().map(ToString::to_string);
            let last = partitions.last().map(ToString::to_string);
            Err(WriteError::malformed(format!(
                "a record of {:?} at {anchor} lies outside the writer's {} {} partitions ({} to {})",
                Foreign::new(record.service_name.as_str()),
                partitions.len(),
                stream::grain_name(definition.grain),
                first.unwrap_or_default(),
                last.unwrap_or_default(),
            )))
        }
    }
}

/// What every record must have.
fn check_columns(record: &CostRecord) -> Result<(), WriteError> {
    for (column, value) in [
        ("BillingCurrency", &record.billing_currency),
        ("BillingAccountId", &record.billing_account_id),
        ("ServiceName", &record.service_name),
        ("ServiceCategory", &record.service_category),
        ("ServiceProviderName", &record.service_provider_name),
    ] {
        if value.is_empty() {
            let anchor = record.charge_period.start();
            return Err(WriteError::malformed(format!(
                "a record of {anchor} has an empty {column}"
            )));
        }
    }
    if let Some(name) = record.extra.keys().find(|name| !name.starts_with("x_")) {
        return Err(WriteError::malformed(format!(
            "the further dimension {:?} must begin with x_",
            Foreign::new(name.as_str())
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use crate::{
        component::descriptor::Grain,
        ledger::{Completeness, sample},
    };

    const DAY: &str = "2026-08-01T00:00:00Z";

    #[test]
    fn a_writer_of_which_a_batch_was_not_stored_never_seals() {
        let bench = sample::Bench::posting();
        let stream = sample::stream("daily", Grain::Day);
        let source = sample::source();
        let record = |service: &str| vec![sample::record(DAY, service, "1")];
        let opened = bench
            .ledger
            .open_writer(bench.run, &stream, &source, vec![sample::at(DAY)]);
        let writer = bench.block(opened).unwrap();
        bench
            .block(bench.ledger.write(writer, record("Compute")))
            .unwrap();
        bench.doctor(
            "CREATE TEMP TRIGGER full BEFORE INSERT ON staged BEGIN SELECT RAISE(ABORT, 'disk full'); END",
        );
        let lost = bench.block(bench.ledger.write(writer, record("Storage")));
        let seal = || bench.block(bench.ledger.seal(writer, sample::seal(Completeness::Complete)));
        // Told by the first call after it, whichever that is.
        let told = lost.and_then(|()| seal()).unwrap_err().to_string();
        assert!(told.contains("disk full"), "{told}");
        bench.doctor("DROP TRIGGER full");
        let again = bench.block(bench.ledger.write(writer, record("Storage")));
        assert!(again.unwrap_err().to_string().contains("lacks records"));
        assert!(seal().is_err());
        let committed = bench.ledger.commit(bench.run, vec![writer], sample::trusting());
        assert!(bench.block(committed).unwrap_err().to_string().contains("sealed"));
        assert_eq!(bench.entries(), [""; 0]);
    }
}
