//! The whole way: the committed example as it stands, and what arrives at a destination.

use super::{INITIAL, RESTATED, assert_books, assert_done, initial, sum};
use finops_decimal::Decimal;
use finops_tests::{
    artifacts,
    databricks::{Options, stage},
    openfinops::Recorder,
};

#[tokio::test(flavor = "multi_thread")]
async fn the_example_grants_all_that_its_run_needs() {
    let stage = initial(Options::default(), "").await;
    let examples = artifacts::root().join("examples/databricks");
    let text = std::fs::read_to_string(examples.join("simulator.toml")).unwrap();
    let text = text
        .replace("127.0.0.1:8443", &stage.simulator.addr().to_string())
        .replace("simulator/", "secrets/");
    stage.configure(&text).unwrap();
    let ran = stage.collect(&[]).unwrap();
    assert_done(&ran);
    let egress = &ran.json().unwrap()["runs"][0]["egress"];
    assert_eq!(egress["denied"], serde_json::json!([]));
    assert_eq!(egress["unused-rules"], serde_json::json!([]));
    assert_books(&stage, "initial");
    // The same but for secrets and addresses.
    let real = std::fs::read_to_string(examples.join("databricks.toml")).unwrap();
    let rules = |text: &str| -> Vec<String> {
        let own = ["connect-to", "ca =", "client-secret", "#"];
        let kept = |line: &&str| !line.is_empty() && !own.iter().any(|start| line.starts_with(start));
        let bare = |line: &str| line.split('#').next().unwrap_or_default().trim().to_owned();
        text.lines().filter(kept).map(bare).collect()
    };
    let simulated = std::fs::read_to_string(examples.join("simulator.toml")).unwrap();
    assert_eq!(rules(&real), rules(&simulated));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_destination_gets_the_bill_and_then_what_was_restated() {
    let recorder = Recorder::start().unwrap();
    let mut stage = initial(Options::default(), "").await;
    let addr = stage.simulator.addr();
    let destination = format!("[openfinops]\nendpoint = \"{}\"", recorder.url());
    stage
        .configure(&stage::config(addr, stage::BEARER, "", &destination))
        .unwrap();
    for now in [INITIAL, RESTATED] {
        stage.set_now(now).unwrap();
        recorder.set_now(now.parse::<jiff::Timestamp>().unwrap().as_second());
        assert_done(&stage.collect(&[]).unwrap());
        let stored = recorder.stored();
        let entries = stored
            .iter()
            .flat_map(|row| row["metrics"]["cost_entries"].as_array().unwrap());
        let amounts = entries.map(|entry| {
            let amount: Decimal = entry["tags"]["finops_host.amount"]
                .as_str()
                .unwrap()
                .parse()
                .unwrap();
            amount
        });
        // The view by job run is not sent.
        assert_eq!(
            Decimal::sum(amounts).unwrap(),
            sum(&stage, "spend", None),
            "{now}"
        );
    }
    let negative = |row: &serde_json::Value| {
        let entries = row["metrics"]["cost_entries"].as_array().unwrap();
        entries.iter().any(|entry| {
            entry["tags"]["finops_host.amount"]
                .as_str()
                .unwrap()
                .starts_with('-')
        })
    };
    assert!(recorder.stored().iter().any(negative));
}
