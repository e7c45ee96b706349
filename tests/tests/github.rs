//! A GitHub bill through the sandbox into the books: every record against the independent golden script, the closed month against
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
    github::{
        CLASSIC, FINE_GRAINED, GitHub, LARGE_NET, Options, Takes, error,
        stage::{State, config, stage},
        used_up,
    },
    openfinops::Recorder,
    program::Ran,
    proof::{
        assert_done, assert_example_grants, assert_golden, assert_no_leak, billed_in, forwarded, receipts,
    },
    provider::{Act, Fault, Reply, Stage},
};
use jiff::civil::date;

/// The books hold exactly the state's records, and every law holds.
#[track_caller]
fn assert_books(stage: &Stage<GitHub>, state: State) {
    assert_golden(&stage.place, "spend", &state.golden().unwrap(), state);
}

fn outcome(ran: &Ran) -> String {
    ran.json().unwrap()["runs"][0]["outcome"]
        .as_str()
        .unwrap()
        .to_owned()
}

#[track_caller]
fn billed(stage: &Stage<GitHub>, month: &str) -> Decimal {
    billed_in("USD", &stage.place, "spend", ("ChargePeriod.start", month))
}

/// Dimensions and value of what is observed now of a day, by system and SKU.
fn minutes(stage: &Stage<GitHub>, day: &str) -> Vec<(String, String)> {
    let seen = books::observations(&stage.place.state()).unwrap().into_iter();
    seen.filter(|(name, dims, _)| name == "actions-minutes" && dims.contains(day))
        .map(|(_, dims, value)| (dims, value))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_books_follow_the_report_through_restatement_and_close() {
    let mut stage = stage(Options::default(), "").await.unwrap();
    for state in State::ALL {
        stage.set_now(state.now()).unwrap();
        assert_done(&stage.collect(&[]).unwrap());
        assert_books(&stage, state);
    }
    let now = State::Closed.now().parse().unwrap();
    let invoice = stage
        .simulator
        .api()
        .invoice(date(2026, 7, 1)..date(2026, 8, 1), now)
        .unwrap();
    assert_eq!(billed(&stage, "2026-07"), invoice);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_run_reads_four_days_and_changes_nothing_and_a_dry_run_stores_nothing() {
    let mut stage = stage(Options::default(), "").await.unwrap();
    let dry = stage.collect(&["--dry-run"]).unwrap();
    assert_done(&dry);
    assert_eq!(
        books::contents(&stage.place.state(), "spend")
            .unwrap_or_default()
            .len(),
        0
    );
    stage.simulator.forget_requests();
    let first = stage.collect(&[]).unwrap();
    assert_done(&first);
    assert_eq!(stage.simulator.requests()["usage"], 34);
    for warning in [
        "the product `quantum_runner`",
        "the unit `QubitHours`",
        "actions_beos_2_core",
    ] {
        assert!(first.stderr.contains(warning), "{}", first.stderr);
    }
    stage.set_now("2026-08-03T17:00:00Z").unwrap();
    let again = stage.collect(&[]).unwrap();
    assert_done(&again);
    assert_eq!(stage.simulator.requests()["usage"], 38);
    let receipts = receipts(&again);
    assert_eq!(
        (&receipts["added"], &receipts["revised"], &receipts["withdrawn"]),
        (&0.into(), &0.into(), &0.into())
    );
    assert_books(&stage, State::Initial);
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_and_short_limits_give_the_same_books() {
    let options = Options {
        page: Some(2),
        ..Options::default()
    };
    let stage = stage(options, "").await.unwrap();
    let now = State::Initial
        .now()
        .parse::<jiff::Timestamp>()
        .unwrap()
        .as_second();
    let slow = error(429, "You have exceeded a secondary rate limit.").with("retry-after", "0");
    for (after, reply) in [
        (3, used_up(now + 1)),
        (9, slow),
        (20, error(503, "Service Unavailable")),
    ] {
        stage
            .simulator
            .faults()
            .add(Fault::new(Act::Answer(reply)).after(after).times(1));
    }
    assert_done(&stage.collect(&[]).unwrap());
    assert_books(&stage, State::Initial);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_breaks_in_the_middle_leaves_whole_days_and_the_next_run_is_whole() {
    let now = State::Initial
        .now()
        .parse::<jiff::Timestamp>()
        .unwrap()
        .as_second();
    let elsewhere = Reply::json(200, &serde_json::json!({"usageItems": []}))
        .with("link", "<https://evil.example/?page=2>; rel=\"next\"");
    let other_day = Reply::json(
        200,
        &serde_json::json!({"usageItems": [{"date": "2026-01-01", "product": "actions", "netAmount": 1}]}),
    );
    for (act, code, says) in [
        (Act::Answer(used_up(now + 1_800)), 69, "GitHub asks to wait 1"),
        (Act::Truncated, 65, "truncated"),
        (Act::Answer(Reply::html()), 65, "HTML"),
        (Act::Reset, 65, "cut short"),
        (
            Act::Answer(error(403, "Must have admin rights to Organization.")),
            69,
            "else a classic token",
        ),
        (Act::Answer(error(404, "Not Found")), 69, "check `account`"),
        (Act::Answer(error(500, "Server Error")), 69, "Server Error"),
        (Act::Answer(elsewhere), 65, "on another host and is not followed"),
        (Act::Answer(other_day), 65, "dated `2026-01-01`"),
    ] {
        let stage = stage(Options::default(), "").await.unwrap();
        // The days up to 30 July are read, the 31st breaks. (The program's clock goes on, so that seconds to wait become fewer.)
        stage.simulator.faults().add(Fault::new(act.clone()).after(30));
        let ran = stage.collect(&[]).unwrap();
        assert_eq!(ran.code, Some(code), "{act:?} {ran:?}");
        assert!(ran.stdout.contains(says), "{act:?} {ran:?}");
        assert!(
            ran.stdout.contains("the usage report of 2026-07-31"),
            "{act:?} {ran:?}"
        );
        let mut expected = State::Initial.golden().unwrap();
        expected
            .rows
            .retain(|row| row[0].as_deref().unwrap() < "2026-07-31T00:00:00Z");
        expected.held_by(&stage.place.state(), "spend").unwrap();
        stage.simulator.faults().clear();
        assert_done(&stage.collect(&[]).unwrap());
        assert_books(&stage, State::Initial);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn both_kinds_of_token_are_taken_and_a_refused_one_is_told_which_to_try() {
    for (takes, token) in [(Takes::Both, "token.txt"), (Takes::ClassicOnly, "classic.txt")] {
        let (stage, ran) = collected(takes, token).await;
        assert_done(&ran);
        assert_books(&stage, State::Initial);
    }
    for (takes, token, says) in [
        (Takes::ClassicOnly, "token.txt", "try a classic token"),
        (Takes::FineGrainedOnly, "classic.txt", "try a fine-grained token"),
    ] {
        let (_stage, ran) = collected(takes, token).await;
        assert_eq!(ran.code, Some(69), "{takes:?} {token} {ran:?}");
        assert!(ran.stdout.contains(says), "{ran:?}");
        assert_eq!(outcome(&ran), "credential");
    }
}

/// A run with this token against a GitHub that takes such tokens.
async fn collected(takes: Takes, token: &str) -> (Stage<GitHub>, Ran) {
    let options = Options {
        takes,
        ..Options::default()
    };
    let stage = stage(options, "").await.unwrap();
    let text = config(stage.simulator.addr(), token, "");
    stage.configure(&text).unwrap();
    let ran = stage.collect(&[]).unwrap();
    (stage, ran)
}

#[tokio::test(flavor = "multi_thread")]
async fn no_token_reaches_output_or_state_even_where_github_refuses_it() {
    let stage = stage(Options::default(), "").await.unwrap();
    let ran = stage.collect(&["--log", "trace"]).unwrap();
    assert_done(&ran);
    let wrong = "ghp_revokedRevokedRevoked";
    stage.place.file("secrets/token.txt", wrong).unwrap();
    let refused = stage.collect(&["--log", "trace"]).unwrap();
    assert_eq!(
        (refused.code, outcome(&refused).as_str()),
        (Some(69), "credential"),
        "{refused:?}"
    );
    assert!(refused.stdout.contains("expired or been revoked"), "{refused:?}");
    let secrets = [FINE_GRAINED, CLASSIC, wrong];
    assert_no_leak(&stage.place, &secrets, &[&ran, &refused], "copilot_business");
    assert_books(&stage, State::Initial);
}

#[tokio::test(flavor = "multi_thread")]
async fn minutes_of_actions_are_observed_by_day_and_runner() {
    let stage = stage(Options::default(), "").await.unwrap();
    assert_done(&stage.collect(&[]).unwrap());
    // From the data: 412 + 1031 and 33 more of one line; 17.5 of Windows are on other days.
    let seen = minutes(&stage, "2026-07-02");
    assert_eq!(
        seen,
        [(
            r#"{"day":"2026-07-02","os":"linux","sku":"actions_linux"}"#.to_owned(),
            "1490".to_owned()
        )]
    );
    let seen = minutes(&stage, "2026-07-01");
    assert!(
        seen.iter()
            .any(|(dims, value)| dims.contains("\"windows\"") && value == "17.5"),
        "{seen:?}"
    );
    assert!(
        seen.iter()
            .any(|(dims, value)| dims.contains("\"other\"") && value == "5"),
        "{seen:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_report_is_read_in_little_memory() {
    let options = Options {
        large: 10_000,
        ..Options::default()
    };
    let mut stage = stage(options, "\n[limits]\nmemory = \"16MiB\"\n").await.unwrap();
    stage.set_now("2026-08-03T12:00:00Z").unwrap();
    let ran = stage.collect(&["--since", "2026-08-01"]).unwrap();
    assert_done(&ran);
    let small: Decimal = LARGE_NET
        .parse::<Decimal>()
        .unwrap()
        .checked_mul(30_000_u32.into())
        .unwrap();
    let now = State::Initial.now().parse().unwrap();
    let lines = stage
        .simulator
        .api()
        .invoice(date(2026, 8, 1)..date(2026, 8, 4), now)
        .unwrap();
    assert_eq!(billed(&stage, "2026-08"), lines.checked_add(small).unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_sent_adds_up_to_the_books_after_every_restatement() {
    let recorder = Recorder::start().unwrap();
    let destination = format!("\n[openfinops]\nendpoint = \"{}\"\n", recorder.url());
    let mut stage = stage(Options::default(), &destination).await.unwrap();
    for state in State::ALL {
        stage.set_now(state.now()).unwrap();
        assert_done(&stage.collect(&[]).unwrap());
        assert_eq!(forwarded(&recorder), billed(&stage, "2026-"), "{state:?}");
    }
    assert_books(&stage, State::Closed);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_example_grants_all_that_its_run_needs() {
    let stage = stage(Options::default(), "").await.unwrap();
    assert_example_grants("github-actions", stage.simulator.addr(), |text| {
        stage.configure(text).unwrap();
        stage.collect(&[]).unwrap()
    });
    assert_books(&stage, State::Initial);
}
