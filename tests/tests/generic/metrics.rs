use super::{MORNING, assert_no_secret, of, partitions, prometheus, receipts};
use finops_decimal::Decimal;
use finops_tests::{
    artifacts, books,
    generic::{self, Generic, stage},
    openfinops::Recorder,
    proof::{assert_done, assert_golden, assert_laws, forwarded},
    provider::{Act, Fault, Reply, Stage, golden::Golden},
};
use serde_json::json;

const STATES: [(&str, &str, &str); 3] = [
    (
        "initial",
        MORNING,
        include_str!("../../golden/generic/usage-initial.json"),
    ),
    (
        "restated",
        "2026-08-03T09:06:00Z",
        include_str!("../../golden/generic/usage-restated.json"),
    ),
    (
        "closed",
        "2026-08-03T12:06:00Z",
        include_str!("../../golden/generic/usage-closed.json"),
    ),
];

#[track_caller]
fn assert_books(stage: &Stage<Generic>, (state, _, golden): (&str, &str, &str)) {
    assert_golden(&stage.place, "usage", &Golden::read(golden).unwrap(), state);
}

fn count(stage: &Stage<Generic>) -> usize {
    match stage.place.state().join("ledger.db").exists() {
        true => books::contents(&stage.place.state(), "usage").unwrap().len(),
        false => 0,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_books_equal_the_golden_records_in_each_state_and_a_second_run_changes_nothing() {
    let mut stage = prometheus(MORNING, stage::RATES, "").await;
    for state in STATES {
        stage.set_now(state.1).unwrap();
        let dry = stage.collect(&["--dry-run"]).unwrap();
        assert_done(&dry);
        assert!(receipts(&dry, "added") > 0, "{dry:?}");
        let ran = stage.collect(&["--log", "trace"]).unwrap();
        assert_done(&ran);
        assert_no_secret(&stage, &ran, "Containers");
        assert_books(&stage, state);
        let again = stage.collect(&[]).unwrap();
        assert_done(&again);
        for change in ["added", "revised", "withdrawn"] {
            assert_eq!(receipts(&again, change), 0, "{} {change}", state.0);
        }
        assert_books(&stage, state);
    }
    // One host's memory was silent in an hour: that hour alone is never whole. Ones before the first sample are not there.
    assert_eq!(
        (partitions(&stage, "complete"), partitions(&stage, "partial")),
        (17, 1)
    );
    let whole = stage.collect(&["--since", "2026-08-01"]).unwrap();
    assert_done(&whole);
    assert_eq!(receipts(&whole, "added"), 0);
    assert_books(&stage, STATES[2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_stores_nothing() {
    let stage = prometheus(MORNING, stage::RATES, "").await;
    let ran = stage.collect(&["--dry-run"]).unwrap();
    assert_done(&ran);
    assert_eq!(
        receipts(&ran, "added"),
        u64::try_from(Golden::read(STATES[0].2).unwrap().rows.len()).unwrap()
    );
    assert_eq!(count(&stage), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn throttling_and_time_outs_are_waited_for_and_give_the_same_books() {
    let stage = prometheus(MORNING, stage::RATES, "").await;
    let throttled = Reply::new(429, "text/plain", "too many outstanding requests").with("retry-after", "0");
    let busy = json!({"status": "error", "errorType": "timeout", "error": "query timed out in expression evaluation"});
    for (reply, at) in [
        (throttled, "gpu"),
        (Reply::json(503, &busy).with("retry-after", "0"), "memory"),
    ] {
        stage
            .simulator
            .faults()
            .add(Fault::new(Act::Answer(reply)).at(at).times(1));
    }
    assert_done(&stage.collect(&[]).unwrap());
    assert_books(&stage, STATES[0]);
    // Of four days with wanted hours each is asked for once, and the two that failed once more.
    assert_eq!(
        stage.simulator.requests()["cpu"] + 1,
        stage.simulator.requests()["gpu"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_goes_wrong_is_said_with_a_remedy_and_never_half_written() {
    let bad = |status: u16, kind: &str| {
        let body = json!({"status": "error", "errorType": kind, "error": "as the server says"});
        Act::Answer(Reply::json(status, &body))
    };
    let text = |status: u16, text: &'static str| Act::Answer(Reply::new(status, "text/plain", text));
    let elsewhere =
        Reply::new(302, "text/html", "moved").with("location", "https://login.elsewhere.example/");
    for (act, code, says) in [
        (bad(400, "bad_data"), 78, "as the server says"),
        (bad(422, "execution"), 69, "query.max-samples"),
        (text(403, "forbidden by proxy"), 69, "query_range"),
        (text(404, "404 page not found"), 78, "stands before /api/v1"),
        (Act::Answer(elsewhere), 69, "redirects elsewhere"),
        (Act::Answer(Reply::html()), 65, "HTML"),
        (
            Act::Answer(Reply::json(200, &json!({"status": "success", "data": {}}))),
            65,
            "no array at `data.result`",
        ),
        (Act::Truncated, 65, "truncated"),
        (Act::Reset, 65, "the reply's body is cut short"),
    ] {
        let stage = prometheus(MORNING, stage::RATES, "").await;
        // The day before is read first: it stays as it was committed, today is not touched.
        stage
            .simulator
            .faults()
            .add(Fault::new(act.clone()).at("memory").after(3));
        let ran = stage.collect(&[]).unwrap();
        assert_eq!(ran.code, Some(code), "{act:?} {ran:?}");
        assert!(ran.stdout.contains(says), "{act:?} {ran:?}");
        let starts: Vec<String> = books::contents(&stage.place.state(), "usage")
            .unwrap()
            .iter()
            .map(|content| books::text(content, "ChargePeriod.start").unwrap())
            .collect();
        assert!(
            !starts.is_empty() && starts.iter().all(|start| start.starts_with("2026-08-02")),
            "{act:?}"
        );
        stage.simulator.faults().clear();
        assert_done(&stage.collect(&[]).unwrap());
        assert_books(&stage, STATES[0]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_reads_nothing_and_is_told_nowhere() {
    let stage = prometheus(MORNING, stage::RATES, "").await;
    let password = "not-the-pr0xys-password";
    stage.place.file("secrets/password.txt", password).unwrap();
    let ran = stage.collect(&["--log", "trace"]).unwrap();
    assert_eq!(ran.code, Some(69), "{ran:?}");
    assert!(ran.stdout.contains("[credentials.source]"), "{ran:?}");
    assert!(!ran.stderr.contains(password) && !ran.stdout.contains(password));
    assert_eq!(count(&stage), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_warning_of_the_server_keeps_hours_partial_until_an_answer_comes_without_one() {
    let stage = prometheus(MORNING, stage::RATES, "").await;
    stage
        .simulator
        .api()
        .warn(Some("some stores were not reached: partial response"));
    let ran = stage.collect(&[]).unwrap();
    assert_done(&ran);
    assert!(
        ran.stderr.contains("some stores were not reached"),
        "{}",
        ran.stderr
    );
    assert_eq!(
        (partitions(&stage, "complete"), partitions(&stage, "partial")),
        (0, 12)
    );
    stage.simulator.api().warn(None);
    assert_done(&stage.collect(&[]).unwrap());
    assert!(partitions(&stage, "complete") > 0);
    // A later answer with a warning, or with less in it, takes nothing away from what is whole; where most of an hour's money
    // would go that never was, the ledger asks first.
    stage.simulator.api().warn(Some("partial response"));
    stage
        .simulator
        .api()
        .change(|series| series.retain(|series| series.query != "memory"));
    let ran = stage.collect(&[]).unwrap();
    assert_eq!(ran.code, Some(69), "{ran:?}");
    assert_eq!(
        ran.json().unwrap()["held"].as_array().unwrap().len(),
        1,
        "{ran:?}"
    );
    let golden = Golden::read(STATES[0].2).unwrap();
    let found = golden.found(&stage.place.state(), "usage").unwrap();
    // In the two hours that were never whole anyway, what is there now counts.
    let whole = |row: &&Vec<Option<String>>| {
        !["2026-08-02T22:00:00Z", "2026-08-03T01:00:00Z"].contains(&row[0].as_deref().unwrap())
    };
    assert_eq!(
        found.iter().filter(whole).collect::<Vec<_>>(),
        golden.rows.iter().filter(whole).collect::<Vec<_>>()
    );
    assert_laws(&stage.place);
}

#[tokio::test(flavor = "multi_thread")]
async fn use_that_no_rate_fits_is_observed_and_in_no_cost() {
    let rates = stage::RATES
        .replace("  \"gpu: 2.90 per GPU-hour\",\n", "")
        .replace("NVIDIA H100*", "NVIDIA A100*");
    let stage = prometheus(MORNING, &rates, "").await;
    let ran = stage.collect(&[]).unwrap();
    assert_done(&ran);
    assert!(ran.stderr.contains("have no rate"), "{}", ran.stderr);
    let contents = books::contents(&stage.place.state(), "usage").unwrap();
    assert!(!contents.is_empty());
    assert!(
        contents
            .iter()
            .all(|content| books::text(content, "SkuMeter").as_deref() != Some("gpu"))
    );
    assert_eq!(partitions(&stage, "complete"), 0);
    let connection = books::open(&stage.place.state()).unwrap();
    let sql = "SELECT value FROM observation WHERE name = 'unpriced' ORDER BY at DESC";
    let newest: String = connection.query_row(sql, [], |row| row.get(0)).unwrap();
    assert_eq!(newest.parse::<Decimal>().unwrap(), "40".parse().unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_operators_file_says_wrong_is_said_by_name() {
    for (settings, says) in [
        (r#"rates = ["cpus: 1 per core-hour"]"#, "no meter `cpus`"),
        (r#"rates = ["cpu: 1 per hour"]"#, "counts Core-Hours"),
        (r#"rates = ["cpu: 0,03 per core-hour"]"#, "a decimal"),
        (
            "rates = [\"cpu: 1 per core-hour\"]\nscheme = \"http\"",
            "insecure-http",
        ),
        ("rates = [\"cpu: 1 per core-hour\"]\nport = 9090", "port"),
    ] {
        let stage = prometheus(MORNING, settings, "").await;
        let ran = stage.collect(&[]).unwrap();
        assert_eq!(ran.code, Some(78), "{ran:?}");
        assert!(
            ran.stdout.contains(says) || ran.stderr.contains(says),
            "{settings} {ran:?}"
        );
        assert_eq!(count(&stage), 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn thousands_of_series_pass_through_a_small_guest_and_add_up() {
    let copies = 200;
    let config = |addr| stage::prometheus(addr, stage::RATES, "[limits]\nmemory = \"16MiB\"\n");
    let stage = of(Generic::load().unwrap().copied(copies), MORNING, config).await;
    assert_done(&stage.collect(&[]).unwrap());
    let golden = Golden::read(STATES[0].2).unwrap();
    let column = golden
        .columns
        .iter()
        .position(|name| name == "EffectiveCost")
        .unwrap();
    let costs = |rows: &[Vec<Option<String>>]| {
        let costs = rows
            .iter()
            .map(|row| row[column].as_deref().unwrap().parse::<Decimal>().unwrap());
        Decimal::sum(costs).unwrap()
    };
    let found = golden.found(&stage.place.state(), "usage").unwrap();
    assert_eq!(found.len(), golden.rows.len() * copies);
    let copies = Decimal::from(u32::try_from(copies).unwrap());
    assert_eq!(costs(&found), costs(&golden.rows).checked_mul(copies).unwrap());
    assert_laws(&stage.place);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_reaches_the_destination_adds_up_to_the_books_after_a_restatement_too() {
    let recorder = Recorder::start().unwrap();
    let section = format!(
        "[openfinops]\nendpoint = \"{}\"\ncurrency = \"EUR\"\n",
        recorder.url()
    );
    let mut stage = prometheus(MORNING, stage::RATES, &section).await;
    for (_, now, golden) in STATES {
        stage.set_now(now).unwrap();
        recorder.set_now(now.parse::<jiff::Timestamp>().unwrap().as_second());
        assert_done(&stage.collect(&[]).unwrap());
        let golden = Golden::read(golden).unwrap();
        let column = golden
            .columns
            .iter()
            .position(|name| name == "EffectiveCost")
            .unwrap();
        let costs = golden
            .rows
            .iter()
            .map(|row| row[column].as_deref().unwrap().parse::<Decimal>().unwrap());
        assert_eq!(forwarded(&recorder), Decimal::sum(costs).unwrap(), "{now}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_examples_grant_all_that_their_runs_need() {
    let examples = artifacts::root().join("examples/generic");
    for name in ["simulator.toml", "prometheus.toml", "file.toml"] {
        let stage = prometheus("2026-08-03T12:06:00Z", "", "").await;
        let addr = stage.simulator.addr().to_string();
        let text = std::fs::read_to_string(examples.join(name))
            .unwrap()
            .replace("127.0.0.1:8443", &addr)
            .replace("simulator/", "secrets/")
            .replace(
                "addresses = [\"10.20.0.0/16\"]",
                &format!("connect-to = \"{addr}\""),
            )
            .replace("internal-ca.pem", "secrets/ca.pem")
            .replace("secrets/prometheus.txt", "secrets/password.txt")
            .replace("secrets/files.txt", "secrets/token.txt");
        stage.configure(&text).unwrap();
        let ran = stage.collect(&[]).unwrap();
        assert_done(&ran);
        assert_eq!(
            ran.json().unwrap()["runs"][0]["egress"]["denied"],
            json!([]),
            "{name} {ran:?}"
        );
        assert!(receipts(&ran, "written") > 0, "{name} {ran:?}");
        if name == "simulator.toml" {
            assert_books(&stage, STATES[2]);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_private_address_is_not_dialled_before_the_operators_rule_lists_it() {
    let stage = prometheus(MORNING, stage::RATES, "").await;
    let text = stage::prometheus(stage.simulator.addr(), stage::RATES, "");
    let private = text.replace(generic::PROMETHEUS, "10.255.255.1");
    let private: Vec<&str> = private
        .lines()
        .filter(|line| !line.starts_with("connect-to"))
        .collect();
    stage.configure(&private.join("\n")).unwrap();
    let ran = stage.collect(&[]).unwrap();
    assert_eq!(ran.code, Some(78), "{ran:?}");
    assert!(ran.stderr.contains("addresses = ["), "{}", ran.stderr);
    assert!(stage.simulator.asked().is_empty() && count(&stage) == 0);
}
