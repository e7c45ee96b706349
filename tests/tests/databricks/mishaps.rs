//! What goes wrong on the way: each ends with its exit code and a word to the operator, and nothing half-written.

use super::{RESTATED, assert_books, initial, records, sum};
use finops_tests::{
    databricks::{Options, error, numbered, stage},
    proof::{assert_done, assert_laws},
    provider::{Act, Fault, Reply},
};

#[tokio::test(flavor = "multi_thread")]
async fn what_breaks_in_the_middle_commits_nothing_partial_and_the_next_run_is_whole() {
    let options = Options {
        rows_per_chunk: 40,
        ..Options::default()
    };
    let throttled = error(429, "RESOURCE_EXHAUSTED", "Too many requests").with("retry-after", "0");
    let failed = serde_json::json!({"statement_id": "01f0aaaa-0000-9999", "status": {"state": "FAILED",
        "error": {"error_code": "INTERNAL_ERROR", "message": "The warehouse was lost"}}});
    let stage = initial(options, "").await;
    for (act, at, code, says) in [
        (Act::Answer(throttled), "statements.chunk", 69, "slow down"),
        (
            Act::Answer(Reply::json(200, &failed)),
            "statements.execute",
            69,
            "The warehouse was lost",
        ),
        (
            Act::Answer(numbered(401, "Token is expired")),
            "statements.chunk",
            69,
            "does not accept the token",
        ),
        (
            Act::Answer(error(
                403,
                "PERMISSION_DENIED",
                "You do not have permission to use the SQL Warehouse.",
            )),
            "statements.execute",
            69,
            "lacks a permission",
        ),
        (
            Act::Answer(error(404, "RESOURCE_DOES_NOT_EXIST", "gone")),
            "statements.chunk",
            65,
            "is gone",
        ),
        (Act::Answer(Reply::html()), "statements.chunk", 65, "HTML"),
        (Act::Answer(Reply::html()), "statements.execute", 65, "HTML"),
        (Act::Truncated, "statements.chunk", 65, "truncated"),
        (Act::Truncated, "statements.execute", 65, "truncated"),
        (
            Act::Reset,
            "statements.chunk",
            65,
            "the reply's body is cut short",
        ),
    ] {
        let after = if at == "statements.execute" { 3 } else { 1 };
        stage
            .simulator
            .faults()
            .add(Fault::new(act.clone()).at(at).after(after));
        let ran = stage.collect(&[]).unwrap();
        assert_eq!(ran.code, Some(code), "{act:?} {at} {ran:?}");
        assert!(ran.stdout.contains(says), "{act:?} {at} {ran:?}");
        assert_eq!(records(&stage), 0, "{act:?}");
        stage.simulator.faults().clear();
    }
    assert_done(&stage.collect(&[]).unwrap());
    assert_books(&stage, "initial");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_token_warehouse_account_or_grant_says_what_to_do() {
    let stage = initial(Options::default(), "").await;
    let addr = stage.simulator.addr();
    let right = stage::config(addr, stage::BEARER, "", "");
    let principal = stage::config(addr, &stage::principal(addr), "", "");
    stage
        .place
        .file("secrets/wrong.txt", "dapi-a-wrong-token")
        .unwrap();
    let refused = |text: &str, code: i32, says: &str| {
        stage.configure(text).unwrap();
        let ran = stage.collect(&[]).unwrap();
        assert_eq!(ran.code, Some(code), "{says} {ran:?}");
        assert!(
            ran.stdout.contains(says) || ran.stderr.contains(says),
            "{says} {ran:?}"
        );
        assert!(!ran.stdout.contains("dapi-a-wrong"), "{ran:?}");
        assert_eq!(records(&stage), 0);
    };
    refused(
        &right.replace("token.txt", "wrong.txt"),
        69,
        "does not accept the token",
    );
    refused(
        &principal.replace("client-secret.txt", "wrong.txt"),
        69,
        "invalid_client",
    );
    let warehouse = format!("warehouse-id = \"{}\"", finops_tests::databricks::WAREHOUSE);
    refused(
        &right.replace(&warehouse, "warehouse-id = \"ffff\""),
        78,
        "check host and warehouse-id",
    );
    let account = finops_tests::databricks::ACCOUNT;
    let other = "00000000-0000-0000-0000-000000000000";
    refused(
        &right.replace(account, other),
        78,
        "the usage table is of the account 7c9e6679",
    );
    refused(
        &right.replace("\"/api/2.0/sql/statements\"", "\"/api/2.0/other\""),
        78,
        "statements",
    );
    stage.simulator.api().revoke("system.billing.usage");
    refused(&right, 69, "the principal cannot read the table");
    let bill_alone = stage::config(addr, stage::BEARER, "inventory = false", "");
    refused(&bill_alone, 69, "README.md has the grants");
}

#[tokio::test(flavor = "multi_thread")]
async fn chunks_that_lie_elsewhere_are_not_fetched() {
    let options = Options {
        rows_per_chunk: 40,
        ..Options::default()
    };
    let stage = initial(options, "").await;
    stage.simulator.api().lead_to("https://storage.evil.example");
    let ran = stage.collect(&[]).unwrap();
    assert_eq!(ran.code, Some(65), "{ran:?}");
    assert!(ran.stdout.contains("is not followed"), "{ran:?}");
    assert_eq!(records(&stage), 0);
    assert!(!stage.simulator.requests().contains_key("statements.chunk"));
    stage.simulator.api().lead_to("");
    assert_done(&stage.collect(&[]).unwrap());
    assert_books(&stage, "initial");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_is_refused_does_not_keep_the_bill_from_being_read() {
    let stage = initial(Options::default(), "").await;
    let denied = error(403, "PERMISSION_DENIED", "Not allowed");
    stage
        .simulator
        .faults()
        .add(Fault::new(Act::Answer(denied)).at("runs.list"));
    let ran = stage.collect(&[]).unwrap();
    assert_done(&ran);
    assert!(ran.stderr.contains("job runs are not counted"), "{}", ran.stderr);
    assert_books(&stage, "initial");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retraction_of_most_of_an_old_day_waits_for_the_operator() {
    let mut stage = initial(Options::default(), "").await;
    assert_done(&stage.collect(&[]).unwrap());
    stage.set_now(RESTATED).unwrap();
    let api = stage.simulator.api();
    let like = api.line("ALL_PURPOSE", "2026-07-22").unwrap();
    let changes = [
        ("usage_quantity", "-6.5"),
        ("record_type", "RETRACTION"),
        ("came", "2026-08-05T09:00:00Z"),
        ("ingestion_date", "2026-08-05"),
    ];
    api.add_usage(&like, 1, &changes).unwrap();
    let ran = stage.collect(&[]).unwrap();
    assert_eq!(ran.code, Some(69), "{ran:?}");
    assert!(ran.stderr.contains("held for review"), "{}", ran.stderr);
    let review = stage.place.call(&["ledger", "review", "--json"]).unwrap();
    let review = review.json().unwrap();
    let held = review["held"][0]["commit"].to_string();
    let before = sum(&stage, "spend", Some("2026-07-01"));
    assert_done(&stage.place.call(&["ledger", "accept", &held]).unwrap());
    let withdrawn = before
        .checked_sub(sum(&stage, "spend", Some("2026-07-01")))
        .unwrap();
    assert_eq!(withdrawn.to_string(), "3.575");
    let invoice = stage
        .simulator
        .api()
        .invoice("2026-07", RESTATED.parse().unwrap())
        .unwrap();
    assert_eq!(sum(&stage, "spend", Some("2026-07-01")), invoice);
    assert_laws(&stage.place);
    // The day is as the table has it: the next run has nothing more to hold.
    assert_done(&stage.collect(&[]).unwrap());
}
