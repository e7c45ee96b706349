#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
use super::*;
use crate::{
    component::descriptor::Grain,
    ledger::{
        Completeness, Seal,
        destination::rebase::{Kept, rebase},
        sample,
        store::{Store, open_read_only},
    },
};
use finops_decimal::Decimal;
use std::{collections::BTreeSet, fs};

const DAYS: [&str; 4] = [
    "2026-08-01T00:00:00Z",
    "2026-08-02T00:00:00Z",
    "2026-08-03T00:00:00Z",
    "2026-08-04T00:00:00Z",
];
const LINES: u32 = 40;

fn stream() -> crate::component::descriptor::Stream {
    sample::stream("daily", Grain::Day)
}

/// Lines of a day: each of an amount that no other has, with a long name so that they fill pages.
fn lines(day: usize) -> Vec<crate::ledger::record::CostRecord> {
    let line = |line| {
        let mut record = sample::record(
            DAYS[day],
            &format!("Service {line:02}"),
            &format!("{}.{line:02}", day + 1),
        );
        record.resource_id = Some(format!("{day}-{line}-{}", "x".repeat(300)));
        record
    };
    (0..LINES).map(line).collect()
}

/// Four days, the first restated, with a checkpoint; posted and settled but for the last day.
pub(super) fn sound() -> sample::Bench {
    let bench = sample::Bench::posting();
    for (day, start) in DAYS.iter().enumerate().take(3) {
        bench.commit(&stream(), &[start], lines(day)).unwrap();
    }
    let mut restated = lines(0);
    restated[0].effective_cost = "77".parse().unwrap();
    bench.commit(&stream(), &[DAYS[0]], restated).unwrap();
    bench.doctor("UPDATE entry SET state = 'settled'");
    let seal = Seal {
        checkpoint: Some(vec![7]),
        ..sample::seal(Completeness::Complete)
    };
    let writer = bench.sealed(&stream(), &[DAYS[3]], lines(3), seal).unwrap();
    bench
        .block(bench.ledger.commit(bench.run, vec![writer], sample::trusting()))
        .unwrap();
    assert_eq!(bench.findings(), [""; 0]);
    bench
}

pub(super) fn now() -> Timestamp {
    sample::at("2026-08-11T00:00:00Z")
}

/// The sound ledger after a change behind its back, salvaged in its place.
fn after(change: &str) -> (Salvaged, sample::Bench) {
    let directory = sound().closed();
    let connection = Connection::open(directory.path().join(FILE_NAME)).unwrap();
    connection.execute_batch(change).unwrap();
    connection.close().unwrap();
    salvaged(directory)
}

pub(super) fn salvaged(directory: tempfile::TempDir) -> (Salvaged, sample::Bench) {
    let said = match salvage(directory.path(), None, now()).unwrap() {
        Outcome::Salvaged(said) => *said,
        other => panic!("{other:?}"),
    };
    assert!(said.kept.exists() && said.ledger.exists());
    let bench = sample::Bench::on(directory);
    assert_eq!(bench.findings(), [""; 0]);
    (said, bench)
}

fn number(bench: &sample::Bench, sql: &str) -> Decimal {
    let rows = bench.rows(sql);
    rows[0].parse().unwrap_or_else(|_| panic!("{sql}: {rows:?}"))
}

const RECORDS: &str = "SELECT exact_sum(effective) FROM record WHERE until_commit IS NULL AND counts = 1";
const POSTED: &str = "SELECT exact_sum(amount) FROM entry JOIN posting ON posting.id = entry.posting
    JOIN epoch ON epoch.id = posting.epoch WHERE ended IS NULL";
const STATE: &str = "SELECT state FROM destination";

#[test]
fn a_whole_ledger_is_left_alone() {
    let directory = sound().closed();
    let before = fs::read(directory.path().join(FILE_NAME)).unwrap();
    assert_eq!(salvage(directory.path(), None, now()).unwrap(), Outcome::Whole);
    assert_eq!(fs::read(directory.path().join(FILE_NAME)).unwrap(), before);
    let names: BTreeSet<_> = fs::read_dir(directory.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(
        names,
        ["ledger.db", "ledger.mark", "locks"].map(str::to_owned).into()
    );
}

#[test]
fn a_changed_record_is_named_its_partition_read_again_and_what_is_delivered_agrees_with_the_books() {
    let whole = number(&sound(), RECORDS);
    let (said, bench) = after(
        "UPDATE record SET content = replace(content, '\"2.05\"', '\"9.05\"') WHERE effective = '2.05'",
    );
    let [lost] = said.lost.as_slice() else {
        panic!("{said:?}")
    };
    assert!(
        lost.table == "record"
            && lost
                .what
                .contains("acme/ORG, stream daily, partition 2026-08-02T00:00:00Z")
            && lost.what.contains("amount 2.05; in USD"),
        "{lost:?}"
    );
    let [again] = said.again.as_slice() else {
        panic!("{said:?}")
    };
    assert_eq!(
        (again.start, again.instance.as_str()),
        (sample::at(DAYS[1]), "acme-prod")
    );
    assert_eq!(said.paused, []);
    assert_eq!(bench.rows(STATE), ["active"]);
    let left = whole.checked_add("-2.05".parse().unwrap()).unwrap();
    assert_eq!(number(&bench, RECORDS), left);
    assert_eq!(number(&bench, POSTED), left);
    let partial = "SELECT completeness FROM partition ORDER BY start";
    assert_eq!(
        bench.rows(partial),
        ["complete", "partial", "complete", "complete"]
    );
    assert_eq!(bench.rows("SELECT count(*) FROM checkpoint"), ["0"]);
    assert_eq!(bench.rows("SELECT last_read FROM stream"), ["-"]);
    // The next reading makes it whole.
    bench.commit(&stream(), &[DAYS[1]], lines(1)).unwrap();
    assert_eq!((number(&bench, RECORDS), number(&bench, POSTED)), (whole, whole));
    assert_eq!(bench.findings(), [""; 0]);
}

#[test]
fn a_lost_entry_pauses_its_destination_with_what_is_unknown_and_begins_from_what_is_certain() {
    let whole = number(&sound(), RECORDS);
    let (said, mut bench) = after("DELETE FROM entry WHERE amount = '2.05'");
    let [paused] = said.paused.as_slice() else {
        panic!("{said:?}")
    };
    assert!(
        paused.reason.contains("1 entries of it, 2.05 USD in all")
            && paused.reason.contains("destination resume openfinops")
            && paused.reason.contains("rebase openfinops --emptied"),
        "{paused:?}"
    );
    assert_eq!(bench.rows(STATE), ["paused"]);
    assert_eq!(bench.rows("SELECT number FROM epoch ORDER BY id"), ["1", "100"]);
    assert_eq!(number(&bench, POSTED), whole);
    // What is certain is carried; what is not certain waits, with what had not been sent.
    let waits = "SELECT exact_sum(amount) FROM entry WHERE state = 'pending'";
    let last: Decimal = Decimal::sum(lines(3).iter().map(|line| line.effective_cost)).unwrap();
    assert_eq!(
        number(&bench, waits),
        last.checked_add("2.05".parse().unwrap()).unwrap()
    );
    // An emptied destination gets everything once.
    bench.reopen();
    let rebased = bench
        .ledger
        .store()
        .with_blocking(|connection| Ok(rebase(connection, "openfinops", Kept::Nothing, now()).unwrap()))
        .unwrap();
    assert_eq!(rebased.epoch, 101);
    assert_eq!(number(&bench, waits), whole);
    assert_eq!(bench.findings(), [""; 0]);
}

#[test]
fn each_kind_of_row_that_is_damaged_is_named_and_the_rest_obeys_the_laws() {
    let paused = true;
    for (change, table, pauses) in [
        ("UPDATE posting SET dims = '{}' WHERE id = 7", "posting", paused),
        ("DELETE FROM posting WHERE id = 7", "entry", paused),
        ("UPDATE entry SET amount = '9' WHERE id = 7", "entry", paused),
        ("UPDATE posting SET total = 'garbage' WHERE id = 7", "", !paused),
        ("UPDATE record SET billed = '1' WHERE id = 7", "", !paused),
        ("UPDATE record SET until_commit = 4 WHERE id = 50", "", !paused),
        ("UPDATE record SET counts = 0 WHERE id = 50", "", !paused),
        ("DELETE FROM record WHERE id = 50", "", !paused),
        ("DELETE FROM commits WHERE id = 2", "", !paused),
        ("DELETE FROM run", "", !paused),
        ("DELETE FROM commit_partition WHERE commit_id = 1", "", !paused),
        ("UPDATE commit_partition SET after = 3", "", !paused),
        ("UPDATE checkpoint SET value = x'00'", "checkpoint", !paused),
        ("UPDATE partition SET commit_id = 1 WHERE id = 3", "", !paused),
        ("UPDATE partition SET start = start + 1 WHERE id = 2", "partition", paused),
        ("UPDATE partition SET stop = stop + 1 WHERE id = 2; DELETE FROM checkpoint", "", !paused),
        ("DELETE FROM partition WHERE id = 2", "record", paused),
        ("UPDATE stream SET definition = '{}'", "stream", paused),
        ("UPDATE source SET scope = 'other'", "source", paused),
        ("DELETE FROM epoch", "posting", paused),
        ("INSERT INTO batch VALUES (1, 'u', 1, 1, 'ambiguous', 0, 0, 0, 1, 0, NULL, 0, NULL, NULL, NULL, 'bad');
          UPDATE entry SET state = 'ambiguous', batch = 1 WHERE id = 7", "batch", paused),
        ("INSERT INTO batch VALUES (1, 'u', 1, 1, 'sealed', 0, 0, 0, 1, 0, NULL, 0, NULL, NULL, NULL, 'bad');
          UPDATE entry SET state = 'pending', batch = 1 WHERE id = 7", "batch", !paused),
        ("DROP INDEX entry_batch", "", !paused),
        ("ALTER TABLE stream DROP COLUMN retired_at; ALTER TABLE run DROP COLUMN counts;
          ALTER TABLE commit_partition DROP COLUMN completeness; PRAGMA user_version = 1;
          DELETE FROM record WHERE id = 50", "", !paused),
    ] {
        let directory = sound().closed();
        let connection = Connection::open(directory.path().join(FILE_NAME)).unwrap();
        connection.execute_batch("PRAGMA foreign_keys = OFF").unwrap();
        connection.execute_batch(change).unwrap();
        connection.close().unwrap();
        let outcome = salvage(directory.path(), None, now()).unwrap_or_else(|error| panic!("{change}: {error}"));
        let Outcome::Salvaged(said) = outcome else {
            assert!(change.contains("INDEX"), "{change}: {outcome:?}");
            continue;
        };
        assert!(
            table.is_empty() || said.lost.iter().any(|lost| lost.table == table),
            "{change}: {said:?}"
        );
        assert_eq!(!said.paused.is_empty(), pauses, "{change}: {said:?}");
        let bench = sample::Bench::on(directory);
        assert_eq!(bench.findings(), [""; 0], "{change}");
        for (day, start) in DAYS.iter().enumerate() {
            bench.commit(&stream(), &[start], lines(day)).unwrap();
        }
        let books: Decimal = Decimal::sum((0..4).flat_map(lines).map(|line| line.effective_cost)).unwrap();
        assert_eq!(number(&bench, RECORDS), books, "{change}");
        assert_eq!(bench.findings(), [""; 0], "{change}");
    }
}

#[test]
fn a_lost_log_is_taken_knowingly_and_every_destination_paused() {
    let bench = sound();
    let directory = bench.closed();
    // Later changes, of which only the mark is left.
    bench.commit(&stream(), &[DAYS[2]], lines(2)).unwrap();
    mark::copy(bench.directory.path(), directory.path()).unwrap();
    assert!(Store::open(directory.path()).is_err());
    let (said, bench) = salvaged(directory);
    assert!(said.older && said.lost.is_empty(), "{said:?}");
    assert!(said.paused[0].reason.contains("newest state"), "{said:?}");
    assert_eq!(bench.rows(STATE), ["paused"]);
}

#[test]
fn a_salvage_into_another_directory_leaves_the_damaged_one_as_it_is() {
    let directory = sound().closed();
    let path = directory.path().join(FILE_NAME);
    let connection = Connection::open(&path).unwrap();
    connection
        .execute_batch("DELETE FROM record WHERE id = 50")
        .unwrap();
    connection.close().unwrap();
    let before = fs::read(&path).unwrap();
    let into = tempfile::tempdir().unwrap();
    let target = into.path().join("new");
    let Outcome::Salvaged(said) = salvage(directory.path(), Some(&target), now()).unwrap() else {
        panic!()
    };
    assert_eq!(said.ledger, target.join(FILE_NAME));
    assert_eq!(fs::read(&path).unwrap(), before);
    drop(Store::open(&target).unwrap());
    let error = salvage(directory.path(), Some(&target), now())
        .unwrap_err()
        .to_string();
    assert!(error.contains("--into"), "{error}");
}

#[test]
fn a_salvage_that_was_killed_when_its_ledger_was_made_is_finished() {
    let directory = sound().closed();
    let path = directory.path().join(FILE_NAME);
    fs::rename(&path, directory.path().join(opening::SALVAGED)).unwrap();
    for log in [false, true] {
        if log {
            fs::write(&path, "the damaged one").unwrap();
            fs::write(directory.path().join("ledger.db-wal"), "its log").unwrap();
        }
        assert!(open_read_only(directory.path()).is_err());
    }
    assert_eq!(salvage(directory.path(), None, now()).unwrap(), Outcome::Finished);
    let kept = directory
        .path()
        .join(format!("{}{}-wal", opening::DAMAGED, now().as_second()));
    assert_eq!(fs::read(kept).unwrap(), b"its log");
    drop(open_read_only(directory.path()).unwrap());
}

#[test]
fn nothing_is_salvaged_while_somebody_collects_or_delivers() {
    let bench = sound();
    let wait = std::time::Duration::ZERO;
    let held = bench.block(bench.ledger.lock_instance("acme", wait)).unwrap();
    let error = salvage(bench.directory.path(), None, now())
        .unwrap_err()
        .to_string();
    assert!(error.contains("acme"), "{error}");
    drop(held);
    let _held = bench.block(bench.ledger.lock_delivery(wait)).unwrap();
    assert!(salvage(bench.directory.path(), None, now()).is_err());
}

/// Every state that a record had, by key and revision.
pub(super) fn revisions(bench: &sample::Bench) -> BTreeSet<String> {
    bench
        .rows("SELECT partition, hex(key), hex(revision) FROM record")
        .into_iter()
        .collect()
}
