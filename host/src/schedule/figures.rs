//! The limits of a run beside what the run used of them: what an operator looks at to set them.

use crate::{
    egress::Report,
    sandbox::{
        Counts, Usage,
        limits::{self, Limits},
    },
};
use serde::Serialize;
use std::time::Duration;

/// A limit and what was used of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Figure {
    /// Its key in `[limits]`, or what it limits where it cannot be set.
    pub limit: &'static str,
    /// What the numbers count.
    pub unit: Unit,
    /// What the run used: the sum, or the largest where each has the limit for itself.
    pub used: u64,
    /// What it allows.
    pub most: u64,
}

/// What the numbers of a [`Figure`] count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    /// Bytes.
    Bytes,
    /// Milliseconds.
    Milliseconds,
    /// Pieces.
    Count,
}

/// All limits of a run that leave a figure. Money is not among them: it counts over many runs.
pub(super) fn figures(limits: &Limits, usage: &Usage, counts: &Counts, egress: &Report) -> Vec<Figure> {
    use Unit::{Bytes, Count, Milliseconds};
    let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    let fixed = |most: usize| u64::try_from(most).unwrap_or(u64::MAX);
    let (peaks, largest) = (&egress.peaks, &counts.largest);
    // Every field is named, so that a limit that comes later leaves a figure, too.
    let Limits {
        memory,
        cpu,
        wall,
        requests,
        concurrent_requests,
        in_flight,
        request_body,
        sent,
        response,
        response_whole,
        received,
        records,
        staged,
        partitions,
        writers,
        observations,
        log,
        spend: _,
    } = *limits;
    let all = [
        ("cpu", Milliseconds, usage.cpu_ms, millis(cpu)),
        ("wall", Milliseconds, usage.wall_ms, millis(wall)),
        ("memory", Bytes, usage.memory, memory),
        ("requests", Count, egress.attempts, requests),
        (
            "concurrent-requests",
            Count,
            peaks.concurrent_requests,
            concurrent_requests.into(),
        ),
        ("in-flight", Bytes, peaks.in_flight, in_flight),
        ("request-body", Bytes, peaks.request_body, request_body),
        ("sent", Bytes, egress.sent, sent),
        ("response", Bytes, peaks.response, response),
        ("response-whole", Bytes, usage.response_whole, response_whole),
        ("received", Bytes, egress.received, received),
        ("url", Bytes, peaks.url, fixed(limits::URL)),
        ("headers", Count, peaks.headers, fixed(limits::HEADERS)),
        (
            "header-bytes",
            Bytes,
            peaks.header_bytes,
            fixed(limits::HEADER_BYTES),
        ),
        ("records", Count, counts.records, records),
        ("record", Bytes, largest.record, fixed(limits::RECORD)),
        ("tags", Count, largest.tags, fixed(limits::TAGS)),
        ("batch", Count, largest.batch, fixed(limits::BATCH)),
        ("staged", Bytes, counts.staged, staged),
        ("writers", Count, largest.writers, writers.into()),
        ("partitions", Count, counts.partitions, partitions),
        ("checkpoint", Bytes, largest.checkpoint, fixed(limits::CHECKPOINT)),
        ("observations", Count, counts.observations, observations),
        ("log", Bytes, counts.log, log),
        (
            "denied-calls-remembered",
            Count,
            fixed(egress.denied.len()),
            fixed(limits::DENIED_REMEMBERED),
        ),
    ];
    all.into_iter()
        .map(|(limit, unit, used, most)| Figure {
            limit,
            unit,
            used,
            most,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn each_limit_leaves_one_figure_that_allows_something() {
        let figures = figures(
            &Limits::default(),
            &Usage::default(),
            &Counts::default(),
            &Report::default(),
        );
        let shown: BTreeSet<&str> = figures.iter().map(|figure| figure.limit).collect();
        assert_eq!(shown.len(), figures.len(), "a limit is shown twice");
        assert!(figures.iter().all(|figure| figure.most > 0), "{figures:?}");
    }
}
