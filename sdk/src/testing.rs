//! A host for native tests: scripted HTTP, a ledger in memory, a clock that moves only by sleeping.
//! It is as strict as the real one where a collector could go wrong: unknown streams, records outside their
//! partitions, writing after sealing and committing twice are failures.

use crate::{
    Body, Checkpoint, Collector, CommittedPartition, CostRecord, Descriptor, Failure, Host, HttpRequest,
    Instant, Level, Observation, Outcome, Period, Progress, Receipt, Request, Response, Seal, Source,
    StreamRequest, WriterId, descriptor::Anchor,
};
use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    time::Duration,
};

/// Pieces in which a fake reply's body is read: small, so that every reader meets seams.
const PIECE: usize = 7;
/// Calls of `collect` after which a run is taken to go in a circle.
const MAX_CALLS: usize = 100;

/// A reply with a status and a text as body.
#[must_use]
pub fn reply(status: u16, body: &str) -> Response {
    let body = Pieces {
        bytes: body.as_bytes().to_vec(),
        position: 0,
        breaks: None,
    };
    Response {
        status,
        headers: Vec::new(),
        body: Box::new(body),
    }
}

/// A successful reply whose body breaks off with the failure after the text.
#[must_use]
pub fn broken_reply(body: &str, failure: Failure) -> Response {
    let body = Pieces {
        bytes: body.as_bytes().to_vec(),
        position: 0,
        breaks: Some(failure),
    };
    Response {
        status: 200,
        headers: Vec::new(),
        body: Box::new(body),
    }
}

struct Pieces {
    bytes: Vec<u8>,
    position: usize,
    breaks: Option<Failure>,
}

impl Body for Pieces {
    fn read(&mut self, max: u32) -> Result<Option<Vec<u8>>, Failure> {
        let max = usize::try_from(max).unwrap_or(PIECE);
        let length = if max == 0 { PIECE } else { max.min(PIECE) };
        let end = (self.position + length).min(self.bytes.len());
        let piece = self.bytes.get(self.position..end).unwrap_or_default().to_vec();
        self.position = end;
        match (piece.is_empty(), self.breaks.take()) {
            (true, Some(failure)) => Err(failure),
            (true, None) => Ok(None),
            (false, breaks) => {
                self.breaks = breaks;
                Ok(Some(piece))
            }
        }
    }
}

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

impl Host for FakeHost {
    fn send(&self, request: &HttpRequest) -> Result<Response, Failure> {
        self.state.borrow_mut().requests.push(request.clone());
        (self.answer)(request)
    }

    fn send_many(&self, requests: &[HttpRequest]) -> Vec<Result<Response, Failure>> {
        requests.iter().map(|request| self.send(request)).collect()
    }

    fn open(&self, stream: &str, source: &Source, partitions: &[Instant]) -> Result<WriterId, Failure> {
        if let Some(descriptor) = &self.descriptor {
            let known = descriptor.streams.iter().find(|known| known.name == stream);
            let known =
                known.ok_or_else(|| Failure::internal(format_args!("no stream is called `{stream}`")))?;
            if let Some(odd) = partitions
                .iter()
                .find(|start| Period::around(**start, known.grain).start != **start)
            {
                return Err(Failure::internal(format_args!(
                    "no partition of `{stream}` starts at {odd}"
                )));
            }
        }
        let mut state = self.state.borrow_mut();
        state.next_writer += 1;
        let writer = WriterId(state.next_writer);
        let commit = Commit {
            stream: stream.to_owned(),
            source: source.clone(),
            partitions: partitions.to_vec(),
            records: Vec::new(),
            seal: None,
        };
        state.writers.insert(writer, commit);
        Ok(writer)
    }

    fn write(&self, writer: WriterId, records: &[CostRecord]) -> Result<(), Failure> {
        let mut state = self.state.borrow_mut();
        state.batches.push(records.len());
        let commit = state
            .writers
            .get_mut(&writer)
            .ok_or_else(|| Failure::internal("no such writer"))?;
        if commit.seal.is_some() {
            return Err(Failure::internal("the writer is sealed"));
        }
        for record in records {
            if self
                .partition_of(&commit.stream, record, &commit.partitions)
                .is_none()
            {
                let start = record.charge_period.start;
                return Err(Failure::malformed(format_args!(
                    "a record at {start} lies outside the writer's partitions"
                )));
            }
        }
        commit.records.extend_from_slice(records);
        Ok(())
    }

    fn seal(&self, writer: WriterId, seal: &Seal) -> Result<(), Failure> {
        let mut state = self.state.borrow_mut();
        let commit = state
            .writers
            .get_mut(&writer)
            .ok_or_else(|| Failure::internal("no such writer"))?;
        let written = u64::try_from(commit.records.len()).unwrap_or(u64::MAX);
        if seal
            .control
            .as_ref()
            .and_then(|control| control.rows)
            .is_some_and(|rows| rows != written)
        {
            return Err(Failure::incomplete(
                "the control total of rows differs from the records written",
            ));
        }
        commit.seal = Some(seal.clone());
        Ok(())
    }

    fn commit(&self, writers: &[WriterId]) -> Result<Vec<Receipt>, Failure> {
        let mut state = self.state.borrow_mut();
        if writers.iter().any(|writer| {
            state
                .writers
                .get(writer)
                .is_none_or(|commit| commit.seal.is_none())
        }) {
            return Err(Failure::internal("a writer is not sealed or already used up"));
        }
        let mut receipts = Vec::new();
        for writer in writers {
            let Some(commit) = state.writers.remove(writer) else {
                continue;
            };
            let written = u64::try_from(commit.records.len()).unwrap_or(u64::MAX);
            let held = self.holding.get();
            receipts.push(Receipt {
                written,
                added: written,
                held,
                ..Receipt::default()
            });
            if !held {
                state.commits.push(commit);
            }
        }
        Ok(receipts)
    }

    fn discard(&self, writer: WriterId) {
        self.state.borrow_mut().writers.remove(&writer);
    }

    fn observe(&self, observations: &[Observation]) -> Result<(), Failure> {
        self.state
            .borrow_mut()
            .observations
            .extend_from_slice(observations);
        Ok(())
    }

    fn log(&self, level: Level, message: &str) {
        self.state.borrow_mut().logs.push((level, message.to_owned()));
    }

    fn reveal(&self, credential: &str) -> Result<String, Failure> {
        let denied = || {
            Failure::new(
                crate::FailureKind::Denied,
                format_args!("`{credential}` may not be revealed"),
            )
        };
        self.secrets.get(credential).cloned().ok_or_else(denied)
    }

    fn sleep(&self, duration: Duration) {
        self.state.borrow_mut().sleeps.push(duration);
        let seconds = i64::try_from(duration.as_secs()).unwrap_or(i64::MAX);
        self.clock.set(self.clock.get().saturating_add(seconds));
    }

    fn now(&self) -> Instant {
        self.clock.get()
    }

    /// Bytes that differ from call to call and are the same in every test.
    fn random(&self) -> Result<[u8; 16], Failure> {
        self.randoms.set(self.randoms.get().wrapping_add(1));
        Ok([self.randoms.get(); 16])
    }
}
