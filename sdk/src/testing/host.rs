//! The fake host's side of the trait.

use super::{Commit, FakeHost};
use crate::{
    CostRecord, Failure, FailureKind, Host, HttpRequest, Instant, Level, Observation, Period, Receipt,
    Response, Seal, Source, WriterId,
};
use std::time::Duration;

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
                FailureKind::Denied,
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
