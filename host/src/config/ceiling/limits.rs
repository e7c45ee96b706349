//! Limits under a ceiling: what a file writes above the most is refused; a default above it is lowered, since nobody asked for it.

use super::super::units::{show_duration, show_size};
use crate::sandbox::limits::{Limits, Spend};
use finops_decimal::Decimal;
use std::{fmt, time::Duration};

/// A limit that is higher than it may be.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Beyond {
    /// Its key, such as `memory` or `spend.per-day`.
    pub(super) key: &'static str,
    /// What it is.
    pub(super) asked: Amount,
    /// The most that it may be.
    pub(super) most: Amount,
}

/// The figure of a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd)]
pub(super) enum Amount {
    Bytes(u64),
    Count(u64),
    Time(Duration),
    Money(Decimal),
    /// Not limited. Comes last: it is more than any figure.
    Unlimited,
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bytes(bytes) => f.write_str(&show_size(*bytes)),
            Self::Count(count) => write!(f, "{count}"),
            Self::Time(time) => f.write_str(&show_duration(*time)),
            Self::Money(amount) => write!(f, "{amount} USD"),
            Self::Unlimited => f.write_str("no limit"),
        }
    }
}

/// Every limit that is higher than it may be.
pub(super) fn beyond(asked: &Limits, most: &Limits) -> Vec<Beyond> {
    amounts(asked)
        .into_iter()
        .zip(amounts(most))
        .filter(|((_, asked), (_, most))| asked > most)
        .map(|((key, asked), (_, most))| Beyond { key, asked, most })
        .collect()
}

/// The lower of each two.
pub(in crate::config) fn lowered(asked: &Limits, most: &Limits) -> Limits {
    Limits {
        memory: asked.memory.min(most.memory),
        cpu: asked.cpu.min(most.cpu),
        wall: asked.wall.min(most.wall),
        requests: asked.requests.min(most.requests),
        concurrent_requests: asked.concurrent_requests.min(most.concurrent_requests),
        in_flight: asked.in_flight.min(most.in_flight),
        request_body: asked.request_body.min(most.request_body),
        sent: asked.sent.min(most.sent),
        response: asked.response.min(most.response),
        response_whole: asked.response_whole.min(most.response_whole),
        received: asked.received.min(most.received),
        records: asked.records.min(most.records),
        staged: asked.staged.min(most.staged),
        partitions: asked.partitions.min(most.partitions),
        writers: asked.writers.min(most.writers),
        observations: asked.observations.min(most.observations),
        log: asked.log.min(most.log),
        spend: Spend {
            per_day: least(asked.spend.per_day, most.spend.per_day),
            per_month: least(asked.spend.per_month, most.spend.per_month),
        },
    }
}

/// The lower of two amounts, of which an absent one limits nothing.
fn least(a: Option<Decimal>, b: Option<Decimal>) -> Option<Decimal> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (one, other) => one.or(other),
    }
}

/// All limits in the same order. Every field is named, so that one that comes later is compared too.
fn amounts(limits: &Limits) -> [(&'static str, Amount); 19] {
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
        spend: Spend { per_day, per_month },
    } = *limits;
    let money = |amount: Option<Decimal>| amount.map_or(Amount::Unlimited, Amount::Money);
    [
        ("memory", Amount::Bytes(memory)),
        ("cpu", Amount::Time(cpu)),
        ("wall", Amount::Time(wall)),
        ("requests", Amount::Count(requests)),
        (
            "concurrent-requests",
            Amount::Count(u64::from(concurrent_requests)),
        ),
        ("in-flight", Amount::Bytes(in_flight)),
        ("request-body", Amount::Bytes(request_body)),
        ("sent", Amount::Bytes(sent)),
        ("response", Amount::Bytes(response)),
        ("response-whole", Amount::Bytes(response_whole)),
        ("received", Amount::Bytes(received)),
        ("records", Amount::Count(records)),
        ("staged", Amount::Bytes(staged)),
        ("partitions", Amount::Count(partitions)),
        ("writers", Amount::Count(u64::from(writers))),
        ("observations", Amount::Count(observations)),
        ("log", Amount::Bytes(log)),
        ("spend.per-day", money(per_day)),
        ("spend.per-month", money(per_month)),
    ]
}
