//! A host for native tests: scripted HTTP, a ledger in memory, a clock that moves only by sleeping.
//! It is as strict as the real one where a collector could go wrong: unknown streams, records outside their
//! partitions, writing after sealing and committing twice are failures.

mod host;
mod reply;

pub use reply::{broken_reply, reply};

use crate::{
    Checkpoint, Collector, CommittedPartition, CostRecord, Descriptor, Failure, HttpRequest, Instant, Level,
    Observation, Outcome, Period, Progress, Request, Response, Seal, Source, StreamRequest, WriterId,
    descriptor::Anchor,
};
use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    time::Duration,
};

/// Calls of `collect` after which a run is taken to go in a circle.
const MAX_CALLS: usize = 100;

/// A writer as the fake host keeps it, and what a commit recorded.
#[derive(Clone, Debug)]
pub struct Commit {
    /// Name of the stream.
    pub stream: String,
    /// Whose money.
    pub source: Source,
    /// Starts of the partitions.
    pub partitions: Vec<Instant>,
    /// The records written.
    pub records: Vec<CostRecord>,
    /// How it was sealed.
    pub seal: Option<Seal>,
}

type Answer = Box<dyn Fn(&HttpRequest) -> Result<Response, Failure>>;

/// The host for native tests.
pub struct FakeHost {
    answer: Answer,
    descriptor: Option<Descriptor>,
    clock: Cell<Instant>,
    holding: Cell<bool>,
    randoms: Cell<u8>,
    secrets: BTreeMap<String, String>,
    state: RefCell<State>,
}

#[derive(Default)]
struct State {
    requests: Vec<HttpRequest>,
    next_writer: u32,
    writers: BTreeMap<WriterId, Commit>,
    batches: Vec<usize>,
    commits: Vec<Commit>,
    observations: Vec<Observation>,
    logs: Vec<(Level, String)>,
    sleeps: Vec<Duration>,
}

impl Default for FakeHost {
    fn default() -> Self {
        Self::new()
    }
}

impl FakeHost {
    /// A host that nothing can be reached from.
    #[must_use]
    pub fn new() -> Self {
        Self::answering(|request| {
            Err(Failure::unreachable(format_args!(
                "no answer is scripted for {}",
                request.url
            )))
        })
    }

    /// A host whose HTTP is answered by the closure.
    #[must_use]
    pub fn answering(answer: impl Fn(&HttpRequest) -> Result<Response, Failure> + 'static) -> Self {
        Self {
            answer: Box::new(answer),
            descriptor: None,
            clock: Cell::new(0),
            holding: Cell::new(false),
            randoms: Cell::new(0),
            secrets: BTreeMap::new(),
            state: RefCell::default(),
        }
    }

    /// A host that answers with these replies, in order, and then with failures.
    #[must_use]
    pub fn replying(replies: impl IntoIterator<Item = Response>) -> Self {
        let replies = RefCell::new(replies.into_iter().collect::<std::collections::VecDeque<_>>());
        Self::answering(move |request| {
            let next = replies.borrow_mut().pop_front();
            next.ok_or_else(|| Failure::unreachable(format_args!("no reply is left for {}", request.url)))
        })
    }

    /// A host that knows the collector's streams and checks records against their grain.
    #[must_use]
    pub fn describing(mut self, descriptor: Descriptor) -> Self {
        self.descriptor = Some(descriptor);
        self
    }

    /// With the clock at this instant.
    #[must_use]
    pub fn at(self, now: Instant) -> Self {
        self.clock.set(now);
        self
    }

    /// With a secret that may be revealed.
    #[must_use]
    pub fn secret(mut self, credential: &str, value: &str) -> Self {
        self.secrets.insert(credential.to_owned(), value.to_owned());
        self
    }

    /// From now on commits are (or are not) held for the operator's review.
    pub fn hold_commits(&self, held: bool) {
        self.holding.set(held);
    }

    /// The requests so far.
    #[must_use]
    pub fn requests(&self) -> Vec<HttpRequest> {
        self.state.borrow().requests.clone()
    }

    /// The commits so far, a writer each.
    #[must_use]
    pub fn commits(&self) -> Vec<Commit> {
        self.state.borrow().commits.clone()
    }

    /// Writers that are neither committed nor given up.
    #[must_use]
    pub fn open_writers(&self) -> usize {
        self.state.borrow().writers.len()
    }

    /// How many records came with each write.
    #[must_use]
    pub fn batches(&self) -> Vec<usize> {
        self.state.borrow().batches.clone()
    }

    /// The observations so far.
    #[must_use]
    pub fn observations(&self) -> Vec<Observation> {
        self.state.borrow().observations.clone()
    }

    /// The log so far.
    #[must_use]
    pub fn logs(&self) -> Vec<(Level, String)> {
        self.state.borrow().logs.clone()
    }

    /// How long the collector slept, each time.
    #[must_use]
    pub fn sleeps(&self) -> Vec<Duration> {
        self.state.borrow().sleeps.clone()
    }

    /// The records that stand in the ledger now: of each partition those of its last commit.
    #[must_use]
    pub fn records(&self, stream: &str) -> Vec<CostRecord> {
        let state = self.state.borrow();
        let mut standing: BTreeMap<(&Source, Instant), Vec<&CostRecord>> = BTreeMap::new();
        for commit in state.commits.iter().filter(|commit| commit.stream == stream) {
            for start in &commit.partitions {
                let inside = |record: &&CostRecord| {
                    self.partition_of(stream, record, &commit.partitions) == Some(*start)
                };
                standing.insert(
                    (&commit.source, *start),
                    commit.records.iter().filter(inside).collect(),
                );
            }
        }
        standing.into_values().flatten().cloned().collect()
    }

    /// A request for the period, every stream due, with what is committed so far.
    #[must_use]
    pub fn request(&self, settings: &serde_json::Value, period: Period) -> Request {
        let streams = self.descriptor.iter().flat_map(|descriptor| &descriptor.streams);
        let streams = streams
            .map(|stream| self.stream_request(&stream.name, period))
            .collect();
        Request {
            settings: settings.to_string(),
            now: self.clock.get(),
            backfill: false,
            streams,
        }
    }

    fn stream_request(&self, name: &str, period: Period) -> StreamRequest {
        let state = self.state.borrow();
        let mut committed = BTreeMap::new();
        let mut checkpoints = BTreeMap::new();
        for commit in state.commits.iter().filter(|commit| commit.stream == name) {
            let Some(seal) = &commit.seal else { continue };
            for start in commit
                .partitions
                .iter()
                .copied()
                .filter(|start| period.contains(*start))
            {
                let partition = CommittedPartition {
                    source: commit.source.clone(),
                    start,
                    completeness: seal.completeness,
                    observed_through: seal.observed_through,
                };
                committed.insert((commit.source.clone(), start), partition);
            }
            if let Some(value) = &seal.checkpoint {
                checkpoints.insert(commit.source.clone(), value.clone());
            }
        }
        StreamRequest {
            name: name.to_owned(),
            due: true,
            period,
            committed: committed.into_values().collect(),
            checkpoints: checkpoints
                .into_iter()
                .map(|(source, value)| Checkpoint { source, value })
                .collect(),
        }
    }

    /// Calls `collect` until it is done, as the host does; gives the outcomes.
    ///
    /// # Errors
    /// The collector's; `internal` where it never ends.
    pub fn run<C: Collector>(
        &self,
        settings: &serde_json::Value,
        period: Period,
    ) -> Result<Vec<Outcome>, Failure> {
        let mut outcomes = Vec::new();
        for _ in 0..MAX_CALLS {
            let outcome = C::collect(self, &self.request(settings, period))?;
            let progress = outcome.progress;
            outcomes.push(outcome);
            if progress == Progress::Done {
                return Ok(outcomes);
            }
        }
        Err(Failure::internal("the collector asks for more without end"))
    }

    /// Calls `probe` once, as `finops-host check --probe` does.
    ///
    /// # Errors
    /// The collector's.
    pub fn probe<C: Collector>(
        &self,
        settings: &serde_json::Value,
        period: Period,
    ) -> Result<Outcome, Failure> {
        C::probe(self, &self.request(settings, period))
    }

    /// The partition that the record belongs to, if it is among these.
    fn partition_of(&self, stream: &str, record: &CostRecord, partitions: &[Instant]) -> Option<Instant> {
        let described = self
            .descriptor
            .iter()
            .flat_map(|descriptor| &descriptor.streams)
            .find(|s| s.name == stream);
        let start = match described {
            Some(described) => {
                let anchor = match (described.anchor, record.billing_period) {
                    (Anchor::BillingPeriod, Some(period)) => period.start,
                    _ => record.charge_period.start,
                };
                Period::around(anchor, described.grain).start
            }
            None => partitions
                .iter()
                .copied()
                .filter(|start| *start <= record.charge_period.start)
                .max()?,
        };
        partitions.contains(&start).then_some(start)
    }
}
