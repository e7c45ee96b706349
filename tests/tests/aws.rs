//! An AWS bill through the sandbox into the books: every record against the independent golden script, every day against
//! the invoice, and what goes wrong on the way.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use finops_decimal::Decimal;
use finops_tests::{
    aws::{
        Act, Fault, Key, Options, books,
        golden::{self, State},
        stage::Stage,
    },
    books::{amount, billed_by_day, contents},
    program::Ran,
    proof::{assert_done, assert_example_grants, assert_no_leak, assert_records, billed_in, receipts},
};
use jiff::civil::date;

/// The books hold exactly the golden records, and every law holds.
#[track_caller]
fn assert_books(stage: &Stage, state: State) {
    let found = books::spend(&stage.place.state()).unwrap();
    assert_records(&stage.place, &found, &golden::records(state).unwrap(), state);
}

/// What a run of the program says it paid, in USD.
fn spent(ran: &Ran) -> Decimal {
    let report = ran.json().unwrap();
    report["runs"][0]["egress"]["spent"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap()
}

fn usd(text: &str) -> Decimal {
    text.parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_books_follow_the_bill_through_restatement_close_and_late_credit() {
    let mut stage = Stage::new("", "").await.unwrap();
    for state in State::ALL {
        stage.go_to(state).unwrap();
        // Four hours later on the same day only the last days are read; the late row of July needs a whole reading.
        let more: &[&str] = if state == State::Restated {
            &["--since", "2026-07-01"]
        } else {
            &[]
        };
        assert_done(&stage.collect_with(more).unwrap());
        assert_books(&stage, state);
    }
    let july = date(2026, 7, 1)..date(2026, 8, 1);
    let invoice = stage.simulator.invoice(july).unwrap();
    let booked = billed_in("USD", &stage.place, "spend", ("ChargePeriod.start", "2026-07"));
    assert_eq!(booked, invoice);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_run_reads_three_days_changes_nothing_and_costs_as_little() {
    let mut stage = Stage::new("", "").await.unwrap();
    stage.go_to(State::Initial).unwrap();
    let first = stage.collect().unwrap();
    assert_done(&first);
    // The overview, usage of three accounts, and the rest of three accounts.
    assert_eq!((stage.simulator.paid(), spent(&first)), (7, usd("0.07")));
    let again = stage.collect().unwrap();
    assert_done(&again);
    let receipts = receipts(&again);
    assert_eq!(
        (&receipts["added"], &receipts["revised"], &receipts["withdrawn"]),
        (&0.into(), &0.into(), &0.into())
    );
    assert!(receipts["unchanged"].as_u64().unwrap() < 100, "{receipts}");
    assert_books(&stage, State::Initial);
}

#[tokio::test(flavor = "multi_thread")]
async fn small_pages_and_throttles_give_the_same_books() {
    let options = Options {
        groups_per_page: 40,
        ..Options::default()
    };
    let mut stage = Stage::with(options, "", "").await.unwrap();
    stage.go_to(State::Initial).unwrap();
    stage.simulator.faults().add(
        Fault::new(Act::Throttle)
            .at("ce:GetCostAndUsage")
            .after(3)
            .times(2),
    );
    assert_done(&stage.collect().unwrap());
    assert_books(&stage, State::Initial);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_breaks_in_the_middle_commits_nothing_and_the_next_run_is_whole() {
    for (act, code, says) in [
        (Act::Throttle, 69, "slow down"),
        (Act::Truncated, 65, "truncated"),
        (Act::Html, 65, "HTML"),
        (Act::Reset, 65, "the reply's body is cut short"),
        (Act::Deny, 69, "ce:GetCostAndUsage"),
        (
            Act::Exception {
                status: 400,
                code: "DataUnavailableException".to_owned(),
                message: "Data is not available.".to_owned(),
            },
            69,
            "Cost Management preferences",
        ),
    ] {
        let mut stage = Stage::new("", "").await.unwrap();
        stage.go_to(State::Initial).unwrap();
        stage
            .simulator
            .faults()
            .add(Fault::new(act.clone()).at("ce:GetCostAndUsage").after(4));
        let ran = stage.collect().unwrap();
        assert_eq!(ran.code, Some(code), "{act:?} {ran:?}");
        assert!(ran.stdout.contains(says), "{act:?} {ran:?}");
        assert_eq!(books::spend(&stage.place.state()).unwrap(), [], "{act:?}");
        stage.simulator.faults().clear();
        assert_done(&stage.collect().unwrap());
        assert_books(&stage, State::Initial);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_or_expired_key_is_said_to_be_so() {
    let mut stage = Stage::new("", "").await.unwrap();
    stage.go_to(State::Initial).unwrap();
    let key = |secret: &str, expires: Option<&str>| Key {
        id: finops_tests::aws::KEY.to_owned(),
        secret: secret.to_owned(),
        token: None,
        expires: expires.map(|text| text.parse().unwrap()),
    };
    for (key, says) in [
        (key("another", None), "does not accept the signature"),
        (
            key(finops_tests::aws::SECRET, Some("2026-08-03T11:59:59Z")),
            "session token has expired",
        ),
    ] {
        stage.simulator.set_keys(vec![key]);
        let ran = stage.collect().unwrap();
        assert_eq!(ran.code, Some(69), "{ran:?}");
        assert!(ran.stdout.contains(says), "{ran:?}");
        assert_eq!(ran.json().unwrap()["runs"][0]["outcome"], "credential");
    }
    assert_eq!(stage.simulator.paid(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spend_limit_holds_and_nothing_half_read_is_committed() {
    let mut stage = Stage::new("", "[limits]\nspend = { per-day = \"0.05\" }\n")
        .await
        .unwrap();
    stage.go_to(State::Initial).unwrap();
    let ran = stage.collect().unwrap();
    assert_eq!((ran.code, stage.simulator.paid()), (Some(69), 5), "{ran:?}");
    assert_eq!(spent(&ran), usd("0.05"));
    assert_eq!(books::spend(&stage.place.state()).unwrap(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_services_and_record_types_pass_through_labelled_and_warned_of() {
    let mut stage = Stage::new("", "").await.unwrap();
    stage.go_to(State::Initial).unwrap();
    let ran = stage.collect().unwrap();
    assert_done(&ran);
    for name in ["Cloud Rebate Of The Future", "Amazon Quantum Ledger Deluxe"] {
        assert!(ran.stderr.contains(name), "{}", ran.stderr);
    }
    let records = books::spend(&stage.place.state()).unwrap();
    assert!(records.iter().any(|record| {
        record.record_type.as_deref() == Some("Cloud Rebate Of The Future") && record.category == "Adjustment"
    }));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_view_adds_up_to_the_bill_of_its_days() {
    let settings = "hourly = true\ntag = \"team\"\ncost-category = \"Area\"\n\
        resource-services = [\"Amazon Elastic Compute Cloud - Compute\", \"AWS Lambda\"]";
    let mut stage = Stage::new(settings, "").await.unwrap();
    stage.go_to(State::Initial).unwrap();
    assert_done(&stage.collect().unwrap());
    let state = stage.place.state();
    let bill = billed_by_day(&state, "spend").unwrap();
    for stream in ["by-tag", "by-cost-category"] {
        assert_eq!(billed_by_day(&state, stream).unwrap(), bill, "{stream}");
    }
    let hourly = billed_by_day(&state, "hourly").unwrap();
    assert_eq!(hourly.len(), 3);
    assert!(
        hourly.iter().all(|(day, sum)| bill.get(day) == Some(sum)),
        "{hourly:?}"
    );
    let by_resource = contents(&state, "by-resource").unwrap();
    let shown: Vec<_> = by_resource
        .iter()
        .map(|content| amount(content, "BilledCost").unwrap())
        .collect();
    let of_bill: Vec<_> = books::spend(&state)
        .unwrap()
        .into_iter()
        .filter(|record| record.day.as_str() >= "2026-08-01")
        .filter(|record| record.service.ends_with("- Compute") || record.service == "AWS Lambda")
        .map(|record| record.billed)
        .collect();
    assert_eq!(Decimal::sum(shown).unwrap(), Decimal::sum(of_bill).unwrap());
    assert!(
        by_resource
            .iter()
            .any(|content| content["ResourceId"] == "i-0bbb")
    );
    assert_books(&stage, State::Initial);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_temporary_key_signs_with_its_token_and_no_secret_reaches_output_or_state() {
    let mut stage = Stage::new("", "").await.unwrap();
    stage.go_to(State::Initial).unwrap();
    let (secret, token) = (
        "temporarySecretOfTheSimulator/0123456789",
        "FQoGZXIvYXdzSIMULATORTOKEN0123456789",
    );
    stage.simulator.set_keys(vec![Key {
        id: "ASIASIMULATOR0000001".to_owned(),
        secret: secret.to_owned(),
        token: Some(token.to_owned()),
        expires: Some("2026-08-03T13:00:00Z".parse().unwrap()),
    }]);
    let secrets = stage.place.path().join("secrets");
    for (file, text) in [
        ("key-id.txt", "ASIASIMULATOR0000001"),
        ("secret-key.txt", secret),
        ("token.txt", token),
    ] {
        std::fs::write(secrets.join(file), text).unwrap();
    }
    let text = finops_tests::aws::stage::config(&stage.simulator, "", "").replace(
        "scheme = \"aws-sigv4\"\n",
        "scheme = \"aws-sigv4\"\nsession-token = { file = \"secrets/token.txt\" }\n",
    );
    stage.configure(&text).unwrap();
    let ran = stage.collect_with(&["--log", "trace"]).unwrap();
    assert_done(&ran);
    let secrets = [secret, token, "Signature="];
    assert_no_leak(&stage.place, &secrets, &[&ran], "Amazon Quantum Ledger Deluxe");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_example_grants_all_that_its_run_needs() {
    let mut stage = Stage::new("", "").await.unwrap();
    stage.go_to(State::Initial).unwrap();
    assert_example_grants("aws", stage.simulator.addr(), |text| {
        stage.configure(text).unwrap();
        stage.collect().unwrap()
    });
    assert_books(&stage, State::Initial);
}
