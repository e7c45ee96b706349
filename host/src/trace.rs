//! Spans of what the host does: a run, each request of it, each batch that is sent to a destination.
//!
//! What must hold: an attribute is a number, a word of ours or of the operator's file, or escaped. No query, header or body is in
//! any, and no path but the one that the operator's rule allows: the real one can hold a secret. Who does not ask for spans pays nothing.

use crate::foreign::Foreign;
use tracing::{Span, field::Empty, info_span};

/// The target of all spans here, by which they are told from everybody else's. The log leaves them out.
pub const TARGET: &str = "finops_host::trace";

/// A run, which is the root of its trace.
pub(crate) fn run(instance: &str, collector: &str, version: &str) -> Span {
    info_span!(
        target: TARGET,
        parent: None,
        "run",
        finops.instance = %Foreign::from(instance),
        finops.collector.name = %Foreign::from(collector),
        finops.collector.version = %Foreign::from(version),
        finops.outcome = Empty,
        finops.records = Empty,
        finops.commits = Empty,
        finops.requests = Empty,
        finops.requests.denied = Empty,
        finops.cpu_ms = Empty,
        finops.memory_bytes = Empty,
        error.type = Empty,
        otel.status_code = Empty,
    )
}

/// How a run ended.
pub(crate) struct RunEnd<'a> {
    /// `done`, or the kind of failure: one of few words.
    pub(crate) outcome: &'a str,
    /// Whether it is `done`.
    pub(crate) well: bool,
    /// Cost records written.
    pub(crate) records: u64,
    /// Commits that were made.
    pub(crate) commits: u64,
    /// Requests that were sent.
    pub(crate) attempts: u64,
    /// Calls that the operator's file does not allow.
    pub(crate) denied: u64,
    /// CPU time of the collector.
    pub(crate) cpu_ms: u64,
    /// The most memory that it had.
    pub(crate) memory: u64,
}

impl RunEnd<'_> {
    /// Writes it down in the run's span.
    pub(crate) fn record(&self, span: &Span) {
        span.record("finops.outcome", self.outcome);
        span.record("finops.records", whole(self.records));
        span.record("finops.commits", whole(self.commits));
        span.record("finops.requests", whole(self.attempts));
        span.record("finops.requests.denied", whole(self.denied));
        span.record("finops.cpu_ms", whole(self.cpu_ms));
        span.record("finops.memory_bytes", whole(self.memory));
        if !self.well {
            failed(span, self.outcome);
        }
    }
}

/// A request that is about to leave.
pub(crate) struct Request<'a> {
    /// Whose it is.
    pub(crate) by: By,
    /// The method.
    pub(crate) method: &'a str,
    /// The host, as the operator's file has it.
    pub(crate) host: &'a str,
    /// The port.
    pub(crate) port: u16,
    /// The path that the operator's file allows, which the request's own equals or lies below.
    pub(crate) path: &'a str,
}

/// Who makes a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum By {
    /// The collector, by a call that a rule allows.
    Collector,
    /// The host, for a credential.
    Credential,
}

impl Request<'_> {
    /// Its span, under that of the run.
    pub(crate) fn span(&self, run: &Span) -> Span {
        info_span!(
            target: TARGET,
            parent: run,
            "request",
            otel.kind = "client",
            finops.by = match self.by {
                By::Collector => "collector",
                By::Credential => "credential",
            },
            http.request.method = self.method,
            server.address = %Foreign::from(self.host),
            server.port = i64::from(self.port),
            url.template = %Foreign::from(self.path),
            http.response.status_code = Empty,
            error.type = Empty,
            otel.status_code = Empty,
        )
    }
}

/// A batch that is about to be sent to a destination, or looked up there. It holds what several runs found, so that it is the
/// root of a trace of its own.
pub(crate) fn delivery(host: &str, port: Option<u16>, batch: &str, entries: usize, step: Step) -> Span {
    info_span!(
        target: TARGET,
        parent: None,
        "deliver",
        otel.kind = "client",
        finops.destination = "openfinops",
        finops.batch = batch,
        finops.entries = i64::try_from(entries).unwrap_or(i64::MAX),
        finops.step = match step {
            Step::Send => "send",
            Step::LookUp => "look-up",
        },
        server.address = host,
        server.port = port.map(i64::from),
        http.response.status_code = Empty,
        finops.outcome = Empty,
        error.type = Empty,
        otel.status_code = Empty,
    )
}

/// What is done with a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Its bytes are sent.
    Send,
    /// One looks whether the destination has it.
    LookUp,
}

/// The status of the answer.
pub(crate) fn answered(span: &Span, status: u16) {
    span.record("http.response.status_code", i64::from(status));
    if status >= 400 {
        failed(span, status.to_string().as_str());
    }
}

/// That it failed, and how, in one of few words.
pub(crate) fn failed(span: &Span, how: &str) {
    span.record("error.type", how);
    span.record("otel.status_code", "ERROR");
}

/// How a delivery ended, in one of few words.
pub(crate) fn delivered(span: &Span, outcome: &str) {
    span.record("finops.outcome", outcome);
}

/// As OTLP has numbers.
fn whole(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
