//! What the ledger's tests are made of: one record, one stream, one source, a clock moved by hand.
#![allow(clippy::unwrap_used)]

use super::{
    Completeness, Ledger, Receipt, RunId, RunInfo, Seal, WriteError,
    commit::CommitOptions,
    destination::{DestinationKind, DestinationSpec, Measure, OtherCurrencies, StartMode},
    record::{ChargeCategory, CostRecord, Finality, Period, Source},
};
use crate::{
    clock::Clock,
    component::descriptor::{Anchor, Basis, Grain, LookBack, Stream, Supersede},
};
use jiff::{Timestamp, ToSpan};
use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex},
    time::Duration,
};

/// A clock that stands still until it is set.
#[derive(Debug)]
pub(super) struct HandClock(pub(super) Mutex<Timestamp>);

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let mut now = self.0.lock().unwrap();
        *now = now.checked_add(duration).unwrap();
        Box::pin(std::future::ready(()))
    }
}

pub(super) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// One hour of usage from an instant.
pub(super) fn record(start: &str, service: &str, cost: &str) -> CostRecord {
    let start = at(start);
    let month = crate::ledger::period::partition_of(Grain::Month, start).unwrap();
    CostRecord {
        charge_period: Period::new(start, start.checked_add(1.hour()).unwrap()).unwrap(),
        billing_period: month,
        charge_category: ChargeCategory::Usage,
        correction: false,
        charge_frequency: None,
        charge_description: None,
        finality: Finality::Open,
        basis: Basis::Billed,
        line_id: None,
        billing_account_id: "ORG".to_owned(),
        billing_account_name: None,
        sub_account_id: None,
        sub_account_name: None,
        sub_account_type: None,
        service_provider_name: "Acme".to_owned(),
        host_provider_name: None,
        invoice_issuer_name: None,
        invoice_id: None,
        invoice_detail_id: None,
        service_name: service.to_owned(),
        service_category: "Compute".to_owned(),
        service_subcategory: None,
        region_id: None,
        region_name: None,
        availability_zone: None,
        resource_id: None,
        resource_name: None,
        resource_type: None,
        sku_id: None,
        sku_price_id: None,
        sku_meter: None,
        billing_currency: "USD".to_owned(),
        billed_cost: cost.parse().unwrap(),
        effective_cost: cost.parse().unwrap(),
        list_cost: None,
        contracted_cost: None,
        consumed_quantity: None,
        consumed_unit: None,
        pricing_category: None,
        pricing_quantity: None,
        pricing_unit: None,
        list_unit_price: None,
        contracted_unit_price: None,
        pricing_currency: None,
        price_card: None,
        commitment_discount_id: None,
        commitment_discount_name: None,
        commitment_discount_category: None,
        commitment_discount_type: None,
        commitment_discount_status: None,
        commitment_discount_quantity: None,
        commitment_discount_unit: None,
        capacity_reservation_id: None,
        capacity_reservation_status: None,
        tags: std::collections::BTreeMap::new(),
        extra: std::collections::BTreeMap::new(),
        line_count: 1,
    }
}

/// A counted stream with a year of look-back.
pub(super) fn stream(name: &str, grain: Grain) -> Stream {
    Stream {
        name: name.to_owned(),
        text: String::new(),
        grain,
        anchor: Anchor::ChargeStart,
        basis: Basis::Billed,
        view_of: None,
        supersedes: None,
        latency: 86_400,
        look_back: LookBack::Days(365),
        cadence: None,
        retention: None,
        key_version: 1,
        key_tags: Vec::new(),
    }
}

/// A stream that supersedes another.
pub(super) fn better(name: &str, grain: Grain, worse: &str, by: Option<&str>) -> Stream {
    Stream {
        supersedes: Some(Supersede {
            stream: worse.to_owned(),
            by: by.map(str::to_owned),
        }),
        ..stream(name, grain)
    }
}

pub(super) fn source() -> Source {
    Source {
        provider: "acme".to_owned(),
        billing_account: "ORG".to_owned(),
        scope: String::new(),
    }
}

/// A ledger in a directory, a run of its one instance, and the clock.
pub(super) struct Bench {
    pub(super) directory: tempfile::TempDir,
    pub(super) ledger: Ledger,
    pub(super) clock: Arc<HandClock>,
    pub(super) run: RunId,
    streams: Vec<Stream>,
    runtime: tokio::runtime::Runtime,
}

impl Bench {
    pub(super) fn new() -> Self {
        Self::on(tempfile::tempdir().unwrap())
    }

    /// On a state directory that may hold a ledger.
    pub(super) fn on(directory: tempfile::TempDir) -> Self {
        let clock = Arc::new(HandClock(Mutex::new(at("2026-08-10T12:00:00Z"))));
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let ledger = Ledger::open(directory.path(), clock.clone()).unwrap();
        let run = runtime.block_on(ledger.begin_run(info("acme-prod"))).unwrap();
        Self {
            directory,
            ledger,
            clock,
            run,
            streams: Vec::new(),
            runtime,
        }
    }

    /// A copy of the state directory as a program leaves it that was closed: all of the ledger in one file, and its mark.
    pub(super) fn closed(&self) -> tempfile::TempDir {
        self.doctor("PRAGMA wal_checkpoint(TRUNCATE)");
        let copy = tempfile::tempdir().unwrap();
        for name in ["ledger.db", "ledger.mark"] {
            std::fs::copy(self.directory.path().join(name), copy.path().join(name)).unwrap();
        }
        copy
    }

    /// Begins the next run, of a collector that declares these streams.
    pub(super) fn declare(&mut self, streams: &[Stream]) {
        self.streams = streams.to_vec();
        self.reopen();
    }

    /// With the destination that all tests post to.
    pub(super) fn posting() -> Self {
        let bench = Self::new();
        bench
            .block(bench.ledger.ensure_destination(&destination()))
            .unwrap();
        bench
    }

    pub(super) fn block<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    /// As after a crash: a new process opens the directory and begins a run.
    pub(super) fn reopen(&mut self) {
        self.ledger = Ledger::open(self.directory.path(), self.clock.clone()).unwrap();
        let info = RunInfo {
            streams: self.streams.clone(),
            ..info("acme-prod")
        };
        self.run = self.block(self.ledger.begin_run(info)).unwrap();
    }

    /// One writer, sealed; not committed.
    pub(super) fn sealed(
        &self,
        stream: &Stream,
        starts: &[&str],
        records: Vec<CostRecord>,
        seal: Seal,
    ) -> Result<super::WriterId, WriteError> {
        let starts = starts.iter().map(|start| at(start)).collect();
        self.block(async {
            let writer = self
                .ledger
                .open_writer(self.run, stream, &source(), starts)
                .await?;
            self.ledger.write(writer, records).await?;
            self.ledger.seal(writer, seal).await?;
            Ok(writer)
        })
    }

    /// Commits records into complete partitions, whatever they withdraw.
    pub(super) fn commit(
        &self,
        stream: &Stream,
        starts: &[&str],
        records: Vec<CostRecord>,
    ) -> Result<Receipt, WriteError> {
        self.commit_as(stream, starts, records, Completeness::Complete)
    }

    pub(super) fn commit_as(
        &self,
        stream: &Stream,
        starts: &[&str],
        records: Vec<CostRecord>,
        completeness: Completeness,
    ) -> Result<Receipt, WriteError> {
        let writer = self.sealed(stream, starts, records, seal(completeness))?;
        let receipts = self.block(self.ledger.commit(self.run, vec![writer], trusting()))?;
        Ok(receipts.into_iter().next().unwrap())
    }

    /// What a query gives, as one text per row with columns joined by `|`.
    pub(super) fn rows(&self, sql: &str) -> Vec<String> {
        let connection = super::store::open_read_only(self.directory.path()).unwrap();
        let mut statement = connection.prepare(sql).unwrap();
        let columns = statement.column_count();
        let rows = statement.query_map([], |row| {
            let mut cells = Vec::new();
            for column in 0..columns {
                cells.push(match row.get::<_, rusqlite::types::Value>(column)? {
                    rusqlite::types::Value::Null => "-".to_owned(),
                    rusqlite::types::Value::Integer(number) => number.to_string(),
                    rusqlite::types::Value::Text(text) => text,
                    other => format!("{other:?}"),
                });
            }
            Ok(cells.join("|"))
        });
        rows.unwrap().map(Result::unwrap).collect()
    }

    /// Entries in order: state, amount, total after.
    pub(super) fn entries(&self) -> Vec<String> {
        self.rows("SELECT state, amount, total_after FROM entry ORDER BY id")
    }

    /// What sealing left of a writer, as JSON.
    pub(super) fn seal_of(&self, writer: super::WriterId) -> String {
        let sql = "SELECT seal FROM staged_writer WHERE id = ?";
        let seal = move |connection: &mut rusqlite::Connection| {
            Ok(connection.query_row(sql, [writer.0], |row| row.get(0))?)
        };
        self.ledger.store().with_blocking(seal).unwrap()
    }

    /// All findings of the checker.
    pub(super) fn findings(&self) -> Vec<String> {
        let connection = super::store::open_read_only(self.directory.path()).unwrap();
        let report = super::check::check(&connection).unwrap();
        report.findings.iter().map(ToString::to_string).collect()
    }

    /// How many records wait in the writer's temporary tables.
    pub(super) fn staged(&self) -> i64 {
        let sql = "SELECT (SELECT count(*) FROM temp.staged) + (SELECT count(*) FROM temp.sealed)";
        let count =
            |connection: &mut rusqlite::Connection| Ok(connection.query_row(sql, [], |row| row.get(0))?);
        self.ledger.store().with_blocking(count).unwrap()
    }

    /// Changes the database behind the ledger's back.
    pub(super) fn doctor(&self, sql: &'static str) {
        let job = move |connection: &mut rusqlite::Connection| Ok(connection.execute_batch(sql)?);
        self.ledger.store().with_blocking(job).unwrap();
    }
}

pub(super) fn info(instance: &str) -> RunInfo {
    RunInfo {
        instance: instance.to_owned(),
        collector: "acme".to_owned(),
        version: "1.0.0".to_owned(),
        sha256: "00".to_owned(),
        streams: Vec::new(),
        money: super::Money::Counts,
        tags: super::tags::Tags::new(),
    }
}

pub(super) fn seal(completeness: Completeness) -> Seal {
    Seal {
        completeness,
        observed_through: at("2026-08-10T11:00:00Z"),
        control: None,
        checkpoint: None,
    }
}

/// Options that hold nothing.
pub(super) fn trusting() -> CommitOptions {
    CommitOptions {
        hold: super::hold::HoldPolicy::Trust,
        ..CommitOptions::default()
    }
}

pub(super) fn destination() -> DestinationSpec {
    DestinationSpec {
        name: "openfinops".to_owned(),
        kind: DestinationKind::Journal,
        identity: "http://destination".to_owned(),
        measure: Measure::Effective,
        group_by: None,
        currency: "USD".to_owned(),
        other_currencies: OtherCurrencies::Hold,
        rates: super::destination::rates::Rates::default(),
        start: StartMode::Baseline,
    }
}
