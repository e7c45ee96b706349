//! The real OpenFinOps server in trouble: its database locked by another process, the server killed and started again in the
//! middle of a delivery. In the end every cent is there once by entry ids, and twice on the wire only where the ledger says
//! that it may be.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use finops_decimal::Decimal;
use finops_tests::{
    books,
    crash::{Billed, Line, sum},
    openfinops::RealServer,
};
use jiff::Timestamp;
use std::{
    collections::{BTreeMap, BTreeSet},
    process::Stdio,
};

/// Lines of the larger bill: each is an entry, and 500 are a batch.
const LINES: usize = 1_700;
/// How often the server is killed.
const KILLS: usize = 4;

/// A bill of so many services, in this reading.
fn bill(lines: usize, reading: usize) -> Vec<[String; 3]> {
    let line = |number: usize| {
        let cost = format!("{}.{:09}", 1 + reading, number);
        [number.to_string(), format!("service {number}"), cost]
    };
    (0..lines).map(line).collect()
}

fn lines(bill: &[[String; 3]]) -> Vec<Line<'_>> {
    bill.iter()
        .map(|[id, service, cost]| (id.as_str(), service.as_str(), cost.as_str(), "USD"))
        .collect()
}

/// A bill on its way to a server, at this machine's own time, which the server goes by.
async fn billed(bill: &[[String; 3]], server: &RealServer) -> Billed {
    let mut billed = Billed::new(&lines(bill)).await.unwrap().at(&server.url());
    billed.errand.set_now(Timestamp::now());
    billed
}

/// Asserts that the server has exactly this, each entry once, and repeats only where the ledger knows of them.
#[track_caller]
fn assert_there(server: &RealServer, billed: &Billed, total: Decimal) {
    let mut amounts: BTreeMap<String, Decimal> = BTreeMap::new();
    let mut twice = BTreeSet::new();
    for row in server.rows().unwrap() {
        for entry in row.metrics["cost_entries"].as_array().unwrap() {
            let id = entry["entry_id"].as_str().unwrap().to_owned();
            let amount = entry["tags"]["finops_host.amount"]
                .as_str()
                .unwrap()
                .parse()
                .unwrap();
            if amounts.insert(id.clone(), amount).is_some() {
                twice.insert(id);
            }
        }
    }
    assert_eq!(Decimal::sum(amounts.into_values()).unwrap(), total);
    let ledger = books::open(&billed.errand.place.state()).unwrap();
    let sql = "SELECT entry_id FROM entry JOIN batch ON batch.id = entry.batch WHERE maybe_duplicated = 1";
    let mut statement = ledger.prepare(sql).unwrap();
    let maybe: BTreeSet<String> = statement
        .query_map([], |row| row.get(0))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    assert!(
        twice.is_subset(&maybe),
        "{} entries are there twice unsaid",
        twice.len()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_another_process_locks_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let server = RealServer::start(folder.path()).unwrap();
    let first = bill(3, 0);
    let mut billed = billed(&first, &server).await;
    tokio::task::block_in_place(|| {
        billed.assert_delivers().unwrap();
        // The server waits five seconds for its database and then answers 500: the first run leaves before, the second after.
        for (reading, time) in [(1, "2s"), (2, "20s")] {
            let locked = rusqlite::Connection::open(folder.path().join("telemetry.db")).unwrap();
            locked.execute_batch("BEGIN EXCLUSIVE").unwrap();
            billed.says(&lines(&bill(3, reading)));
            let ran = billed
                .command()
                .unwrap()
                .args(["--deliver-for", time])
                .output()
                .unwrap();
            assert_eq!(ran.status.code(), Some(75), "{ran:?}");
            billed.errand.assert_lawful().unwrap();
            locked.execute_batch("ROLLBACK").unwrap();
        }
        billed.assert_delivers().unwrap();
        assert_there(&server, &billed, sum(&lines(&bill(3, 2))).unwrap());
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_killed_in_the_middle_of_deliveries_gets_everything_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = RealServer::start(folder.path()).unwrap();
    let mut billed = billed(&bill(LINES, 0), &server).await;
    tokio::task::block_in_place(|| {
        let mut in_the_middle = 0;
        for reading in 1..=KILLS {
            billed.says(&lines(&bill(LINES, reading)));
            let before = server.rows().unwrap().len();
            let mut command = billed.command().unwrap();
            command.args(["--deliver-for", "4s"]);
            let mut run = command
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            // Killed as soon as a batch has arrived.
            let ended = loop {
                if server.rows().is_ok_and(|rows| rows.len() > before) {
                    break None;
                }
                if let Some(ended) = run.try_wait().unwrap() {
                    break Some(ended);
                }
                std::thread::yield_now();
            };
            server.kill();
            let code = ended.map_or_else(|| run.wait(), Ok).unwrap().code();
            in_the_middle += usize::from(ended.is_none() && code == Some(75));
            assert!(matches!(code, Some(0 | 75)), "{code:?}");
            billed.errand.assert_lawful().unwrap();
            server.restart().unwrap();
        }
        assert!(
            in_the_middle > 0,
            "the server was never killed before the end of a delivery"
        );
        billed.assert_delivers().unwrap();
        assert_there(&server, &billed, sum(&lines(&bill(LINES, KILLS))).unwrap());
    });
}
