//! The sandboxed side: [`Host`] over the component's imports, and the exports over [`Collector`].

use crate::{
    Body, Collector, CostRecord, Failure, Host, HttpRequest, Instant, Level, Observation, Receipt, Response,
    Seal, Source, WriterId,
    bindings::{
        Guest,
        finops::collector::{http, ledger, log, observations, secrets, types},
    },
};
use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    marker::PhantomData,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// The component's exports for a collector. [`export!`](crate::export) uses it.
pub struct Exported<C>(PhantomData<C>);

impl<C: Collector> Guest for Exported<C> {
    fn describe() -> types::Descriptor {
        C::describe().into()
    }

    fn collect(request: types::CollectRequest) -> Result<types::Outcome, types::Failure> {
        let host = WasmHost::default();
        C::collect(&host, &request.into())
            .map(Into::into)
            .map_err(Into::into)
    }

    fn probe(request: types::CollectRequest) -> Result<types::Outcome, types::Failure> {
        let host = WasmHost::default();
        C::probe(&host, &request.into())
            .map(Into::into)
            .map_err(Into::into)
    }
}

/// The host behind the component's imports.
#[derive(Default)]
pub struct WasmHost {
    next: Cell<u32>,
    writers: RefCell<BTreeMap<WriterId, ledger::Writer>>,
}

struct Pieces(http::Response);

impl Body for Pieces {
    fn read(&mut self, max: u32) -> Result<Option<Vec<u8>>, Failure> {
        self.0.read(max).map_err(Into::into)
    }
}

fn reply(response: Result<http::Response, types::Failure>) -> Result<Response, Failure> {
    let response = response?;
    Ok(Response {
        status: response.status(),
        headers: response.headers(),
        body: Box::new(Pieces(response)),
    })
}

impl WasmHost {
    fn with<T>(
        &self,
        writer: WriterId,
        call: impl FnOnce(&ledger::Writer) -> Result<T, types::Failure>,
    ) -> Result<T, Failure> {
        let writers = self.writers.borrow();
        let writer = writers
            .get(&writer)
            .ok_or_else(|| Failure::internal("no such writer"))?;
        call(writer).map_err(Into::into)
    }
}

impl Host for WasmHost {
    fn send(&self, request: &HttpRequest) -> Result<Response, Failure> {
        reply(http::send(&request.into()))
    }

    fn send_many(&self, requests: &[HttpRequest]) -> Vec<Result<Response, Failure>> {
        let requests: Vec<http::Request> = requests.iter().map(Into::into).collect();
        http::send_many(&requests).into_iter().map(reply).collect()
    }

    fn open(&self, stream: &str, source: &Source, partitions: &[Instant]) -> Result<WriterId, Failure> {
        let writer = ledger::open(stream, &source.clone().into(), partitions)?;
        self.next.set(self.next.get().wrapping_add(1));
        let id = WriterId(self.next.get());
        self.writers.borrow_mut().insert(id, writer);
        Ok(id)
    }

    fn write(&self, writer: WriterId, records: &[CostRecord]) -> Result<(), Failure> {
        let records: Vec<_> = records.iter().map(Into::into).collect();
        self.with(writer, |writer| writer.write(&records))
    }

    fn seal(&self, writer: WriterId, seal: &Seal) -> Result<(), Failure> {
        self.with(writer, |writer| writer.seal(&seal.into()))
    }

    fn commit(&self, writers: &[WriterId]) -> Result<Vec<Receipt>, Failure> {
        let mut open = self.writers.borrow_mut();
        let sealed: Option<Vec<&ledger::Writer>> = writers.iter().map(|writer| open.get(writer)).collect();
        let sealed = sealed.ok_or_else(|| Failure::internal("a writer is already used up"))?;
        let receipts = ledger::commit(&sealed)?;
        open.retain(|id, _| !writers.contains(id));
        Ok(receipts.into_iter().map(Into::into).collect())
    }

    fn discard(&self, writer: WriterId) {
        self.writers.borrow_mut().remove(&writer);
    }

    fn observe(&self, observations: &[Observation]) -> Result<(), Failure> {
        let observations: Vec<_> = observations.iter().map(Into::into).collect();
        observations::put(&observations).map_err(Into::into)
    }

    fn log(&self, level: Level, message: &str) {
        log::write(level.into(), message);
    }

    fn reveal(&self, credential: &str) -> Result<String, Failure> {
        secrets::reveal(credential).map_err(Into::into)
    }

    fn sleep(&self, duration: Duration) {
        std::thread::sleep(duration);
    }

    fn now(&self) -> Instant {
        let passed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(passed.as_secs()).unwrap_or(i64::MAX)
    }

    fn random(&self) -> Result<[u8; 16], Failure> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes)
            .map_err(|error| Failure::internal(format_args!("no random bytes: {error}")))?;
        Ok(bytes)
    }
}
