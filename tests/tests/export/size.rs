//! Many rows: memory stays flat, sums stay exact.

use super::*;
use finops_tests::{artifacts, books, snowflake::golden::State};
use rusqlite::Connection;
use std::process::Command;

const ROWS: u32 = 100_000;
/// What an export may take beside the rows, in bytes: these rows as text are more than 200 MB in JSON lines' case.
const MOST: u64 = 128 << 20;

/// Puts so many more records into the ledger, behind the program's back.
fn multiply(stage: &Stage) {
    let ledger = Connection::open(stage.place.state().join("ledger.db")).unwrap();
    let sql = "INSERT INTO record (partition, key, revision, content, service, currency, billed, effective, list,
                                   contracted, counts, from_commit, checksum)
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
         SELECT partition, unhex(printf('%064x', i)), revision,
                json_set(content, '$.ResourceId', 'made ' || i, '$.ChargeDescription', printf('%.*c', 900, 'x'),
                         '$.BilledCost', printf('0.%09d', i), '$.EffectiveCost', printf('0.%09d', i)),
                service, currency, printf('0.%09d', i), printf('0.%09d', i), list, contracted, 1, from_commit, checksum
         FROM n, (SELECT * FROM record WHERE until_commit IS NULL AND counts = 1
                  AND json_extract(content, '$.Basis') = 'billed' LIMIT 1)";
    ledger.execute(sql, [ROWS]).unwrap();
}

/// The most memory that an export takes, and what it tells of its file.
fn export(stage: &Stage, format: &str) -> (u64, Value) {
    let result = stage.place.path().join("measured.json");
    let host = stage.place.command().unwrap();
    let mut measured = Command::new("python3");
    measured
        .args(["-E", "-S"])
        .arg(artifacts::root().join("tests/python/measure.py"))
        .arg(&result)
        .arg(host.get_program())
        .args(["export", "--format", format, "--out", "many", "--json"])
        .current_dir(stage.place.path());
    for (name, value) in host.get_envs() {
        measured.env(name, value.unwrap());
    }
    let told = done(Ran::of(&measured.output().unwrap())).json().unwrap();
    let used: Value = serde_json::from_slice(&std::fs::read(result).unwrap()).unwrap();
    (used["peak"].as_u64().unwrap(), told["files"][0].clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn many_rows_take_no_more_memory_than_few_and_lose_no_digit() {
    let mut stage = Stage::new("", "").await.unwrap();
    stage.go_to(State::Initial).unwrap();
    done(stage.collect().unwrap());
    let few = books::snowflake_records(&stage.place.state()).unwrap().len() as u64;
    multiply(&stage);
    let booked = booked(&stage, "billed");
    for format in ["csv", "jsonl", "parquet"] {
        let (peak, file) = export(&stage, format);
        assert!(peak < MOST, "{format}: {peak} bytes");
        let rows = file["rows"].as_u64().unwrap();
        assert!(
            rows > ROWS.into() && rows <= u64::from(ROWS) + few,
            "{format}: {rows}"
        );
        let [billed, effective] = &booked["USD"];
        assert_eq!(file["sums"]["USD"]["billed"], billed.to_string());
        assert_eq!(file["sums"]["USD"]["effective"], effective.to_string());
    }
}
