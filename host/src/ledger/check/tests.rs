//! The checker must be able to fail: each test damages a sound ledger in one way and sees it named.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use super::super::{Completeness, Seal, sample};
use crate::component::descriptor::Grain;

const DAY: &str = "2026-08-01T00:00:00Z";
const NEXT: &str = "2026-08-02T00:00:00Z";

/// Two days, of which the first was restated, with a checkpoint; posted to one destination.
fn sound() -> sample::Bench {
    let bench = sample::Bench::posting();
    let stream = sample::stream("daily", Grain::Day);
    let seal = Seal {
        checkpoint: Some(vec![7]),
        ..sample::seal(Completeness::Complete)
    };
    let first = vec![
        sample::record(DAY, "Compute", "1.5"),
        sample::record(DAY, "Storage", "2"),
    ];
    let writer = bench.sealed(&stream, &[DAY], first, seal).unwrap();
    bench
        .block(bench.ledger.commit(bench.run, vec![writer], sample::trusting()))
        .unwrap();
    let restated = vec![
        sample::record(DAY, "Compute", "1.25"),
        sample::record(NEXT, "Compute", "3"),
    ];
    bench.commit(&stream, &[DAY, NEXT], restated).unwrap();
    assert_eq!(bench.findings(), [""; 0]);
    bench
}

/// The findings after a damage, of which one begins as said.
fn finds(damage: &'static str, expected: &str) {
    let bench = sound();
    bench.doctor(damage);
    let findings = bench.findings();
    assert!(
        findings.iter().any(|finding| finding.starts_with(expected)),
        "{expected:?} is not among {findings:?}"
    );
}

#[test]
fn a_doubled_entry_is_found() {
    finds(
        "INSERT INTO entry (entry_id, posting, source, destination, commit_id, sequence, amount, total_after, state,
             checksum)
         SELECT 'another', posting, source, destination, commit_id, sequence + 1, amount, total_after, state, checksum
         FROM entry WHERE id = (SELECT MAX(id) FROM entry)",
        "law 2: posting key",
    );
}

#[test]
fn differences_in_law_2_are_counted_apart_from_others() {
    let differences = |bench: &sample::Bench| {
        let connection = crate::ledger::store::open_read_only(bench.directory.path()).unwrap();
        super::check(&connection).unwrap().law2_differences()
    };
    let bench = sound();
    assert_eq!(differences(&bench), Some(0));
    bench.doctor("UPDATE commit_partition SET before = before + 1");
    assert!(
        bench
            .findings()
            .iter()
            .any(|finding| finding.starts_with("law 1"))
    );
    assert_eq!(differences(&bench), Some(0));
    bench.doctor("DELETE FROM entry WHERE id = (SELECT MAX(id) FROM entry)");
    // The posting's own total, and its key beside the records.
    let findings = bench.findings();
    let of_law_2 = findings
        .iter()
        .filter(|finding| finding.starts_with("law 2"))
        .count();
    assert_eq!(of_law_2, 2, "{findings:?}");
    assert_eq!(differences(&bench), Some(2), "{findings:?}");
    let unproven = super::Report {
        findings: vec![super::Finding {
            rule: super::Rule::Archive,
            what: String::new(),
        }],
        ..super::Report::default()
    };
    assert_eq!(unproven.law2_differences(), None);
}

#[test]
fn a_lost_entry_is_found() {
    finds(
        "DELETE FROM entry WHERE id = (SELECT MAX(id) FROM entry)",
        "law 2: posting key",
    );
    finds(
        "DELETE FROM entry WHERE id = (SELECT MAX(id) FROM entry)",
        "law 3: destination openfinops",
    );
}

#[test]
fn a_lost_posting_is_found() {
    finds(
        "PRAGMA foreign_keys = OFF; DELETE FROM entry WHERE posting = (SELECT MAX(id) FROM posting);
         DELETE FROM posting WHERE id = (SELECT MAX(id) FROM posting);",
        "law 2: posting key",
    );
}

#[test]
fn a_changed_entry_is_found() {
    finds(
        "UPDATE entry SET amount = '9' WHERE id = 1",
        "row: the checksum of entry 1",
    );
    finds(
        "UPDATE entry SET entry_id = 'x' WHERE id = 1",
        "row: the id of entry 1",
    );
    finds(
        "UPDATE posting SET total = '9' WHERE id = 1",
        "law 2: posting 1 stands at 9",
    );
    finds(
        "UPDATE posting SET dims = '{}' WHERE id = 1",
        "row: the key of posting 1",
    );
}

#[test]
fn a_moved_checkpoint_is_found() {
    finds(
        "UPDATE checkpoint SET value = x'08'",
        "law 4: the checkpoint of stream 1 is not as",
    );
    finds(
        "UPDATE checkpoint SET commit_id = 2",
        "law 4: the checkpoint of stream 1 is not as",
    );
    finds(
        "UPDATE commits SET state = 'rejected' WHERE id = 1",
        "law 4: the checkpoint of stream 1 belongs",
    );
}

#[test]
fn a_changed_amount_is_found() {
    finds(
        "UPDATE record SET content = replace(content, '\"3\"', '\"4\"') WHERE effective = '3'",
        "row: the revision of record",
    );
    finds(
        "UPDATE partition SET fingerprint = zeroblob(32) WHERE id = 2",
        "row: the fingerprint of partition 2",
    );
    finds(
        "UPDATE record SET billed = '4' WHERE effective = '3'",
        "row: the column billed of record",
    );
}

#[test]
fn a_lost_or_revived_record_is_found() {
    finds(
        "DELETE FROM record WHERE effective = '3'",
        "law 1: partition 2 holds 0 records",
    );
    finds(
        "UPDATE record SET until_commit = NULL WHERE effective = '2'",
        "law 1: commit 2 on partition 1 made",
    );
    finds(
        "UPDATE commit_partition SET before = 5 WHERE commit_id = 2",
        "law 1: the counts of commit 2",
    );
}

#[test]
fn a_record_that_wrongly_does_not_count_is_found() {
    finds(
        "UPDATE record SET counts = 0 WHERE effective = '3'",
        "counting: record",
    );
}

#[test]
fn an_entry_settled_without_its_batch_knowing_is_found() {
    finds(
        "INSERT INTO batch (uid, destination, source, state, sealed_at, checksum)
             VALUES ('u', 1, 1, 'settled', 0, 'x');
         UPDATE entry SET batch = 1 WHERE id = 1",
        "law 3: entry 1 is pending, its batch 1 is settled",
    );
    finds(
        "UPDATE entry SET state = 'ambiguous' WHERE id = 1",
        "law 3: entry 1 is ambiguous",
    );
    finds("UPDATE epoch SET ended = 1", "law 3: entry 1 waits");
}

#[test]
fn a_source_stream_or_partition_that_was_changed_is_found() {
    finds("UPDATE source SET scope = 'other'", "row: the hash of source 1");
    finds(
        "UPDATE stream SET basis = 'estimated'",
        "row: the columns of stream 1",
    );
    finds(
        "UPDATE partition SET stop = stop + 64 WHERE id = 2",
        "row: partition 2 does not begin and end",
    );
}

#[test]
fn a_reference_to_nothing_is_found() {
    finds(
        "PRAGMA foreign_keys = OFF; DELETE FROM run",
        "file: row 1 of commits",
    );
}
