//! The generic collector against a real Prometheus over past data, compared with arithmetic that knows neither. Ignored where
//! tests run alone: `cargo xtask test-extra` runs it where Debian's package is installed.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use finops_tests::{
    artifacts, books,
    generic::real::{self, Prometheus},
    program::{Place, Ran},
    provider::golden::{Golden, Row},
};
use std::net::SocketAddr;

/// The operator's file: plain http on this machine, because the rule says so.
fn config(addr: SocketAddr, rule: &str, rates: &str) -> String {
    format!(
        r#"[collector]
name = "on-premises"

[settings]
scheme = "http"
host = "127.0.0.1"
port = {port}
account = "hq"
currency = "EUR"
rates = [{rates}]

[[allow]]
host = "127.0.0.1"
port = {port}
methods = ["POST"]
paths = ["/api/v1/query_range"]
{rule}
"#,
        port = addr.port()
    )
}

const RATES: &str = r#""host: 0.05 per host-hour", "cpu: 0.031 per core-hour", "cpu-capacity: 0.01 per core-hour",
  "memory: 0.0041 per GiB-hour", "disk: 0.00011 per GiB-hour""#;

fn run(place: &Place, text: &str) -> Ran {
    let config = place.file("generic.toml", text).unwrap();
    place
        .run(&artifacts::collector("generic").unwrap(), &config)
        .unwrap()
}

/// How many partitions are of a completeness.
fn partitions(place: &Place, completeness: &str) -> i64 {
    let connection = books::open(&place.state()).unwrap();
    let sql = "SELECT count(*) FROM partition WHERE completeness = ?";
    connection
        .query_row(sql, [completeness], |row| row.get(0))
        .unwrap()
}

#[test]
#[ignore = "needs Debian's package prometheus: cargo xtask test-extra"]
fn what_a_real_prometheus_says_is_booked_digit_by_digit() {
    let prometheus = Prometheus::start(&real::independent("metrics").unwrap()).unwrap();
    let place = Place::new().unwrap().at("2026-08-03T08:05:00Z");
    let text = config(prometheus.addr(), "insecure-http = true", RATES);
    let ran = run(&place, &text);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let golden = Golden::read(&real::independent("records").unwrap()).unwrap();
    let mut found = golden.found(&place.state(), "usage").unwrap();
    // The use of the hour after a silence is extrapolated by Prometheus; that it is there is enough.
    let extrapolated = |row: &Row| {
        row[0].as_deref() == Some("2026-08-03T03:00:00Z")
            && row[3].as_deref() == Some("cpu")
            && row[4].as_deref() == Some("n2:9100")
    };
    assert_eq!(found.iter().filter(|row| extrapolated(row)).count(), 1);
    found.retain(|row| !extrapolated(row));
    let but = |of: &[Row], others: &[Row]| -> Vec<Row> {
        of.iter().filter(|row| !others.contains(row)).cloned().collect()
    };
    assert_eq!(
        (but(&found, &golden.rows), but(&golden.rows, &found)),
        (Vec::new(), Vec::new()),
        "surplus, missing"
    );
    assert_eq!(found.len(), golden.rows.len());
    // A host was silent in one hour, in another nothing was scraped for twenty minutes, and the first scrapes ended one.
    assert_eq!(partitions(&place, "partial"), 3);
    assert_eq!(partitions(&place, "complete"), 6);
    assert!(
        ran.stderr.contains("02:00:00Z: a series of `cpu` pauses"),
        "{}",
        ran.stderr
    );
    assert!(
        ran.stderr
            .contains("more until 2026-08-03T05:00:00Z: `health` is not positive"),
        "{}",
        ran.stderr
    );
    let again = run(&place, &text);
    assert_eq!(again.code, Some(0), "{again:?}");
    assert_eq!(
        golden.found(&place.state(), "usage").unwrap().len(),
        golden.rows.len() + 1
    );
    let checked = place.call(&["check", "--ledger"]).unwrap();
    assert_eq!(checked.code, Some(0), "{checked:?}");
}

#[test]
#[ignore = "needs Debian's package prometheus: cargo xtask test-extra"]
fn the_built_in_queries_and_their_errors_are_prometheus_own() {
    let prometheus = Prometheus::start(&real::independent("metrics").unwrap()).unwrap();
    let place = Place::new().unwrap().at("2026-08-03T08:05:00Z");
    // Every built-in meter is taken; those without an exporter have no sample, which is said and never a zero.
    let rates = r#""host: 1 per host-hour", "cpu: 1 per core-hour", "cpu-capacity: 1 per core-hour", "memory: 1 per GiB-hour",
      "memory-capacity: 1 per GiB-hour", "disk: 1 per GiB-hour", "network-out: 1 per GiB", "container-cpu: 1 per core-hour",
      "container-cpu-requested: 1 per core-hour", "container-memory: 1 per GiB-hour", "container-memory-requested: 1 per GiB-hour",
      "gpu: 1 per GPU-hour", "gpu-used: 1 per GPU-hour", "gpu-memory: 1 per GiB-hour", "gpu-energy: 1 per kWh""#;
    let ran = run(&place, &config(prometheus.addr(), "insecure-http = true", rates));
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(
        ran.stderr.contains("`network-out` has no sample"),
        "{}",
        ran.stderr
    );
    assert_eq!(partitions(&place, "complete"), 0);
    for (meter, code, says) in [
        ("x in Units as X = sum(", 78, "does not take the query"),
        ("x in Units as X = up + on () up", 69, "cannot be executed"),
    ] {
        let text = config(prometheus.addr(), "insecure-http = true", r#""x: 1 per unit""#);
        let ran = run(
            &place,
            &text.replace("rates = ", &format!("meters = ['{meter}']\nrates = ")),
        );
        assert_eq!(ran.code, Some(code), "{ran:?}");
        assert!(ran.stdout.contains(says), "{ran:?}");
    }
}

#[test]
#[ignore = "needs Debian's package prometheus: cargo xtask test-extra"]
fn plain_http_is_denied_until_the_operators_rule_says_it() {
    let prometheus = Prometheus::start(&real::independent("metrics").unwrap()).unwrap();
    let place = Place::new().unwrap().at("2026-08-03T08:05:00Z");
    let ran = run(&place, &config(prometheus.addr(), "", RATES));
    assert_eq!(ran.code, Some(78), "{ran:?}");
    assert!(ran.stderr.contains("insecure-http"), "{}", ran.stderr);
}
