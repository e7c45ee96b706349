//! A Snowflake bill through the sandbox into the books: every record and sum against the independent golden script.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use finops_tests::{
    books,
    proof::{assert_done, assert_example_grants, assert_no_leak, assert_records, receipts},
    snowflake::{
        Options,
        golden::{self, State},
    },
    stage::{Stage, config},
};

/// The books hold exactly the golden records, add up to the golden total, and every law holds.
#[track_caller]
fn assert_books(stage: &Stage, state: State) {
    let found = books::snowflake_records(&stage.place.state()).unwrap();
    assert_records(&stage.place, &found, &golden::records(state).unwrap(), state);
    assert_eq!(
        books::counted(&found).unwrap(),
        golden::totals(state).unwrap().counted
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_books_follow_the_provider_through_restatement_billing_and_retagging() {
    let mut stage = Stage::new("", "").await.unwrap();
    for state in State::ALL {
        stage.go_to(state).unwrap();
        assert_done(&stage.collect().unwrap());
        assert_books(&stage, state);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_run_changes_nothing() {
    let mut stage = Stage::new("", "").await.unwrap();
    stage.go_to(State::Initial).unwrap();
    assert_done(&stage.collect().unwrap());
    let again = stage.collect().unwrap();
    assert_done(&again);
    for run in again.json().unwrap()["runs"].as_array().unwrap() {
        let changes = &run["counts"]["receipts"];
        assert_eq!(
            (&changes["added"], &changes["revised"], &changes["withdrawn"]),
            (&0.into(), &0.into(), &0.into())
        );
    }
    assert_books(&stage, State::Initial);
}

#[tokio::test(flavor = "multi_thread")]
async fn small_partitions_and_a_slow_warehouse_give_the_same_books() {
    use finops_tests::snowflake::{Act, At, Fault};
    let options = Options {
        partition_rows: 50,
        ..Options::default()
    };
    let mut stage = Stage::with(options, "", "[limits]\nwall = \"5m\"\nrequests = 10000")
        .await
        .unwrap();
    stage.go_to(State::Initial).unwrap();
    stage
        .simulator
        .faults()
        .add(Fault::new(Act::Pending { polls: 2 }).at(At::Submit).times(3));
    stage.simulator.faults().add(
        Fault::new(Act::Status {
            status: 503,
            retry_after: Some("0".to_owned()),
        })
        .at(At::Partition)
        .times(2),
    );
    assert_done(&stage.collect().unwrap());
    assert_books(&stage, State::Initial);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_access_token_is_put_on_by_the_host() {
    let mut stage = Stage::new("", "").await.unwrap();
    stage.go_to(State::Initial).unwrap();
    let text = config(&stage.simulator, "", "");
    let (before, _) = text.split_once("[credentials.snowflake]").unwrap();
    for (file, kind) in [("pat.txt", "PROGRAMMATIC_ACCESS_TOKEN"), ("oauth.txt", "OAUTH")] {
        let credential = format!(
            "[credentials.snowflake]\nscheme = \"bearer\"\ntoken = {{ file = \"secrets/{file}\" }}\n\
             headers = {{ X-Snowflake-Authorization-Token-Type = \"{kind}\" }}\n"
        );
        stage.configure(&format!("{before}{credential}")).unwrap();
        assert_done(&stage.collect().unwrap());
    }
    assert_books(&stage, State::Initial);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_encrypted_key_works_with_its_passphrase() {
    let mut stage = Stage::new("", "").await.unwrap();
    stage.go_to(State::Initial).unwrap();
    let secrets = stage.place.path().join("secrets");
    let passphrase = std::fs::read_dir(&secrets)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .find(|name| name.contains("passphrase"))
        .unwrap();
    let text = config(&stage.simulator, "", "").replace(
        "private-key = { file = \"secrets/finops.p8\" }",
        &format!(
            "private-key = {{ file = \"secrets/finops-encrypted.p8\" }}\npassphrase = {{ file = \"secrets/{passphrase}\" }}"
        ),
    );
    stage.configure(&text).unwrap();
    assert_done(&stage.collect_with(&[]).unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_shows_the_difference_and_stores_nothing() {
    let mut stage = Stage::new("", "").await.unwrap();
    stage.go_to(State::Initial).unwrap();
    let dry = stage
        .collect_with(&["--since", "2026-06-01", "--dry-run"])
        .unwrap();
    assert_done(&dry);
    assert!(receipts(&dry)["added"].as_u64().unwrap() > 0);
    assert!(!stage.place.state().join("ledger.db").exists());
    assert_done(&stage.collect().unwrap());
    stage.go_to(State::Restated).unwrap();
    assert_done(
        &stage
            .collect_with(&["--since", "2026-06-01", "--dry-run"])
            .unwrap(),
    );
    assert_books(&stage, State::Initial);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_secret_key_and_the_token_reach_no_output_and_no_file_of_the_state() {
    let mut stage = Stage::new("", "").await.unwrap();
    stage.go_to(State::Initial).unwrap();
    let ran = stage.collect_with(&["--log", "trace"]).unwrap();
    assert_done(&ran);
    let key = std::fs::read_to_string(stage.place.path().join("secrets/finops.p8")).unwrap();
    let line = key.lines().nth(3).unwrap();
    let known = "CLOUD_SERVICES_ONLY";
    assert_no_leak(&stage.place, &[line, "Bearer"], &[&ran], known);
    // How a token begins may stand in compiled code by chance.
    std::fs::remove_dir_all(stage.place.state().join("cache")).unwrap();
    assert_no_leak(&stage.place, &["eyJ"], &[&ran], known);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_example_grants_all_that_its_run_needs() {
    let mut stage = Stage::new("", "").await.unwrap();
    stage.go_to(State::Initial).unwrap();
    assert_example_grants("snowflake", stage.simulator.addr(), |text| {
        stage.configure(text).unwrap();
        stage.collect().unwrap()
    });
    assert_books(&stage, State::Initial);
}
