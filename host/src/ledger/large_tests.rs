//! Memory does not grow with the number of records of a partition, from writing to posting to archiving and the proof of the laws.
//! Measured in processes of their own, since the peak of a process is that of all its tests.
#![allow(clippy::unwrap_used)]

use super::{CostRecord, Receipt, Retention, archive, record::Finality, sample};
use crate::component::descriptor::{Grain, LookBack, Stream};
use jiff::ToSpan;
use std::{process::Command, sync::atomic::AtomicBool};

const RECORDS: &str = "FINOPS_TEST_RECORDS";
const FEW: u64 = 30_000;
const MANY: u64 = 120_000;
/// How much more memory the many may take, in KiB: 370 bytes for each record more.
const MORE: u64 = 32 * 1024;

#[test]
fn a_partition_of_many_records_takes_no_more_memory_than_one_of_few() {
    if let Ok(records) = std::env::var(RECORDS) {
        return read_and_restate(records.parse().unwrap());
    }
    let (few, many) = (peak_of(FEW), peak_of(MANY));
    assert!(
        many < few + MORE,
        "{FEW} records take {few} KiB, {MANY} take {many} KiB"
    );
}

/// The most memory that a process had which did it all for so many records, in KiB.
fn peak_of(records: u64) -> u64 {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "--nocapture"])
        .arg("ledger::large_tests::a_partition_of_many_records_takes_no_more_memory_than_one_of_few")
        .env(RECORDS, records.to_string())
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}{errors}");
    let (_, peak) = text.split_once("VmHWM:").unwrap();
    peak.split_whitespace().next().unwrap().parse().unwrap()
}

/// A month of resources is read, posted, restated in every record, read again as it is, archived, and proved.
#[allow(clippy::print_stdout)] // the parent reads it
fn read_and_restate(records: u64) {
    let bench = sample::Bench::posting();
    let month = sample::stream("resources", Grain::Month);
    assert_eq!(read(&bench, &month, records, "0.25").added, records);
    assert_eq!(read(&bench, &month, records, "0.75").revised, records);
    assert_eq!(read(&bench, &month, records, "0.75").unchanged, records);
    assert_eq!(
        bench.rows("SELECT count(*) FROM entry"),
        [(2 * records).to_string()]
    );
    let (retention, now) = (
        Retention {
            months: 1,
            look_back: Some(LookBack::Days(0)),
        },
        sample::at("2027-08-10T12:00:00Z"),
    );
    let store = bench.ledger.store();
    let archived = archive::keep(store, "acme-prod", retention, now, &AtomicBool::new(false));
    assert_eq!(archived.unwrap().records, 2 * records);
    assert_eq!(bench.findings(), [""; 0]);
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    println!(
        "{}",
        status.lines().find(|line| line.starts_with("VmHWM:")).unwrap()
    );
}

fn read(bench: &sample::Bench, stream: &Stream, records: u64, cost: &str) -> Receipt {
    let start = sample::at("2026-08-01T00:00:00Z");
    bench.block(async {
        let ledger = &bench.ledger;
        let source = sample::source();
        let opened = ledger.open_writer(bench.run, stream, &source, vec![start]);
        let writer = opened.await.unwrap();
        let line = CostRecord {
            finality: Finality::Final,
            ..sample::record("2026-08-01T00:00:00Z", "Compute", cost)
        };
        let numbers: Vec<u64> = (0..records).collect();
        for batch in numbers.chunks(1_000) {
            let resource = |number: &u64| CostRecord {
                resource_id: Some(format!("i-{number:016x}")),
                ..line.clone()
            };
            ledger
                .write(writer, batch.iter().map(resource).collect())
                .await
                .unwrap();
        }
        let mut seal = sample::seal(super::Completeness::Complete);
        seal.observed_through = start.checked_add(1.hour()).unwrap();
        ledger.seal(writer, seal).await.unwrap();
        let committed = ledger.commit(bench.run, vec![writer], sample::trusting());
        committed.await.unwrap().remove(0)
    })
}
