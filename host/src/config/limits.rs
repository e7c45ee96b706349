//! `[limits]`: what one run may use. Each key has a default and a range beyond which it would make no sense.

use super::section::{Item, Section};
use crate::sandbox::limits::{Limits, Spend};
use std::time::Duration;

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;
const TIB: u64 = 1 << 40;
const DAY: Duration = Duration::from_secs(86_400);

/// Reads the section over the defaults.
pub(super) fn read(section: Section<'_>) -> Limits {
    let default = Limits::default();
    let size = |key, least, most, default: u64| {
        section
            .take(key)
            .and_then(|item| item.size(least, most))
            .unwrap_or(default)
    };
    let count = |key, most, default: u64| {
        section
            .take(key)
            .and_then(|item| item.count(1, most))
            .unwrap_or(default)
    };
    let few = |key, most: u32, default: u32| {
        section
            .take(key)
            .and_then(|item| item.count(1, u64::from(most)))
            .and_then(|number| u32::try_from(number).ok())
            .unwrap_or(default)
    };
    let time = |key, default: Duration| {
        section
            .take(key)
            .and_then(|item| item.duration(Duration::from_millis(100), DAY))
            .unwrap_or(default)
    };
    let limits = Limits {
        memory: size("memory", MIB, 16 * GIB, default.memory),
        cpu: time("cpu", default.cpu),
        wall: time("wall", default.wall),
        requests: count("requests", 10_000_000, default.requests),
        concurrent_requests: few("concurrent-requests", 256, default.concurrent_requests),
        in_flight: size("in-flight", MIB, 16 * GIB, default.in_flight),
        request_body: size("request-body", KIB, GIB, default.request_body),
        sent: size("sent", KIB, TIB, default.sent),
        response: size("response", KIB, TIB, default.response),
        response_whole: size("response-whole", KIB, GIB, default.response_whole),
        received: size("received", KIB, 16 * TIB, default.received),
        records: count("records", 1_000_000_000, default.records),
        staged: size("staged", MIB, TIB, default.staged),
        partitions: count("partitions", 100_000, default.partitions),
        writers: few("writers", 1_024, default.writers),
        observations: count("observations", 10_000_000, default.observations),
        log: size("log", KIB, GIB, default.log),
        spend: section
            .take("spend")
            .and_then(|item| spend(&item))
            .unwrap_or_default(),
    };
    for (key, one) in [
        ("request-body", limits.request_body),
        ("response-whole", limits.response_whole),
    ] {
        if one > limits.in_flight {
            let what = format!("`{key}` is larger than `in-flight`, so one such body could never be held");
            section.problem(what, "raise `in-flight` or lower the other");
        }
    }
    section.finish();
    limits
}

fn spend(item: &Item<'_>) -> Option<Spend> {
    let expected = "{ per-day = \"1.00\", per-month = \"20.00\" }";
    let section = item.section(expected)?;
    let amount = |key, example| section.take(key).and_then(|item| item.usd(example));
    let spend = Spend {
        per_day: amount("per-day", "1.00"),
        per_month: amount("per-month", "20.00"),
    };
    section.finish();
    if section.items().next().is_none() {
        section.problem(
            "this limits nothing",
            format!("write {expected}, or leave the key out"),
        );
    }
    Some(spend)
}
