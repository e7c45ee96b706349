//! The generic collector in its sandbox, through the real program over TLS, against a simulated Prometheus and a file server.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod files;
mod metrics;

use finops_tests::{
    books,
    generic::{Generic, PASSWORD, TOKEN, stage},
    program::Ran,
    proof,
    provider::{Stage, Start},
};

/// When the bill of tests/data/generic is first read.
const NOON: &str = "2026-08-03T12:00:00Z";
/// Five minutes and more after the end of the last hour of the first golden state.
const MORNING: &str = "2026-08-03T06:06:00Z";

async fn prometheus(at: &str, settings: &str, more: &str) -> Stage<Generic> {
    of(Generic::load().unwrap(), at, |addr| {
        stage::prometheus(addr, settings, more)
    })
    .await
}

async fn of(
    generic: Generic,
    at: &str,
    config: impl FnOnce(std::net::SocketAddr) -> String,
) -> Stage<Generic> {
    Stage::new("generic", generic, Start::at(at).unwrap(), config)
        .await
        .unwrap()
}

/// What a run's receipts come to, by name.
#[track_caller]
fn receipts(ran: &Ran, name: &str) -> u64 {
    let count = &proof::receipts(ran)[name];
    count.as_u64().unwrap_or_else(|| panic!("{ran:?}"))
}

/// Partitions by completeness.
fn partitions(stage: &Stage<Generic>, completeness: &str) -> i64 {
    let connection = books::open(&stage.place.state()).unwrap();
    let sql = "SELECT count(*) FROM partition WHERE completeness = ?";
    connection
        .query_row(sql, [completeness], |row| row.get(0))
        .unwrap()
}

/// That no secret stands in what a run said, nor in any file of the state directory, where the ledger has this service.
#[track_caller]
fn assert_no_secret(stage: &Stage<Generic>, ran: &Ran, service: &str) {
    proof::assert_no_leak(&stage.place, &[PASSWORD, TOKEN], &[ran], service);
}
