//! A destination that settles, loses, refuses and forgets, an operator who retries, drops and rebases: in the end it has
//! exactly what the current records say, and at every moment what is settled is what it has.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use super::{Kept, rebase};
use crate::{
    component::descriptor::Grain,
    ledger::{
        destination::{
            convert::convert_waiting,
            rates::{CONVERTED_PLACES, Rate, Rates},
        },
        outbox::{
            self, Batch, BatchState, DecisionError, Extras, Retry, SealOrder, Share, Step, begin_attempt,
            dead_letter, drop_entries, hold_until, next_step, put_back, retry, settle,
        },
        record::CostRecord,
        sample::{self, Bench},
        store::LedgerError,
    },
};
use finops_decimal::Decimal;
use proptest::prelude::*;
use rusqlite::Connection;
use std::collections::{BTreeMap, BTreeSet};

const DAYS: [&str; 2] = ["2026-08-01T00:00:00Z", "2026-08-02T00:00:00Z"];
/// Support is billed in another currency than the destination takes.
const SERVICES: [&str; 3] = ["Compute", "Storage", "Support"];
const TEAMS: [&str; 2] = ["red", "blue"];

/// Services of a day, each with team and cost in cents.
type Content = BTreeMap<usize, (usize, i64)>;
/// Amounts by day, service and team.
type Sums = BTreeMap<String, Decimal>;

/// What happens to a batch that is sent.
#[derive(Clone, Copy, Debug)]
enum Fate {
    Settled,
    /// Certainly not taken.
    Unavailable,
    /// Stored, and the answer was lost.
    StoredUnknown,
    /// Lost, and nobody said so.
    LostUnknown,
    /// Refused, entry by entry.
    Refused,
}

#[derive(Clone, Debug)]
enum Event {
    Commit {
        day: usize,
        content: Content,
    },
    Send {
        entries: usize,
        fate: Fate,
    },
    Retry,
    /// Drops the entry of that place among those that may be dropped.
    Drop(usize),
    Rebase,
    /// The server is emptied, and the operator says so.
    Empty,
    Reopen,
    /// The operator's file has another table of rates.
    Rates(usize),
}

fn step() -> impl Strategy<Value = Event> {
    let content = prop::collection::btree_map(0..3_usize, (0..2_usize, -2..4_i64), 0..4);
    let fate = prop_oneof![
        4 => Just(Fate::Settled),
        1 => Just(Fate::Unavailable),
        1 => Just(Fate::StoredUnknown),
        1 => Just(Fate::LostUnknown),
        3 => Just(Fate::Refused),
    ];
    prop_oneof![
        5 => (0..2_usize, content).prop_map(|(day, content)| Event::Commit { day, content }),
        6 => (1..4_usize, fate).prop_map(|(entries, fate)| Event::Send { entries, fate }),
        1 => Just(Event::Retry),
        3 => (0..8_usize).prop_map(Event::Drop),
        2 => Just(Event::Rebase),
        1 => Just(Event::Empty),
        1 => Just(Event::Reopen),
        2 => (0..3_usize).prop_map(Event::Rates),
    ]
}

/// The ledger, and what the destination has.
struct World {
    bench: Bench,
    uids: usize,
    /// What it stored.
    server: Sums,
    /// Batches that it stored without the host knowing.
    arrived: BTreeSet<String>,
    records: BTreeMap<usize, Content>,
    /// Where other currencies are converted: the table of rates.
    rates: Option<usize>,
}

/// The rates of the model: of each table, one for each day.
const RATES: [[&str; 2]; 3] = [["1.5", "1.083456789"], ["1.5", "0.9"], ["3.00000001", "0.9"]];

fn rates(table: usize) -> Rates {
    let mut rates = Rates::default();
    for (day, rate) in DAYS.iter().zip(RATES[table]) {
        let from = day.get(..10).unwrap().parse().unwrap();
        let rate = rate.parse().unwrap();
        rates.add("EUR", &Rate { from, rate }).unwrap();
    }
    rates
}

impl World {
    fn with<R: Send + 'static>(&self, job: impl FnOnce(&mut Connection) -> R + Send + 'static) -> R {
        let job = move |connection: &mut Connection| Ok(job(connection));
        self.bench.ledger.store().with_blocking(job).unwrap()
    }

    fn take(&mut self, step: &Event) {
        match step {
            Event::Commit { day, content } => {
                let records = content
                    .iter()
                    .map(|(service, what)| record(*day, *service, *what));
                self.bench
                    .commit(
                        &sample::stream("daily", Grain::Day),
                        &[DAYS[*day]],
                        records.collect(),
                    )
                    .unwrap();
                self.records.insert(*day, content.clone());
            }
            Event::Send { entries, fate } => {
                self.send(*entries, *fate);
            }
            Event::Retry => {
                self.with(|connection| retry(connection, &Retry::Dead(None)).unwrap());
            }
            Event::Drop(place) => {
                let ids = self.bench.rows(
                    "SELECT entry_id FROM entry WHERE state IN ('pending', 'held', 'dead') ORDER BY id",
                );
                if let Some(id) = ids.get(*place) {
                    let (ids, now) = ([id.clone()], sample::at("2026-08-10T12:00:00Z"));
                    self.with(move |connection| drop_entries(connection, &ids, "model", now).unwrap());
                }
            }
            Event::Rebase => self.rebase(),
            Event::Empty => {
                self.server.clear();
                self.arrived.clear();
                self.rebase_as(Kept::Nothing).unwrap();
            }
            Event::Reopen => self.bench.reopen(),
            Event::Rates(table) => self.rates = self.rates.map(|_| *table),
        }
    }

    /// As each delivery begins.
    fn convert(&self) {
        if let Some(table) = self.rates {
            self.with(move |connection| convert_waiting(connection, 1, &rates(table)).unwrap());
        }
    }

    /// Rebases, unless it is unknown what arrived: then nothing changes.
    fn rebase(&mut self) {
        let unknown = self.bench.rows("SELECT 1 FROM entry WHERE state = 'ambiguous'");
        match self.rebase_as(Kept::Settled) {
            Ok(()) => assert_eq!(unknown.len(), 0),
            Err(DecisionError::Refused(_)) => assert_ne!(unknown.len(), 0),
            Err(other) => panic!("{other}"),
        }
    }

    fn rebase_as(&self, kept: Kept) -> Result<(), DecisionError> {
        let now = sample::at("2026-08-10T12:00:00Z");
        self.with(move |connection| rebase(connection, "openfinops", kept, now).map(|_| ()))
    }

    /// Sends or looks up one batch; says whether there was one.
    fn send(&mut self, entries: usize, fate: Fate) -> bool {
        self.convert();
        self.uids += 1;
        let now = sample::at("2026-08-10T12:00:00Z");
        let order = SealOrder {
            uid: self.uids.to_string(),
            now,
            bytes: 1_000_000,
            share: Share {
                entries: if matches!(fate, Fate::Refused) { 1 } else { entries },
                extras: Extras::Without,
            },
            shares: BTreeMap::new(),
        };
        let render = |_: &outbox::Contents| -> Result<Vec<u8>, LedgerError> { Ok(vec![1]) };
        let batch = match self.with(move |connection| next_step(connection, 1, &order, &render).unwrap()) {
            Step::Batch(batch) => *batch,
            Step::Drained => return false,
            other => panic!("{other:?}"),
        };
        if batch.state == BatchState::Ambiguous {
            let found = self.arrived.remove(&batch.uid);
            self.with(move |connection| {
                if found {
                    settle(connection, &batch, 1).unwrap()
                } else {
                    put_back(connection, &batch, "not there").unwrap()
                }
            });
            return true;
        }
        let begun = batch.clone();
        self.with(move |connection| begin_attempt(connection, &begun, now).unwrap());
        match fate {
            Fate::Settled => self.store(&batch),
            Fate::StoredUnknown => {
                self.store(&batch);
                self.arrived.insert(batch.uid.clone());
            }
            Fate::Unavailable | Fate::LostUnknown | Fate::Refused => {}
        }
        // A batch that was sealed larger before is refused whole, and sent again later.
        let alone = batch.entries.len() == 1;
        self.with(move |connection| match fate {
            Fate::Settled => settle(connection, &batch, 1).unwrap(),
            Fate::StoredUnknown | Fate::LostUnknown => hold_until(connection, &batch, now, "reset").unwrap(),
            Fate::Refused if alone => dead_letter(connection, &batch, "400", now).unwrap(),
            Fate::Unavailable | Fate::Refused => put_back(connection, &batch, "503").unwrap(),
        });
        true
    }

    fn store(&mut self, batch: &Batch) {
        for entry in &batch.entries {
            let sql = format!("{KEYED} WHERE entry.id = {entry}");
            add(&mut self.server, &self.bench.rows(&sql));
        }
    }

    /// What the host knows that the destination has.
    fn settled(&self) -> Sums {
        let sql = format!("{KEYED} WHERE ended IS NULL AND entry.state = 'settled'");
        let mut sums = Sums::new();
        add(&mut sums, &self.bench.rows(&sql));
        nonzero(sums)
    }

    /// What the destination should have in the end.
    fn wanted(&self) -> Sums {
        let mut sums = Sums::new();
        for (day, content) in &self.records {
            for (service, (team, cents)) in content {
                let key = format!("{}/{}/{}", DAYS[*day], SERVICES[*service], TEAMS[*team]);
                let cost = match (service, self.rates) {
                    (2, None) => continue,
                    (2, Some(table)) => {
                        let rate = RATES[table][*day].parse().unwrap();
                        cost(*cents).mul_rounded(rate, CONVERTED_PLACES).unwrap()
                    }
                    _ => cost(*cents),
                };
                sums.insert(key, cost);
            }
        }
        nonzero(sums)
    }
}

const KEYED: &str =
    "SELECT json_extract(dims, '$.partition_start') || '/' || json_extract(dims, '$.service') || '/'
    || json_extract(dims, '$.tags.team'), COALESCE(conversion.amount, entry.amount)
    FROM entry JOIN posting ON posting.id = entry.posting JOIN epoch ON epoch.id = posting.epoch
    LEFT JOIN conversion ON conversion.entry = entry.id";

fn add(sums: &mut Sums, rows: &[String]) {
    for row in rows {
        let (key, amount) = row.split_once('|').unwrap();
        let sum = sums.entry(key.to_owned()).or_default();
        *sum = sum.checked_add(amount.parse().unwrap()).unwrap();
    }
}

fn nonzero(mut sums: Sums) -> Sums {
    sums.retain(|_, sum| !sum.is_zero());
    sums
}

fn cost(cents: i64) -> Decimal {
    format!("{}.{:02}", cents, 25).parse().unwrap()
}

fn record(day: usize, service: usize, (team, cents): (usize, i64)) -> CostRecord {
    let mut record = sample::record(DAYS[day], SERVICES[service], &cost(cents).to_string());
    record.tags.insert("team".to_owned(), TEAMS[team].to_owned());
    if service == 2 {
        record.billing_currency = "EUR".to_owned();
    }
    record
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]
    #[test]
    fn after_a_rebase_the_destination_has_the_current_records_and_nothing_twice(
        steps in prop::collection::vec(step(), 1..24),
        rates in prop::option::of(0..3_usize),
    ) {
        let mut world = World {
            bench: Bench::posting(),
            uids: 0,
            server: Sums::new(),
            arrived: BTreeSet::new(),
            records: BTreeMap::new(),
            rates,
        };
        for step in &steps {
            world.take(step);
            prop_assert_eq!(world.bench.findings(), [""; 0]);
            if world.arrived.is_empty() {
                prop_assert_eq!(world.settled(), nonzero(world.server.clone()));
            }
        }
        while world.send(4, Fate::Settled) {}
        world.rebase();
        while world.send(4, Fate::Settled) {}
        prop_assert_eq!(world.bench.findings(), [""; 0]);
        prop_assert_eq!(nonzero(world.server.clone()), world.wanted());
        let lacking = "SELECT entry.id FROM entry JOIN posting ON posting.id = entry.posting
             JOIN epoch ON epoch.id = posting.epoch
             WHERE ended IS NULL AND state NOT IN ('settled', 'held')";
        prop_assert_eq!(world.bench.rows(lacking), [""; 0]);
        let held = world.bench.rows("SELECT DISTINCT currency FROM entry JOIN posting ON posting.id = posting
             WHERE state = 'held'");
        prop_assert!(held.is_empty() || held == ["EUR"] && world.rates.is_none(), "{:?}", held);
    }
}
