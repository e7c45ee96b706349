//! The families with their samples, in order: plain functions from plain data to plain data.

use super::{
    exposition::{Exposition, Family, Value},
    families::*,
    tally::{DestinationTally, InstanceTally, Tally},
};
use crate::{
    ledger::gauges::{Gauges, Journal, StreamAge},
    observe::{Activity, Books, InstanceState},
};
use jiff::Timestamp;
use std::{collections::BTreeMap, time::Duration};

/// The process itself.
pub(super) struct Process {
    pub(super) began: Timestamp,
    pub(super) uptime: Duration,
    pub(super) resident: Option<u64>,
}

type Instances = BTreeMap<String, InstanceState>;

/// All of it. Series of instances are of those that are on the board.
pub(super) fn render(
    process: Process,
    instances: &Instances,
    tally: &Tally,
    books: &Books,
    now: Timestamp,
) -> Exposition {
    let mut text = Exposition::default();
    of_process(&mut text, process, tally);
    of_instances(&mut text, instances);
    of_runs(&mut text, instances, tally);
    of_deliveries(&mut text, tally);
    of_books(&mut text, books, tally);
    if let Some(ledger) = &books.ledger {
        of_journals(&mut text, ledger, now);
        of_snapshots(&mut text, ledger);
        of_streams(&mut text, ledger, instances);
    }
    text
}

fn of_process(text: &mut Exposition, process: Process, tally: &Tally) {
    let version = vec![("version", env!("CARGO_PKG_VERSION"))];
    text.family(BUILD, [(version, 1_u64)]);
    text.single(BEGAN, process.began);
    text.single(UPTIME, process.uptime);
    text.known(RESIDENT, process.resident);
    text.single(RELOADS, tally.reloads);
    let files = tally.files.map(|(accepted, refused)| {
        [("accepted", accepted), ("refused", refused)].map(|(state, files)| (vec![("state", state)], files))
    });
    text.family(FILES, files.into_iter().flatten());
}

fn of_instances(text: &mut Exposition, instances: &Instances) {
    let mut doing = [("unfit", 0_u64), ("waiting", 0), ("queued", 0), ("running", 0)];
    for state in instances.values() {
        let does = match state.activity {
            Activity::Unfit => "unfit",
            Activity::Waiting { .. } => "waiting",
            Activity::Queued { .. } => "queued",
            Activity::Running { .. } => "running",
        };
        for (name, count) in &mut doing {
            *count += u64::from(*name == does);
        }
    }
    let doing = doing.map(|(name, count)| (vec![("state", name)], count));
    text.family(INSTANCES, doing);
    let fit = instances.iter().filter(|(_, state)| !state.collector.is_empty());
    let info = fit.map(|(name, state)| {
        let labels = vec![
            ("instance", name.as_str()),
            ("collector", &state.collector),
            ("version", &state.version),
        ];
        (labels, 1_u64)
    });
    text.family(INSTANCE, info);
    let mut each = |family: Family, value: fn(&InstanceState) -> Value| {
        let samples = instances.iter().map(|(name, state)| (of(name), value(state)));
        text.family(family, samples);
    };
    each(FIT, |state| (state.activity != Activity::Unfit).into());
    each(REFUSED, |state| state.refused.is_some().into());
    each(IN_A_ROW, |state| state.failures.into());
    each(LAST_DENIED, |state| {
        state.last.as_ref().map_or(0, |last| last.denied).into()
    });
}

fn of_runs(text: &mut Exposition, instances: &Instances, tally: &Tally) {
    // One that has not run yet has its counters at 0, so that the first event is seen as a rise.
    let none = InstanceTally::default();
    let counted = || {
        instances
            .keys()
            .map(|name| (name.as_str(), tally.instances.get(name).unwrap_or(&none)))
    };
    text.family(
        STARTED,
        counted().map(|(name, counted)| (of(name), counted.started)),
    );
    let outcomes = counted().flat_map(|(name, counted)| {
        let done = counted.outcomes.get("done").copied().unwrap_or(0);
        let others = counted.outcomes.iter().filter(|(outcome, _)| *outcome != "done");
        let others = others.map(|(outcome, count)| (outcome.as_str(), *count));
        std::iter::once(("done", done))
            .chain(others)
            .map(move |(outcome, count)| (vec![("instance", name), ("outcome", outcome)], count))
    });
    text.family(RUNS, outcomes);
    text.observations(DURATION, &tally.durations);
    text.observations(LAG, &tally.lags);
    let took = counted().filter_map(|(name, counted)| Some((of(name), counted.last_took?)));
    text.family(LAST_TOOK, took);
    let fates = counted().flat_map(|(name, counted)| {
        let fates = counted.fates.named().into_iter();
        fates.map(move |(fate, count)| (vec![("instance", name), ("fate", fate)], count))
    });
    text.family(RECORDS, fates);
    let requests = counted().flat_map(|(name, counted)| {
        let requests = counted.requests.named().into_iter();
        requests.map(move |(outcome, count)| (vec![("instance", name), ("outcome", outcome)], count))
    });
    text.family(REQUESTS, requests);
    let mut each = |family: Family, value: fn(&InstanceTally) -> Value| {
        text.family(
            family,
            counted().map(|(name, counted)| (of(name), value(counted))),
        );
    };
    each(ATTEMPTS, |counted| counted.attempts.into());
    each(PAID, |counted| counted.paid_calls.into());
    each(SPEND, |counted| counted.spent.into());
    each(SENT, |counted| counted.sent.into());
    each(RECEIVED, |counted| counted.received.into());
    each(CPU, |counted| counted.cpu.into());
    let peaks = counted().filter_map(|(name, counted)| Some((of(name), counted.memory_peak?)));
    text.family(MEMORY, peaks);
}

fn of_deliveries(text: &mut Exposition, tally: &Tally) {
    let ends = tally.destinations.iter().flat_map(|(name, counted)| {
        let outcomes = counted.outcomes.iter();
        outcomes.map(move |(outcome, count)| {
            let labels = vec![("destination", name.as_str()), ("outcome", outcome.as_str())];
            (labels, *count)
        })
    });
    text.family(DELIVERIES, ends);
    let mut each = |family: Family, value: fn(&DestinationTally) -> u64| {
        let samples = tally
            .destinations
            .iter()
            .map(|(name, counted)| (at(name), value(counted)));
        text.family(family, samples);
    };
    each(BATCHES_SENT, |counted| counted.sent);
    each(BATCHES_FOUND, |counted| counted.found);
    each(SETTLED, |counted| counted.settled);
    each(DEAD, |counted| counted.dead);
    each(DUPLICATED, |counted| counted.maybe_duplicated);
}

fn of_books(text: &mut Exposition, books: &Books, tally: &Tally) {
    text.single(READABLE, books.ledger.is_some());
    text.known(FILE, books.file_bytes);
    text.known(FREE, books.free_bytes);
    text.known(LAW2, tally.proof.map(|(differences, _)| differences));
    text.known(PROVED, tally.proof.map(|(_, at)| at));
    let state = |name, state, count| (vec![("destination", name), ("state", state)], count);
    let journals = books.ledger.iter().flat_map(|ledger| &ledger.journals);
    let open = journals.flat_map(|journal| {
        let name = journal.destination.as_str();
        [
            state(name, "pending", journal.pending),
            state(name, "ambiguous", journal.ambiguous),
            state(name, "held", journal.held),
        ]
    });
    // What is no longer open would have to be searched for in all of history: the last delivery has counted it.
    let counted = tally.destinations.iter();
    let given_up = counted.filter_map(|(name, counted)| {
        let counts = counted.counts?;
        Some([
            state(name.as_str(), "dead", counts.dead),
            state(name.as_str(), "dropped", counts.dropped),
        ])
    });
    text.family(ENTRIES, open.chain(given_up.flatten()));
}

fn of_journals(text: &mut Exposition, ledger: &Gauges, now: Timestamp) {
    let mut each = |family: Family, value: &dyn Fn(&Journal) -> Value| {
        let samples = ledger.journals.iter();
        text.family(
            family,
            samples.map(|journal| (at(&journal.destination), value(journal))),
        );
    };
    each(OLDEST, &|journal| {
        let age = journal.oldest.map(|oldest| now.duration_since(oldest));
        age.and_then(|age| Duration::try_from(age).ok())
            .unwrap_or_default()
            .into()
    });
    each(FAILURES, &|journal| journal.failures.into());
    text.single(OUTBOX, ledger.outbox.bytes);
    text.single(QUOTA, ledger.outbox.quota);
    let journals = ledger.journals.iter();
    let journals = journals.map(|journal| (at(&journal.destination), journal.paused));
    let snapshots = ledger.snapshots.iter();
    let snapshots = snapshots.map(|row| (at(&row.destination), row.state == "paused"));
    text.family(PAUSED, journals.chain(snapshots));
}

fn of_snapshots(text: &mut Exposition, ledger: &Gauges) {
    let rows = || ledger.snapshots.iter();
    text.family(
        SNAPSHOT_WAITING,
        rows().map(|row| (at(&row.destination), row.waiting)),
    );
    let failing = rows().map(|row| (at(&row.destination), row.error.is_some()));
    text.family(SNAPSHOT_FAILING, failing);
    let rendered = rows().filter_map(|row| Some((at(&row.destination), row.rendered?)));
    text.family(SNAPSHOT_RENDERED, rendered);
}

fn of_streams(text: &mut Exposition, ledger: &Gauges, instances: &Instances) {
    let mut each = |family: Family, value: fn(&StreamAge) -> Option<Timestamp>| {
        let here = ledger
            .streams
            .iter()
            .filter(|row| instances.contains_key(&row.instance));
        let samples = here.filter_map(|row| {
            let labels = vec![("instance", row.instance.as_str()), ("stream", &row.stream)];
            Some((labels, value(row)?))
        });
        text.family(family, samples);
    };
    each(LAST_READ, |row| row.last_read);
    each(CHECKPOINT, |row| row.checkpoint);
    each(COMPLETE, |row| row.complete_until);
    let held = instances
        .keys()
        .map(|name| (of(name), ledger.held.get(name).copied().unwrap_or(0)));
    text.family(HELD, held);
    let spend = || {
        ledger
            .spend
            .iter()
            .filter(|row| instances.contains_key(&row.instance))
    };
    text.family(SPEND_TODAY, spend().map(|row| (of(&row.instance), row.today)));
    text.family(SPEND_MONTH, spend().map(|row| (of(&row.instance), row.month)));
}

fn of(instance: &str) -> Vec<(&'static str, &str)> {
    vec![("instance", instance)]
}

fn at(destination: &str) -> Vec<(&'static str, &str)> {
    vec![("destination", destination)]
}
