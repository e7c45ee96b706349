//! The whole way: the committed example as it stands, and what arrives at a destination.

use super::{INITIAL, RESTATED, assert_books, initial, sum};
use finops_tests::{
    databricks::{Options, stage},
    openfinops::Recorder,
    proof::{assert_done, assert_example_grants, forwarded, forwarded_amount, forwarded_entries},
};

#[tokio::test(flavor = "multi_thread")]
async fn the_example_grants_all_that_its_run_needs() {
    let stage = initial(Options::default(), "").await;
    let ran = assert_example_grants("databricks", stage.simulator.addr(), |text| {
        stage.configure(text).unwrap();
        stage.collect(&[]).unwrap()
    });
    let egress = &ran.json().unwrap()["runs"][0]["egress"];
    assert_eq!(egress["unused-rules"], serde_json::json!([]));
    assert_books(&stage, "initial");
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
        // The view by job run is not sent.
        assert_eq!(forwarded(&recorder), sum(&stage, "spend", None), "{now}");
    }
    let negative = |entry| forwarded_amount(entry).is_negative();
    assert!(forwarded_entries(&recorder).iter().any(negative));
}
