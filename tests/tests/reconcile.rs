//! `reconcile` and `status --coverage` through the real program: a provider that tells what its invoices bill, one that tells
//! nothing, a month that does not add up, and a ledger that was changed behind its back.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use finops_tests::{
    books,
    mongodb_atlas::{self, Atlas, JULY, Options},
    program::Ran,
    provider::{Stage, Start},
    snowflake, stage,
};
use serde_json::Value;

/// July's invoice is closed, August's is pending.
const NOW: &str = "2026-08-05T12:00:00Z";

async fn atlas(options: Options) -> Stage<Atlas> {
    let api = Atlas::new(options).unwrap();
    let stage = Stage::new("mongodb-atlas", api, Start::at(NOW).unwrap(), |addr| {
        mongodb_atlas::stage::config(addr, "")
    })
    .await
    .unwrap();
    let ran = stage.collect(&[]).unwrap();
    assert_eq!(ran.code, Some(0), "{ran:?}");
    stage
}

fn reconcile(stage: &Stage<Atlas>, more: &[&str]) -> Ran {
    let asked = [&["reconcile", "--period", "2026-07"], more].concat();
    stage.place.call(&asked).unwrap()
}

/// The one row.
fn row(ran: &Ran) -> Value {
    let answer = ran.json().unwrap();
    let [row] = answer["rows"].as_array().unwrap().as_slice() else {
        panic!("{answer:#}")
    };
    row.clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_books_are_compared_with_what_the_invoice_bills() {
    let stage = atlas(Options::default()).await;
    let ran = reconcile(&stage, &["--json"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let row = row(&ran);
    let billed = stage.simulator.api().billed(JULY, NOW.parse().unwrap()).unwrap();
    assert_eq!(
        (&row["verdict"], &row["books"], &row["told"], &row["difference"]),
        (
            &"agrees".into(),
            &billed.to_string().into(),
            &billed.to_string().into(),
            &"0".into()
        )
    );
    assert!(
        row["invoices"].as_array().unwrap().contains(&JULY.into()),
        "{row:#}"
    );
    let shown = reconcile(&stage, &[]);
    assert!(
        shown.stdout.contains("agrees") && shown.stdout.contains("1 agree"),
        "{shown:?}"
    );

    // A record that was lost is a difference, and nothing but that.
    let connection = rusqlite::Connection::open(stage.place.state().join("ledger.db")).unwrap();
    let lost = "DELETE FROM record WHERE id = (SELECT record.id FROM record JOIN partition ON partition.id = record.partition
                WHERE until_commit IS NULL AND billed <> '0' AND start = unixepoch('2026-07-01') LIMIT 1) RETURNING billed";
    let lost: String = connection.query_row(lost, [], |row| row.get(0)).unwrap();
    drop(connection);
    let ran = reconcile(&stage, &["--json"]);
    assert_eq!(ran.code, Some(74), "{ran:?}");
    let row = self::row(&ran);
    let negative = lost.strip_prefix('-').map_or(format!("-{lost}"), str::to_owned);
    assert_eq!(
        (&row["verdict"], &row["difference"]),
        (&"differs".into(), &negative.into()),
        "{row:#}"
    );
    assert!(reconcile(&stage, &[]).stdout.contains("DIFFERS"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invoice_that_does_not_add_up_is_never_called_agreed() {
    let stage = atlas(Options {
        surplus: 1,
        ..Options::default()
    })
    .await;
    let ran = reconcile(&stage, &["--json"]);
    let row = row(&ran);
    assert_eq!(
        (&row["verdict"], &row["told"]),
        (&"no-total".into(), &Value::Null),
        "{row:#}"
    );
    let shown = reconcile(&stage, &[]).stdout;
    assert!(
        !shown.contains("agree") && shown.contains("not compared"),
        "{shown}"
    );
    assert!(
        shown.contains(JULY),
        "the invoice to compare with is named: {shown}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_without_totals_is_told_as_such_and_estimates_apart() {
    let mut stage = stage::Stage::new("", "").await.unwrap();
    stage.go_to(snowflake::golden::State::Initial).unwrap();
    let ran = stage.collect().unwrap();
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let ran = stage
        .place
        .call(&["reconcile", "--period", "2026-07", "--json"])
        .unwrap();
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let answer = ran.json().unwrap();
    let rows = answer["rows"].as_array().unwrap();
    assert!(
        !rows.is_empty() && rows.iter().all(|row| row["verdict"] == "no-total"),
        "{answer:#}"
    );
    let shown = stage
        .place
        .call(&["reconcile", "--period", "2026-07"])
        .unwrap()
        .stdout;
    assert!(shown.contains("gives no total to compare with"), "{shown}");
    let nothing = stage.place.call(&["reconcile", "--period", "2020-01"]).unwrap();
    assert!(
        nothing.code == Some(0) && nothing.stdout.contains("nothing of billing periods"),
        "{nothing:?}"
    );
    let wrong = stage.place.call(&["reconcile", "--period", "July"]).unwrap();
    assert!(
        wrong.code == Some(2) && wrong.stderr.contains("such as 2026-08"),
        "{wrong:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn coverage_tells_what_is_complete_provisional_and_missing() {
    let mut stage = stage::Stage::new("", "").await.unwrap();
    stage.go_to(snowflake::golden::State::Initial).unwrap();
    for (since, until) in [("2026-07-01", "2026-07-04"), ("2026-07-08", "2026-07-11")] {
        let ran = stage.collect_with(&["--since", since, "--until", until]).unwrap();
        assert_eq!(ran.code, Some(0), "{ran:?}");
    }
    let told = stage
        .place
        .call(&["status", "--coverage", "--json"])
        .unwrap()
        .json()
        .unwrap();
    let streams = told["coverage"].as_array().unwrap();
    let billed = streams
        .iter()
        .find(|row| row["stream"] == "spend-billed")
        .unwrap();
    // What an auditor reads of the same partitions.
    let connection = books::open(&stage.place.state()).unwrap();
    let sql = "SELECT group_concat(strftime('%m-%d', start, 'unixepoch') ORDER BY start) FROM partition
               JOIN stream ON stream.id = partition.stream WHERE name = 'spend-billed'";
    let days: String = connection.query_row(sql, [], |row| row.get(0)).unwrap();
    assert_eq!(days, "07-01,07-02,07-03,07-08,07-09,07-10");
    let gap = &billed["gaps"][0];
    assert_eq!(
        (&gap["from"], &gap["to"], &gap["partitions"]),
        (
            &"2026-07-04T00:00:00Z".into(),
            &"2026-07-08T00:00:00Z".into(),
            &4.into()
        )
    );
    assert_eq!(billed["gaps"].as_array().unwrap().len(), 1);
    assert_eq!(
        billed["newest_complete"]["start"], "2026-07-10T00:00:00Z",
        "{billed:#}"
    );
    let shown = stage.place.call(&["status", "--coverage"]).unwrap();
    assert!(
        shown.code == Some(0) && shown.stdout.contains("2026-07-04 to 2026-07-07"),
        "{shown:?}"
    );
}
