//! Snapshots over a ledger's life: what stands in the directory is always what the ledger says.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod closing;
mod life;
mod proof;
mod trouble;

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
use std::{collections::BTreeMap, fs, path::Path, sync::atomic::AtomicBool};

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
