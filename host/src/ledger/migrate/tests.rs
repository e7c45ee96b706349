//! Ledgers of older schemas, made from the text of the schema of their time.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::{
    component::descriptor::Grain,
    ledger::{
        Completeness,
        check::check,
        held::review,
        salvage::{Outcome, salvage},
        sample::{self, Bench},
        store::{FILE_NAME, open_read_only},
    },
};

const DAY: &str = "2026-08-01T00:00:00Z";
/// The bytes of a batch that is open.
const BODY: &[u8] = b"{}";
/// Puts them where they stood before version 5.
const BODIES_WITHIN: &str = "ALTER TABLE batch ADD COLUMN body BLOB NOT NULL DEFAULT x'';
     UPDATE batch SET body = COALESCE((SELECT body FROM batch_body WHERE batch = id), x'');
     DROP TABLE batch_body;";

/// Every column of every table.
fn columns(bench: &Bench) -> Vec<String> {
    bench.rows(
        "SELECT m.name, c.name, c.type, c.\"notnull\", c.dflt_value FROM sqlite_master m, pragma_table_info(m.name) c
         WHERE m.type = 'table' ORDER BY m.name, c.name",
    )
}

fn indexes(bench: &Bench) -> Vec<String> {
    bench.rows("SELECT name, tbl_name FROM sqlite_master WHERE type = 'index' ORDER BY name")
}

/// A restated day, a day that was added, entries of them, and a proposal to empty the first.
fn books() -> Bench {
    let bench = Bench::posting();
    let stream = sample::stream("daily", Grain::Day);
    for cost in ["1", "1.25"] {
        let records = vec![
            sample::record(DAY, "Compute", cost),
            sample::record(DAY, "Storage", "0.1"),
        ];
        bench.commit(&stream, &[DAY], records).unwrap();
    }
    let writer = bench
        .sealed(
            &stream,
            &[DAY],
            vec![sample::record(DAY, "Compute", "0.01")],
            sample::seal(Completeness::Complete),
        )
        .unwrap();
    let options = crate::ledger::CommitOptions::default();
    let receipts = bench.block(bench.ledger.commit(bench.run, vec![writer], options));
    assert!(receipts.unwrap().iter().all(|receipt| receipt.held));
    let job = |connection: &mut Connection| {
        let sum = crate::ledger::store::checksum([b"u".as_slice(), BODY]);
        let sql = "INSERT INTO batch (id, uid, destination, source, state, sealed_at, checksum)
                   VALUES (1, 'u', 1, 1, 'sealed', 0, ?)";
        connection.execute(sql, [sum])?;
        connection.execute("INSERT INTO batch_body VALUES (1, ?)", [BODY])?;
        Ok(connection.execute("UPDATE entry SET batch = 1 WHERE id = 1", [])?)
    };
    bench.ledger.store().with_blocking(job).unwrap();
    bench
}

fn bodies(bench: &Bench) -> Vec<String> {
    bench.rows("SELECT batch, hex(body) FROM batch_body")
}

/// The same ledger as the program of version 2 kept it, in a directory of its own.
fn of_version_2(bench: &Bench) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let old = Connection::open(directory.path().join(FILE_NAME)).unwrap();
    old.execute_batch(include_str!("schema-2.sql")).unwrap();
    old.execute_batch(
        "PRAGMA foreign_keys = OFF; PRAGMA application_id = 0x66696e6f; PRAGMA user_version = 2;",
    )
    .unwrap();
    let new = bench.directory.path().join(FILE_NAME);
    old.execute("ATTACH ? AS new", [new.to_str().unwrap()]).unwrap();
    old.create_scalar_function(
        "old_checksum",
        5,
        rusqlite::functions::FunctionFlags::SQLITE_UTF8,
        |context| checksums::of_version_3(context),
    )
    .unwrap();
    let copies: Vec<String> = old
        .prepare(
            "SELECT 'INSERT INTO main.' || m.name || ' SELECT ' || group_concat(
                 CASE WHEN m.name = 'record' AND c.name = 'checksum'
                          THEN 'lower(hex(old_checksum(partition, key, revision, content, from_commit)))'
                      WHEN m.name IN ('record', 'staged_record') AND c.name IN ('key', 'revision')
                          THEN 'lower(hex(' || c.name || '))'
                      WHEN m.name = 'batch' AND c.name = 'body'
                          THEN '(SELECT body FROM new.batch_body WHERE batch = batch.id)'
                      ELSE '\"' || c.name || '\"' END, ', ' ORDER BY c.cid) || ' FROM new.' || m.name
             FROM main.sqlite_master m, pragma_table_info(m.name) c WHERE m.type = 'table' GROUP BY m.name",
        )
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    for copy in copies {
        old.execute(&copy, []).unwrap();
    }
    // Neither name nor count were kept then.
    old.execute("DELETE FROM meta", []).unwrap();
    directory
}

#[test]
fn a_ledger_of_the_second_schema_becomes_one_of_this_and_keeps_its_books() {
    let mut bench = books();
    let (tables, wanted, entries) = (columns(&bench), indexes(&bench), bench.entries());
    let records =
        "SELECT id, hex(key), hex(revision), content, until_commit, hex(checksum) FROM record ORDER BY id";
    let stood = bench.rows(records);
    bench.directory = of_version_2(&bench);
    drop(open_read_only(bench.directory.path()).unwrap());
    assert_eq!(columns(&bench), tables, "a reader brings it up, too");
    assert_eq!(indexes(&bench), wanted);
    bench.reopen();
    assert_eq!((bench.rows(records), bench.entries()), (stood, entries));
    assert_eq!(bodies(&bench), ["1|7B7D"]);
    assert_eq!(bench.findings(), [""; 0]);
    let held = review(&open_read_only(bench.directory.path()).unwrap()).unwrap();
    let [proposal] = held.as_slice() else {
        unreachable!("{held:?}")
    };
    bench.block(bench.ledger.accept(proposal.commit)).unwrap();
    assert_eq!(
        bench.rows("SELECT effective FROM record WHERE until_commit IS NULL"),
        ["0.01"]
    );
    assert_eq!(bench.findings(), [""; 0]);
    assert_eq!(STEPS.len() + 1, usize::try_from(SCHEMA_VERSION).unwrap());
}

#[test]
fn what_was_damaged_before_is_found_after() {
    for damage in [
        "UPDATE record SET content = replace(content, '\"0.1\"', '\"0.2\"') WHERE effective = '0.1'",
        "UPDATE record SET key = 'z' || substr(key, 2) WHERE effective = '0.1'",
        "UPDATE record SET revision = '' WHERE effective = '0.1'",
        "UPDATE record SET checksum = 'f' || checksum WHERE effective = '0.1'",
    ] {
        let directory = of_version_2(&books());
        let old = Connection::open(directory.path().join(FILE_NAME)).unwrap();
        let sql = "SELECT id FROM record WHERE effective = '0.1'";
        let damaged: i64 = old.query_row(sql, [], |row| row.get(0)).unwrap();
        assert_eq!(old.execute(damage, []).unwrap(), 1);
        drop(old);
        let connection = open_read_only(directory.path()).unwrap();
        let report = check(&connection).unwrap();
        let record = format!("of record {damaged} ");
        let named = |finding: &crate::ledger::check::Finding| finding.what.contains(&record);
        assert!(report.findings.iter().any(named), "{damage}: {report:?}");
    }
}

#[test]
fn a_damaged_ledger_of_the_second_schema_is_salvaged_but_for_what_is_damaged() {
    let directory = of_version_2(&books());
    let old = Connection::open(directory.path().join(FILE_NAME)).unwrap();
    let damage = "UPDATE record SET content = replace(content, '\"0.1\"', '\"0.2\"') WHERE effective = '0.1'";
    assert_eq!(old.execute(damage, []).unwrap(), 1);
    drop(old);
    let now = sample::at("2026-08-11T00:00:00Z");
    let Outcome::Salvaged(said) = salvage(directory.path(), None, now).unwrap() else {
        unreachable!("it is damaged")
    };
    let lost: Vec<&str> = said.lost.iter().map(|lost| lost.table.as_str()).collect();
    assert_eq!(lost, ["record"], "{said:?}");
    let bench = Bench::on(directory);
    assert_eq!(
        bench.rows("SELECT effective FROM record ORDER BY id"),
        ["1", "1.25"]
    );
    assert_eq!(bodies(&bench), ["1|7B7D"]);
    assert_eq!(bench.findings(), [""; 0]);
}

#[test]
fn a_ledger_of_the_first_schema_becomes_one_of_this_and_keeps_its_books() {
    let mut bench = books();
    let (tables, entries) = (columns(&bench), bench.entries());
    let directory = of_version_2(&bench);
    let old = Connection::open(directory.path().join(FILE_NAME)).unwrap();
    old.execute_batch(
        "ALTER TABLE stream DROP COLUMN retired_at; ALTER TABLE run DROP COLUMN counts;
         ALTER TABLE commit_partition DROP COLUMN completeness; PRAGMA user_version = 1;",
    )
    .unwrap();
    drop(old);
    bench.directory = directory;
    bench.reopen();
    assert_eq!(columns(&bench), tables);
    assert_eq!(bench.entries(), entries);
    assert_eq!(bench.findings(), [""; 0]);
}

#[test]
fn a_ledger_of_the_fourth_schema_gets_tags_and_control_totals_and_keeps_its_books() {
    let mut bench = books();
    let (tables, wanted, entries) = (columns(&bench), indexes(&bench), bench.entries());
    bench.directory = bench.closed();
    let old = Connection::open(bench.directory.path().join(FILE_NAME)).unwrap();
    old.execute_batch(BODIES_WITHIN).unwrap();
    old.execute_batch(
        "DROP INDEX run_instance; DROP INDEX commits_run; ALTER TABLE run DROP COLUMN checksum;
         DROP VIEW finops_current_cost; DROP TABLE instance_tag; DROP TABLE snapshot_tags; DROP TABLE control_total;
         PRAGMA user_version = 4;",
    )
    .unwrap();
    drop(old);
    bench.reopen();
    assert_eq!((columns(&bench), indexes(&bench)), (tables, wanted));
    assert_eq!(bench.entries(), entries);
    assert_eq!(bench.rows("SELECT count(*) FROM finops_current_cost"), ["2"]);
    assert_eq!(bench.rows("SELECT count(*) FROM control_total"), ["0"]);
    assert_eq!(bodies(&bench), ["1|7B7D"]);
    assert_eq!(bench.findings(), [""; 0]);
}
