//! The whole way: simulator, sandbox, ledger, delivery, and the real OpenFinOps server, whose own `CostObservatory` reads
//! what it stored.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::float_arithmetic
)]

use finops_decimal::Decimal;
use finops_tests::{
    books,
    openfinops::{Observed, Outcome, RealServer, Recorder, Route, Storage},
    proof::{assert_done, forwarded_amount, forwarded_entries},
    snowflake::golden::{self, State},
    stage::{Stage, config},
};
use serde_json::Value;
use std::collections::BTreeMap;

fn destination(url: &str) -> String {
    format!("[openfinops]\nendpoint = \"{url}\"")
}

/// The server's sums, exact by tag and as its own floats, are the golden total.
#[track_caller]
fn assert_total(observed: &Observed, state: State) {
    let expected = golden::totals(state).unwrap().counted;
    assert_eq!(observed.amounts, expected);
    assert!(observed.duplicate_entry_ids.is_empty(), "{observed:?}");
    let summary = observed.summary["total_cost"].as_f64().unwrap();
    let expected: f64 = expected["USD"].to_string().parse().unwrap();
    assert!((summary - expected).abs() < 1e-6, "{summary} {expected}");
}

/// What the SQL of docs/ledger.md rebuilds from the server's database.
fn rebuilt(folder: &std::path::Path) -> Decimal {
    let guide = include_str!("../../docs/ledger.md");
    let (_, rest) = guide.split_once("```sql\n").unwrap();
    let (sql, _) = rest.split_once("```").unwrap();
    let database = rusqlite::Connection::open(folder.join("telemetry.db")).unwrap();
    let mut statement = database.prepare(sql).unwrap();
    let totals = statement
        .query_map([], |row| row.get::<_, String>("total"))
        .unwrap();
    Decimal::sum(totals.map(|total| total.unwrap().parse::<Decimal>().unwrap())).unwrap()
}

/// The net amount per user that the server's entries come to.
fn by_user(server: &RealServer) -> BTreeMap<String, Decimal> {
    let mut sums = BTreeMap::new();
    for row in server.rows().unwrap() {
        for entry in row.metrics["cost_entries"].as_array().unwrap() {
            let user = entry["tags"]["user"].as_str().unwrap_or_default().to_owned();
            let sum: &mut Decimal = sums.entry(user).or_default();
            *sum = sum.checked_add(forwarded_amount(entry)).unwrap();
        }
    }
    sums
}

#[tokio::test(flavor = "multi_thread")]
async fn the_real_server_gets_every_amount_once_through_all_changes() {
    let folder = tempfile::tempdir().unwrap();
    let server = RealServer::start(folder.path()).unwrap();
    let mut stage = Stage::new("", &destination(&server.url())).await.unwrap();
    let mut entries = 0;
    for state in State::ALL {
        stage.go_to(state).unwrap();
        let before = by_user(&server);
        let ran = stage.collect().unwrap();
        assert_done(&ran);
        let observed = server.observe().unwrap();
        assert_total(&observed, state);
        assert_eq!(rebuilt(folder.path()), observed.amounts["USD"]);
        assert!(observed.entries > entries, "{state:?} sent nothing");
        entries = observed.entries;
        if state == State::Retagged {
            let after = by_user(&server);
            let moved: Vec<_> = after
                .iter()
                .filter(|(user, sum)| before.get(*user) != Some(sum))
                .collect();
            assert!(
                moved.len() >= 2,
                "a retagged query moves money between users: {moved:?}"
            );
        }

        // The same again forwards nothing.
        assert_done(&stage.collect().unwrap());
        assert_eq!(server.observe().unwrap().entries, entries);
    }
    let agents = server
        .rows()
        .unwrap()
        .into_iter()
        .map(|row| row.agent_id)
        .collect::<std::collections::BTreeSet<_>>();
    assert_eq!(agents.len(), 1, "{agents:?}");
    assert!(agents.first().unwrap().starts_with("finops-host/snowflake/"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restated_day_forwards_just_the_difference() {
    let folder = tempfile::tempdir().unwrap();
    let server = RealServer::start(folder.path()).unwrap();
    let mut stage = Stage::new("", &destination(&server.url())).await.unwrap();
    stage.go_to(State::Initial).unwrap();
    assert_done(&stage.collect().unwrap());
    let rows = server.rows().unwrap().len();
    stage.go_to(State::Restated).unwrap();
    assert_done(&stage.collect().unwrap());
    let mut difference = Decimal::ZERO;
    for row in server.rows().unwrap().split_off(rows) {
        for entry in row.metrics["cost_entries"].as_array().unwrap() {
            assert!(
                entry["tags"]["finops_host.charge_start"]
                    .as_str()
                    .unwrap()
                    .starts_with("2026-07-31"),
                "{entry}"
            );
            difference = difference.checked_add(forwarded_amount(entry)).unwrap();
        }
    }
    let total = |state| golden::totals(state).unwrap().counted["USD"];
    assert_eq!(
        difference,
        total(State::Restated).checked_sub(total(State::Initial)).unwrap()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_down_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = RealServer::start(folder.path()).unwrap();
    let mut stage = Stage::new("", &destination(&server.url())).await.unwrap();
    stage.go_to(State::Initial).unwrap();
    server.kill();
    let ran = stage
        .collect_with(&["--since", "2026-06-01", "--deliver-for", "1s"])
        .unwrap();
    assert_eq!(ran.code, Some(75), "{ran:?}");
    server.restart().unwrap();
    assert_done(&stage.collect().unwrap());
    assert_total(&server.observe().unwrap(), State::Initial);
}

/// A stage that delivers to a recording destination with this script of answers.
async fn recorded(outcomes: Vec<Outcome>) -> (Stage, Recorder) {
    let recorder = Recorder::start().unwrap();
    recorder.set_now(
        golden::totals(State::Initial)
            .unwrap()
            .now
            .parse::<jiff::Timestamp>()
            .unwrap()
            .as_second(),
    );
    recorder.script(Route::Ingest, outcomes);
    let mut stage = Stage::new("", &destination(&recorder.url())).await.unwrap();
    stage.go_to(State::Initial).unwrap();
    (stage, recorder)
}

/// What the entries add up to, each counted once.
fn sum_once(recorder: &Recorder) -> Decimal {
    let id = |entry: &Value| entry["entry_id"].as_str().unwrap().to_owned();
    let entries = forwarded_entries(recorder);
    let amounts: BTreeMap<String, Decimal> = entries
        .iter()
        .map(|entry| (id(entry), forwarded_amount(entry)))
        .collect();
    Decimal::sum(amounts.into_values()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_page_settles_nothing_and_is_reported() {
    let (stage, recorder) = recorded(vec![Outcome::login_page()]).await;
    let ran = stage.collect().unwrap();
    assert_eq!(ran.code, Some(69), "{ran:?}");
    assert_eq!(books::entries(&stage.place.state()).unwrap().get("settled"), None);
    assert!(ran.stdout.contains("login page"), "{ran:?}");
    assert!(recorder.stored().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_after_storing_is_found_and_not_sent_again() {
    let (stage, recorder) = recorded(vec![Outcome::error(500, Storage::Kept)]).await;
    assert_done(&stage.collect().unwrap());
    assert_eq!(
        sum_once(&recorder),
        golden::totals(State::Initial).unwrap().counted["USD"]
    );
    let ids: Vec<String> = forwarded_entries(&recorder)
        .iter()
        .map(|entry| entry["entry_id"].as_str().unwrap().to_owned())
        .collect();
    let distinct: std::collections::BTreeSet<_> = ids.iter().collect();
    assert_eq!(distinct.len(), ids.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_sends_the_same_bytes() {
    let (stage, recorder) = recorded(vec![
        Outcome::unavailable(Some("0")),
        Outcome::throttled(Some("0")),
    ])
    .await;
    assert_done(&stage.collect().unwrap());
    let sent = recorder.received(Route::Ingest);
    assert_eq!(sent[0].body, sent[1].body);
    assert_eq!(sent[1].body, sent[2].body);
    assert_eq!(
        sum_once(&recorder),
        golden::totals(State::Initial).unwrap().counted["USD"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_refuses_the_host_pauses_and_keeps_everything() {
    let (stage, recorder) = recorded(vec![Outcome::refused(401)]).await;
    let ran = stage.collect().unwrap();
    assert_eq!(ran.code, Some(69), "{ran:?}");
    assert!(recorder.stored().is_empty());
    assert!(books::entries(&stage.place.state()).unwrap()["pending"] > 0);
    let status = stage.place.call(&["status"]).unwrap();
    assert!(status.stdout.contains("paused"), "{status:?}");

    // Nothing more is sent until the operator says so; then everything arrives, once.
    assert_eq!(stage.collect().unwrap().code, Some(69));
    assert!(recorder.stored().is_empty());
    let resumed = stage.place.call(&["destination", "resume"]).unwrap();
    assert_eq!(resumed.code, Some(0), "{resumed:?}");
    assert_done(&stage.collect().unwrap());
    assert_eq!(
        sum_once(&recorder),
        golden::totals(State::Initial).unwrap().counted["USD"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_ledger_does_not_send_everything_a_second_time() {
    let (stage, recorder) = recorded(Vec::new()).await;
    assert_done(&stage.collect().unwrap());
    let total = golden::totals(State::Initial).unwrap().counted["USD"];
    let stored = recorder.stored().len();
    std::fs::remove_dir_all(stage.place.state()).unwrap();

    let ran = stage.collect().unwrap();
    assert_eq!(ran.code, Some(78), "{ran:?}");
    assert!(ran.stderr.contains("--fresh"), "{ran:?}");
    assert_eq!(recorder.stored().len(), stored);

    // The operator empties the server and says so.
    recorder.wipe();
    assert_done(&stage.collect_with(&["--since", "2026-06-01", "--fresh"]).unwrap());
    assert_eq!(sum_once(&recorder), total);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_is_no_url_is_an_error_of_the_file() {
    let stage = Stage::new("", "").await.unwrap();
    for endpoint in ["localhost:8080", "ftp://x", "http://", "not a url"] {
        stage
            .configure(&config(&stage.simulator, "", &destination(endpoint)))
            .unwrap();
        let ran = stage.collect().unwrap();
        assert_eq!(ran.code, Some(78), "{ran:?}");
        assert!(
            ran.stderr.contains("endpoint") && ran.stderr.contains("snowflake.toml:"),
            "{ran:?}"
        );
    }
}
