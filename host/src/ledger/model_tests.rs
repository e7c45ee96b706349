//! The laws as a state machine: random readings, restatements, retags, archiving, deliveries, crashes and new destinations, each step
//! compared with a small model in memory and proven by the checker; in the end the destination has what the model says.
//! Deliveries that go wrong, drops and rebases: `destination/rebase/model_tests.rs`.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use super::{
    Completeness, Freeze, Money, Retention, Retire, RunInfo, archive,
    destination::{DestinationSpec, Measure},
    outbox::{Extras, SealOrder, Share, Step as Next, begin_attempt, next_step, put_back, settle},
    record::{CostRecord, Finality},
    sample::{self, Bench},
};
use crate::component::descriptor::{Grain, LookBack, Stream};
use finops_decimal::Decimal;
use proptest::prelude::*;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::atomic::AtomicBool,
};

const DAYS: [&str; 3] = [
    "2026-08-01T00:00:00Z",
    "2026-08-02T00:00:00Z",
    "2026-08-03T00:00:00Z",
];
const SERVICES: [&str; 3] = ["Compute", "Storage", "Support"];
const TEAMS: [&str; 2] = ["red", "blue"];

/// The streams of the model: an estimate, the bill over it, the month's invoice over both, one of its own, and the
/// view that is to take its place.
fn streams(by: Option<&str>) -> [Stream; 5] {
    [
        sample::stream("estimate", Grain::Day),
        sample::better("bill", Grain::Day, "estimate", by),
        sample::better("invoice", Grain::Month, "bill", by),
        sample::stream("alone", Grain::Day),
        Stream {
            view_of: Some("alone".to_owned()),
            ..sample::stream("again", Grain::Day)
        },
    ]
}

/// Services of a partition, each with team and cost in cents.
type Content = BTreeMap<usize, (usize, i64)>;

#[derive(Clone, Debug)]
enum Step {
    /// Commits partitions of a stream, whole; days may have been committed before.
    Commit {
        stream: usize,
        days: BTreeMap<usize, Content>,
        complete: bool,
    },
    /// Writes a partition and crashes before the commit.
    Crash { stream: usize, content: Content },
    /// Writes what stands once more.
    Again,
    /// A batch is sealed and sent, and is taken or certainly not.
    Send { taken: bool },
    /// The destination begins anew, with that measure.
    Epoch(Measure),
    /// The next run keeps the instance's money apart, and the one after that counts it again.
    Apart(bool),
    /// The operator retires a stream.
    Retire(usize),
    /// The operator gives the place of the fourth stream to the fifth.
    Succeed,
    /// A year later the detail of what is complete goes to files.
    Archive,
    /// The operator freezes the source, a reading comes, and the source is opened again.
    Freeze { stream: usize, content: Content },
}

fn content() -> impl Strategy<Value = Content> {
    prop::collection::btree_map(0..3_usize, (0..2_usize, -2..4_i64), 0..4)
}

fn step() -> impl Strategy<Value = Step> {
    let days = prop::collection::btree_map(0..3_usize, content(), 1..4);
    prop_oneof![
        12 => (0..5_usize, days, prop::bool::weighted(0.7))
            .prop_map(|(stream, days, complete)| Step::Commit { stream, days, complete }),
        1 => (0..5_usize, content()).prop_map(|(stream, content)| Step::Crash { stream, content }),
        1 => (0..5_usize, content()).prop_map(|(stream, content)| Step::Freeze { stream, content }),
        1 => any::<bool>().prop_map(Step::Apart),
        1 => (0..5_usize).prop_map(Step::Retire),
        2 => Just(Step::Succeed),
        1 => Just(Step::Again),
        3 => Just(Step::Archive),
        4 => prop::bool::weighted(0.7).prop_map(|taken| Step::Send { taken }),
        1 => prop_oneof![Just(Measure::Billed), Just(Measure::Effective)].prop_map(Step::Epoch),
    ]
}

/// What the ledger should hold.
struct Model {
    /// Per stream and day (the month's invoice stands on the first): complete, and what is in it.
    partitions: BTreeMap<(usize, usize), (bool, Content)>,
    by_service: bool,
    measure: Measure,
    retired: BTreeSet<usize>,
    /// Whether the fifth stream has the place of the fourth.
    succeeded: bool,
    apart: bool,
}

impl Model {
    /// Whether a stream takes commits.
    fn open(&self, stream: usize) -> bool {
        !(self.retired.contains(&stream) || self.succeeded && stream == 3)
    }

    /// The streams that hold money for a service (or, where everything is superseded, any) on a day.
    fn holds(&self, stream: usize, day: usize, service: usize) -> bool {
        let held = self.partitions.get(&(stream, day));
        let Some((complete, content)) = held.filter(|_| !self.retired.contains(&stream)) else {
            return false;
        };
        if self.by_service && stream < 3 {
            content.contains_key(&service)
        } else {
            *complete || !content.is_empty()
        }
    }

    fn complete(&self, stream: usize, day: usize) -> bool {
        self.partitions
            .get(&(stream, day))
            .is_some_and(|(complete, _)| *complete && !self.retired.contains(&stream))
    }

    /// Which stream counts for a service on a day. The rule, told for this one chain: a complete invoice rules the
    /// month; a partial one counts only where neither bill nor estimate know the service in all the month.
    fn counts(&self, stream: usize, day: usize, service: usize) -> bool {
        if self.retired.contains(&stream) {
            return false;
        }
        if stream >= 3 {
            let ruled = self.succeeded && !self.retired.contains(&4);
            let successor = ruled && (self.complete(4, day) || !self.holds(3, day, service));
            return (stream == 4) == successor;
        }
        let invoiced = self.holds(2, 0, service);
        let finer = (0..3).any(|day| {
            (0..2).any(|stream| {
                let held = self.partitions.get(&(stream, day));
                let held = held.filter(|_| !self.retired.contains(&stream));
                held.is_some_and(|(_, content)| match self.by_service {
                    true => content.contains_key(&service),
                    false => !content.is_empty(),
                })
            })
        });
        if invoiced && (self.complete(2, 0) || !finer) {
            return stream == 2;
        }
        let winner = if self.holds(1, day, service) && self.complete(1, day) {
            1
        } else if self.holds(0, day, service) {
            0
        } else {
            1
        };
        stream == winner
    }

    /// The books: stream, day, service, team and total, without zeros.
    fn books(&self) -> Vec<String> {
        let mut books = Vec::new();
        if self.apart {
            return books;
        }
        for ((stream, day), (_, content)) in &self.partitions {
            for (service, (team, cents)) in content {
                if self.counts(*stream, *day, *service) {
                    let record = record(*day, *service, *team, *cents);
                    let cost = self.measure.of(&record);
                    let (service, team) = (SERVICES[*service], TEAMS[*team]);
                    if !cost.is_zero() {
                        let stream = &streams(None)[*stream].name;
                        books.push(format!("{stream}|{}|{service}|{team}|{cost}", DAYS[*day]));
                    }
                }
            }
        }
        books.sort();
        books
    }
}

fn record(day: usize, service: usize, team: usize, cents: i64) -> CostRecord {
    let cost = |cents: i64| {
        Decimal::from(cents)
            .div_rounded(Decimal::from(100_u32), 2)
            .unwrap()
    };
    let mut record = sample::record(DAYS[day], SERVICES[service], "0");
    record.finality = Finality::Final;
    record.billed_cost = cost(cents);
    record.effective_cost = cost(cents * 3);
    record.tags.insert("team".to_owned(), TEAMS[team].to_owned());
    record
}

fn records(day: usize, content: &Content) -> Vec<CostRecord> {
    let of = |(service, (team, cents)): (&usize, &(usize, i64))| record(day, *service, *team, *cents);
    content.iter().map(of).collect()
}

fn completeness(complete: bool) -> Completeness {
    if complete {
        Completeness::Complete
    } else {
        Completeness::Partial
    }
}

fn take(bench: &mut Bench, model: &mut Model, streams: &[Stream; 5], step: &Step) {
    match step {
        Step::Commit {
            stream,
            days,
            complete,
        } => {
            // A month has one partition: what is for any day goes there.
            let monthly = streams[*stream].grain == Grain::Month;
            let days: BTreeMap<usize, &Content> = days
                .iter()
                .map(|(day, content)| (if monthly { 0 } else { *day }, content))
                .collect();
            let starts: Vec<&str> = days.keys().map(|day| DAYS[*day]).collect();
            let records = days
                .iter()
                .flat_map(|(day, content)| records(*day, content))
                .collect();
            let committed = bench.commit_as(&streams[*stream], &starts, records, completeness(*complete));
            assert_eq!(committed.is_ok(), model.open(*stream), "{committed:?}");
            if committed.is_err() {
                return;
            }
            for (day, content) in days {
                model
                    .partitions
                    .insert((*stream, day), (*complete, content.clone()));
            }
        }
        Step::Crash { stream, content } => {
            let seal = sample::seal(Completeness::Complete);
            let sealed = bench.sealed(&streams[*stream], &[DAYS[0]], records(0, content), seal);
            assert_eq!(sealed.is_ok(), model.open(*stream), "{sealed:?}");
            bench.reopen();
            model.apart = false; // the run after a crash says nothing of it
        }
        Step::Again => {
            let before = bench.entries();
            let open = model
                .partitions
                .iter()
                .filter(|((stream, _), _)| model.open(*stream));
            for ((stream, day), (complete, content)) in open {
                let records = records(*day, content);
                bench
                    .commit_as(&streams[*stream], &[DAYS[*day]], records, completeness(*complete))
                    .unwrap();
            }
            assert_eq!(bench.entries(), before, "reading the same again posts nothing");
        }
        Step::Send { taken } => {
            send(bench, *taken);
        }
        Step::Archive => {
            let retention = Retention {
                months: 1,
                look_back: Some(LookBack::Days(0)),
            };
            let (entries, now) = (bench.entries(), sample::at("2027-08-10T12:00:00Z"));
            archive::keep(
                bench.ledger.store(),
                "acme-prod",
                retention,
                now,
                &AtomicBool::new(false),
            )
            .unwrap();
            assert_eq!(bench.entries(), entries, "archiving posts nothing");
            let left = "SELECT count(*) FROM partition JOIN record ON record.partition = partition.id
                 WHERE completeness = 'complete' AND content <> '{}'";
            assert_eq!(bench.rows(left), ["0"]);
        }
        Step::Epoch(measure) => {
            let spec = DestinationSpec {
                measure: *measure,
                ..sample::destination()
            };
            bench.block(bench.ledger.ensure_destination(&spec)).unwrap();
            model.measure = *measure;
        }
        Step::Apart(apart) => {
            model.apart = *apart;
            let info = RunInfo {
                streams: streams.to_vec(),
                money: if *apart { Money::Apart } else { Money::Counts },
                ..sample::info("acme-prod")
            };
            bench.run = bench.block(bench.ledger.begin_run(info)).unwrap();
        }
        Step::Retire(stream) => {
            let what = Retire::Stream(streams[*stream].name.clone());
            let known = bench.rows("SELECT count(*) FROM stream") == ["5"];
            let retired = bench.block(bench.ledger.retire(&sample::source(), &what));
            assert_eq!(
                retired.is_ok(),
                known && !model.retired.contains(stream),
                "{retired:?}"
            );
            if retired.is_ok() {
                model.retired.insert(*stream);
            }
        }
        Step::Succeed => {
            let what = Retire::InFavourOf {
                stream: streams[3].name.clone(),
                successor: streams[4].name.clone(),
            };
            let known = bench.rows("SELECT count(*) FROM stream") == ["5"];
            let retired = bench.block(bench.ledger.retire(&sample::source(), &what));
            let standing = model.retired.is_disjoint(&BTreeSet::from([3, 4]));
            assert_eq!(
                retired.is_ok(),
                known && standing && !model.succeeded,
                "{retired:?}"
            );
            model.succeeded |= retired.is_ok();
        }
        Step::Freeze { stream, content } => {
            let seal = sample::seal(Completeness::Complete);
            let sealed = bench.sealed(&streams[*stream], &[DAYS[0]], records(0, content), seal);
            if let Ok(writer) = sealed {
                let frozen = bench.block(bench.ledger.freeze(&sample::source(), Freeze::Frozen));
                frozen.unwrap();
                let committed = bench.block(bench.ledger.commit(bench.run, vec![writer], sample::trusting()));
                assert!(committed.unwrap_err().to_string().contains("unfreeze"));
                let opened = bench.commit(&streams[*stream], &[DAYS[0]], Vec::new());
                assert!(opened.unwrap_err().to_string().contains("unfreeze"));
                let thawed = bench.block(bench.ledger.freeze(&sample::source(), Freeze::Open));
                thawed.unwrap();
            }
        }
    }
}

/// Seals the oldest entries that wait, and sends them; says whether there were any.
fn send(bench: &Bench, taken: bool) -> bool {
    let order = SealOrder {
        uid: bench.rows("SELECT count(*) FROM batch").concat(),
        now: sample::at("2026-08-10T12:00:00Z"),
        bytes: 1_000_000,
        share: Share {
            entries: 3,
            extras: Extras::Without,
        },
        shares: BTreeMap::new(),
    };
    let job = move |connection: &mut rusqlite::Connection| {
        let Next::Batch(batch) = next_step(connection, 1, &order, &|_| Ok(vec![1]))? else {
            return Ok(false);
        };
        begin_attempt(connection, &batch, order.now)?;
        match taken {
            true => settle(connection, &batch, 1)?,
            false => put_back(connection, &batch, "503")?,
        };
        Ok(true)
    };
    bench.ledger.store().with_blocking(job).unwrap()
}

/// What the destination's open epoch adds up to, from the entries in such a state alone.
fn posted(bench: &Bench, state: &str) -> Vec<String> {
    let mut books = bench.rows(&format!(
        "SELECT json_extract(dims, '$.stream') || '|' || json_extract(dims, '$.partition_start') || '|'
             || json_extract(dims, '$.service') || '|' || json_extract(dims, '$.tags.team') || '|' || sum
         FROM (SELECT dims, exact_sum(amount) AS sum FROM entry JOIN posting ON posting.id = entry.posting
               JOIN epoch ON epoch.id = posting.epoch WHERE epoch.ended IS NULL AND entry.state LIKE '{state}'
               GROUP BY posting.id)
         WHERE sum <> '0'",
    ));
    books.sort();
    books
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]
    #[test]
    fn the_books_are_always_the_newest_word(
        steps in prop::collection::vec(step(), 1..12),
        by_service in any::<bool>(),
    ) {
        let mut bench = Bench::posting();
        let streams = streams(by_service.then_some("ServiceName"));
        bench.declare(&streams);
        let mut model = Model {
            partitions: BTreeMap::new(),
            by_service,
            measure: Measure::Effective,
            retired: BTreeSet::new(),
            succeeded: false,
            apart: false,
        };
        for step in &steps {
            take(&mut bench, &mut model, &streams, step);
            prop_assert_eq!(bench.findings(), [""; 0]);
            prop_assert_eq!(posted(&bench, "%"), model.books());
        }
        while send(&bench, true) {}
        prop_assert_eq!(bench.findings(), [""; 0]);
        prop_assert_eq!(posted(&bench, "settled"), model.books());
    }
}
