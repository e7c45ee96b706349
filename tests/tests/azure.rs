//! An Azure bill through the sandbox into the books: every record against the independent golden script, the closed month
//! against the invoice, and what goes wrong on the way.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use finops_decimal::Decimal;
use finops_tests::{
    azure::{
        Act, Fault, Options, books,
        golden::{self, Record, State},
        query::{BILLING_ACCOUNT, MANAGEMENT_GROUP},
        stage::{Stage, subscription},
        token::SECRET,
    },
    books::{amount, billed_by_day, contents, observations},
    proof::{assert_done, assert_laws, assert_no_leak, assert_records, billed_in, receipts},
};
use jiff::civil::date;

/// The books hold exactly the golden records, and every law holds.
#[track_caller]
fn assert_books(stage: &Stage, state: State) {
    let found = books::spend(&stage.place.state()).unwrap();
    assert_records(&stage.place, &found, &golden::records(state).unwrap(), state);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_books_follow_the_bill_through_restatement_close_and_late_refund() {
    let mut stage = Stage::new("", "").await.unwrap();
    for state in State::ALL {
        stage.go_to(state).unwrap();
        // On the same day only the last days are read; the late row of July needs a whole reading.
        let more: &[&str] = match state {
            State::Restated => &["--since", "2026-07-01"],
            _ => &[],
        };
        assert_done(&stage.collect_with(more).unwrap());
        assert_books(&stage, state);
    }
    let july = date(2026, 7, 1)..date(2026, 8, 1);
    let booked = billed_in("EUR", &stage.place, "spend", ("ChargePeriod.start", "2026-07"));
    assert_eq!(booked, stage.simulator.invoice(&subscription(), july).unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_run_reads_four_days_and_changes_nothing() {
    let mut stage = Stage::new("", "").await.unwrap();
    stage.go_to(State::Initial).unwrap();
    assert_done(&stage.collect().unwrap());
    // Two months, each an overview and use by meter, each of both bills.
    assert_eq!(stage.simulator.requests()["query"], 8);
    stage.set_now("2026-08-03T19:00:00Z").unwrap();
    let again = stage.collect().unwrap();
    assert_done(&again);
    assert_eq!(stage.simulator.requests()["query"], 12);
    let receipts = receipts(&again);
    assert_eq!(
        (&receipts["added"], &receipts["revised"], &receipts["withdrawn"]),
        (&0.into(), &0.into(), &0.into())
    );
    assert!(receipts["unchanged"].as_u64().unwrap() < 100, "{receipts}");
    assert_books(&stage, State::Initial);
}

#[tokio::test(flavor = "multi_thread")]
async fn small_pages_a_throttle_and_the_other_name_of_costs_give_the_same_books() {
    let options = Options {
        rows_per_page: 40,
        cost_column: "PreTaxCost",
        ..Options::default()
    };
    let mut stage = Stage::with(options, &subscription(), "", "").await.unwrap();
    stage.go_to(State::Initial).unwrap();
    let throttle = Act::Throttle {
        qpu: 0,
        entity: 1,
        tenant: 0,
    };
    // The host itself tries three times more; then the collector waits.
    stage
        .simulator
        .faults()
        .add(Fault::new(throttle).at("query").after(3).times(4));
    assert_done(&stage.collect().unwrap());
    assert_books(&stage, State::Initial);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_breaks_in_the_middle_commits_nothing_of_the_month_and_the_next_run_is_whole() {
    let error = |status, code: &str, message: &str| Act::Error {
        status,
        code: code.to_owned(),
        message: message.to_owned(),
    };
    let long = Act::Throttle {
        qpu: 5,
        entity: 3_000,
        tenant: 0,
    };
    for (act, code, says) in [
        (long, 69, "wait 3000 s"),
        (Act::Truncated, 65, "truncated"),
        (Act::Html, 65, "HTML"),
        (Act::Reset, 65, "the reply's body is cut short"),
        (Act::NoContent, 65, "add up to"),
        (Act::Shift(2), 65, "shifted the dates"),
        (
            error(403, "AuthorizationFailed", "no"),
            69,
            "Cost Management Reader",
        ),
        (error(401, "InvalidAuthenticationTokenTenant", "no"), 69, "token"),
        (
            error(400, "BadRequest", "Invalid dataset grouping: 'Meter'"),
            69,
            "Invalid dataset grouping",
        ),
    ] {
        let mut stage = Stage::new("", "").await.unwrap();
        stage.go_to(State::Initial).unwrap();
        stage
            .simulator
            .faults()
            .add(Fault::new(act.clone()).at("query").after(2));
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
async fn no_content_and_a_period_cut_short_never_erase_what_was_booked() {
    let mut stage = Stage::new("", "").await.unwrap();
    stage.go_to(State::Initial).unwrap();
    stage
        .simulator
        .faults()
        .add(Fault::new(Act::NoContent).at("query"));
    let empty = stage.collect().unwrap();
    assert_done(&empty);
    assert!(empty.stderr.contains("not an empty bill"), "{empty:?}");
    stage.simulator.faults().clear();
    assert_done(&stage.collect_with(&["--since", "2026-07-01"]).unwrap());
    stage
        .simulator
        .faults()
        .add(Fault::new(Act::NoContent).at("query"));
    let ran = stage.collect_with(&["--since", "2026-07-01"]).unwrap();
    assert_eq!(ran.code, Some(65), "{ran:?}");
    assert!(ran.stdout.contains("the ledger holds costs"), "{ran:?}");
    assert_books(&stage, State::Initial);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_next_link_to_another_host_is_not_followed() {
    let options = Options {
        rows_per_page: 40,
        ..Options::default()
    };
    let mut stage = Stage::with(options, &subscription(), "", "").await.unwrap();
    stage.go_to(State::Initial).unwrap();
    stage
        .simulator
        .faults()
        .add(Fault::new(Act::Elsewhere).at("query"));
    let ran = stage.collect().unwrap();
    assert_eq!(ran.code, Some(65), "{ran:?}");
    assert!(
        ran.stdout.contains("on another host and is not followed"),
        "{ran:?}"
    );
    assert_eq!(books::spend(&stage.place.state()).unwrap(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotated_secret_is_said_and_neither_secret_nor_token_reaches_output_or_state() {
    let mut stage = Stage::new("inventory = true", "").await.unwrap();
    stage.go_to(State::Initial).unwrap();
    let ran = stage.collect_with(&["--log", "trace"]).unwrap();
    assert_done(&ran);
    stage.simulator.rotate("another");
    let refused = stage.collect_with(&["--since", "2026-07-01"]).unwrap();
    assert_eq!(refused.code, Some(69), "{refused:?}");
    assert_eq!(refused.json().unwrap()["runs"][0]["outcome"], "credential");
    let secrets = [SECRET, "simulated-Management"];
    assert_no_leak(
        &stage.place,
        &secrets,
        &[&ran, &refused],
        "Azure Kubernetes Service",
    );
    assert_books(&stage, State::Initial);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_billing_account_is_read_subscription_by_subscription_or_at_once_in_every_currency() {
    for (groupings, asked) in [(2, 30), (4, 8)] {
        let options = Options {
            groupings,
            ..Options::default()
        };
        let settings = format!("groupings = {groupings}");
        let mut stage = Stage::with(options, BILLING_ACCOUNT, &settings, "")
            .await
            .unwrap();
        stage.go_to(State::Initial).unwrap();
        let ran = stage.collect().unwrap();
        assert_done(&ran);
        assert_eq!(stage.simulator.requests()["query"], asked, "{groupings}");
        for name in ["SpendingCommitmentTrueUp", "Quantum Workspace Deluxe"] {
            assert!(ran.stderr.contains(name), "{}", ran.stderr);
        }
        let found = books::spend(&stage.place.state()).unwrap();
        let expected = golden::billing_account().unwrap();
        if groupings == 2 {
            assert_records(&stage.place, &found, &expected, BILLING_ACCOUNT);
        } else {
            assert_laws(&stage.place);
        }
        for currency in ["EUR", "USD"] {
            let sum = |records: &[Record]| {
                let of = records.iter().filter(|record| record.currency == currency);
                Decimal::sum(of.map(|record| record.billed)).unwrap()
            };
            assert_eq!(sum(&found), sum(&expected), "{currency}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_view_adds_up_to_the_bill_of_its_days() {
    let settings = "resources = true\nresource-groups = true\ntag = \"team\"";
    let mut stage = Stage::new(settings, "").await.unwrap();
    stage.go_to(State::Initial).unwrap();
    assert_done(&stage.collect().unwrap());
    let state = stage.place.state();
    let bill = billed_by_day(&state, "spend").unwrap();
    for stream in ["by-resource", "by-resource-group", "by-tag"] {
        assert_eq!(billed_by_day(&state, stream).unwrap(), bill, "{stream}");
    }
    let effective = |stream: &str| {
        let contents = contents(&state, stream).unwrap();
        Decimal::sum(
            contents
                .iter()
                .map(|content| amount(content, "EffectiveCost").unwrap()),
        )
        .unwrap()
    };
    assert_eq!(effective("by-resource"), effective("spend"));
    let machine = contents(&state, "by-resource").unwrap();
    assert!(machine.iter().any(|content| content["ResourceName"] == "web-02"
        && content["ResourceType"] == "microsoft.compute/virtualmachines"));
    assert_books(&stage, State::Initial);
}

#[tokio::test(flavor = "multi_thread")]
async fn all_pages_of_the_inventory_become_observations_even_where_the_bill_cannot_be_read() {
    let options = Options {
        resources_per_page: 3,
        ..Options::default()
    };
    let mut stage = Stage::with(options, MANAGEMENT_GROUP, "inventory = true", "")
        .await
        .unwrap();
    stage.go_to(State::Initial).unwrap();
    let denied = Act::Error {
        status: 403,
        code: "RBACAccessDenied".to_owned(),
        message: "The client does not have authorization.".to_owned(),
    };
    stage.simulator.faults().add(Fault::new(denied).at("query"));
    let ran = stage.collect().unwrap();
    assert_eq!(ran.code, Some(69), "{ran:?}");
    assert_eq!(stage.simulator.requests()["graph"], 3);
    let rows = observations(&stage.place.state()).unwrap();
    let value = |name: &str, word: &str| {
        let mut found = rows.iter().filter(|row| row.0 == name && row.1.contains(word));
        let value = found.next().map(|row| row.2.clone());
        assert!(found.next().is_none(), "{name} {word} twice");
        value
    };
    for (name, word, number) in [
        ("instance", "web-01", "1"),
        ("instance", "web-02", "0"),
        ("instance", "lab-01", "1"),
        ("cluster", "prod", "1"),
        ("nodes", "pool1", "3"),
        ("site", "fn-orders", "1"),
        ("storage-account", "acmelogs", "1"),
        ("database", "orders", "0"),
    ] {
        assert_eq!(
            value(name, word).as_deref(),
            Some(number),
            "{name} {word} {rows:?}"
        );
    }
    assert_eq!(rows.len(), 9, "{rows:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resource_group_is_read_alone_by_service_in_two_questions_a_month() {
    let scope = format!("{}/resourceGroups/rg-web", subscription());
    let settings = "detail = \"service\"\ninventory = true";
    let mut stage = Stage::with(Options::default(), &scope, settings, "")
        .await
        .unwrap();
    stage.go_to(State::Initial).unwrap();
    assert_done(&stage.collect().unwrap());
    assert_eq!(stage.simulator.requests()["query"], 4);
    let booked = books::spend(&stage.place.state()).unwrap();
    assert!(booked.iter().all(|record| record.meter.is_none()), "{booked:?}");
    let invoice = stage
        .simulator
        .invoice(&scope, date(2026, 7, 1)..date(2026, 8, 4))
        .unwrap();
    assert_eq!(
        Decimal::sum(booked.iter().map(|record| record.billed)).unwrap(),
        invoice
    );
    assert_laws(&stage.place);
    let seen: Vec<_> = observations(&stage.place.state())
        .unwrap()
        .into_iter()
        .map(|(name, _, value)| (name, value))
        .collect();
    let expected = [("instance", "1"), ("instance", "0"), ("site", "1")];
    for (name, value) in expected {
        assert!(seen.contains(&(name.to_owned(), value.to_owned())), "{seen:?}");
    }
    assert_eq!(seen.len(), expected.len(), "{seen:?}");
}
