//! A Datadog bill through the sandbox into the books: every record against the independent golden script, the billed month against
//! the invoice, and what goes wrong on the way.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use finops_decimal::Decimal;
use finops_tests::{
    books,
    datadog::{
        ACCOUNT, API_KEY, APP_KEY, Datadog, Options, error,
        stage::{State, by_tag, config, stage},
        throttled,
    },
    openfinops::Recorder,
    program::Ran,
    proof::{
        assert_done, assert_example_grants, assert_golden, assert_laws, assert_no_leak, billed_in, forwarded,
        forwarded_amount, forwarded_entries, receipts,
    },
    provider::{Act, Fault, Reply, Stage},
};

/// The books hold exactly the state's records, and every law holds.
#[track_caller]
fn assert_books(stage: &Stage<Datadog>, state: State) {
    assert_golden(&stage.place, "spend", &state.golden().unwrap(), state);
}

fn outcome(ran: &Ran) -> String {
    ran.json().unwrap()["runs"][0]["outcome"]
        .as_str()
        .unwrap()
        .to_owned()
}

#[track_caller]
fn billed(stage: &Stage<Datadog>, stream: &str, month: &str) -> Decimal {
    billed_in("USD", &stage.place, stream, ("ChargePeriod.start", month))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_books_follow_estimates_restatement_and_the_bill() {
    let mut stage = stage(Options::default(), "", "").await.unwrap();
    for state in State::ALL {
        stage.set_now(state.now()).unwrap();
        assert_done(&stage.collect(&[]).unwrap());
        assert_books(&stage, state);
    }
    let invoice = stage.simulator.api().invoice("2026-07").unwrap();
    assert_eq!(billed(&stage, "spend", "2026-07"), invoice);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_run_changes_nothing_and_a_dry_run_stores_nothing() {
    let stage = stage(Options::default(), "", "").await.unwrap();
    assert_done(&stage.collect(&["--dry-run"]).unwrap());
    assert_eq!(
        books::contents(&stage.place.state(), "spend")
            .unwrap_or_default()
            .len(),
        0
    );
    let first = stage.collect(&[]).unwrap();
    assert_done(&first);
    assert!(
        first.stderr.contains("the charge type `reserved` is not known"),
        "{}",
        first.stderr
    );
    let again = stage.collect(&[]).unwrap();
    assert_done(&again);
    let receipts = receipts(&again);
    assert_eq!(
        (&receipts["added"], &receipts["revised"], &receipts["withdrawn"]),
        (&0.into(), &0.into(), &0.into())
    );
    // Three runs: two months of estimates each, and usage.
    let requests = stage.simulator.requests();
    assert_eq!((requests["estimated"], requests["usage"]), (6, 3));
    assert_eq!(requests.get("historical"), None);
    assert_books(&stage, State::Initial);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_view_by_team_is_the_bill_of_the_month_page_by_page() {
    let options = Options {
        page: 2,
        ..Options::default()
    };
    let mut stage = stage(options, "tag = \"team\"", "").await.unwrap();
    stage.set_now("2026-08-18T12:00:00Z").unwrap();
    assert_done(&stage.collect(&[]).unwrap());
    assert_eq!(stage.simulator.requests().get("attribution"), None);
    stage.set_now("2026-08-19T12:00:00Z").unwrap();
    assert_done(&stage.collect(&[]).unwrap());
    assert_eq!(stage.simulator.requests()["attribution"], 3);
    by_tag().unwrap().held_by(&stage.place.state(), "by-tag").unwrap();
    let invoice = stage.simulator.api().invoice("2026-07").unwrap();
    assert_eq!(billed(&stage, "by-tag", "2026-07"), invoice);
    assert_eq!(billed(&stage, "spend", "2026-07"), invoice);
    assert_laws(&stage.place);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tag_that_is_not_configured_leaves_all_unattributed_and_is_said() {
    let options = Options {
        tagged: false,
        ..Options::default()
    };
    let mut stage = stage(options, "tag = \"team\"", "").await.unwrap();
    stage.set_now("2026-08-19T12:00:00Z").unwrap();
    let ran = stage.collect(&[]).unwrap();
    assert_done(&ran);
    assert!(
        ran.stderr.contains("does not divide by the tag `team`"),
        "{}",
        ran.stderr
    );
    let contents = books::contents(&stage.place.state(), "by-tag").unwrap();
    assert!(!contents.is_empty());
    for content in contents {
        assert_eq!(
            books::text(&content, "Extra.x_Attribution").as_deref(),
            Some("unattributed")
        );
    }
    assert_eq!(
        billed(&stage, "by-tag", "2026-07"),
        stage.simulator.api().invoice("2026-07").unwrap()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_breaks_in_the_middle_commits_nothing_of_the_month_and_the_next_run_is_whole() {
    let row = |public_id: &str, date: &str| {
        let charges = serde_json::json!([{"product_name": "a", "charge_type": "on_demand", "cost": 1}]);
        let attributes = serde_json::json!({"public_id": public_id, "date": date, "charges": charges});
        Act::Answer(Reply::json(
            200,
            &serde_json::json!({"data": [{"attributes": attributes}]}),
        ))
    };
    for (act, code, says) in [
        (Act::Answer(throttled(3_000)), 69, "wait 3000 s"),
        (Act::Truncated, 65, "truncated"),
        (Act::Answer(Reply::html()), 65, "HTML"),
        (Act::Reset, 65, "cut short"),
        (Act::Answer(error(403, "Forbidden")), 69, "billing_read"),
        (
            Act::Answer(error(400, "start_date is wrong")),
            69,
            "start_date is wrong",
        ),
        (Act::Answer(error(500, "oops")), 69, "oops"),
        (row("o-other", "2026-08-01"), 78, "the keys' bill is of o-other"),
        (row("p-acme", "2026-07-31"), 65, "not in 2026-08"),
    ] {
        let stage = stage(Options::default(), "usage = []", "").await.unwrap();
        // July is read, August breaks.
        stage
            .simulator
            .faults()
            .add(Fault::new(act.clone()).at("estimated").after(1));
        let ran = stage.collect(&[]).unwrap();
        assert_eq!(ran.code, Some(code), "{act:?} {ran:?}");
        assert!(ran.stdout.contains(says), "{act:?} {ran:?}");
        let mut expected = State::Initial.golden().unwrap();
        expected
            .rows
            .retain(|row| row[0].as_deref().unwrap().starts_with("2026-07"));
        expected.held_by(&stage.place.state(), "spend").unwrap();
        stage.simulator.faults().clear();
        assert_done(&stage.collect(&[]).unwrap());
        assert_books(&stage, State::Initial);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_short_limit_is_waited_for_and_an_empty_reply_erases_nothing() {
    let mut stage = stage(Options::default(), "", "").await.unwrap();
    // The host itself tries three times more; then the collector waits.
    stage
        .simulator
        .faults()
        .add(Fault::new(Act::Answer(throttled(1))).at("estimated").times(4));
    assert_done(&stage.collect(&[]).unwrap());
    assert_books(&stage, State::Initial);
    stage.set_now("2026-08-03T23:00:00Z").unwrap();
    let empty = Reply::json(200, &serde_json::json!({"data": []}));
    stage.simulator.faults().add(Fault::new(Act::Answer(empty)));
    let ran = stage.collect(&[]).unwrap();
    assert_done(&ran);
    assert!(ran.stderr.contains("tells no cost of 2026-07"), "{}", ran.stderr);
    assert_books(&stage, State::Initial);
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_keys_and_another_site_are_told_and_no_key_reaches_output_or_state() {
    let stage = stage(Options::default(), "", "").await.unwrap();
    let ran = stage.collect(&["--log", "trace"]).unwrap();
    assert_done(&ran);
    let wrong = "ddapp_revoked0000000000000000000000000000";
    stage.place.file("secrets/app-key.txt", wrong).unwrap();
    let refused = stage.collect(&["--log", "trace"]).unwrap();
    assert_eq!(
        (refused.code, outcome(&refused).as_str()),
        (Some(69), "credential"),
        "{refused:?}"
    );
    assert!(
        refused.stdout.contains("usage_read and billing_read"),
        "{refused:?}"
    );
    let elsewhere = config(stage.simulator.addr(), "", "")
        .replace("site = \"datadoghq.eu\"", "site = \"us5.datadoghq.com\"");
    stage.configure(&elsewhere).unwrap();
    let denied = stage.collect(&[]).unwrap();
    assert_eq!(denied.code, Some(78), "{denied:?}");
    let secrets = [API_KEY, APP_KEY, wrong];
    assert_no_leak(&stage.place, &secrets, &[&ran, &refused, &denied], ACCOUNT);
    assert_books(&stage, State::Initial);
}

#[tokio::test(flavor = "multi_thread")]
async fn hosts_and_usage_are_observed_even_where_the_bill_cannot_be_read() {
    let stage = stage(Options::default(), "usage = [\"infra_hosts\", \"logs\"]", "")
        .await
        .unwrap();
    let forbidden = Act::Answer(error(403, "Forbidden"));
    stage
        .simulator
        .faults()
        .add(Fault::new(forbidden).at("estimated"));
    let ran = stage.collect(&[]).unwrap();
    assert_eq!(ran.code, Some(69), "{ran:?}");
    let seen = books::observations(&stage.place.state()).unwrap();
    let short: Vec<(&str, &str, &str)> = seen
        .iter()
        .map(|(name, dims, value)| {
            let day = if dims.contains("2026-08-02") {
                "yesterday"
            } else {
                "today"
            };
            (name.as_str(), day, value.as_str())
        })
        .collect();
    // The peak of 41 hosts is at 14 o'clock; today ends before noon. Containers are not reported.
    assert_eq!(
        short,
        [
            ("hosts", "yesterday", "41"),
            ("hosts", "today", "38"),
            ("usage-peak", "yesterday", "1000"),
            ("usage-peak", "today", "1000"),
            ("usage-sum", "yesterday", "24000"),
            ("usage-sum", "today", "12000"),
        ],
        "{seen:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_account_is_read_in_little_memory() {
    let options = Options {
        large: 2_000,
        ..Options::default()
    };
    let stage = stage(options, "usage = []", "\n[limits]\nmemory = \"16MiB\"\n")
        .await
        .unwrap();
    let ran = stage.collect(&[]).unwrap();
    assert_done(&ran);
    // 2,000 products of 0.0001 a day, on 31 days and one: 64,000 charges.
    let golden = State::Initial.golden().unwrap();
    let place = golden
        .columns
        .iter()
        .position(|column| column == "BilledCost")
        .unwrap();
    let costs = golden
        .rows
        .iter()
        .map(|row| row[place].as_deref().unwrap().parse::<Decimal>().unwrap());
    let expected = Decimal::sum(costs)
        .unwrap()
        .checked_add("6.4".parse().unwrap())
        .unwrap();
    let booked = [
        billed(&stage, "spend", "2026-07"),
        billed(&stage, "spend", "2026-08"),
    ];
    assert_eq!(Decimal::sum(booked).unwrap(), expected);
    assert_laws(&stage.place);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_sent_of_a_month_adds_up_to_its_bill_however_often_it_was_restated() {
    let recorder = Recorder::start().unwrap();
    let destination = format!("\n[openfinops]\nendpoint = \"{}\"\n", recorder.url());
    let mut stage = stage(Options::default(), "", &destination).await.unwrap();
    for state in State::ALL {
        stage.set_now(state.now()).unwrap();
        assert_done(&stage.collect(&[]).unwrap());
    }
    let booked = ["2026-07", "2026-08"].map(|month| billed(&stage, "spend", month));
    assert_eq!(forwarded(&recorder), Decimal::sum(booked).unwrap());
    assert_eq!(booked[0], stage.simulator.api().invoice("2026-07").unwrap());
    let restated = |entry| forwarded_amount(entry).is_negative();
    assert!(
        forwarded_entries(&recorder).iter().any(restated),
        "nothing was restated"
    );
    assert_laws(&stage.place);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_example_grants_all_that_its_run_needs() {
    let stage = stage(Options::default(), "", "").await.unwrap();
    assert_example_grants("datadog", stage.simulator.addr(), |text| {
        stage.configure(text).unwrap();
        stage.collect(&[]).unwrap()
    });
    assert_books(&stage, State::Initial);
}
