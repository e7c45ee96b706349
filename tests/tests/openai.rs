//! A simulated OpenAI organization through the sandbox into the books: every record against the independent golden script, the
//! closed month against the invoice, and what goes wrong on the way.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use finops_decimal::Decimal;
use finops_tests::{
    books::{self, contents, observations},
    openai::{
        self, ADMIN_KEY, OpenAi, Options,
        stage::{State, config, stage},
    },
    openfinops::Recorder,
    proof::{
        assert_done, assert_example_grants, assert_golden, assert_laws, assert_no_leak, forwarded, receipts,
    },
    provider::{Act, Fault, Reply, Stage},
};
use std::collections::BTreeMap;

/// The books hold exactly the golden records, and every law holds.
#[track_caller]
fn assert_books(stage: &Stage<OpenAi>, state: State) {
    assert_golden(&stage.place, "spend", &state.golden().unwrap(), state);
}

/// What the books hold of a month, by currency.
#[track_caller]
fn billed(stage: &Stage<OpenAi>, month: &str) -> BTreeMap<String, Decimal> {
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
    assert_eq!((stage.asked("costs"), stage.asked("projects")), (1, 1));
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
        projects_per_page: 1,
        ..Options::default()
    };
    let stage = stage(options, "", "").await.unwrap();
    let throttled = Act::Answer(openai::throttled(Some(0)));
    stage
        .simulator
        .faults()
        .add(Fault::new(throttled).at("costs").after(2).times(2));
    let error = Act::Answer(openai::refused(
        500,
        "server_error",
        None,
        "The server had an error.",
    ));
    stage
        .simulator
        .faults()
        .add(Fault::new(error).at("costs").after(4).times(1));
    let failing = Act::Answer(Reply::new(503, "text/plain", "upstream"));
    stage
        .simulator
        .faults()
        .add(Fault::new(failing).at("projects").times(1));
    assert_done(&stage.collect(&[]).unwrap());
    assert_books(&stage, State::Initial);
    // 34 days on pages of four, and what was repeated.
    assert_eq!(stage.asked("costs"), 12);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_breaks_in_the_middle_leaves_whole_days_only_and_the_next_run_is_whole() {
    let options = Options {
        days_per_page: 4,
        ..Options::default()
    };
    for (act, code, says) in [
        (Act::Answer(openai::throttled(None)), 69, "names no time to wait"),
        (
            Act::Answer(openai::refused(
                401,
                "invalid_request_error",
                None,
                "Incorrect API key provided.",
            )),
            69,
            "does not accept the key",
        ),
        (
            Act::Answer(openai::refused(
                403,
                "invalid_request_error",
                None,
                "Missing scopes: api.usage.read.",
            )),
            69,
            "api.usage.read",
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
            .add(Fault::new(act.clone()).at("costs").after(2));
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
    std::fs::write(&key, openai::PROJECT_KEY).unwrap();
    let refused = stage.collect(&["--log", "trace"]).unwrap();
    assert_eq!(refused.code, Some(69), "{refused:?}");
    assert!(refused.stdout.contains("must be an admin key"), "{refused:?}");
    std::fs::write(&key, ADMIN_KEY).unwrap();
    let ran = stage.collect(&["--log", "trace"]).unwrap();
    assert_done(&ran);
    let secrets = [ADMIN_KEY, openai::PROJECT_KEY];
    assert_no_leak(&stage.place, &secrets, &[&refused, &ran], openai::ORGANIZATION);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_is_named_by_a_link_is_not_followed() {
    let stage = stage(Options::default(), "", "").await.unwrap();
    let page =
        serde_json::json!({"data": [], "has_more": true, "next_page": "https://evil.example/v1/costs"});
    let elsewhere = Act::Answer(Reply::json(200, &page));
    stage.simulator.faults().add(Fault::new(elsewhere).at("costs"));
    let ran = stage.collect(&[]).unwrap();
    assert_eq!(ran.code, Some(65), "{ran:?}");
    assert!(ran.stdout.contains("is not followed"), "{ran:?}");
    assert_eq!(stage.asked("costs"), 1);
    assert_eq!(contents(&stage.place.state(), "spend").unwrap().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_known_passes_through_labelled_and_warned_of() {
    let stage = stage(Options::default(), "", "").await.unwrap();
    let ran = stage.collect(&[]).unwrap();
    assert_done(&ran);
    for name in ["`dreams`", "`EUR`"] {
        assert!(ran.stderr.contains(name), "{name}: {}", ran.stderr);
    }
    let euros = billed(&stage, "2026-07-05")["EUR"];
    assert_eq!(euros, "0.5".parse().unwrap());
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
    assert_example_grants("openai", stage.simulator.addr(), |text| {
        stage.configure(text).unwrap();
        stage.collect(&[]).unwrap()
    });
    assert_books(&stage, State::Initial);
}

#[tokio::test(flavor = "multi_thread")]
async fn amounts_as_text_and_lists_in_brackets_give_the_same_books() {
    let options = Options {
        amounts_as_text: true,
        brackets_only: true,
        ..Options::default()
    };
    let stage = stage(options, "", "").await.unwrap();
    assert_done(&stage.collect(&[]).unwrap());
    assert_books(&stage, State::Initial);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_of_another_organization_books_nothing() {
    let stage = stage(Options::default(), "", "").await.unwrap();
    let text = config(stage.simulator.addr(), "", "").replace("org-AbC123", "org-other");
    stage.configure(&text).unwrap();
    let ran = stage.collect(&[]).unwrap();
    assert_eq!(ran.code, Some(69), "{ran:?}");
    assert!(ran.stdout.contains("mismatched_organization"), "{ran:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_are_observed_and_a_refusal_of_them_or_of_names_costs_no_money() {
    let stage = stage(Options::default(), "", "").await.unwrap();
    let missing = || {
        Act::Answer(openai::refused(
            403,
            "invalid_request_error",
            None,
            "Missing scopes: api.usage.read.",
        ))
    };
    stage
        .simulator
        .faults()
        .add(Fault::new(missing()).at("usage.embeddings"));
    let ran = stage.collect(&[]).unwrap();
    assert_done(&ran);
    assert!(
        ran.stderr.contains("the usage of embeddings is not observed"),
        "{}",
        ran.stderr
    );
    let observed = observations(&stage.place.state()).unwrap();
    let of_day: Vec<_> = observed
        .iter()
        .filter(|(_, dimensions, _)| dimensions.contains("2026-08-02") && dimensions.contains("gpt-5-mini"))
        .map(|(name, _, value)| (name.as_str(), value.as_str()))
        .collect();
    // Both keys together; the last four days are observed.
    assert_eq!(
        of_day,
        [
            ("cached-input-tokens", "403050"),
            ("input-audio-tokens", "0"),
            ("input-tokens", "1112200"),
            ("output-audio-tokens", "0"),
            ("output-tokens", "100220"),
            ("requests", "776")
        ]
    );
    assert_eq!(observed.len(), 4 * 6);
    stage.simulator.faults().add(Fault::new(missing()).at("projects"));
    let ran = stage.collect(&[]).unwrap();
    assert_done(&ran);
    assert!(ran.stderr.contains("without their names"), "{}", ran.stderr);
    let now = State::Initial.now().parse().unwrap();
    assert_eq!(
        billed(&stage, "2026-08"),
        stage.simulator.api().invoice("2026-08", now).unwrap()
    );
}
