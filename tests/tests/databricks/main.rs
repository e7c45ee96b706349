//! A Databricks account's usage through the sandbox into the books: every record against the independent golden script, July against the
//! simulator's invoice, and what goes wrong on the way.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod mishaps;
mod prices;
mod whole;

use finops_decimal::Decimal;
use finops_tests::{
    books::{self, observations},
    databricks::{CLIENT_SECRET, MINTED, Options, TOKEN, Workspace, stage},
    proof::{assert_done, assert_golden, assert_laws, assert_no_leak, billed_in, receipts},
    provider::{Fault, Reply, Stage, golden::Golden},
};

/// When the states of the golden records are.
const INITIAL: &str = "2026-08-03T12:00:00Z";
const RESTATED: &str = "2026-08-05T12:00:00Z";
const CLOSED: &str = "2026-09-01T12:00:00Z";

fn golden(state: &str) -> Golden {
    Golden::read(match state {
        "initial" => include_str!("../../golden/databricks/initial.json"),
        "restated" => include_str!("../../golden/databricks/restated.json"),
        "closed" => include_str!("../../golden/databricks/closed.json"),
        _ => include_str!("../../golden/databricks/negotiated.json"),
    })
    .unwrap()
}

/// The books hold exactly the golden records, the view adds up to them, and every law holds.
#[track_caller]
fn assert_books(stage: &Stage<Workspace>, state: &str) {
    assert_golden(&stage.place, "spend", &golden(state), state);
    assert_eq!(
        sum(stage, "by-job-run", None),
        sum(stage, "spend", None),
        "{state}"
    );
}

/// What a stream's records of a month add up to.
#[track_caller]
fn sum(stage: &Stage<Workspace>, stream: &str, month: Option<&str>) -> Decimal {
    let period = ("BillingPeriod.start", month.unwrap_or_default());
    billed_in("USD", &stage.place, stream, period)
}

fn records(stage: &Stage<Workspace>) -> usize {
    let state = stage.place.state();
    books::contents(&state, "spend").unwrap().len()
}

/// How many statements were run since the requests were last forgotten.
fn statements(stage: &Stage<Workspace>) -> u64 {
    stage.asked("statements.execute")
}

async fn initial(options: Options, settings: &str) -> Stage<Workspace> {
    stage::at(INITIAL, options, settings).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_books_follow_late_lines_and_retractions_to_the_invoice_of_the_closed_month() {
    let mut stage = initial(Options::default(), "").await;
    for (state, now) in [("initial", INITIAL), ("restated", RESTATED), ("closed", CLOSED)] {
        stage.set_now(now).unwrap();
        assert_done(&stage.collect(&[]).unwrap());
        assert_books(&stage, state);
        let now = now.parse().unwrap();
        let invoice = stage.simulator.api().invoice("2026-07", now).unwrap();
        assert_eq!(sum(&stage, "spend", Some("2026-07-01")), invoice, "{state}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_run_reads_only_what_is_new_or_unfinished_and_changes_nothing() {
    let mut stage = initial(Options::default(), "").await;
    assert_done(&stage.collect(&[]).unwrap());
    // The currencies of both lists, the days, and all days together.
    assert_eq!(statements(&stage), 4);
    let before = sum(&stage, "spend", None);
    let again = stage.collect(&[]).unwrap();
    assert_done(&again);
    let counts = receipts(&again);
    assert_eq!(
        (&counts["added"], &counts["revised"], &counts["withdrawn"]),
        (&0.into(), &0.into(), &0.into())
    );
    assert!(counts["unchanged"].as_u64().unwrap() < 40, "{counts}");
    let whole = stage.collect(&["--since", "2026-07-01"]).unwrap();
    assert_done(&whole);
    assert_eq!(
        (&receipts(&whole)["added"], &receipts(&whole)["revised"]),
        (&0.into(), &0.into())
    );
    assert_books(&stage, "initial");
    assert_eq!(sum(&stage, "spend", None), before);
    // Two days later those days alone are read for which something came: 20, 25 and 31 July, and from 2 August on.
    stage.set_now(RESTATED).unwrap();
    stage.simulator.forget_requests();
    assert_done(&stage.collect(&[]).unwrap());
    assert_eq!(statements(&stage), 3 + 4);
    assert_books(&stage, "restated");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_stores_nothing() {
    let stage = initial(Options::default(), "").await;
    let ran = stage.collect(&["--dry-run"]).unwrap();
    assert_done(&ran);
    assert!(receipts(&ran)["added"].as_u64().unwrap() > 100, "{ran:?}");
    assert!(!stage.place.state().join("ledger.db").exists());
    assert_done(&stage.collect(&[]).unwrap());
    assert_books(&stage, "initial");
}

#[tokio::test(flavor = "multi_thread")]
async fn small_chunks_slow_statements_and_short_limits_give_the_same_books() {
    let options = Options {
        rows_per_chunk: 7,
        slow: 2,
        ..Options::default()
    };
    let stage = initial(options, "").await;
    let throttled = || {
        let text = "Too many requests";
        finops_tests::databricks::error(429, "RESOURCE_EXHAUSTED", text)
    };
    let unavailable = || {
        Reply::new(
            503,
            "text/html",
            "<html><body>upstream connect error</body></html>",
        )
    };
    for fault in [
        Fault::new(finops_tests::provider::Act::Answer(throttled()))
            .at("statements.execute")
            .after(1)
            .times(1),
        Fault::new(finops_tests::provider::Act::Answer(unavailable()))
            .at("statements.get")
            .after(1)
            .times(1),
        Fault::new(finops_tests::provider::Act::Answer(throttled()))
            .at("statements.chunk")
            .after(3)
            .times(1),
        Fault::new(finops_tests::provider::Act::Answer(throttled()))
            .at("clusters.list")
            .times(1),
    ] {
        stage.simulator.faults().add(fault);
    }
    assert_done(&stage.collect(&[]).unwrap());
    assert!(stage.simulator.requests()["statements.chunk"] > 15);
    assert_books(&stage, "initial");
}

#[tokio::test(flavor = "multi_thread")]
async fn results_that_are_too_large_are_read_in_halves_and_parts_to_the_same_books() {
    let options = Options {
        inline_limit: 4_000,
        ..Options::default()
    };
    let stage = initial(options, "").await;
    let ran = stage.collect(&["--log", "info"]).unwrap();
    assert_done(&ran);
    assert!(
        ran.stderr.contains("a day's lines are read in 2 parts"),
        "{}",
        ran.stderr
    );
    assert!(statements(&stage) > 30);
    assert_books(&stage, "initial");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_principals_tokens_give_the_same_books_and_no_secret_is_said_or_kept() {
    let stage = initial(Options::default(), "").await;
    let addr = stage.simulator.addr();
    let text = stage::config(addr, &stage::principal(addr), "", "");
    stage.configure(&text).unwrap();
    let principal = stage.collect(&["--log", "trace"]).unwrap();
    assert_done(&principal);
    let text = stage::config(addr, stage::BEARER, "", "");
    stage.configure(&text).unwrap();
    let bearer = stage.collect(&["--log", "trace"]).unwrap();
    assert_done(&bearer);
    assert_eq!(stage.simulator.requests().get("token"), Some(&1));
    assert_books(&stage, "initial");
    let secrets = [TOKEN, MINTED, CLIENT_SECRET];
    assert_no_leak(&stage.place, &secrets, &[&principal, &bearer], "by-job-run");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_runs_is_observed_over_all_pages_and_wakes_no_warehouse() {
    let stage = initial(Options::default(), "").await;
    assert_done(&stage.collect(&[]).unwrap());
    let seen = observations(&stage.place.state()).unwrap();
    let value = |name: &str, words: &[&str]| {
        let mut found = seen
            .iter()
            .filter(|one| one.0 == name && words.iter().all(|word| one.1.contains(word)));
        let value = found
            .next()
            .unwrap_or_else(|| panic!("no {name} {words:?} in {seen:?}"))
            .2
            .clone();
        assert!(found.next().is_none(), "several {name} {words:?} in {seen:?}");
        value
    };
    for (name, words, expected) in [
        ("clusters", vec!["RUNNING", "UI"], "1"),
        ("clusters", vec!["\"TERMINATED\"", "JOB"], "2"),
        ("clusters", vec!["ERROR", "JOB"], "0"),
        ("cluster-workers", vec!["0710-091500-abc"], "3"),
        ("cluster-workers", vec!["0801-000000-one"], "0"),
        ("warehouses", vec!["STARTING"], "1"),
        ("warehouse-clusters", vec!["Reports"], "2"),
        ("warehouse-clusters", vec!["Fast", "SERVERLESS"], "0"),
        ("pipelines", vec!["IDLE"], "2"),
        ("pipelines", vec!["FAILED"], "0"),
        ("job-runs", vec!["2026-08-03", "SUCCESS"], "2"),
        ("job-runs", vec!["2026-08-03", "FAILED"], "1"),
    ] {
        assert_eq!(value(name, &words), expected, "{name} {words:?}");
    }
    assert!(!seen.iter().any(|one| one.1.contains("0702-000000-old")));
    stage
        .configure(&stage::config(
            stage.simulator.addr(),
            stage::BEARER,
            "inventory = false",
            "",
        ))
        .unwrap();
    stage.simulator.forget_requests();
    assert_done(&stage.collect(&[]).unwrap());
    let asked = stage.simulator.requests();
    assert!(
        asked.keys().all(|operation| operation.starts_with("statements.")),
        "{asked:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bill_of_many_job_runs_goes_chunk_by_chunk_through_a_small_guest() {
    let options = Options {
        rows_per_chunk: 5_000,
        ..Options::default()
    };
    let stage = initial(options, "").await;
    let text = stage::config(
        stage.simulator.addr(),
        stage::BEARER,
        "",
        "[limits]\nmemory = \"24MiB\"\n",
    );
    stage.configure(&text).unwrap();
    let api = stage.simulator.api();
    let like = api.line("JOBS", "2026-07-21").unwrap();
    let changes = [
        ("usage_metadata.job_run_id", "big-{n}"),
        ("usage_quantity", "0.01"),
    ];
    let known = api.invoice("2026-07", INITIAL.parse().unwrap()).unwrap();
    api.add_usage(&like, 12_000, &changes).unwrap();
    let invoice = api.invoice("2026-07", INITIAL.parse().unwrap()).unwrap();
    assert_eq!(invoice.checked_sub(known).unwrap().to_string(), "19.5");
    assert_done(&stage.collect(&[]).unwrap());
    assert_eq!(sum(&stage, "spend", Some("2026-07-01")), invoice);
    assert_eq!(sum(&stage, "by-job-run", Some("2026-07-01")), invoice);
    let runs = books::contents(&stage.place.state(), "by-job-run").unwrap();
    assert!(runs.len() > 12_000, "{}", runs.len());
    // The counted stream has the job alone.
    assert!(records(&stage) < 200);
    assert_laws(&stage.place);
}
