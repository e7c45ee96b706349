//! A simulated Anthropic organization through the sandbox into the books: every record against the independent golden script, the
//! closed month against the invoice, and what goes wrong on the way.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use finops_decimal::Decimal;
use finops_tests::{
    anthropic::{
        self, ADMIN_KEY, Anthropic, Options,
        stage::{State, stage},
    },
    books::{self, contents, observations},
    openfinops::Recorder,
    proof::{
        assert_done, assert_example_grants, assert_golden, assert_laws, assert_no_leak, forwarded, receipts,
    },
    provider::{Act, Fault, Reply, Stage},
};
use std::collections::BTreeMap;

/// The books hold exactly the golden records, and every law holds.
#[track_caller]
fn assert_books(stage: &Stage<Anthropic>, state: State) {
    assert_golden(&stage.place, "spend", &state.golden().unwrap(), state);
}

/// What the books hold of a month, by currency.
#[track_caller]
fn billed(stage: &Stage<Anthropic>, month: &str) -> BTreeMap<String, Decimal> {
    books::billed(&stage.place.state(), "spend", ("ChargePeriod.start", month)).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_books_follow_the_bill_through_restatement_and_close_to_the_invoice() {
    let mut stage = stage(Options::default(), "", "").await.unwrap();
    for state in State::ALL {
        stage.set_now(state.now()).unwrap();
        assert_done(&stage.collect(&[]).unwrap());
        assert_books(&stage, state);
    }
    let now = State::Closed.now().parse().unwrap();
    let invoice = stage.simulator.api().invoice("2026-07", now).unwrap();
    assert_eq!(invoice.len(), 2);
    assert_eq!(billed(&stage, "2026-07"), invoice);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_run_reads_the_last_days_and_changes_nothing_and_a_dry_run_stores_nothing() {
    let stage = stage(Options::default(), "", "").await.unwrap();
    let dry = stage.collect(&["--dry-run"]).unwrap();
    assert_done(&dry);
    let before = contents(&stage.place.state(), "spend").unwrap_or_default();
    assert_eq!(before.len(), 0);
    assert_done(&stage.collect(&[]).unwrap());
    assert_books(&stage, State::Initial);
    stage.simulator.forget_requests();
    let again = stage.collect(&[]).unwrap();
    assert_done(&again);
    let counts = receipts(&again);
    assert_eq!(
        (&counts["added"], &counts["revised"], &counts["withdrawn"]),
        (&0.into(), &0.into(), &0.into())
    );
    assert!(counts["unchanged"].as_u64().unwrap() < 25, "{counts}");
    assert_eq!((stage.asked("cost_report"), stage.asked("workspaces")), (1, 1));
    // A whole reading over all that the books hold changes nothing either.
    let whole = stage.collect(&["--since", "2026-07-01"]).unwrap();
    assert_done(&whole);
    assert_eq!(receipts(&whole)["revised"], 0);
    assert_books(&stage, State::Initial);
}

#[tokio::test(flavor = "multi_thread")]
async fn small_pages_and_short_throttling_give_the_same_books() {
    let options = Options {
        days_per_page: 4,
        workspaces_per_page: 1,
        ..Options::default()
    };
    let stage = stage(options, "", "").await.unwrap();
    let throttled = Act::Answer(anthropic::throttled(0));
    stage
        .simulator
        .faults()
        .add(Fault::new(throttled).at("cost_report").after(2).times(2));
    let error = Act::Answer(anthropic::refused(500, "api_error", "Internal server error"));
    stage
        .simulator
        .faults()
        .add(Fault::new(error).at("cost_report").after(4).times(1));
    let failing = Act::Answer(Reply::new(503, "text/plain", "upstream"));
    stage
        .simulator
        .faults()
        .add(Fault::new(failing).at("workspaces").times(1));
    assert_done(&stage.collect(&[]).unwrap());
    assert_books(&stage, State::Initial);
    // 34 days on pages of four, and what was repeated.
    assert_eq!(stage.asked("cost_report"), 12);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_breaks_in_the_middle_leaves_whole_days_only_and_the_next_run_is_whole() {
    let options = Options {
        days_per_page: 4,
        ..Options::default()
    };
    for (act, code, says) in [
        (Act::Answer(anthropic::throttled(1_000)), 69, "asks to slow down"),
        (
            Act::Answer(anthropic::refused(
                401,
                "authentication_error",
                "invalid x-api-key",
            )),
            69,
            "does not accept the key",
        ),
        (
            Act::Answer(anthropic::refused(
                403,
                "permission_error",
                "Your key may not read costs",
            )),
            69,
            "the key may not do this",
        ),
        (Act::Answer(Reply::html()), 65, "HTML"),
        (Act::Truncated, 65, "truncated"),
        (Act::Reset, 65, "the reply's body is cut short"),
    ] {
        let stage = stage(options.clone(), "", "").await.unwrap();
        // July's first days come on the first two pages.
        stage
            .simulator
            .faults()
            .add(Fault::new(act.clone()).at("cost_report").after(2));
        let ran = stage.collect(&[]).unwrap();
        assert_eq!(ran.code, Some(code), "{act:?} {ran:?}");
        assert!(ran.stdout.contains(says), "{act:?} {ran:?}");
        let golden = State::Initial.golden().unwrap();
        let found = golden.found(&stage.place.state(), "spend").unwrap();
        let expected: Vec<_> = golden
            .rows
            .iter()
            .filter(|row| row[0].as_deref() < Some("2026-07-08"))
            .cloned()
            .collect();
        assert_eq!(found, expected, "{act:?}");
        assert_laws(&stage.place);
        stage.simulator.faults().clear();
        assert_done(&stage.collect(&[]).unwrap());
        assert_books(&stage, State::Initial);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_key_is_said_to_be_so_and_no_secret_reaches_output_or_state() {
    let stage = stage(Options::default(), "", "").await.unwrap();
    let key = stage.place.path().join("secrets/admin-key.txt");
    std::fs::write(&key, anthropic::INFERENCE_KEY).unwrap();
    let refused = stage.collect(&["--log", "trace"]).unwrap();
    assert_eq!(refused.code, Some(69), "{refused:?}");
    assert!(refused.stdout.contains("must be an Admin API key"), "{refused:?}");
    std::fs::write(&key, ADMIN_KEY).unwrap();
    let ran = stage.collect(&["--log", "trace"]).unwrap();
    assert_done(&ran);
    let secrets = [ADMIN_KEY, anthropic::INFERENCE_KEY];
    assert_no_leak(&stage.place, &secrets, &[&refused, &ran], anthropic::ORGANIZATION);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_is_named_by_a_link_is_not_followed() {
    let stage = stage(Options::default(), "", "").await.unwrap();
    let page =
        serde_json::json!({"data": [], "has_more": true, "next_page": "https://evil.example/v1/costs"});
    let elsewhere = Act::Answer(Reply::json(200, &page));
    stage
        .simulator
        .faults()
        .add(Fault::new(elsewhere).at("cost_report"));
    let ran = stage.collect(&[]).unwrap();
    assert_eq!(ran.code, Some(65), "{ran:?}");
    assert!(ran.stdout.contains("is not followed"), "{ran:?}");
    assert_eq!(stage.asked("cost_report"), 1);
    assert_eq!(contents(&stage.place.state(), "spend").unwrap().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_known_passes_through_labelled_and_warned_of() {
    let stage = stage(Options::default(), "", "").await.unwrap();
    let ran = stage.collect(&[]).unwrap();
    assert_done(&ran);
    for name in ["`dreams`", "`dream_tokens`", "`lucid`", "`1M-9M`", "`EUR`"] {
        assert!(ran.stderr.contains(name), "{name}: {}", ran.stderr);
    }
    let euros = billed(&stage, "2026-07-05")["EUR"];
    assert_eq!(euros, "1.505".parse().unwrap());
    // What is no currency at all cannot be in the books: the run fails, and no dollar of that day is lost silently.
    stage.simulator.api().change(|lines| {
        for line in lines
            .iter_mut()
            .filter(|line| line.day.to_string() == "2026-08-01")
        {
            line.currency = "moon".to_owned();
        }
    });
    let ran = stage.collect(&[]).unwrap();
    assert_eq!(ran.code, Some(65), "{ran:?}");
    assert!(ran.stdout.contains("ISO 4217"), "{ran:?}");
    assert_books(&stage, State::Initial);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_forwarded_adds_up_to_the_books_after_every_change() {
    let recorder = Recorder::start().unwrap();
    let destination = format!("[openfinops]\nendpoint = \"{}\"", recorder.url());
    let mut stage = stage(Options::default(), "", &destination).await.unwrap();
    for state in State::ALL {
        let now: jiff::Timestamp = state.now().parse().unwrap();
        recorder.set_now(now.as_second());
        stage.set_now(state.now()).unwrap();
        assert_done(&stage.collect(&[]).unwrap());
        // Euros are held, since the destination counts in dollars.
        assert_eq!(forwarded(&recorder), billed(&stage, "2026")["USD"], "{state:?}");
        assert_laws(&stage.place);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bill_of_many_lines_is_read_through_a_small_memory() {
    let options = Options {
        repeat: 500,
        ..Options::default()
    };
    let stage = stage(options, "usage = false", "[limits]\nmemory = \"16MiB\"")
        .await
        .unwrap();
    assert_done(&stage.collect(&[]).unwrap());
    let records = contents(&stage.place.state(), "spend").unwrap();
    assert!(records.len() > 20_000, "{}", records.len());
    let now = State::Initial.now().parse().unwrap();
    for month in ["2026-07", "2026-08"] {
        let invoice = stage.simulator.api().invoice(month, now).unwrap();
        assert_eq!(billed(&stage, month), invoice);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_example_grants_all_that_its_run_needs() {
    let stage = stage(Options::default(), "", "").await.unwrap();
    assert_example_grants("anthropic", stage.simulator.addr(), |text| {
        stage.configure(text).unwrap();
        stage.collect(&[]).unwrap()
    });
    assert_books(&stage, State::Initial);
}

#[tokio::test(flavor = "multi_thread")]
async fn days_that_a_report_leaves_out_stay_as_they_are_and_are_warned_of() {
    let options = Options {
        leaves_empty_days_out: true,
        ..Options::default()
    };
    let stage = stage(options, "", "").await.unwrap();
    let ran = stage.collect(&[]).unwrap();
    assert_done(&ran);
    assert!(
        ran.stderr.contains("the first of them 2026-07-08"),
        "{}",
        ran.stderr
    );
    assert_books(&stage, State::Initial);
    // A day that had lines and is no longer told of is not emptied.
    stage
        .simulator
        .api()
        .change(|lines| lines.retain(|line| line.day.to_string() != "2026-07-30"));
    assert_done(&stage.collect(&[]).unwrap());
    assert_books(&stage, State::Initial);
}

#[tokio::test(flavor = "multi_thread")]
async fn use_of_the_priority_tier_is_warned_of_and_counted_as_long_as_there_is_any() {
    let stage = stage(Options::default(), "", "").await.unwrap();
    let ran = stage.collect(&[]).unwrap();
    assert_done(&ran);
    assert!(
        ran.stderr.contains("78000 tokens of 2026-08-02"),
        "{}",
        ran.stderr
    );
    let observed = observations(&stage.place.state()).unwrap();
    let uncosted: Vec<_> = observed
        .iter()
        .filter(|(name, ..)| name == "uncosted-tokens")
        .collect();
    assert_eq!(uncosted.len(), 1);
    assert_eq!(uncosted[0].2, "78000");
    let whole = "2026-08-01";
    let of_day = observed
        .iter()
        .filter(|(name, dimensions, _)| name == "output-tokens" && dimensions.contains(whole));
    let values: Vec<_> = of_day.map(|(_, _, value)| value.as_str()).collect();
    assert_eq!(values, ["12421", "7421", "17421"]);
    stage.simulator.api().without_priority();
    let ran = stage.collect(&[]).unwrap();
    assert_done(&ran);
    assert!(!ran.stderr.contains("Priority"), "{}", ran.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_overload_that_does_not_pass_ends_the_run_without_harm() {
    let stage = stage(Options::default(), "", "").await.unwrap();
    let overloaded = Act::Answer(anthropic::refused(529, "overloaded_error", "Overloaded"));
    stage
        .simulator
        .faults()
        .add(Fault::new(overloaded).at("cost_report"));
    let ran = stage.collect(&[]).unwrap();
    assert_eq!(ran.code, Some(69), "{ran:?}");
    assert!(ran.stdout.contains("overloaded: run again later"), "{ran:?}");
    assert_eq!(stage.asked("cost_report"), 3);
    assert_eq!(contents(&stage.place.state(), "spend").unwrap().len(), 0);
}
