//! Bad input: one clear message that says where and what to do, the documented exit code, and books as they were.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use finops_tests::{
    artifacts, books,
    program::{Place, Ran},
    snowflake::{Act, At, Fault, Options, golden::State},
    stage::{Stage, config},
};

#[track_caller]
fn assert_says(ran: &Ran, code: i32, words: &[&str]) {
    assert_eq!(ran.code, Some(code), "{ran:?}");
    for word in words {
        assert!(
            ran.stdout.contains(word) || ran.stderr.contains(word),
            "`{word}` is not said: {ran:?}"
        );
    }
}

/// Replies come in several partitions, so that each kind of fault has its place.
async fn stage() -> Stage {
    let options = Options {
        partition_rows: 50,
        ..Options::default()
    };
    let mut stage = Stage::with(options, "", "").await.unwrap();
    stage.go_to(State::Initial).unwrap();
    stage
}

/// Runs with a changed operator's file.
async fn with_config(change: impl FnOnce(String) -> String) -> Ran {
    let stage = stage().await;
    stage
        .configure(&change(config(&stage.simulator, "", "")))
        .unwrap();
    stage.collect().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_key_file_is_named_with_its_line() {
    let ran = with_config(|text| text.replace("secrets/finops.p8", "secrets/none.p8")).await;
    assert_says(&ran, 78, &["none.p8", "snowflake.toml:"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_not_rsa_is_said_to_be_none() {
    let stage = stage().await;
    let ec = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIHRlc3R0ZXN0dGVzdHRlc3R0ZXN0dGVzdHRlc3R0ZXN0\n-----END PRIVATE KEY-----\n";
    stage.place.file("secrets/finops.p8", ec).unwrap();
    let ran = stage.collect().unwrap();
    assert_says(&ran, 69, &["RSA"]);
    assert!(!ran.stderr.contains("MC4CAQAw"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_inline_secret_is_refused_and_not_repeated() {
    let ran = with_config(|text| {
        text.replace(
            "private-key = { file = \"secrets/finops.p8\" }",
            "private-key = \"pl4in-secret-value\"",
        )
    })
    .await;
    assert_says(&ran, 78, &["private-key", "snowflake.toml:"]);
    assert!(
        !ran.stderr.contains("pl4in") && !ran.stdout.contains("pl4in"),
        "{ran:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_key_is_refused_with_the_one_that_was_meant() {
    let ran = with_config(|text| text.replace("warehouse =", "warehose =")).await;
    assert_says(&ran, 78, &["warehose", "warehouse", "snowflake.toml:"]);
    let ran = with_config(|text| text.replace("methods =", "metods =")).await;
    assert_says(&ran, 78, &["metods", "methods"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_setting_of_the_wrong_type_is_named() {
    let ran = with_config(|text| text.replace("role = \"FINOPS_READER\"", "role = 7")).await;
    assert_says(&ran, 78, &["role", "snowflake.toml:"]);
    let ran =
        with_config(|text| text.replace("role = \"FINOPS_READER\"", "role = \"R\"\nedition = \"gold\""))
            .await;
    assert_says(&ran, 78, &["edition", "enterprise"]);
}

#[test]
fn files_that_are_no_collector_are_told_apart() {
    let place = Place::new().unwrap();
    let config = place.file("c.toml", "[settings]\nact = \"behave\"\n").unwrap();
    let good = std::fs::read(artifacts::guest("hostile").unwrap()).unwrap();
    // The smallest core module, and the smallest component, which has no world.
    let core = b"\0asm\x01\0\0\0".to_vec();
    let component = b"\0asm\x0d\0\x01\0".to_vec();
    let cases: [(&str, Vec<u8>, &[&str]); 4] = [
        ("text", b"#!/bin/sh\necho hello\n".to_vec(), &["text"]),
        ("truncated", good[..good.len() / 2].to_vec(), &["truncated"]),
        ("core", core, &["core WebAssembly module", "wasm32-wasip2"]),
        ("empty", component, &["finops:collector"]),
    ];
    for (name, bytes, words) in cases {
        let wasm = place.file(&format!("{name}.wasm"), bytes).unwrap();
        let ran = place.run(&wasm, &config).unwrap();
        assert_says(&ran, 65, words);
        assert!(ran.stderr.contains(&format!("{name}.wasm")), "{ran:?}");
    }
    let ran = place.run(&place.path().join("none.wasm"), &config).unwrap();
    assert_says(&ran, 78, &["none.wasm"]);
}

#[test]
fn a_component_with_another_digest_than_pinned_does_not_load() {
    let place = Place::new().unwrap();
    let pin = "0".repeat(64);
    let text = format!("[collector]\nsha256 = \"{pin}\"\n[settings]\nact = \"behave\"\n");
    let config = place.file("c.toml", text).unwrap();
    let ran = place.run(&artifacts::guest("hostile").unwrap(), &config).unwrap();
    assert_says(&ran, 78, &["sha256", &pin]);
}

/// Runs once well, then with a fault; the books must be as after the first run.
async fn with_fault(fault: Fault) -> Ran {
    let stage = stage().await;
    let good = stage.collect().unwrap();
    assert_eq!(good.code, Some(0), "{good:?}");
    let before = books::snowflake_records(&stage.place.state()).unwrap();
    stage.simulator.faults().add(fault);
    let ran = stage.collect().unwrap();
    assert_eq!(books::snowflake_records(&stage.place.state()).unwrap(), before);
    let check = stage.place.call(&["check", "--ledger"]).unwrap();
    assert_eq!(check.code, Some(0), "{check:?}");
    ran
}

const CURRENCY: &str = "USAGE_IN_CURRENCY_DAILY";

#[tokio::test(flavor = "multi_thread")]
async fn html_instead_of_json_is_a_malformed_reply() {
    let ran = with_fault(Fault::new(Act::Html).view(CURRENCY)).await;
    assert_says(&ran, 65, &["malformed-reply", "HTML"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn truncated_json_is_a_malformed_reply() {
    let ran = with_fault(Fault::new(Act::TruncatedJson).view(CURRENCY)).await;
    assert_says(&ran, 65, &["malformed-reply"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_partition_of_a_result_is_incomplete() {
    let ran = with_fault(Fault::new(Act::ShortPartition).view(CURRENCY)).await;
    assert_says(&ran, 65, &["incomplete"]);
}

fn cell(text: &str) -> Fault {
    Fault::new(Act::Cell {
        column: "C".to_owned(),
        row: 0,
        text: text.to_owned(),
    })
    .view(CURRENCY)
    .at(At::Submit)
}

#[tokio::test(flavor = "multi_thread")]
async fn money_that_is_no_number_is_a_malformed_reply() {
    assert_says(
        &with_fault(cell("twelve")).await,
        65,
        &["malformed-reply", CURRENCY],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn money_of_forty_digits_is_a_malformed_reply() {
    assert_says(
        &with_fault(cell("1234567890123456789012345678901234567890")).await,
        65,
        &["malformed-reply"],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_date_out_of_range_is_a_malformed_reply() {
    let fault = Fault::new(Act::Cell {
        column: "D".to_owned(),
        row: 0,
        text: "1999-01-01".to_owned(),
    });
    assert_says(
        &with_fault(fault.view(CURRENCY).at(At::Submit)).await,
        65,
        &["malformed-reply"],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_credential_is_a_failure_of_that_kind() {
    assert_says(
        &with_fault(Fault::new(Act::Unauthorized)).await,
        69,
        &["credential"],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_throttles_for_ever_ends_the_run_as_throttled() {
    let act = Act::Status {
        status: 429,
        retry_after: Some("0".to_owned()),
    };
    assert_says(&with_fault(Fault::new(act)).await, 69, &["throttled"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_lost_in_the_middle_commits_nothing() {
    let ran = with_fault(Fault::new(Act::Reset).view(CURRENCY)).await;
    assert!(matches!(ran.code, Some(65 | 69)), "{ran:?}");
}
