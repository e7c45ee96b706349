//! A Confluent Cloud organization's costs through the sandbox into the books: every record against the independent golden script,
//! every month against the invoice, and what goes wrong on the way.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use finops_decimal::Decimal;
use finops_tests::{
    books,
    confluent::{
        Options, SECRET, SECRET_WITHOUT_ROLE, Shape, State, refused,
        stage::{Stage, config, stage},
        throttled,
    },
    openfinops::{Recorder, Route},
    proof::{
        assert_done, assert_example_grants, assert_golden, assert_laws, assert_no_leak, billed_in, forwarded,
        forwarded_entries, receipts,
    },
    provider::{Act, Fault, Reply},
};
use serde_json::json;

/// The books hold exactly the golden records, and every law holds.
#[track_caller]
fn assert_books(stage: &Stage, state: State) {
    assert_golden(&stage.place, "spend", &state.golden().unwrap(), state);
}

/// What the records of a month (`2026-07`) add up to.
#[track_caller]
fn billed(stage: &Stage, month: &str) -> Decimal {
    billed_in("USD", &stage.place, "spend", ("BillingPeriod.start", month))
}

fn invoice(stage: &Stage, state: State, month: &str) -> Decimal {
    let now = state.now().parse().unwrap();
    stage.simulator.api().rows().invoice(now, month).unwrap()
}

fn records(stage: &Stage) -> usize {
    books::contents(&stage.place.state(), "spend").unwrap().len()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_books_follow_late_restated_and_withdrawn_rows_to_the_invoice() {
    let mut stage = stage(Options::default(), "", "").await.unwrap();
    for state in State::ALL {
        stage.set_now(state.now()).unwrap();
        let ran = stage.collect(&[]).unwrap();
        assert_done(&ran);
        assert_books(&stage, state);
        assert_eq!(billed(&stage, "2026-07"), invoice(&stage, state, "2026-07"));
        for name in ["TELEPATHY", "THOUGHTS_PER_SECOND", "Unknown"] {
            assert!(ran.stderr.contains(name), "{}", ran.stderr);
        }
        let again = stage.collect(&[]).unwrap();
        assert_done(&again);
        let counts = receipts(&again);
        assert_eq!(
            (&counts["added"], &counts["revised"], &counts["withdrawn"]),
            (&0.into(), &0.into(), &0.into())
        );
        assert_books(&stage, state);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_stores_nothing_and_a_backfill_reads_whole_months() {
    let mut stage = stage(Options::default(), "", "").await.unwrap();
    assert_done(&stage.collect(&["--dry-run"]).unwrap());
    assert!(!stage.place.state().join("ledger.db").exists() || records(&stage) == 0);
    assert_done(&stage.collect(&[]).unwrap());
    stage.set_now(State::Restated.now()).unwrap();
    assert_done(&stage.collect(&["--dry-run"]).unwrap());
    assert_books(&stage, State::Initial);
    assert_done(&stage.collect(&["--since", "2026-06-20"]).unwrap());
    for month in ["2026-06", "2026-07", "2026-08"] {
        assert_eq!(
            billed(&stage, month),
            invoice(&stage, State::Restated, month),
            "{month}"
        );
    }
    // Confluent's year is over for these: they are told of and not asked for.
    let old = stage
        .collect(&["--since", "2025-07-20", "--until", "2025-10-01"])
        .unwrap();
    assert_done(&old);
    assert!(old.stderr.contains("2025-08 begins before"), "{}", old.stderr);
    assert_laws(&stage.place);
}

#[tokio::test(flavor = "multi_thread")]
async fn small_pages_throttling_and_a_spurious_refusal_give_the_same_books() {
    let options = Options {
        page: 25,
        ..Options::default()
    };
    let stage = stage(options, "", "").await.unwrap();
    let faults = stage.simulator.faults();
    let spurious = refused(400, "start date is too far in the past");
    faults.add(Fault::new(Act::Answer(spurious)).at("costs").times(1));
    faults.add(
        Fault::new(Act::Answer(throttled()))
            .at("costs.next")
            .after(1)
            .times(2),
    );
    faults.add(
        Fault::new(Act::Answer(refused(500, "oops")))
            .at("costs.next")
            .after(3)
            .times(1),
    );
    assert_done(&stage.collect(&[]).unwrap());
    assert_books(&stage, State::Initial);
    // July has five pages, August one.
    let requests = stage.simulator.requests();
    assert_eq!((requests["costs"], requests["costs.next"]), (3, 7));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_breaks_in_the_middle_commits_nothing_of_the_month_and_the_next_run_is_whole() {
    let options = Options {
        page: 25,
        ..Options::default()
    };
    let stage = stage(options, "", "").await.unwrap();
    let next = |link: &str| {
        let page = json!({"data": [], "metadata": {"next": link, "total_size": 1}});
        Act::Answer(Reply::json(200, &page))
    };
    let short = Reply::json(
        200,
        &json!({"data": null, "metadata": {"next": null, "total_size": 118}}),
    );
    for (act, code, says) in [
        (Act::Truncated, 65, "truncated"),
        (Act::Answer(Reply::html()), 65, "HTML"),
        (Act::Reset, 65, "the reply's body is cut short"),
        (
            Act::Answer(short),
            65,
            "rows came where the list says that it has 118",
        ),
        (
            Act::Answer(Reply::json(200, &json!({"data": []}))),
            65,
            "metadata",
        ),
        (
            next("https://evil.example/billing/v1/costs?page_token=a"),
            65,
            "another host",
        ),
        (
            next("https://api.confluent.cloud/org/v2/environments"),
            65,
            "no page_token",
        ),
        (Act::Answer(throttled()), 69, "slow down"),
        (Act::Answer(refused(500, "oops")), 69, "oops"),
        (Act::Answer(refused(401, "expired")), 69, "Cloud API key"),
        (Act::Answer(refused(403, "forbidden")), 69, "BillingAdmin"),
        (
            Act::Answer(Reply::new(302, "text/html", "").with("location", "https://evil.example/")),
            69,
            "redirects",
        ),
    ] {
        stage.simulator.faults().clear();
        stage
            .simulator
            .faults()
            .add(Fault::new(act.clone()).at("costs.next").after(1));
        let ran = stage.collect(&[]).unwrap();
        assert_eq!(ran.code, Some(code), "{act:?} {ran:?}");
        assert!(ran.stdout.contains(says), "{act:?} {ran:?}");
        assert_eq!(records(&stage), 0, "{act:?}");
        assert_laws(&stage.place);
    }
    stage.simulator.faults().clear();
    assert_done(&stage.collect(&[]).unwrap());
    assert_books(&stage, State::Initial);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_key_and_a_missing_role_say_what_to_do() {
    let stage = stage(Options::default(), "", "").await.unwrap();
    for (secret, says) in [
        ("not-the-secret-of-that-key", "has to be a Cloud API key"),
        (SECRET_WITHOUT_ROLE, "role BillingAdmin"),
    ] {
        std::fs::write(stage.place.path().join("secrets/secret.txt"), secret).unwrap();
        let ran = stage.collect(&[]).unwrap();
        assert_eq!(ran.code, Some(69), "{ran:?}");
        assert_eq!(ran.json().unwrap()["runs"][0]["outcome"], "credential");
        assert!(
            ran.stdout.contains(says) && !ran.stdout.contains(secret),
            "{ran:?}"
        );
        assert_eq!(records(&stage), 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn totals_over_the_window_add_up_to_the_invoice_and_a_day_a_call_makes_days_of_them() {
    let options = Options {
        shape: Shape::Totals,
        ..Options::default()
    };
    let mut stage = stage(options, "", "").await.unwrap();
    stage.set_now(State::Closed.now()).unwrap();
    let ran = stage.collect(&[]).unwrap();
    assert_done(&ran);
    assert!(ran.stderr.contains("totals over several days"), "{}", ran.stderr);
    let due = invoice(&stage, State::Closed, "2026-07");
    let totals = records(&stage);
    assert_eq!(billed(&stage, "2026-07"), due);
    stage
        .configure(&config(stage.simulator.addr(), "windows = \"day\"", ""))
        .unwrap();
    assert_done(&stage.collect(&[]).unwrap());
    assert_eq!(billed(&stage, "2026-07"), due);
    assert!(records(&stage) > 3 * totals);
    assert_laws(&stage.place);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_month_that_lost_its_rows_keeps_its_money() {
    let mut stage = stage(Options::default(), "", "").await.unwrap();
    stage.set_now(State::Closed.now()).unwrap();
    assert_done(&stage.collect(&[]).unwrap());
    stage.simulator.api().rows().clear();
    let ran = stage.collect(&[]).unwrap();
    assert_eq!(ran.code, Some(69), "{ran:?}");
    assert!(ran.stderr.contains("held for review"), "{}", ran.stderr);
    assert_books(&stage, State::Closed);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_cannot_be_read_and_one_of_another_month_are_refused() {
    let stage = stage(Options::default(), "", "").await.unwrap();
    for (name, value, says) in [
        ("start_date", json!("2026-06-30"), "was asked for"),
        ("amount", json!("free"), "not as documented"),
        ("start_date", json!("soon"), "no date"),
        ("quantity", json!({}), "expected a number"),
    ] {
        let mut row =
            json!({"start_date": "2026-07-02", "end_date": "2026-07-03", "original_amount": 1, "unit": "GB"});
        row[name] = value;
        let body = json!({"data": [row], "metadata": {"total_size": 1}});
        stage
            .simulator
            .faults()
            .add(Fault::new(Act::Answer(Reply::json(200, &body))).times(1));
        let ran = stage.collect(&[]).unwrap();
        assert_eq!(ran.code, Some(65), "{ran:?}");
        assert!(ran.stdout.contains(says), "{says} {ran:?}");
        assert_eq!(records(&stage), 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_bill_goes_page_by_page_through_a_small_guest() {
    let options = Options {
        page: 5_000,
        copies: 200,
        ..Options::default()
    };
    let stage = stage(options, "", "[limits]\nmemory = \"16MiB\"").await.unwrap();
    assert_done(&stage.collect(&[]).unwrap());
    assert_eq!(
        billed(&stage, "2026-07"),
        invoice(&stage, State::Initial, "2026-07")
    );
    assert!(records(&stage) > 20_000);
    assert_laws(&stage.place);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_secret_reaches_no_output_and_no_file_of_the_state() {
    let stage = stage(Options::default(), "", "").await.unwrap();
    let ran = stage.collect(&["--log", "trace"]).unwrap();
    assert_done(&ran);
    let encoded = stage.simulator.asked()[0].1.header("authorization").to_owned();
    let encoded = encoded.strip_prefix("Basic ").unwrap();
    assert_no_leak(&stage.place, &[SECRET, encoded], &[&ran], "CONNECT_NUM_TASKS");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_forwarded_adds_up_to_the_invoices() {
    let recorder = Recorder::start().unwrap();
    let destination = format!("[openfinops]\nendpoint = \"{}\"", recorder.url());
    let mut stage = stage(Options::default(), "", &destination).await.unwrap();
    for state in State::ALL {
        recorder.set_now(state.now().parse::<jiff::Timestamp>().unwrap().as_second());
        stage.set_now(state.now()).unwrap();
        assert_done(&stage.collect(&[]).unwrap());
    }
    assert_eq!(recorder.stored().len(), recorder.received(Route::Ingest).len());
    for entry in forwarded_entries(&recorder) {
        assert_eq!(entry["category"], "confluent_kafka");
    }
    // August is asked for up to the day before.
    let expected = ["2026-07", "2026-08"].map(|month| billed(&stage, month));
    assert_eq!(forwarded(&recorder), Decimal::sum(expected).unwrap());
    assert_eq!(expected[0], invoice(&stage, State::Closed, "2026-07"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_example_grants_all_that_its_run_needs() {
    let stage = stage(Options::default(), "", "").await.unwrap();
    assert_example_grants("confluent", stage.simulator.addr(), |text| {
        stage.configure(text).unwrap();
        stage.collect(&[]).unwrap()
    });
    assert_books(&stage, State::Initial);
}
