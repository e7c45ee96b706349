//! The ledger by itself: a first reading of a partition of a million records, the same reading again, what that takes on
//! disk and in memory, the start of the program over it, and the delivery of its entries.
//! What must hold: each reading is checked by its receipt; the memory is the most that the process had while it wrote.

use crate::{
    child::measured,
    figure::{
        BARE_ROWS, LEDGER_BARE, LEDGER_DISK, LEDGER_FIRST, LEDGER_MEMORY, LEDGER_POSTED, LEDGER_REREAD,
        MILLION, POSTED, START_PEAK, START_WALL, Samples,
    },
    records::{Rows, rate},
    setting::Setting,
    stopwatch::nanoseconds,
};
use finops_host::{
    clock::SystemClock,
    component::descriptor::{Anchor, Basis, Grain, LookBack, Stream},
    ledger::{
        CommitOptions, Completeness, DestinationSpec, HoldPolicy, Ledger, Money, Receipt, RunId, RunInfo,
        Seal,
        destination::{DestinationKind, Measure, OtherCurrencies, StartMode, rates::Rates},
        period::partition_of,
        record::{ChargeCategory, CostRecord, Finality, Period, Source},
    },
};
use finops_tests::Error;
use jiff::{SignedDuration, Timestamp};
use std::{collections::BTreeMap, path::Path, process::Command, sync::Arc, time::Instant};

/// Records of one call, as a collector writes them.
const BATCH: u64 = 1_000;

/// One round.
pub(crate) async fn measure(setting: &Setting, samples: &mut Samples) -> Result<(), Error> {
    let state = setting.fresh_state()?;
    {
        let books = Books::open(state.path()).await?;
        let before = peak_from_here()?;
        let watch = Instant::now();
        let receipt = books.read(MILLION).await?;
        samples.add(&LEDGER_FIRST, rate(MILLION, nanoseconds(watch.elapsed())?)?);
        samples.add(&LEDGER_MEMORY, peak()?.saturating_sub(before));
        expect("added", receipt.added, MILLION)?;

        let watch = Instant::now();
        let receipt = books.read(MILLION).await?;
        samples.add(&LEDGER_REREAD, rate(MILLION, nanoseconds(watch.elapsed())?)?);
        expect("unchanged", receipt.unchanged, MILLION)?;
    }
    samples.add(&LEDGER_DISK, bytes(state.path())?);
    let file = state.path().join("bare.db");
    let rows = Rows::of_ledger(state.path(), BARE_ROWS)?;
    let spent = tokio::task::block_in_place(|| rows.insert_into(&file))?;
    samples.add(&LEDGER_BARE, rate(BARE_ROWS, spent)?);
    drop(rows);
    std::fs::remove_file(&file)?;
    tokio::task::block_in_place(|| start(setting, state.path(), samples))?;

    let state = setting.fresh_state()?;
    let books = Books::open(state.path()).await?;
    let destination = books
        .ledger
        .ensure_destination(&destination("http://127.0.0.1:1"))
        .await?;
    let watch = Instant::now();
    let receipt = books.read(POSTED).await?;
    samples.add(&LEDGER_POSTED, rate(POSTED, nanoseconds(watch.elapsed())?)?);
    expect("added", receipt.added, POSTED)?;
    crate::delivery::measure(&books.ledger, destination, samples).await
}

pub(crate) fn expect(what: &str, found: u64, wanted: u64) -> Result<(), Error> {
    if found == wanted {
        return Ok(());
    }
    Err(format!("{found} records are {what} instead of {wanted}").into())
}

/// A ledger and a run of it.
struct Books {
    ledger: Ledger,
    run: RunId,
}

impl Books {
    async fn open(state: &Path) -> Result<Self, Error> {
        let ledger = Ledger::open(state, Arc::new(SystemClock::default()))?;
        let run = ledger.begin_run(run()).await?;
        Ok(Self { ledger, run })
    }

    /// Writes, seals and commits so many records of one partition.
    async fn read(&self, records: u64) -> Result<Receipt, Error> {
        let Self { ledger, run } = self;
        let month: Timestamp = "2026-06-01T00:00:00Z".parse()?;
        let writer = ledger
            .open_writer(*run, &stream(), &source(), vec![month])
            .await?;
        let template = template(month)?;
        let mut written = 0;
        while written < records {
            let batch = (written..records.min(written + BATCH))
                .map(|number| record(&template, number))
                .collect::<Result<Vec<_>, Error>>()?;
            written += u64::try_from(batch.len())?;
            ledger.write(writer, batch).await?;
        }
        let seal = Seal {
            completeness: Completeness::Complete,
            observed_through: month,
            control: None,
            checkpoint: None,
        };
        ledger.seal(writer, seal).await?;
        let options = CommitOptions {
            hold: HoldPolicy::Trust,
            ..CommitOptions::default()
        };
        let receipts = ledger.commit(*run, vec![writer], options).await?;
        receipts.into_iter().next().ok_or_else(|| "no receipt".into())
    }
}

fn run() -> RunInfo {
    RunInfo {
        tags: BTreeMap::new(),
        instance: "bench".to_owned(),
        collector: "bench".to_owned(),
        version: "0".to_owned(),
        sha256: "0".to_owned(),
        streams: Vec::new(),
        money: Money::Counts,
    }
}

fn source() -> Source {
    Source {
        provider: "acme".to_owned(),
        billing_account: "ORG".to_owned(),
        scope: String::new(),
    }
}

fn stream() -> Stream {
    Stream {
        name: "resources".to_owned(),
        text: String::new(),
        grain: Grain::Month,
        anchor: Anchor::ChargeStart,
        basis: Basis::Billed,
        view_of: None,
        supersedes: None,
        latency: 86_400,
        look_back: LookBack::Days(3_650),
        cadence: None,
        retention: None,
        key_version: 1,
        key_tags: Vec::new(),
    }
}

fn destination(endpoint: &str) -> DestinationSpec {
    DestinationSpec {
        name: "openfinops".to_owned(),
        kind: DestinationKind::Journal,
        identity: endpoint.to_owned(),
        measure: Measure::Effective,
        group_by: None,
        currency: "USD".to_owned(),
        other_currencies: OtherCurrencies::Hold,
        rates: Rates::default(),
        start: StartMode::All,
    }
}

/// A day's usage of a resource, with what such a line usually has.
fn template(month: Timestamp) -> Result<CostRecord, Error> {
    let some = |text: &str| Some(text.to_owned());
    Ok(CostRecord {
        charge_period: Period::covering(month, month),
        billing_period: partition_of(Grain::Month, month).ok_or("no month")?,
        charge_category: ChargeCategory::Usage,
        correction: false,
        charge_frequency: None,
        charge_description: None,
        finality: Finality::Open,
        basis: Basis::Billed,
        line_id: None,
        billing_account_id: "123456789012".to_owned(),
        billing_account_name: some("ACME Inc."),
        sub_account_id: some("210987654321"),
        sub_account_name: some("production"),
        sub_account_type: None,
        service_provider_name: "Acme Cloud".to_owned(),
        host_provider_name: None,
        invoice_issuer_name: some("Acme Cloud EMEA"),
        invoice_id: None,
        invoice_detail_id: None,
        service_name: "Elastic Compute".to_owned(),
        service_category: "Compute".to_owned(),
        service_subcategory: some("Virtual Machines"),
        region_id: some("eu-west-1"),
        region_name: None,
        availability_zone: None,
        resource_id: None,
        resource_name: None,
        resource_type: some("instance"),
        sku_id: some("SKU-0815"),
        sku_price_id: None,
        sku_meter: None,
        billing_currency: "USD".to_owned(),
        billed_cost: "0.5".parse()?,
        effective_cost: "0.5".parse()?,
        list_cost: Some("0.75".parse()?),
        contracted_cost: None,
        consumed_quantity: Some("24".parse()?),
        consumed_unit: some("Hours"),
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
        tags: BTreeMap::from([
            ("team".to_owned(), "platform".to_owned()),
            ("env".to_owned(), "production".to_owned()),
        ]),
        extra: BTreeMap::new(),
        line_count: 1,
    })
}

fn record(template: &CostRecord, number: u64) -> Result<CostRecord, Error> {
    let day = SignedDuration::from_hours(24);
    let start = template.charge_period.start() + day * i32::try_from(number % 30)?;
    Ok(CostRecord {
        charge_period: Period::covering(start, start + day),
        resource_id: Some(format!("i-{:016x}", number / 30)),
        ..template.clone()
    })
}

/// Starts the program over the ledger: it opens, reads all that `status` shows, and ends.
fn start(setting: &Setting, state: &Path, samples: &mut Samples) -> Result<(), Error> {
    let mut command = Command::new(&setting.arguments.host);
    command
        .args(["status", "--json", "--log", "error", "--state-dir"])
        .arg(state);
    let (used, _) = measured(&setting.arguments.scripts, setting.directory(), &command)?;
    samples.add(&START_WALL, used.wall);
    samples.add(&START_PEAK, used.peak);
    Ok(())
}

/// Bytes of the ledger's files.
fn bytes(state: &Path) -> Result<u64, Error> {
    let mut sum = 0;
    for name in ["ledger.db", "ledger.db-wal"] {
        match std::fs::metadata(state.join(name)) {
            Ok(file) => sum += file.len(),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(sum)
}

/// Lets the system count this process's peak from here on; gives what it has now, in bytes.
fn peak_from_here() -> Result<u64, Error> {
    std::fs::write("/proc/self/clear_refs", "5")?;
    peak()
}

/// The most memory that this process had, in bytes.
fn peak() -> Result<u64, Error> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .ok_or("the system does not count peak memory")?;
    let kib: u64 = line.trim().trim_end_matches("kB").trim().parse()?;
    Ok(kib << 10)
}
