//! The collector as a plain Rust library: HTTP by reqwest with the token in its headers, records in memory.
//! What must hold: it is asked for the same as in the sandbox, and its replies come in pieces as they arrive.

use crate::{
    child::Simulator,
    setting::{self, HOST, TOKEN_TYPE},
    stopwatch::{Spent, Stopwatch},
};
use bytes::Bytes;
use finops_collector::{
    Body, Collector as _, Failure, HttpRequest, Period, Response,
    testing::{Commit, FakeHost},
};
use finops_host::schedule::Asked;
use finops_tests::{Error, snowflake::identity::ACCESS_TOKEN};
use reqwest::{Certificate, Client, Method};
use snowflake_collector::Snowflake;
use std::fs;
use tokio::runtime::Handle;

/// What a native run gave.
pub(crate) struct Native {
    pub(crate) spent: Spent,
    /// Records written, those that a later commit replaced included.
    pub(crate) records: u64,
}

/// The way to the simulator.
struct Provider {
    client: Client,
    handle: Handle,
}

/// Runs the collector over the backfill, a run a month. Not on a thread of the runtime behind `handle`, since it waits.
pub(crate) fn collect(simulator: &Simulator, settings: &str, handle: Handle) -> Result<Native, Error> {
    let settings: serde_json::Value = serde_json::from_str(settings)?;
    let now = setting::now()?.as_second();
    let watch = Stopwatch::start()?;
    let provider = Provider::new(simulator, handle)?;
    let host = FakeHost::answering(move |request| provider.send(request))
        .describing(Snowflake::describe())
        .at(now);
    for run in setting::backfill()?.runs() {
        let Asked::Backfill(month) = run else { continue };
        let (start, end) = (month.start().as_second(), month.end().as_second());
        host.run::<Snowflake>(&settings, Period { start, end })?;
    }
    let spent = watch.spent()?;
    let written = |commit: &Commit| commit.records.len();
    let records = host.commits().iter().map(written).sum::<usize>();
    Ok(Native {
        spent,
        records: u64::try_from(records)?,
    })
}

impl Provider {
    fn new(simulator: &Simulator, handle: Handle) -> Result<Self, Error> {
        let ca = Certificate::from_pem(&fs::read(simulator.secrets.join("ca.pem"))?)?;
        let client = Client::builder()
            .tls_certs_only([ca])
            .resolve(HOST, simulator.addr)
            .no_proxy()
            .user_agent("bench")
            .build()?;
        Ok(Self { client, handle })
    }

    fn send(&self, request: &HttpRequest) -> Result<Response, Failure> {
        let reply = self.handle.block_on(self.reply(request)).map_err(unreachable)?;
        let text = |value: &reqwest::header::HeaderValue| value.to_str().map(str::to_owned).ok();
        let headers = reply.headers().iter();
        Ok(Response {
            status: reply.status().as_u16(),
            headers: headers
                .filter_map(|(name, value)| Some((name.to_string(), text(value)?)))
                .collect(),
            body: Box::new(Pieces {
                reply,
                ready: Bytes::new(),
                handle: self.handle.clone(),
            }),
        })
    }

    async fn reply(&self, request: &HttpRequest) -> Result<reqwest::Response, Error> {
        let method = Method::from_bytes(request.method.as_bytes())?;
        let mut call = self.client.request(method, &request.url);
        for (name, value) in &request.headers {
            call = call.header(name, value);
        }
        call = call.bearer_auth(ACCESS_TOKEN).header(TOKEN_TYPE.0, TOKEN_TYPE.1);
        if let Some(body) = &request.body {
            call = call.body(body.clone());
        }
        Ok(call.send().await?)
    }
}

/// A reply's body as it arrives.
struct Pieces {
    reply: reqwest::Response,
    ready: Bytes,
    handle: Handle,
}

impl Body for Pieces {
    fn read(&mut self, max: u32) -> Result<Option<Vec<u8>>, Failure> {
        while self.ready.is_empty() {
            match self.handle.block_on(self.reply.chunk()).map_err(unreachable)? {
                Some(piece) => self.ready = piece,
                None => return Ok(None),
            }
        }
        let most = match usize::try_from(max) {
            Ok(0) | Err(_) => self.ready.len(),
            Ok(most) => most.min(self.ready.len()),
        };
        Ok(Some(self.ready.split_to(most).to_vec()))
    }
}

fn unreachable(error: impl std::fmt::Display) -> Failure {
    Failure::unreachable(error)
}
