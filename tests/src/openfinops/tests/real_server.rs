//! The harness of the real server.

use super::{AGENTS, INGEST, REGISTER, batch, entry, registration};
use crate::openfinops::{RealServer, http};
use finops_decimal::Decimal;
use serde_json::json;
use std::io::ErrorKind;

fn decimal(text: &str) -> Decimal {
    text.parse().unwrap()
}

#[test]
fn a_batch_is_stored_and_its_own_observatory_sums_it() {
    let folder = tempfile::tempdir().unwrap();
    let server = RealServer::start(folder.path()).unwrap();
    let entries = [
        entry("e1", "USD", "12.345678901234567891"),
        entry("e2", "USD", "-0.3"),
        entry("e3", "EUR", "7"),
    ];
    let sent = batch("b1", 1_785_758_400, &entries);
    assert_eq!(
        http::post(server.address(), INGEST, &sent)
            .unwrap()
            .json()
            .unwrap()["status"],
        "success"
    );

    let rows = server.rows().unwrap();
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].agent_id, "finops-host/snowflake/0123456789ab");
    assert_eq!(rows[0].metrics["cost_entries"].as_array().unwrap().len(), 3);
    assert_eq!(rows[0].events, sent["events"]);

    let observed = server.observe().unwrap();
    assert_eq!((observed.rows, observed.entries), (1, 3));
    assert!(observed.duplicate_entry_ids.is_empty());
    assert_eq!(observed.amounts["USD"], decimal("12.045678901234567891"));
    assert_eq!(observed.amounts["EUR"], decimal("7"));
    assert_eq!(observed.summary["total_entries"], json!(3));
    let total: f64 = observed.summary["total_cost"].to_string().parse().unwrap();
    assert!((19.045678..19.045679).contains(&total), "{total}");
}

#[test]
fn an_entry_sent_twice_shows_as_a_duplicate() {
    let folder = tempfile::tempdir().unwrap();
    let server = RealServer::start(folder.path()).unwrap();
    let sent = batch("b1", 1_785_758_400, &[entry("e1", "USD", "1.5")]);
    http::post(server.address(), INGEST, &sent).unwrap();
    http::post(server.address(), INGEST, &sent).unwrap();

    let observed = server.observe().unwrap();
    assert_eq!(observed.rows, 2);
    assert_eq!(observed.duplicate_entry_ids, ["e1"]);
    assert_eq!(observed.amounts["USD"], decimal("3"));
}

#[test]
fn a_server_without_entries_has_no_summary() {
    let folder = tempfile::tempdir().unwrap();
    let server = RealServer::start(folder.path()).unwrap();
    let observed = server.observe().unwrap();
    assert_eq!((observed.rows, observed.entries), (0, 0));
    assert!(observed.amounts.is_empty() && observed.summary.is_null());
}

#[test]
fn a_killed_server_refuses_and_knows_everything_again_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = RealServer::start(folder.path()).unwrap();
    http::post(server.address(), REGISTER, &registration()).unwrap();
    http::post(server.address(), INGEST, &batch("b1", 1_785_758_400, &[])).unwrap();
    let url = server.url();

    server.kill();
    assert_eq!(
        http::get(server.address(), "/health").unwrap_err().kind(),
        ErrorKind::ConnectionRefused
    );
    assert_eq!(server.rows().unwrap().len(), 1);

    server.restart().unwrap();
    assert_eq!(server.url(), url);
    let agents = http::get(server.address(), AGENTS).unwrap().json().unwrap();
    assert_eq!(
        agents["agents"][0]["agent_id"],
        "finops-host/snowflake/0123456789ab"
    );
}
