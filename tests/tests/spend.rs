//! Paid calls: the operator's limit holds over attempts, runs and dry runs, and what was paid is told.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use finops_tests::{
    artifacts,
    hostile::{Answer, Recorder},
    program::{Place, Ran},
};

/// A server whose calls cost a cent each, and an operator's file that calls it so often in a run.
struct Paid {
    place: Place,
    server: Recorder,
}

impl Paid {
    async fn new(status: u16) -> Self {
        let answer = move |_: &_| Answer::status(status, &[("retry-after", "0")], "{}");
        Self {
            place: Place::new().unwrap(),
            server: Recorder::plain(answer).await.unwrap(),
        }
    }

    fn run(&self, count: u64, spend: &str, more: &[&str]) -> Ran {
        let text = format!(
            r#"[collector]
name = "paid"

[settings]
act = "call-often"
url = "http://api.example.com/v1"
count = {count}

[[allow]]
host = "api.example.com"
paths = ["/v1"]
connect-to = "{}"
insecure-http = true
price = "0.01"

[limits]
spend = {spend}
"#,
            self.server.address()
        );
        let config = self.place.file("paid.toml", text).unwrap();
        let wasm = artifacts::guest("hostile").unwrap();
        let mut command = self.place.command().unwrap();
        command
            .arg("run")
            .arg(wasm)
            .arg("--config")
            .arg(config)
            .arg("--json")
            .args(more);
        Ran::of(&tokio::task::block_in_place(|| command.output()).unwrap())
    }

    fn requests(&self) -> usize {
        self.server.requests().len()
    }

    fn paid(&self) -> serde_json::Value {
        let status = tokio::task::block_in_place(|| self.place.call(&["status", "--json"])).unwrap();
        status.json().unwrap()["spend"].clone()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_call_leaves_that_would_pass_the_limit_of_the_day_in_this_run_or_the_next() {
    let mut paid = Paid::new(200).await;
    let ran = paid.run(5, r#"{ per-day = "0.03" }"#, &[]);
    assert_eq!((ran.code, paid.requests()), (Some(69), 3), "{ran:?}");
    let report = ran.json().unwrap();
    assert_eq!(report["runs"][0]["egress"]["spent"], "0.03");
    assert_eq!(report["runs"][0]["outcome"], "throttled");
    assert!(ran.stderr.contains("`[limits] spend` per-day"), "{}", ran.stderr);
    let guest_learns = report["runs"][0]["error"].as_str().unwrap();
    assert!(!guest_learns.contains("per-day"), "{guest_learns}");

    let ran = paid.run(1, r#"{ per-day = "0.03" }"#, &[]);
    assert_eq!((ran.code, paid.requests()), (Some(69), 3), "{ran:?}");
    paid.place.set_now("2026-08-04T00:00:00Z");
    let ran = paid.run(1, r#"{ per-day = "0.03", per-month = "0.04" }"#, &[]);
    assert_eq!((ran.code, paid.requests()), (Some(0), 4), "{ran:?}");
    let ran = paid.run(1, r#"{ per-day = "0.03", per-month = "0.04" }"#, &[]);
    assert_eq!((ran.code, paid.requests()), (Some(69), 4), "{ran:?}");
    assert_eq!(paid.paid()[0]["today"], "0.01");
    assert_eq!(paid.paid()[0]["month"], "0.04");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_attempt_is_paid_for() {
    let paid = Paid::new(429).await;
    let ran = paid.run(1, r#"{ per-day = "1" }"#, &[]);
    let requests = paid.requests();
    assert!(requests > 1, "it was not tried again: {ran:?}");
    let spent = ran.json().unwrap()["runs"][0]["egress"]["spent"].clone();
    assert_eq!(spent, format!("0.0{requests}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_pays_as_any_other() {
    let paid = Paid::new(200).await;
    let ran = paid.run(2, r#"{ per-day = "0.03" }"#, &["--dry-run"]);
    assert_eq!((ran.code, paid.requests()), (Some(0), 2), "{ran:?}");
    let ran = paid.run(2, r#"{ per-day = "0.03" }"#, &[]);
    assert_eq!((ran.code, paid.requests()), (Some(69), 3), "{ran:?}");
}
