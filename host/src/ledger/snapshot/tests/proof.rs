//! The checker must be able to fail: a snapshot that is sound is damaged in one way, in the ledger or in its directory.

use super::*;
use crate::export::snapshot::prove;

/// July is final and was restated since; August is open and tells of it.
fn sound() -> Files {
    let files = Files::new();
    files.month(JULY, Finality::Final, &[("Compute", "5"), ("Storage", "1")]);
    files.month(AUGUST, Finality::Open, &[("Compute", "3")]);
    files.render();
    files.month(JULY, Finality::Final, &[("Compute", "7"), ("Storage", "1")]);
    files.render();
    assert_eq!(proof(&files), [""; 0]);
    files
}

fn proof(files: &Files) -> Vec<String> {
    prove(&open_read_only(files.bench.directory.path()).unwrap()).unwrap()
}

#[track_caller]
fn names(findings: &[String], expected: &str) {
    assert!(
        findings.iter().any(|finding| finding.contains(expected)),
        "{expected:?} is not among {findings:?}"
    );
}

#[test]
fn damage_to_what_final_months_and_corrections_say_is_found() {
    for (damage, expected) in [
        (
            "UPDATE snapshot_closed SET at = 0",
            "snapshot: the month 2026-07 of source 1 is final since before it was over",
        ),
        (
            "DELETE FROM snapshot_closed",
            "stands in the final file of 2026-07, which is not final for source 1",
        ),
        (
            "UPDATE snapshot_final SET sign = -1 WHERE record = 1",
            "record 1 is taken back by the final file of 2026-07, and no earlier one has it",
        ),
        (
            "INSERT INTO snapshot_closed VALUES (1, 1, '2026-06', 1790000000);
             INSERT INTO snapshot_final VALUES (1, 1, '2026-06', 1, 1, 1)",
            "record 1 is told by the final file of 2026-07, and no earlier one took back it",
        ),
        (
            "DELETE FROM snapshot_final WHERE record = 2",
            "record 2 of the final month 2026-07 should be told 1 times, final files tell it 0 and corrections 0",
        ),
        (
            "DELETE FROM snapshot_pending WHERE sign = 1",
            "should be told 1 times, final files tell it 0 and corrections 0",
        ),
        (
            "DELETE FROM snapshot_pending WHERE sign = -1",
            "should be told 0 times, final files tell it 1 and corrections 0",
        ),
        (
            "UPDATE snapshot_pending SET sign = 1",
            "should be told 0 times, final files tell it 1 and corrections 1",
        ),
        (
            "UPDATE snapshot_pending SET month = '2026-06'",
            "is of 2026-06, the record of 2026-07",
        ),
        (
            "UPDATE snapshot_pending SET partition = 2",
            "told for another partition or source than its own",
        ),
        (
            "DELETE FROM snapshot_month WHERE month = '2026-08'",
            "partition 2 has records of 2026-08, and its files do not know it",
        ),
        (
            "INSERT INTO snapshot_month VALUES (1, 1, '2026-05')",
            "partition 1 has no records of 2026-05, and its files think so",
        ),
    ] {
        let files = sound();
        files.bench.doctor(damage);
        names(&files.bench.findings(), expected);
    }
}

#[test]
fn files_that_are_not_what_the_ledger_says_are_found() {
    for (damage, expected) in [
        (
            "UPDATE snapshot_file SET detail = json_set(detail, '$.sums.USD.billed', '9') WHERE month = '2026-07'",
            "acme-2026-07.csv: the ledger says 2 rows, 0 of them open, 6 USD billed, final; what was written: 2 rows, 0 of them \
             open, 9 USD billed, final",
        ),
        (
            "UPDATE snapshot_file SET detail = json_set(detail, '$.final', json('false')) WHERE month = '2026-07'",
            "6 USD billed, open",
        ),
        (
            "DELETE FROM snapshot_file WHERE month = '2026-07'",
            "acme-2026-07.csv: the ledger has rows for it, and it was not written",
        ),
        (
            "UPDATE snapshot_file SET month = '2026-05' WHERE month = '2026-07'",
            "manifest.json is not there, or does not say",
        ),
        (
            "INSERT INTO snapshot_file SELECT epoch, 'billed/acme-2026-05.csv', provider, '2026-05', basis, bytes, sha256, detail,
                 rendered FROM snapshot_file WHERE month = '2026-07'",
            "acme-2026-05.csv: the ledger has no rows for it any more",
        ),
    ] {
        let files = sound();
        files.bench.doctor(damage);
        names(&proof(&files), expected);
    }
}

#[test]
fn files_that_were_changed_where_they_stand_are_found() {
    let july = "billed/acme-2026-07.csv";
    let files = sound();
    let path = files.config.directory.join(july);
    let mut bytes = fs::read(&path).unwrap();
    let last = bytes.len() - 2;
    bytes[last] ^= 1;
    fs::write(&path, &bytes).unwrap();
    names(
        &proof(&files),
        "acme-2026-07.csv: its bytes are not those that were written",
    );
    fs::remove_file(&path).unwrap();
    names(
        &proof(&files),
        "acme-2026-07.csv: it is not there as long as it was",
    );
    files.render();
    assert_eq!(proof(&files), [""; 0], "the next rendering mends it");
    fs::write(files.config.directory.join("manifest.json"), "{}").unwrap();
    names(&proof(&files), "manifest.json is not there, or does not say");
}

#[test]
fn a_snapshot_that_is_behind_or_died_is_not_judged() {
    let files = sound();
    files.month(AUGUST, Finality::Open, &[("Compute", "4")]);
    assert_eq!((proof(&files), files.bench.findings()), (Vec::new(), Vec::new()));
    // As if it had died between the last file and the manifest.
    files.render();
    fs::remove_file(files.config.directory.join("manifest.json")).unwrap();
    files
        .bench
        .doctor("UPDATE snapshot_state SET error = 'a rendering was not finished'");
    assert_eq!(proof(&files), [""; 0]);
    files.render();
    assert_eq!(files.bench.rows("SELECT error FROM snapshot_state"), ["-"]);
}
