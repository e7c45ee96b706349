//! A rendering with everything in it: its samples, its documentation, and what Prometheus' own tool says of it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use super::{exposition::Kind, families::ALL, *};
use crate::{
    delivery::Ended,
    egress::{Denied, Failed, Report},
    ledger::{
        gauges::{Gauges, Journal, StreamAge},
        outbox::Counts as EntryCounts,
        quota::Outbox,
        snapshot::snapshots,
        spend::SpendRow,
        store::open_read_only,
    },
    observe::{Activity, InstanceState},
    sandbox::{Counts, Totals, Usage},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    io::Write,
    process::{Command, Stdio},
};

/// As strange as names of instances can be: 64 characters of all kinds.
const STRANGE: &str = "0-_.Aa..--__inf_NaN.le-quantile_total_bucket-__name__.0123456789";

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn now() -> Timestamp {
    at("2026-08-10T12:00:00Z")
}

fn summary(instance: &str, outcome: &str) -> RunSummary {
    let times = |times| Denied {
        method: "GET".to_owned(),
        url: "https://h.example/".to_owned(),
        why: "no rule".to_owned(),
        remedy: None,
        times,
    };
    RunSummary {
        instance: instance.to_owned(),
        outcome: outcome.to_owned(),
        error: None,
        note: None,
        counts: Counts {
            receipts: Totals {
                commits: 1,
                written: 10,
                unchanged: 4,
                revised: 3,
                added: 2,
                withdrawn: 5,
                merged: 1,
                held: 0,
            },
            ..Counts::default()
        },
        usage: Usage {
            cpu_ms: 1_250,
            wall_ms: 3_000,
            memory: 9_000_000,
            response_whole: 0,
        },
        egress: Report {
            requests: 20,
            attempts: 25,
            sent: 1_000,
            received: 70_000,
            paid_calls: 2,
            spent: "0.010000000000000001".parse().unwrap(),
            denied: vec![times(2), times(1)],
            denied_unlisted: 4,
            failed: vec![Failed::from(times(3))],
            failed_unlisted: 1,
            ..Report::default()
        },
        limits: Vec::new(),
        end: Ok(()),
    }
}

fn delivery() -> DeliveryReport {
    DeliveryReport {
        ended: Ended::Drained,
        sent: 3,
        found: 1,
        settled: 700,
        dead: 2,
        maybe_duplicated: 1,
        counts: EntryCounts {
            dead: 2,
            dropped: 6,
            settled: 9_000,
            ..EntryCounts::default()
        },
        last_error: None,
    }
}

fn fit(activity: Activity) -> InstanceState {
    InstanceState {
        collector: "acme \"the\\best\"\n".to_owned(),
        version: "1.0.0".to_owned(),
        refused: None,
        activity,
        ..InstanceState::unfit("acme.toml".into(), String::new())
    }
}

fn board(names: &[&str]) -> Board {
    let board = Board::default();
    for name in names {
        board.put(name, fit(Activity::Running { since: now() }));
    }
    board
}

/// The snapshot destination of a ledger, as a real one has it.
fn snapshot_row() -> crate::ledger::snapshot::SnapshotRow {
    let directory = tempfile::tempdir().unwrap();
    let clock = Arc::new(crate::clock::SystemClock::default());
    drop(crate::ledger::Ledger::open(directory.path(), clock).unwrap());
    let database = rusqlite::Connection::open(directory.path().join("ledger.db")).unwrap();
    database
        .execute_batch(
            "INSERT INTO destination (id, name, kind, identity, measure, currency, state)
             VALUES (1, 'focus', 'snapshot', '/focus', 'effective', 'USD', 'paused');
             INSERT INTO epoch (id, destination, number, start_mode, started) VALUES (1, 1, 1, 'all', 0);
             INSERT INTO snapshot_state (epoch, directory, version, format, rendered, error)
             VALUES (1, '/focus', '1.2', 'csv', 1780000000, 'no space')",
        )
        .unwrap();
    let [row] = snapshots(&open_read_only(directory.path()).unwrap())
        .unwrap()
        .try_into()
        .unwrap();
    row
}

fn books() -> Books {
    let stream = |instance: &str| StreamAge {
        instance: instance.to_owned(),
        stream: "daily".to_owned(),
        last_read: Some(at("2026-08-10T11:00:00Z")),
        checkpoint: Some(at("2026-08-10T10:00:00Z")),
        complete_until: Some(at("2026-08-10T00:00:00Z")),
    };
    let spend = |instance: &str| SpendRow {
        instance: instance.to_owned(),
        today: "0.123456789012345678".parse().unwrap(),
        month: "99999999999.000000000000000001".parse().unwrap(),
    };
    let ledger = Gauges {
        journals: vec![Journal {
            destination: "openfinops".to_owned(),
            paused: false,
            failures: 3,
            pending: 40,
            ambiguous: 5,
            held: 6,
            oldest: Some(at("2026-08-10T11:58:30Z")),
        }],
        snapshots: vec![snapshot_row()],
        outbox: Outbox {
            entries: 51,
            bytes: 40_000,
            quota: 1 << 30,
            percent: 0,
        },
        streams: vec![stream("acme"), stream(STRANGE), stream("gone")],
        held: BTreeMap::from([("acme".to_owned(), 2)]),
        spend: vec![spend("acme"), spend("gone")],
    };
    Books {
        ledger: Some(ledger),
        file_bytes: Some(1 << 20),
        free_bytes: Some(1 << 33),
    }
}

/// Everything that there is to tell.
fn everything() -> String {
    let metrics = Metrics::new();
    for instance in ["acme", STRANGE] {
        metrics.run_started(instance, Duration::from_millis(60));
        metrics.run_ended(&summary(instance, "done"), Duration::from_millis(3_001));
    }
    metrics.run_ended(&summary("acme", "credential"), Duration::from_secs(7_200));
    metrics.delivered("openfinops", &delivery());
    metrics.delivery_failed("openfinops", "storage");
    metrics.reloaded(2, 1);
    metrics.proved(0, at("2026-08-10T06:00:00Z"));
    metrics.render(&board(&["acme", STRANGE]), &books(), now())
}

fn assert_told(text: &str, lines: &[&str]) {
    for line in lines {
        assert!(text.lines().any(|told| told == *line), "{line} is not in\n{text}");
    }
}

#[test]
fn runs_are_told_by_instance_with_every_call_in_one_outcome() {
    assert_told(
        &everything(),
        &[
            "finops_runs_total{instance=\"acme\",outcome=\"done\"} 1",
            "finops_runs_total{instance=\"acme\",outcome=\"credential\"} 1",
            "finops_runs_started_total{instance=\"acme\"} 1",
            "finops_run_duration_seconds_bucket{le=\"5\"} 2",
            "finops_run_duration_seconds_bucket{le=\"+Inf\"} 3",
            "finops_run_start_lag_seconds_bucket{le=\"0.05\"} 0",
            "finops_run_start_lag_seconds_bucket{le=\"0.1\"} 2",
            "finops_run_last_duration_seconds{instance=\"acme\"} 7200.000000",
            // Two runs of 20 calls: 2 + 1 + 4 were denied, 3 + 1 failed.
            "finops_requests_total{instance=\"acme\",outcome=\"denied\"} 14",
            "finops_requests_total{instance=\"acme\",outcome=\"failed\"} 8",
            "finops_requests_total{instance=\"acme\",outcome=\"ok\"} 18",
            "finops_request_attempts_total{instance=\"acme\"} 50",
            "finops_records_total{instance=\"acme\",fate=\"new\"} 4",
            "finops_records_total{instance=\"acme\",fate=\"withdrawn\"} 10",
            "finops_guest_cpu_seconds_total{instance=\"acme\"} 2.500000",
            "finops_guest_memory_peak_bytes{instance=\"acme\"} 9000000",
            "finops_instances{state=\"running\"} 2",
            "finops_config_files{state=\"refused\"} 1",
        ],
    );
}

#[test]
fn money_is_told_to_the_last_digit() {
    assert_told(
        &everything(),
        &[
            "finops_spend_usd_total{instance=\"acme\"} 0.020000000000000002",
            "finops_spend_today_usd{instance=\"acme\"} 0.123456789012345678",
            "finops_spend_this_month_usd{instance=\"acme\"} 99999999999.000000000000000001",
        ],
    );
}

#[test]
fn the_ledger_is_told_by_destination_and_stream() {
    assert_told(
        &everything(),
        &[
            "finops_outbox_entries{destination=\"openfinops\",state=\"pending\"} 40",
            "finops_outbox_entries{destination=\"openfinops\",state=\"dead\"} 2",
            "finops_outbox_oldest_entry_age_seconds{destination=\"openfinops\"} 90.000000",
            "finops_destination_paused{destination=\"openfinops\"} 0",
            "finops_destination_paused{destination=\"focus\"} 1",
            "finops_snapshot_failing{destination=\"focus\"} 1",
            "finops_stream_last_read_timestamp_seconds{instance=\"acme\",stream=\"daily\"} 1786359600",
            "finops_held_commits{instance=\"acme\"} 2",
            "finops_ledger_law2_differences 0",
            "finops_deliveries_total{destination=\"openfinops\",outcome=\"drained\"} 1",
            "finops_deliveries_total{destination=\"openfinops\",outcome=\"storage\"} 1",
        ],
    );
}

#[test]
fn an_instance_that_is_gone_leaves_no_series_and_begins_anew_when_it_comes_back() {
    let metrics = Metrics::new();
    for instance in ["acme", "gone"] {
        metrics.run_ended(&summary(instance, "done"), Duration::from_secs(1));
    }
    let without = metrics.render(&board(&["acme"]), &books(), now());
    assert!(!without.contains("\"gone\""), "{without}");
    let again = metrics.render(&board(&["acme", "gone"]), &books(), now());
    assert_told(
        &again,
        &[
            "finops_runs_total{instance=\"gone\",outcome=\"done\"} 0",
            "finops_runs_total{instance=\"acme\",outcome=\"done\"} 1",
        ],
    );
}

#[test]
fn the_process_began_at_one_moment_however_often_it_is_asked() {
    let metrics = Metrics::new();
    let began = |now| {
        let text = metrics.render(&Board::default(), &Books::default(), now);
        let line = text
            .lines()
            .find(|line| line.starts_with("finops_process_start_time"));
        line.unwrap().to_owned()
    };
    assert_eq!(began(now()), began(at("2026-08-10T12:00:07Z")));
    assert!(resident().is_none_or(|bytes| bytes > 1 << 20));
}

#[test]
fn every_family_is_told_once_and_documented_as_what_it_is() {
    let text = everything();
    let told: Vec<(&str, &str)> = text
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '))
        .collect();
    let page = include_str!("../../../../docs/metrics.md");
    let documented: BTreeMap<&str, &str> = page
        .lines()
        .filter_map(|line| {
            let mut cells = line
                .strip_prefix("| `")
                .filter(|row| row.starts_with("finops_"))?
                .split('|');
            Some((cells.next()?.trim().trim_end_matches('`'), cells.next()?.trim()))
        })
        .collect();
    for family in ALL {
        let kind = match family.kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        let times = told.iter().filter(|line| **line == (family.name, kind)).count();
        assert_eq!(times, 1, "{}", family.name);
        assert_eq!(documented.get(family.name), Some(&kind), "{}", family.name);
        assert!(family.name.starts_with("finops_"));
    }
    assert_eq!((told.len(), documented.len()), (ALL.len(), ALL.len()));
}

#[test]
fn alerts_and_documentation_name_only_families_that_there_are() {
    let rules = include_str!("../../../../examples/deploy/alerts.yaml");
    let page = include_str!("../../../../docs/metrics.md");
    let families: BTreeSet<&str> = ALL.iter().map(|family| family.name).collect();
    for (file, text) in [("alerts.yaml", rules), ("metrics.md", page)] {
        let word = |c: char| !(c.is_ascii_alphanumeric() || c == '_');
        let named: BTreeSet<&str> = text
            .split(word)
            .filter(|name| name.starts_with("finops_"))
            .collect();
        assert!(named.len() > 10, "{file}: {named:?}");
        for name in named {
            let of_histogram = ["_bucket", "_sum", "_count"]
                .iter()
                .find_map(|suffix| name.strip_suffix(suffix));
            let known = families.contains(name) || of_histogram.is_some_and(|name| families.contains(name));
            assert!(known || name == "finops_", "{file} names {name}");
        }
    }
}

/// `cargo xtask test-extra` runs it where Debian's prometheus is installed.
#[test]
#[ignore = "needs Debian's package prometheus: cargo xtask test-extra"]
fn promtool_accepts_every_family_without_complaint() {
    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = promtool.stdin.take().unwrap();
    input.write_all(everything().as_bytes()).unwrap();
    drop(input);
    let said = promtool.wait_with_output().unwrap();
    let words = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert_eq!(
        (words(&said.stdout), words(&said.stderr)),
        (String::new(), String::new())
    );
    assert!(said.status.success());
}
