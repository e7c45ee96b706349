//! A Google Cloud billing export through the sandbox into the books: every record against the independent golden script, every
//! month against the invoice, and what goes wrong on the way.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod cuts;

use finops_decimal::Decimal;
use finops_tests::{
    books::billed,
    gcp::{
        Act, Fault, Options, books,
        golden::{self, State},
        stage::{DETAILED, Stage},
    },
    proof::{assert_done, assert_laws, assert_records, receipts},
};

/// Every record of a stream, by its billing period.
const EVER: (&str, &str) = ("BillingPeriod.start", "");
const JULY: (&str, &str) = ("BillingPeriod.start", "2026-07-01");

/// The books hold exactly the golden records, and every law holds.
#[track_caller]
fn assert_books(stage: &Stage, state: State) {
    let found = books::spend(&stage.place.state()).unwrap();
    assert_records(&stage.place, &found, &golden::records(state).unwrap(), state);
}

fn queries(stage: &Stage) -> u64 {
    stage
        .simulator
        .requests()
        .get("jobs.query")
        .copied()
        .unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_books_follow_late_lines_corrections_close_and_credits_to_the_invoice() {
    let mut stage = Stage::new(DETAILED).await.unwrap();
    for state in State::ALL {
        stage.go_to(state).unwrap();
        let ran = stage.collect(&[]).unwrap();
        assert_done(&ran);
        assert_books(&stage, state);
        // The line for June lies before the books begin: it is told of, not booked.
        assert_eq!(
            ran.stderr.contains("before the books begin"),
            state == State::Late,
            "{}",
            ran.stderr
        );
    }
    // The first day of July in Los Angeles begins at seven in UTC, and the June line is billed in July without being booked.
    let mut invoice = stage.simulator.invoice("202607").unwrap();
    let before: Decimal = "0.49304539999999".parse().unwrap();
    let usd = invoice.get_mut("USD").unwrap();
    *usd = usd.checked_sub(before).unwrap();
    assert_eq!(billed(&stage.place.state(), "spend", JULY).unwrap(), invoice);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_run_reads_only_what_is_new_or_unfinished_and_changes_nothing() {
    let mut stage = Stage::new(DETAILED).await.unwrap();
    stage.go_to(State::Initial).unwrap();
    assert_done(&stage.collect(&[]).unwrap());
    // The overview, July and August.
    assert_eq!(queries(&stage), 3);
    let again = stage.collect(&[]).unwrap();
    assert_done(&again);
    // The overview and August.
    assert_eq!(queries(&stage), 5);
    let counts = receipts(&again);
    assert_eq!(
        (&counts["added"], &counts["revised"], &counts["withdrawn"]),
        (&0.into(), &0.into(), &0.into())
    );
    assert!(counts["unchanged"].as_u64().unwrap() < 80, "{counts}");
    // A whole reading over all that the books hold changes nothing either.
    let whole = stage.collect(&["--since", "2026-07-01"]).unwrap();
    assert_done(&whole);
    assert_eq!(receipts(&whole)["added"], 0);
    assert_books(&stage, State::Initial);
}

#[tokio::test(flavor = "multi_thread")]
async fn small_pages_slow_queries_and_short_limits_give_the_same_books() {
    let options = Options {
        rows_per_page: 30,
        slow: 2,
        ..Options::default()
    };
    let mut stage = Stage::with(options, DETAILED).await.unwrap();
    stage.go_to(State::Initial).unwrap();
    let limits = [
        Fault::new(Act::Refuse(403, "rateLimitExceeded"))
            .at("jobs.query")
            .after(1)
            .times(2),
        Fault::new(Act::Refuse(503, "backendError"))
            .at("jobs.getQueryResults")
            .after(4)
            .times(1),
        Fault::new(Act::Refuse(500, "internalError"))
            .at("jobs.dryRun")
            .times(1),
    ];
    for fault in limits {
        stage.simulator.faults().add(fault);
    }
    assert_done(&stage.collect(&[]).unwrap());
    assert_books(&stage, State::Initial);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_breaks_in_the_middle_commits_nothing_partial_and_the_next_run_is_whole() {
    let options = Options {
        rows_per_page: 100,
        ..Options::default()
    };
    for (act, at, code, says) in [
        (
            Act::Refuse(403, "quotaExceeded"),
            "jobs.getQueryResults",
            69,
            "Quotas",
        ),
        (Act::Refuse(403, "accessDenied"), "jobs.query", 69, "lacks a role"),
        (
            Act::Refuse(401, "authError"),
            "jobs.getQueryResults",
            69,
            "access token",
        ),
        (Act::Truncated, "jobs.getQueryResults", 65, "truncated"),
        (Act::Html, "jobs.getQueryResults", 65, "HTML"),
        (
            Act::Reset,
            "jobs.getQueryResults",
            65,
            "the reply's body is cut short",
        ),
    ] {
        let mut stage = Stage::with(options.clone(), DETAILED).await.unwrap();
        stage.go_to(State::Initial).unwrap();
        stage
            .simulator
            .faults()
            .add(Fault::new(act.clone()).at(at).after(1));
        let ran = stage.collect(&[]).unwrap();
        assert_eq!(ran.code, Some(code), "{act:?} {ran:?}");
        assert!(ran.stdout.contains(says), "{act:?} {ran:?}");
        assert_eq!(books::spend(&stage.place.state()).unwrap().len(), 0, "{act:?}");
        stage.simulator.faults().clear();
        assert_done(&stage.collect(&[]).unwrap());
        assert_books(&stage, State::Initial);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_that_would_read_too_much_is_neither_sent_nor_paid() {
    let mut stage = Stage::with(
        Options {
            bytes: 100_000,
            ..Options::default()
        },
        &format!("{DETAILED}\nmax-bytes-billed = 400000000"),
    )
    .await
    .unwrap();
    stage.go_to(State::Initial).unwrap();
    let ran = stage.collect(&[]).unwrap();
    assert_eq!(ran.code, Some(78), "{ran:?}");
    assert!(
        ran.stdout.contains("max-bytes-billed allows (400000000)"),
        "{ran:?}"
    );
    // The overview alone was run: two columns of the whole table.
    assert_eq!(queries(&stage), 1);
    assert!((100_000_000..400_000_000).contains(&stage.simulator.billed()));
    stage
        .configure(&format!("{DETAILED}\nmax-bytes-billed = 20000000000"))
        .unwrap();
    let ran = stage.collect(&["--log", "info"]).unwrap();
    assert_done(&ran);
    assert!(ran.stderr.contains("the bill: the query reads"), "{}", ran.stderr);
    assert_books(&stage, State::Initial);
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_services_costs_and_credits_pass_through_labelled_and_warned_of() {
    let mut stage = Stage::new(DETAILED).await.unwrap();
    stage.go_to(State::Closed).unwrap();
    let ran = stage.collect(&[]).unwrap();
    assert_done(&ran);
    for name in [
        "surcharge_of_the_future",
        "Quantum Ledger Deluxe",
        "CREDIT_OF_THE_FUTURE",
    ] {
        assert!(ran.stderr.contains(name), "{}", ran.stderr);
    }
    let records = books::spend(&stage.place.state()).unwrap();
    let labelled = |category: &str, label: &str| {
        let has = |record: &golden::Record, text: &str| record.iter().flatten().any(|cell| cell == text);
        records
            .iter()
            .any(|record| has(record, category) && has(record, label))
    };
    assert!(labelled("Adjustment", "surcharge_of_the_future") && labelled("Credit", "CREDIT_OF_THE_FUTURE"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_lost_its_lines_erases_nothing() {
    let mut stage = Stage::new(DETAILED).await.unwrap();
    stage.go_to(State::Initial).unwrap();
    assert_done(&stage.collect(&[]).unwrap());
    stage
        .simulator
        .change(|lines| lines.retain(|line| line.day().month() == 6));
    let ran = stage.collect(&[]).unwrap();
    assert_eq!(ran.code, Some(65), "{ran:?}");
    assert!(ran.stdout.contains("was the table made anew?"), "{ran:?}");
    stage.simulator.change(Vec::clear);
    assert_done(&stage.collect(&[]).unwrap());
    assert_books(&stage, State::Initial);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_for_a_day_before_the_look_back_waits_for_the_operator_and_the_rest_goes_on() {
    let mut stage = Stage::new(DETAILED).await.unwrap();
    for now in [
        "2026-08-03T12:00:00Z",
        "2026-08-09T12:00:00Z",
        "2026-09-04T12:00:00Z",
    ] {
        stage.set_now(now).unwrap();
        assert_done(&stage.collect(&[]).unwrap());
    }
    stage.set_now("2026-09-05T12:00:00Z").unwrap();
    stage.simulator.change(|lines| {
        let day = |line: &&finops_tests::gcp::export::Line, day: &str| line.day().to_string() == day;
        let exported = "2026-09-04T20:00:00Z".parse().unwrap();
        for (date, cost) in [("2026-07-15", "0.5"), ("2026-08-20", "0.25")] {
            let mut late = lines.iter().find(|line| day(line, "2026-07-15")).unwrap().clone();
            late.usage_start_time = Some(format!("{date}T10:00:00Z").parse().unwrap());
            (late.export_time, late.cost) = (exported, cost.to_owned());
            late.credits.clear();
            lines.push(late);
        }
    });
    let sum = |stage: &Stage| billed(&stage.place.state(), "spend", EVER).unwrap()["USD"];
    let before = sum(&stage);
    let ran = stage.collect(&[]).unwrap();
    assert_eq!(ran.code, Some(69), "{ran:?}");
    assert!(ran.stderr.contains("held for review"), "{}", ran.stderr);
    let more = |cost: &str| before.checked_add(cost.parse().unwrap()).unwrap();
    assert_eq!(sum(&stage), more("0.25"));
    let review = stage
        .place
        .call(&["ledger", "review", "--json"])
        .unwrap()
        .json()
        .unwrap();
    let held = review["held"][0]["commit"].to_string();
    assert_done(&stage.place.call(&["ledger", "accept", &held]).unwrap());
    assert_eq!(sum(&stage), more("0.75"));
    assert_laws(&stage.place);
}
