//! What is archived, what is not, and that nobody who asks the ledger sees a difference.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod damage;

use super::{Archived, FOLDER, Retention, file, keep};
use crate::{
    component::descriptor::{Grain, LookBack, Stream},
    export::{FocusVersion, Format, Records, Rows, Selection, Sink, Strictness, Survey, write_records},
    ledger::{
        Completeness, Money, Retire, RunInfo, as_of,
        destination::{DestinationSpec, Measure},
        dimension::Dimension,
        query::{CostFilter, costs},
        record::{CostRecord, Finality},
        sample::{self, Bench},
        store::open_read_only,
    },
};
use std::{
    fs,
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

const DAYS: [&str; 3] = [
    "2026-01-01T00:00:00Z",
    "2026-01-02T00:00:00Z",
    "2026-07-30T00:00:00Z",
];

fn daily() -> Stream {
    Stream {
        look_back: LookBack::Days(30),
        ..sample::stream("daily", Grain::Day)
    }
}

fn retention() -> Retention {
    Retention {
        months: 6,
        look_back: None,
    }
}

fn line(day: &str, service: &str, cost: &str) -> CostRecord {
    CostRecord {
        finality: Finality::Final,
        region_id: Some(format!("region of {service}")),
        ..sample::record(day, service, cost)
    }
}

/// Two old days, of which the first was restated, and a young one; posted.
fn books() -> Bench {
    let bench = Bench::posting();
    let stream = daily();
    let first = vec![line(DAYS[0], "Compute", "1.5"), line(DAYS[0], "Storage", "2")];
    bench.commit(&stream, &[DAYS[0]], first).unwrap();
    *bench.clock.0.lock().unwrap() = sample::at("2026-08-11T12:00:00Z");
    let euros = CostRecord {
        billing_currency: "EUR".to_owned(),
        list_cost: Some("9.000000000000000001".parse().unwrap()),
        ..line(DAYS[1], "Compute", "3.25")
    };
    let second = vec![
        line(DAYS[0], "Compute", "1.25"),
        line(DAYS[0], "Archive", "2"),
        euros,
        line(DAYS[2], "Compute", "7"),
    ];
    bench.commit(&stream, &DAYS, second).unwrap();
    *bench.clock.0.lock().unwrap() = sample::at("2026-08-12T12:00:00Z");
    bench
}

fn archive_as(bench: &Bench, retention: Retention) -> Archived {
    let archived = bench.ledger.archive("acme-prod", retention, Arc::default());
    let archived = bench.block(archived).unwrap();
    assert_eq!(bench.findings(), [""; 0]);
    archived
}

fn archive(bench: &Bench) -> u64 {
    archive_as(bench, retention()).partitions
}

fn archived(bench: &Bench) -> Vec<String> {
    bench.rows(
        "SELECT strftime('%Y-%m-%d', start, 'unixepoch') FROM partition WHERE archived = 1 ORDER BY start",
    )
}

/// The archive files.
fn files(bench: &Bench) -> Vec<PathBuf> {
    let shelves = fs::read_dir(bench.directory.path().join(FOLDER));
    let shelves = shelves.into_iter().flatten().map(Result::unwrap);
    let mut files: Vec<PathBuf> = shelves
        .flat_map(|shelf| fs::read_dir(shelf.path()).unwrap())
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    files
}

/// All that the ledger says: costs by every detail, now and on the days before, and the rows of an export.
fn said(bench: &Bench) -> Vec<String> {
    let filter = CostFilter {
        group_by: vec![Dimension::Day, Dimension::Service, Dimension::Region],
        ..CostFilter::default()
    };
    let mut said = Vec::new();
    for until in [None, Some("2026-08-11T00:00:00Z"), Some("2026-08-12T00:00:00Z")] {
        let reader = open_read_only(bench.directory.path()).unwrap();
        if let Some(until) = until {
            as_of::turn_back(&reader, sample::at(until)).unwrap();
        }
        for row in costs(&reader, &filter).unwrap() {
            said.push(format!("{until:?} {row:?}"));
        }
    }
    let reader = open_read_only(bench.directory.path()).unwrap();
    let records = Records {
        connection: &reader,
        selection: Selection::default(),
    };
    let mut survey = Survey::new(FocusVersion::V1_4);
    records.each(&mut |row| survey.add(row)).unwrap();
    let output = Output::default();
    let sink = Sink::output(Box::new(output.clone()));
    let how = (FocusVersion::V1_4, Format::Csv);
    write_records(&records, &survey, how, Strictness::Lenient, sink).unwrap();
    let text = output.0.lock().unwrap().clone();
    said.extend(String::from_utf8(text).unwrap().lines().map(str::to_owned));
    said
}

#[derive(Clone, Default)]
struct Output(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Output {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn what_is_long_over_is_archived_and_nobody_sees_a_difference() {
    let bench = books();
    let (before, entries) = (said(&bench), bench.entries());
    let did = archive_as(&bench, retention());
    assert_eq!((did.partitions, did.records), (2, 5));
    assert_eq!(archived(&bench), ["2026-01-01", "2026-01-02"]);
    assert_eq!(
        bench.rows("SELECT count(*) FROM record WHERE content = '{}'"),
        ["5"],
        "the past of a partition goes with it"
    );
    assert_eq!((said(&bench), bench.entries()), (before, entries));
    assert_eq!(
        bench.rows("SELECT currency, records, billed, effective, list FROM archive_balance ORDER BY partition, currency"),
        ["USD|2|3.25|3.25|0", "EUR|1|3.25|3.25|9.000000000000000001"]
    );
    assert_eq!(archive(&bench), 0, "once");
}

#[test]
fn other_programs_see_the_money_of_what_is_archived_and_where_its_detail_lies() {
    let bench = books();
    archive(&bench);
    let rows = bench.rows(
        "SELECT ServiceName, BilledCost, RegionId, x_LineCount, x_Archive IS NOT NULL FROM finops_current_cost
         WHERE BillingCurrency = 'USD' ORDER BY x_Partition, ServiceName",
    );
    assert_eq!(
        rows,
        [
            "Archive|2|-|-|1",
            "Compute|1.25|-|-|1",
            "Compute|7|region of Compute|1|0"
        ]
    );
}

#[test]
fn what_is_young_open_partial_or_read_again_stays() {
    let bench = books();
    let year = Retention {
        months: 12,
        ..retention()
    };
    assert_eq!(archive_as(&bench, year).partitions, 0);
    let read_again = Retention {
        look_back: Some(LookBack::Days(300)),
        ..retention()
    };
    assert_eq!(archive_as(&bench, read_again).partitions, 0);
    let of_another = bench.ledger.archive("another", retention(), Arc::default());
    assert_eq!(bench.block(of_another).unwrap(), Archived::default());
    let open = CostRecord {
        finality: Finality::Open,
        ..line(DAYS[0], "Compute", "1.25")
    };
    bench.commit(&daily(), &[DAYS[0]], vec![open]).unwrap();
    let part = vec![line(DAYS[1], "Compute", "1")];
    let partial = Completeness::Partial;
    bench.commit_as(&daily(), &[DAYS[1]], part, partial).unwrap();
    assert_eq!(archive(&bench), 0);
}

#[test]
fn an_archived_partition_is_read_again_unchanged_without_its_file() {
    let bench = books();
    archive(&bench);
    for file in files(&bench) {
        fs::remove_file(file).unwrap();
    }
    let same = vec![line(DAYS[0], "Compute", "1.25"), line(DAYS[0], "Archive", "2")];
    let receipt = bench.commit(&daily(), &[DAYS[0]], same).unwrap();
    assert_eq!((receipt.unchanged, receipt.written), (2, 2));
    assert_eq!(archived(&bench).len(), 2);
}

#[test]
fn a_late_restatement_posts_the_difference_and_the_partition_is_archived_anew() {
    let bench = books();
    archive(&bench);
    let first = files(&bench);
    let restated = vec![line(DAYS[0], "Compute", "1.25"), line(DAYS[0], "Archive", "2.5")];
    let receipt = bench.commit(&daily(), &[DAYS[0]], restated).unwrap();
    assert_eq!((receipt.unchanged, receipt.revised), (1, 1));
    assert_eq!(bench.entries().last().unwrap(), "pending|0.5|2.5");
    assert_eq!(bench.findings(), [""; 0]);
    assert_eq!(archived(&bench), ["2026-01-02"]);
    assert_eq!(
        files(&bench),
        first,
        "whoever still reads the older state finds its file"
    );
    assert_eq!(archive(&bench), 1);
    let second = files(&bench);
    assert_eq!(second.len(), 2);
    assert_ne!(first, second);
}

#[test]
fn a_held_restatement_leaves_the_archive_as_it_is_and_applies_when_it_is_accepted() {
    let bench = books();
    archive(&bench);
    let writer = bench
        .sealed(
            &daily(),
            &[DAYS[0]],
            vec![line(DAYS[0], "Compute", "0.01")],
            sample::seal(Completeness::Complete),
        )
        .unwrap();
    let options = crate::ledger::CommitOptions::default();
    let held = bench.block(bench.ledger.commit(bench.run, vec![writer], options));
    assert!(held.unwrap()[0].held);
    assert_eq!((archived(&bench).len(), bench.findings()), (2, Vec::new()));
    bench.block(bench.ledger.accept(3)).unwrap();
    assert_eq!((archived(&bench).len(), bench.findings()), (1, Vec::new()));
    assert_eq!(
        bench.rows("SELECT exact_sum(billed) FROM record WHERE partition = 1 AND until_commit IS NULL"),
        ["0.01"]
    );
}

#[test]
fn new_epochs_roll_ups_retirement_and_money_apart_read_the_archive() {
    let bench = books();
    archive(&bench);
    let sum = || {
        bench.rows(
            "SELECT exact_sum(amount) FROM entry JOIN posting ON posting.id = posting JOIN epoch ON epoch.id = epoch
             WHERE ended IS NULL",
        )
    };
    let before = sum();
    let spec = DestinationSpec {
        measure: Measure::Billed,
        ..sample::destination()
    };
    bench.block(bench.ledger.ensure_destination(&spec)).unwrap();
    assert_eq!((sum(), bench.findings()), (before.clone(), Vec::new()));
    for (money, wanted) in [(Money::Apart, vec!["0".to_owned()]), (Money::Counts, before)] {
        let info = RunInfo {
            money,
            ..sample::info("acme-prod")
        };
        bench.block(bench.ledger.begin_run(info)).unwrap();
        assert_eq!((sum(), bench.findings()), (wanted, Vec::new()));
    }
    let (source, what) = (sample::source(), Retire::Stream("daily".to_owned()));
    bench.block(bench.ledger.retire(&source, &what)).unwrap();
    assert_eq!((sum(), bench.findings()), (vec!["0".to_owned()], Vec::new()));
    assert_eq!(archived(&bench).len(), 2, "nothing of it was brought back");
}

#[test]
fn a_better_stream_supersedes_archived_records_by_what_the_archive_says() {
    let bench = books();
    archive(&bench);
    let bill = sample::better("bill", Grain::Day, "daily", Some("RegionId"));
    let better = vec![line(DAYS[0], "Compute", "9")];
    bench.commit(&bill, &[DAYS[0]], better).unwrap();
    assert_eq!(bench.findings(), [""; 0]);
    let counting = bench.rows(
        "SELECT service, billed FROM record WHERE partition = 1 AND counts = 1 AND until_commit IS NULL",
    );
    assert_eq!(counting, ["Archive|2"]);
}

#[test]
fn who_is_asked_to_stop_leaves_what_can_be_swept() {
    let bench = books();
    let stop = Arc::new(AtomicBool::new(true));
    let stopped = bench.ledger.archive("acme-prod", retention(), Arc::clone(&stop));
    assert_eq!(bench.block(stopped).unwrap(), Archived::default());
    assert_eq!(bench.findings(), [""; 0]);
    stop.store(false, Ordering::Relaxed);
    assert_eq!(archive(&bench), 2);
}

#[test]
fn a_partition_that_was_read_meanwhile_stays_as_it_is() {
    let bench = books();
    let written = file::Written {
        records: 4,
        bytes: 1,
        sha256: String::new(),
    };
    let now = sample::at("2026-08-12T12:00:00Z");
    let take = |commit, records| {
        let written = file::Written {
            records,
            ..written.clone()
        };
        let job = move |connection: &mut rusqlite::Connection| {
            keep::take_out(connection, (1, commit), "x", &written, now)
        };
        bench.ledger.store().with_blocking(job).unwrap()
    };
    assert!(!take(1, 4), "of another commit");
    assert!(!take(2, 3), "of other records");
    assert_eq!(bench.findings(), [""; 0]);
}
