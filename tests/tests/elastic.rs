//! An Elastic Cloud organization's consumption through the sandbox into the books: every record against the independent golden script,
//! every month against Elastic's own totals, and what goes wrong on the way.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use finops_decimal::Decimal;
use finops_tests::{
    books,
    elastic::{
        KEY, KEY_WITHOUT_ROLE, ORGANIZATION, State, contract, refused,
        stage::{CONTRACT, Stage, config, stage},
        throttled,
    },
    openfinops::Recorder,
    proof::{
        assert_done, assert_example_grants, assert_golden, assert_laws, assert_no_leak, billed_in, forwarded,
        forwarded_entries, receipts,
    },
    provider::{Act, Fault, Reply},
};
use serde_json::json;

const JULY: (&str, &str) = ("2026-07-01", "2026-08-01");

/// The books hold exactly the golden records, and every law holds.
#[track_caller]
fn assert_books(stage: &Stage, state: State) {
    assert_golden(&stage.place, "spend", &state.golden().unwrap(), state);
}

/// What the records of a month (`2026-07`) add up to.
#[track_caller]
fn billed(stage: &Stage, month: &str) -> Decimal {
    billed_in("USD", &stage.place, "spend", ("ChargePeriod.start", month))
}

/// Elastic's own total of the days from one to before another.
fn consumed(stage: &Stage, state: State, days: (&str, &str)) -> Decimal {
    let now = state.now().parse().unwrap();
    stage.simulator.api().lines().consumed(now, days).unwrap()
}

/// The days of which the books hold something.
fn days(stage: &Stage) -> usize {
    books::billed_by_day(&stage.place.state(), "spend").unwrap().len()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_books_follow_late_restated_and_withdrawn_lines_to_elastics_totals() {
    let mut stage = stage(1, "", "").await.unwrap();
    for (state, asked) in [(State::Initial, 33), (State::Restated, 7), (State::Closed, 39)] {
        stage.set_now(state.now()).unwrap();
        stage.simulator.forget_requests();
        let ran = stage.collect(&[]).unwrap();
        assert_done(&ran);
        assert_eq!(stage.simulator.asked().len(), asked, "{state:?}");
        assert_books(&stage, state);
        assert_eq!(billed(&stage, "2026-07"), consumed(&stage, state, JULY));
        for name in ["telepathy", "clairvoyance"] {
            assert_eq!(
                ran.stderr.contains(name),
                state != State::Restated,
                "{}",
                ran.stderr
            );
        }
        assert_eq!(
            ran.stderr.contains("booked as unattributed"),
            state == State::Initial,
            "{}",
            ran.stderr
        );
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
async fn a_price_list_makes_money_of_ecus_and_another_past_price_waits_for_reprice() {
    let mut stage = stage(1, CONTRACT, "").await.unwrap();
    stage.set_now(State::Closed.now()).unwrap();
    assert_done(&stage.collect(&[]).unwrap());
    let state = stage.place.state();
    contract().unwrap().held_by(&state, "spend").unwrap();
    let cheaper = CONTRACT.replace("0.915", "0.9");
    let addr = stage.simulator.addr();
    stage.configure(&config(addr, &cheaper, "")).unwrap();
    let ran = stage.collect(&["--since", "2026-07-01"]).unwrap();
    assert_eq!(ran.code, Some(69), "{ran:?}");
    contract().unwrap().held_by(&state, "spend").unwrap();
    assert_laws(&stage.place);
    // In a currency without a price, an ECU is worth nothing that is known: nothing is asked for.
    stage.configure(&config(addr, "currency = \"GBP\"", "")).unwrap();
    let ran = stage.collect(&[]).unwrap();
    assert_eq!(ran.code, Some(78), "{ran:?}");
    assert!(ran.stdout.contains("no price of an ECU in GBP"), "{ran:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_stores_nothing_and_a_backfill_reads_older_days() {
    let mut stage = stage(1, "", "").await.unwrap();
    assert_done(&stage.collect(&["--dry-run"]).unwrap());
    assert!(!stage.place.state().join("ledger.db").exists() || days(&stage) == 0);
    assert_done(&stage.collect(&[]).unwrap());
    stage.set_now(State::Restated.now()).unwrap();
    assert_done(&stage.collect(&["--dry-run"]).unwrap());
    assert_books(&stage, State::Initial);
    assert_done(&stage.collect(&["--since", "2026-06-25"]).unwrap());
    for (month, days) in [("2026-06", ("2026-06-01", "2026-07-01")), ("2026-07", JULY)] {
        assert_eq!(
            billed(&stage, month),
            consumed(&stage, State::Restated, days),
            "{month}"
        );
    }
    assert_laws(&stage.place);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_throttled_run_gives_the_same_books() {
    let stage = stage(1, "", "").await.unwrap();
    let fault = Fault::new(Act::Answer(throttled()));
    stage
        .simulator
        .faults()
        .add(fault.clone().at("costs:2026-07-01").times(2));
    stage
        .simulator
        .faults()
        .add(fault.at("costs:2026-08-02").times(3));
    assert_done(&stage.collect(&[]).unwrap());
    assert_books(&stage, State::Initial);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_breaks_on_a_day_commits_nothing_of_it_and_the_next_run_fills_the_gap() {
    let stage = stage(1, "", "").await.unwrap();
    let json = |body: serde_json::Value| Act::Answer(Reply::json(200, &body));
    for (act, code, says) in [
        (Act::Truncated, 65, "truncated"),
        (Act::Answer(Reply::html()), 65, "HTML"),
        (Act::Reset, 65, "the reply's body is cut short"),
        (json(json!({"instances": null})), 65, "total_ecu"),
        (json(json!({"total_ecu": 3})), 65, "no field `instances`"),
        (
            json(json!({"total_ecu": "much", "instances": []})),
            65,
            "not as documented",
        ),
        (Act::Answer(throttled()), 69, "slow down"),
        (Act::Answer(refused(500, "root.internal", "oops")), 69, "oops"),
        (
            Act::Answer(refused(400, "costs.invalid_date_range", "no")),
            69,
            "costs.invalid_date_range",
        ),
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
            .add(Fault::new(act.clone()).at("costs:2026-07-04"));
        let ran = stage.collect(&[]).unwrap();
        assert_eq!(ran.code, Some(code), "{act:?} {ran:?}");
        assert!(
            ran.stdout.contains(says) && ran.stdout.contains("costs of 2026-07-04"),
            "{act:?} {ran:?}"
        );
        // The three days before it are there.
        assert_eq!(days(&stage), 3, "{act:?}");
        assert_laws(&stage.place);
    }
    stage.simulator.faults().clear();
    assert_done(&stage.collect(&[]).unwrap());
    assert_books(&stage, State::Initial);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_key_a_missing_role_and_an_unknown_organization_say_what_to_do() {
    let stage = stage(1, "", "").await.unwrap();
    let file = stage.place.path().join("secrets/authorization.txt");
    for (key, says) in [
        (
            "bm90LXRoZS1rZXktb2YtdGhpcy1vcmdhbml6YXRpb24=",
            "an Elasticsearch key is not taken",
        ),
        (KEY_WITHOUT_ROLE, "role Billing admin"),
    ] {
        std::fs::write(&file, format!("ApiKey {key}")).unwrap();
        let ran = stage.collect(&[]).unwrap();
        assert_eq!(ran.code, Some(69), "{ran:?}");
        assert_eq!(ran.json().unwrap()["runs"][0]["outcome"], "credential");
        assert!(ran.stdout.contains(says) && !ran.stdout.contains(key), "{ran:?}");
    }
    std::fs::write(&file, format!("ApiKey {KEY}")).unwrap();
    let other = config(stage.simulator.addr(), "", "").replace("3166899605", "1");
    stage.configure(&other).unwrap();
    let ran = stage.collect(&[]).unwrap();
    assert_eq!(ran.code, Some(78), "{ran:?}");
    assert!(ran.stdout.contains("no such organization"), "{ran:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn days_that_lost_their_usage_keep_their_money() {
    let mut stage = stage(1, "", "").await.unwrap();
    stage.set_now(State::Closed.now()).unwrap();
    assert_done(&stage.collect(&[]).unwrap());
    stage.simulator.api().lines().clear();
    let ran = stage.collect(&[]).unwrap();
    assert_eq!(ran.code, Some(69), "{ran:?}");
    assert!(ran.stderr.contains("held for review"), "{}", ran.stderr);
    assert_books(&stage, State::Closed);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_organization_goes_through_a_small_guest() {
    let stage = stage(2_000, "", "[limits]\nmemory = \"32MiB\"").await.unwrap();
    assert_done(&stage.collect(&["--since", "2026-07-30"]).unwrap());
    let last = ("2026-07-30", "2026-08-01");
    assert_eq!(billed(&stage, "2026-07"), consumed(&stage, State::Initial, last));
    assert!(books::contents(&stage.place.state(), "spend").unwrap().len() > 20_000);
    assert_laws(&stage.place);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_key_reaches_no_output_and_no_file_of_the_state() {
    let stage = stage(1, "", "").await.unwrap();
    let ran = stage.collect(&["--log", "trace"]).unwrap();
    assert_done(&ran);
    assert_no_leak(&stage.place, &[KEY], &[&ran], ORGANIZATION);
    // The collector's own help has the scheme's name, and lies in the cache with its component.
    std::fs::remove_dir_all(stage.place.state().join("cache")).unwrap();
    assert_no_leak(&stage.place, &["ApiKey "], &[&ran], ORGANIZATION);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_forwarded_adds_up_to_what_the_books_hold() {
    let recorder = Recorder::start().unwrap();
    let destination = format!("[openfinops]\nendpoint = \"{}\"", recorder.url());
    let mut stage = stage(1, "", &destination).await.unwrap();
    for state in State::ALL {
        recorder.set_now(state.now().parse::<jiff::Timestamp>().unwrap().as_second());
        stage.set_now(state.now()).unwrap();
        assert_done(&stage.collect(&[]).unwrap());
    }
    for entry in forwarded_entries(&recorder) {
        assert_eq!(entry["category"], "elasticsearch");
        assert_eq!(entry["tags"]["finops_host.basis"], "estimated");
    }
    let expected = ["2026-07", "2026-08"].map(|month| billed(&stage, month));
    assert_eq!(forwarded(&recorder), Decimal::sum(expected).unwrap());
    assert_eq!(expected[0], consumed(&stage, State::Closed, JULY));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_example_grants_all_that_its_run_needs() {
    let stage = stage(1, "", "").await.unwrap();
    assert_example_grants("elastic", stage.simulator.addr(), |text| {
        stage.configure(text).unwrap();
        stage.collect(&[]).unwrap()
    });
    assert_books(&stage, State::Initial);
}
