//! Snapshots over a ledger's life: what stands in the directory is always what the ledger says.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use super::snapshots;
use crate::{
    component::descriptor::{Basis, Grain, Stream},
    export::{
        ExportError, FocusVersion, Format,
        snapshot::{SnapshotConfig, SnapshotReport, render},
    },
    ledger::{
        Completeness, Ledger, Money, RunInfo, outbox,
        query::{CostFilter, costs},
        record::{CostRecord, Finality},
        sample::{self, Bench},
        store::open_read_only,
    },
};
use finops_decimal::Decimal;
use proptest::prelude::*;
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::atomic::AtomicBool,
};

const JULY: &str = "2026-07-01T00:00:00Z";
const AUGUST: &str = "2026-08-01T00:00:00Z";

/// A bench with a directory of FOCUS files.
struct Files {
    bench: Bench,
    config: SnapshotConfig,
}

/// A row by column.
type Cells = BTreeMap<String, String>;

impl Files {
    fn new() -> Self {
        let bench = Bench::new();
        let config = SnapshotConfig {
            directory: bench.directory.path().join("focus"),
            version: FocusVersion::V1_4,
            format: Format::Csv,
        };
        Self { bench, config }
    }

    fn try_render_of(&self, ledger: &Ledger) -> Result<SnapshotReport, ExportError> {
        let id = self
            .bench
            .block(ledger.ensure_destination(&self.config.spec()))
            .unwrap();
        let now = *self.bench.clock.0.lock().unwrap();
        render(ledger.store(), id.0, &self.config, now, &AtomicBool::new(false))
    }

    fn try_render(&self) -> SnapshotReport {
        self.try_render_of(&self.bench.ledger).unwrap()
    }

    /// Renders; then the directory says what the ledger says, and the laws hold.
    #[track_caller]
    fn render(&self) -> SnapshotReport {
        let report = self.try_render();
        assert_eq!(report.failed, [""; 0]);
        assert_eq!(self.sums(), self.booked());
        assert_eq!(self.bench.findings(), [""; 0]);
        report
    }

    fn names(&self) -> Vec<String> {
        let mut names = Vec::new();
        for folder in ["", "billed", "list-price", "estimated"] {
            let Ok(entries) = fs::read_dir(self.config.directory.join(folder)) else {
                continue;
            };
            let files = entries.map(Result::unwrap).filter(|entry| entry.path().is_file());
            names.extend(files.map(|entry| {
                Path::new(folder)
                    .join(entry.file_name())
                    .to_string_lossy()
                    .into_owned()
            }));
        }
        names.sort();
        names
    }

    /// The bytes of all files by name.
    fn bytes(&self) -> BTreeMap<String, Vec<u8>> {
        let read = |name: String| {
            let bytes = fs::read(self.config.directory.join(&name)).unwrap();
            (name, bytes)
        };
        self.names().into_iter().map(read).collect()
    }

    fn rows(&self, name: &str) -> Vec<Cells> {
        let mut reader = ::csv::Reader::from_path(self.config.directory.join(name)).unwrap();
        let names = reader.headers().unwrap().clone();
        reader
            .records()
            .map(|row| {
                let row = row.unwrap();
                names
                    .iter()
                    .map(str::to_owned)
                    .zip(row.iter().map(str::to_owned))
                    .collect()
            })
            .collect()
    }

    /// Rows as `class billing-month charge-day billed`.
    fn told(&self, name: &str) -> Vec<String> {
        let rows = self.rows(name);
        rows.iter()
            .map(|row| {
                format!(
                    "{} {} {} {}",
                    if row["ChargeClass"].is_empty() {
                        "-"
                    } else {
                        &row["ChargeClass"]
                    },
                    &row["BillingPeriodStart"][..7],
                    &row["ChargePeriodStart"][..10],
                    row["BilledCost"]
                )
            })
            .collect()
    }

    /// The billed sums of all files, by currency and basis.
    fn sums(&self) -> BTreeMap<(String, String), Decimal> {
        let mut sums: BTreeMap<(String, String), Decimal> = BTreeMap::new();
        for name in self.names().iter().filter(|name| name.ends_with(".csv")) {
            for row in self.rows(name) {
                assert!(
                    name.starts_with(&row["x_Basis"]),
                    "{name} holds {}",
                    row["x_Basis"]
                );
                let sum = sums
                    .entry((row["BillingCurrency"].clone(), row["x_Basis"].clone()))
                    .or_default();
                *sum = sum.checked_add(row["BilledCost"].parse().unwrap()).unwrap();
            }
        }
        sums.retain(|_, sum| !sum.is_zero());
        sums
    }

    /// What `costs` says.
    fn booked(&self) -> BTreeMap<(String, String), Decimal> {
        let connection = open_read_only(self.bench.directory.path()).unwrap();
        let filter = CostFilter {
            group_by: vec![crate::ledger::dimension::Dimension::Basis],
            ..CostFilter::default()
        };
        let rows = costs(&connection, &filter).unwrap();
        let sums = rows
            .into_iter()
            .map(|row| ((row.currency, row.dims[0].clone()), row.billed));
        sums.filter(|(_, sum)| !sum.is_zero()).collect()
    }

    fn manifest(&self) -> serde_json::Value {
        let text = fs::read_to_string(self.config.directory.join("manifest.json")).unwrap();
        serde_json::from_str(&text).unwrap()
    }

    fn go_to(&self, now: &str) {
        *self.bench.clock.0.lock().unwrap() = sample::at(now);
    }

    /// Commits a whole month.
    fn month(&self, start: &str, finality: Finality, costs: &[(&str, &str)]) {
        let records = costs.iter().map(|(service, cost)| CostRecord {
            finality,
            ..sample::record(start, service, cost)
        });
        let stream = sample::stream("monthly", Grain::Month);
        self.bench.commit(&stream, &[start], records.collect()).unwrap();
    }
}

fn written(report: &SnapshotReport) -> Vec<&str> {
    report.written.iter().map(String::as_str).collect()
}

#[test]
fn only_what_changed_is_rendered_and_only_what_came_out_otherwise_is_replaced() {
    let files = Files::new();
    files.month(JULY, Finality::Open, &[("Compute", "5")]);
    files.month(AUGUST, Finality::Open, &[("Compute", "0.1"), ("Storage", "0.2")]);
    let report = files.render();
    assert_eq!(
        written(&report),
        ["billed/acme-2026-07.csv", "billed/acme-2026-08.csv"]
    );
    assert_eq!(
        files.names(),
        [
            "billed/acme-2026-07.csv",
            "billed/acme-2026-08.csv",
            "manifest.json"
        ]
    );
    assert_eq!(files.render(), SnapshotReport::default(), "nothing changed");
    files.month(JULY, Finality::Open, &[("Compute", "5")]);
    assert_eq!(
        files.render(),
        SnapshotReport::default(),
        "nor by the same bill again"
    );
    files.month(AUGUST, Finality::Open, &[("Compute", "0.3")]);
    assert_eq!(written(&files.render()), ["billed/acme-2026-08.csv"]);
    // Off and on again before anybody looked.
    files.month(AUGUST, Finality::Open, &[("Compute", "9")]);
    files.month(AUGUST, Finality::Open, &[("Compute", "0.3")]);
    let report = files.render();
    assert_eq!((written(&report).len(), report.unchanged), (0, 1));
    files.month(AUGUST, Finality::Open, &[]);
    let report = files.render();
    assert_eq!(report.deleted, ["billed/acme-2026-08.csv"]);
}

#[test]
fn the_manifest_says_what_stands() {
    let files = Files::new();
    files.month(JULY, Finality::Final, &[("Compute", "5")]);
    files.render();
    let manifest = files.manifest();
    let bytes = fs::read(files.config.directory.join("billed/acme-2026-07.csv")).unwrap();
    use sha2::Digest;
    let digest: String = sha2::Sha256::digest(&bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let file = &manifest["files"][0];
    assert_eq!(file["name"], "billed/acme-2026-07.csv");
    assert_eq!(file["billing_period"], "2026-07");
    assert_eq!(file["sha256"], digest.as_str());
    assert_eq!(file["bytes"], bytes.len());
    assert_eq!((&file["rows"], &file["open_rows"]), (&1.into(), &0.into()));
    assert_eq!(file["final"], true);
    assert_eq!(file["sums"]["USD"]["billed"], "5");
    assert_eq!(
        (&manifest["focus_version"], &manifest["format"]),
        (&"1.4".into(), &"csv".into())
    );
}

#[test]
fn other_bases_go_to_files_that_say_so_and_views_and_money_apart_into_none() {
    let mut files = Files::new();
    files.month(AUGUST, Finality::Open, &[("Compute", "5")]);
    let estimate = Stream {
        basis: Basis::Estimated,
        ..sample::stream("estimate", Grain::Day)
    };
    let estimated = CostRecord {
        basis: Basis::Estimated,
        ..sample::record(AUGUST, "Storage", "2")
    };
    files.bench.commit(&estimate, &[AUGUST], vec![estimated]).unwrap();
    let view = Stream {
        view_of: Some("monthly".to_owned()),
        ..sample::stream("by-tag", Grain::Day)
    };
    let seen = sample::record(AUGUST, "Compute", "5");
    files.bench.commit(&view, &[AUGUST], vec![seen]).unwrap();
    files.render();
    assert_eq!(
        files.names(),
        [
            "billed/acme-2026-08.csv",
            "estimated/acme-2026-08-estimated.csv",
            "manifest.json"
        ]
    );
    assert_eq!(files.rows("billed/acme-2026-08.csv").len(), 1);
    let info = RunInfo {
        money: Money::Apart,
        ..sample::info("acme-prod")
    };
    files.bench.run = files.bench.block(files.bench.ledger.begin_run(info)).unwrap();
    assert_eq!(files.render().deleted.len(), 2);
}

#[test]
fn a_bill_restated_after_its_month_was_final_is_corrected_in_the_next_open_month() {
    let files = Files::new();
    files.month(JULY, Finality::Final, &[("Compute", "5"), ("Storage", "1")]);
    assert_eq!(files.render().closed, ["acme 2026-07"]);
    let july = files.bytes()["billed/acme-2026-07.csv"].clone();

    files.month(JULY, Finality::Final, &[("Compute", "7"), ("Network", "0.5")]);
    assert_eq!(written(&files.render()), ["billed/acme-2026-08.csv"]);
    assert_eq!(
        files.bytes()["billed/acme-2026-07.csv"],
        july,
        "it stays as it was"
    );
    let mut told = files.told("billed/acme-2026-08.csv");
    told.sort();
    assert_eq!(
        told,
        [
            "Correction 2026-08 2026-07-01 -1",
            "Correction 2026-08 2026-07-01 -5",
            "Correction 2026-08 2026-07-01 0.5",
            "Correction 2026-08 2026-07-01 7",
        ]
    );

    // The open month takes its own charges, and a correction that is taken back leaves it.
    files.month(AUGUST, Finality::Open, &[("Compute", "3")]);
    files.month(JULY, Finality::Final, &[("Compute", "7"), ("Storage", "1")]);
    files.render();
    let mut told = files.told("billed/acme-2026-08.csv");
    told.sort();
    assert_eq!(
        told,
        [
            "- 2026-08 2026-08-01 3",
            "Correction 2026-08 2026-07-01 -1",
            "Correction 2026-08 2026-07-01 -5",
            "Correction 2026-08 2026-07-01 1",
            "Correction 2026-08 2026-07-01 7",
        ]
    );

    // August is final with its corrections; what comes then is told in September.
    files.go_to("2026-09-10T12:00:00Z");
    files.month(AUGUST, Finality::Final, &[("Compute", "3")]);
    assert_eq!(files.render().closed, ["acme 2026-08"]);
    let before = files.bytes();
    files.month(JULY, Finality::Final, &[("Compute", "6"), ("Storage", "1")]);
    files.month(AUGUST, Finality::Final, &[]);
    assert_eq!(written(&files.render()), ["billed/acme-2026-09.csv"]);
    for name in ["billed/acme-2026-07.csv", "billed/acme-2026-08.csv"] {
        assert_eq!(files.bytes()[name], before[name]);
    }
    let mut told = files.told("billed/acme-2026-09.csv");
    told.sort();
    assert_eq!(
        told,
        [
            "Correction 2026-09 2026-07-01 -7",
            "Correction 2026-09 2026-07-01 6",
            "Correction 2026-09 2026-08-01 -3",
        ]
    );
    assert_eq!(files.render(), SnapshotReport::default());
}

#[test]
fn a_month_stays_open_while_it_lasts_or_anything_of_it_is_open_partial_or_missing() {
    let files = Files::new();
    let closed = |files: &Files| files.render().closed.len();
    let stream = sample::stream("daily", Grain::Day);
    let days: Vec<String> = (1..=31)
        .map(|day| format!("2026-07-{day:02}T00:00:00Z"))
        .collect();
    let commit = |day: &str, finality, completeness| {
        let record = CostRecord {
            finality,
            ..sample::record(day, "Compute", "1")
        };
        files
            .bench
            .commit_as(&stream, &[day], vec![record], completeness)
            .unwrap();
    };
    files.go_to("2026-07-31T12:00:00Z");
    for day in days.iter().filter(|day| !day.starts_with("2026-07-20")) {
        commit(day, Finality::Final, Completeness::Complete);
    }
    assert_eq!(closed(&files), 0, "it lasts");
    files.go_to("2026-08-01T12:00:00Z");
    commit(&days[19], Finality::Open, Completeness::Complete);
    assert_eq!(closed(&files), 0, "a day is open");
    commit(&days[19], Finality::Final, Completeness::Partial);
    assert_eq!(closed(&files), 0, "a day is partial");
    commit(&days[19], Finality::Final, Completeness::Complete);
    let report = files.render();
    assert_eq!(
        (report.closed.len(), report.written.len()),
        (1, 0),
        "no record changed, and still it is final now"
    );
    assert_eq!(files.manifest()["files"][0]["final"], true);
}

#[test]
fn a_month_becomes_final_by_its_end_alone() {
    let files = Files::new();
    files.go_to("2026-07-20T12:00:00Z");
    files.month(JULY, Finality::Final, &[("Compute", "5")]);
    assert_eq!(files.render().closed.len(), 0);
    files.go_to("2026-08-01T00:00:00Z");
    assert_eq!(files.render().closed, ["acme 2026-07"]);
    assert_eq!(files.render(), SnapshotReport::default());
}

#[test]
fn a_month_with_a_gap_stays_open() {
    let files = Files::new();
    let stream = sample::stream("daily", Grain::Day);
    let day = |day: u32| format!("2026-07-{day:02}T00:00:00Z");
    let commit = |start: &str| {
        let record = CostRecord {
            finality: Finality::Final,
            ..sample::record(start, "Compute", "1")
        };
        files.bench.commit(&stream, &[start], vec![record]).unwrap();
    };
    for number in (1..=31).filter(|number| *number != 20) {
        commit(&day(number));
    }
    assert_eq!(files.render().closed.len(), 0);
    commit(&day(20));
    assert_eq!(files.render().closed.len(), 1);
}

#[test]
fn a_wiped_directory_is_rendered_again_as_it_was_final_months_included() {
    let files = Files::new();
    files.month(JULY, Finality::Final, &[("Compute", "5")]);
    files.render();
    files.month(JULY, Finality::Final, &[("Compute", "7")]);
    files.month(AUGUST, Finality::Open, &[("Compute", "3")]);
    files.render();
    let before = files.bytes();
    fs::remove_dir_all(&files.config.directory).unwrap();
    files.render();
    let mut after = files.bytes();
    assert_eq!(
        before.keys().collect::<Vec<_>>(),
        after.keys().collect::<Vec<_>>()
    );
    // The manifest tells when a file was rendered, which a wipe changes.
    let csv = |bytes: &mut BTreeMap<String, Vec<u8>>| bytes.retain(|name, _| name.ends_with(".csv"));
    let mut before = before;
    csv(&mut before);
    csv(&mut after);
    assert_eq!(before, after);
    fs::write(files.config.directory.join("billed/acme-2026-08.csv"), "cut").unwrap();
    assert_eq!(written(&files.render()), ["billed/acme-2026-08.csv"]);
}

#[test]
fn those_who_may_read_the_directory_may_read_the_files() {
    use std::os::unix::fs::PermissionsExt;
    let files = Files::new();
    let mode = |path: &str| {
        let path = files.config.directory.join(path);
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    };
    fs::create_dir(&files.config.directory).unwrap();
    fs::set_permissions(&files.config.directory, fs::Permissions::from_mode(0o750)).unwrap();
    files.month(JULY, Finality::Open, &[("Compute", "5")]);
    files.render();
    assert_eq!(mode("billed"), 0o750);
    assert_eq!(mode("billed/acme-2026-07.csv"), 0o640);
    assert_eq!(mode("manifest.json"), 0o640);
}

#[test]
fn another_format_or_directory_begins_anew_and_only_our_old_files_go() {
    let mut files = Files::new();
    files.month(JULY, Finality::Final, &[("Compute", "5")]);
    files.render();
    let mine = files.config.directory.join("notes.txt");
    fs::write(&mine, "mine").unwrap();
    files.config.format = Format::Jsonl;
    files.try_render();
    assert_eq!(
        files.names(),
        ["billed/acme-2026-07.jsonl", "manifest.json", "notes.txt"]
    );
    files.config.format = Format::Csv;
    files.config.directory = files.bench.directory.path().join("other");
    files.render();
    assert_eq!(files.names(), ["billed/acme-2026-07.csv", "manifest.json"]);
    assert_eq!(files.manifest()["epoch"], 3);
}

/// A ledger that forgot what happened since: a copy of the database from before.
fn before(files: &Files, name: &str) -> PathBuf {
    let directory = files.bench.directory.path().join(name);
    fs::create_dir(&directory).unwrap();
    let target = directory.join("ledger.db");
    open_read_only(files.bench.directory.path())
        .unwrap()
        .execute("VACUUM INTO ?1", [target.to_string_lossy()])
        .unwrap();
    directory
}

#[test]
fn a_crash_between_a_file_and_its_bookkeeping_only_renders_again() {
    let files = Files::new();
    files.month(JULY, Finality::Final, &[("Compute", "5")]);
    files.month(AUGUST, Finality::Open, &[("Compute", "1")]);
    files.render();
    files.month(JULY, Finality::Final, &[("Compute", "7")]);
    files.month(AUGUST, Finality::Open, &[("Compute", "3")]);
    let forgot = before(&files, "forgot");
    files.render();
    let stood = files.bytes();
    // Left behind by the process that died.
    let unfinished = files
        .config
        .directory
        .join("billed/.finops-host-1-acme-2026-08.csv");
    fs::write(unfinished, "half").unwrap();
    let ledger = Ledger::open(&forgot, files.bench.clock.clone()).unwrap();
    let report = files.try_render_of(&ledger).unwrap();
    assert_eq!(report.failed, [""; 0]);
    assert_eq!(files.bytes(), stood, "the same files, and nothing else");
    assert_eq!(files.sums(), files.booked());
}

#[test]
fn a_file_that_cannot_be_written_holds_up_no_other_and_is_tried_again() {
    let files = Files::new();
    files.month(JULY, Finality::Open, &[("Compute", "5")]);
    files.month(AUGUST, Finality::Open, &[("Compute", "3")]);
    let obstacle = files.config.directory.join("billed/acme-2026-07.csv/full");
    fs::create_dir_all(&obstacle).unwrap();
    let report = files.try_render();
    assert_eq!(written(&report), ["billed/acme-2026-08.csv"]);
    assert_eq!(report.failed.len(), 1);
    assert!(report.failed[0].contains("acme-2026-07.csv"), "{report:?}");
    let connection = open_read_only(files.bench.directory.path()).unwrap();
    let [row] = snapshots(&connection).unwrap().try_into().unwrap();
    assert!(row.error.unwrap().contains("acme-2026-07.csv"));
    assert_eq!((row.files, row.waiting), (1, 1));
    fs::remove_dir_all(files.config.directory.join("billed/acme-2026-07.csv")).unwrap();
    assert_eq!(written(&files.render()), ["billed/acme-2026-07.csv"]);
    let [row] = snapshots(&connection).unwrap().try_into().unwrap();
    assert_eq!((row.error, row.files, row.waiting), (None, 2, 0));
}

#[test]
fn a_paused_snapshot_is_left_alone_until_it_is_resumed() {
    let files = Files::new();
    files.month(JULY, Finality::Open, &[("Compute", "5")]);
    files.render();
    let store = files.bench.ledger.store();
    let id = |connection: &rusqlite::Connection| outbox::destination_row(connection, "focus").unwrap();
    store
        .with_blocking(move |connection| outbox::pause(connection, id(connection), "by the operator"))
        .unwrap();
    files.month(JULY, Finality::Open, &[("Compute", "6")]);
    let report = files.try_render();
    assert_eq!(
        (report.paused.as_deref(), report.written.len()),
        (Some("by the operator"), 0)
    );
    store
        .with_blocking(move |connection| outbox::resume(connection, id(connection)))
        .unwrap();
    assert_eq!(files.render().written.len(), 1);
}

#[test]
fn a_directory_of_another_ledger_or_with_a_strange_manifest_is_left_alone() {
    let files = Files::new();
    files.month(JULY, Finality::Open, &[("Compute", "5")]);
    files.render();
    let mut other = Files::new();
    other.month(JULY, Finality::Open, &[("Compute", "9")]);
    other.config.directory.clone_from(&files.config.directory);
    let stood = files.bytes();
    let error = other.try_render_of(&other.bench.ledger).unwrap_err().to_string();
    assert!(error.contains("another ledger"), "{error}");
    assert_eq!(files.bytes(), stood);
    fs::write(files.config.directory.join("manifest.json"), "{}").unwrap();
    let error = files.try_render_of(&files.bench.ledger).unwrap_err().to_string();
    assert!(error.contains("no manifest of finops-host"), "{error}");
}

#[test]
fn whatever_a_provider_is_called_its_file_lies_in_the_directory() {
    let files = Files::new();
    let stream = sample::stream("monthly", Grain::Month);
    let long = "x".repeat(300);
    for provider in ["../../etc", "a/b", "Ärger", long.as_str()] {
        let source = crate::ledger::record::Source {
            provider: provider.to_owned(),
            ..sample::source()
        };
        files.bench.block(async {
            let (ledger, run) = (&files.bench.ledger, files.bench.run);
            let writer = ledger
                .open_writer(run, &stream, &source, vec![sample::at(JULY)])
                .await
                .unwrap();
            ledger
                .write(writer, vec![sample::record(JULY, "Compute", "1")])
                .await
                .unwrap();
            ledger
                .seal(writer, sample::seal(Completeness::Complete))
                .await
                .unwrap();
            ledger
                .commit(run, vec![writer], sample::trusting())
                .await
                .unwrap();
        });
    }
    assert_eq!(files.render().written.len(), 4);
    assert_eq!(files.names().len(), 5);
}

#[test]
fn the_views_show_current_costs_entries_and_coverage() {
    let bench = Bench::posting();
    let stream = sample::stream("daily", Grain::Day);
    let record = CostRecord {
        list_cost: Some("0.3".parse().unwrap()),
        ..sample::record(AUGUST, "Compute", "0.1")
    };
    bench.commit(&stream, &[AUGUST], vec![record]).unwrap();
    bench
        .commit(&stream, &[AUGUST], vec![sample::record(AUGUST, "Compute", "0.2")])
        .unwrap();
    assert_eq!(
        bench.rows(
            "SELECT x_Source, x_Stream, ServiceName, BilledCost, EffectiveCost, ListCost, x_ListCostSource,
                    BillingPeriodStart, ChargePeriodStart, x_Basis, x_Finality, x_LineCount FROM finops_current_cost"
        ),
        [
            "acme/ORG|daily|Compute|0.2|0.2|0.2|none|2026-08-01T00:00:00Z|2026-08-01T00:00:00Z|billed|open|1"
        ]
    );
    assert_eq!(
        bench.rows(
            "SELECT x_Destination, x_Sequence, x_Amount, x_TotalAfter, BillingCurrency FROM finops_entry"
        ),
        ["openfinops|1|0.1|0.1|USD", "openfinops|2|0.1|0.2|USD"]
    );
    assert_eq!(
        bench.rows(
            "SELECT x_Source, x_Stream, x_PartitionStart, x_Completeness, x_Counts FROM finops_coverage"
        ),
        ["acme/ORG|daily|2026-08-01T00:00:00Z|complete|1"]
    );
}

/// Something that happens to a snapshot.
#[derive(Clone, Debug)]
enum Happens {
    /// A month's bill, whatever it was before.
    Bill {
        month: usize,
        costs: Vec<u8>,
        finality: Finality,
    },
    Render,
    MonthsPass,
    Wipe,
}

fn happens() -> impl Strategy<Value = Happens> {
    let finality = prop_oneof![1 => Just(Finality::Open), 3 => Just(Finality::Final)];
    prop_oneof![
        6 => (0..4_usize, prop::collection::vec(0..4_u8, 0..3), finality)
            .prop_map(|(month, costs, finality)| Happens::Bill { month, costs, finality }),
        4 => Just(Happens::Render),
        2 => Just(Happens::MonthsPass),
        1 => Just(Happens::Wipe),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    #[test]
    fn whatever_happens_the_files_add_up_to_the_books_and_final_ones_stay(
        life in prop::collection::vec(happens(), 1..24)
    ) {
        const MONTHS: [&str; 4] = [
            "2026-06-01T00:00:00Z", "2026-07-01T00:00:00Z", "2026-08-01T00:00:00Z", "2026-09-01T00:00:00Z",
        ];
        let files = Files::new();
        let mut final_files: BTreeMap<String, Vec<u8>> = BTreeMap::new();
        let mut passed = 0;
        for it in life.into_iter().chain([Happens::Render]) {
            match it {
                Happens::Bill { month, costs, finality } => {
                    let named: Vec<(String, String)> = costs.iter().enumerate()
                        .map(|(index, cost)| (format!("service {index}"), format!("{cost}.000000001"))).collect();
                    let costs: Vec<(&str, &str)> =
                        named.iter().map(|(name, cost)| (name.as_str(), cost.as_str())).collect();
                    files.month(MONTHS[month], finality, &costs);
                }
                Happens::MonthsPass => {
                    passed += 1;
                    files.go_to(&format!("2026-{:02}-10T12:00:00Z", (8 + passed).min(12)));
                }
                Happens::Wipe => drop(fs::remove_dir_all(&files.config.directory)),
                Happens::Render => {
                    files.render();
                    let bytes = files.bytes();
                    for (name, then) in &final_files {
                        prop_assert_eq!(bytes.get(name), Some(then), "{} is final", name);
                    }
                    for file in files.manifest()["files"].as_array().unwrap() {
                        if file["final"] == true {
                            let name = file["name"].as_str().unwrap().to_owned();
                            let now = bytes[&name].clone();
                            final_files.insert(name, now);
                        }
                    }
                }
            }
        }
    }
}
