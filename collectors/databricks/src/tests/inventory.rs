//! What is running, as observations, and the names that come with it.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use super::fake::settings;
use crate::{Databricks, api::Api, inventory::observe};
use finops_collector::{
    Collector, FailureKind, HttpRequest, Request, Response, Source, StreamRequest,
    testing::{FakeHost, reply},
};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const NOW: i64 = 1_785_758_400;

fn list(request: &HttpRequest) -> Value {
    let url = request.url.as_str();
    let cluster = |id: &str, state: &str, ended: i64| {
        json!({"cluster_id": id, "cluster_name": format!("name of {id}"), "state": state, "cluster_source": "UI",
            "creator_user_name": "ann", "node_type_id": "m5.large", "num_workers": 4, "terminated_time": ended * 1_000})
    };
    match () {
        () if url.contains("/clusters/list") && url.contains("page_token=a%2Fb") => {
            json!({"clusters": [cluster("c2", "TERMINATED", NOW - 60), cluster("c3", "TERMINATED", NOW - 999_999)]})
        }
        () if url.contains("/clusters/list") => {
            let mut scaling = cluster("c5", "RUNNING", 0);
            scaling["num_workers"] = Value::Null;
            scaling["autoscale"] = json!({"min_workers": 2, "max_workers": 8});
            json!({"clusters": [cluster("c1", "RUNNING", 0), cluster("c4", "HIBERNATING", 0), scaling], "next_page_token": "a/b"})
        }
        () if url.contains("/sql/warehouses") => json!({"warehouses": [
            {"id": "w1", "name": "BI", "state": "RUNNING", "num_clusters": 2, "warehouse_type": "PRO", "cluster_size": "Small",
             "enable_serverless_compute": true},
            {"id": "w2", "name": "Old", "state": "STOPPED", "num_clusters": 1, "warehouse_type": "CLASSIC"}]}),
        () if url.contains("/pipelines") => {
            json!({"statuses": [{"pipeline_id": "p1", "name": "ingest", "state": "IDLE"}]})
        }
        () => json!({"runs": [
            {"start_time": NOW * 1_000, "state": {"life_cycle_state": "TERMINATED", "result_state": "SUCCESS"}},
            {"start_time": NOW * 1_000 + 1, "state": {"life_cycle_state": "TERMINATED", "result_state": "FAILED"}},
            {"start_time": NOW * 1_000 + 2, "state": {"life_cycle_state": "INTERNAL_ERROR"}},
            {"start_time": NOW * 1_000 + 3, "state": {"life_cycle_state": "TERMINATED", "result_state": "SUCCESS"}}]}),
    }
}

fn host(answer: impl Fn(&HttpRequest) -> Response + 'static) -> FakeHost {
    FakeHost::answering(move |request| Ok(answer(request)))
        .describing(Databricks::describe())
        .at(NOW)
}

/// Name and dimensions of each observation, and its value.
fn seen(host: &FakeHost) -> BTreeMap<String, String> {
    let observations = host.observations().into_iter();
    let key = |dimensions: &[(String, String)]| {
        dimensions
            .iter()
            .map(|(_, value)| format!(" {value}"))
            .collect::<String>()
    };
    observations
        .map(|one| {
            (
                format!("{}{}", one.name, key(&one.dimensions)),
                one.value.to_string(),
            )
        })
        .collect()
}

fn observing() -> Value {
    let mut settings = settings();
    settings["inventory"] = true.into();
    settings
}

/// A run in which no stream is due.
fn only_observe(host: &FakeHost) -> Result<(), finops_collector::Failure> {
    let streams = Databricks::describe().streams.into_iter();
    let request = Request {
        settings: observing().to_string(),
        now: NOW,
        streams: streams
            .map(|stream| StreamRequest {
                name: stream.name,
                ..StreamRequest::default()
            })
            .collect(),
        ..Request::default()
    };
    Databricks::collect(host, &request).map(|_| ())
}

#[test]
fn everything_is_counted_over_all_pages_and_a_state_without_anything_is_none() {
    let host = host(|request| reply(200, &list(request).to_string()));
    only_observe(&host).unwrap();
    let seen = seen(&host);
    for (key, value) in [
        ("clusters RUNNING UI", "2"),
        ("clusters TERMINATED UI", "2"),
        ("clusters HIBERNATING UI", "1"),
        ("clusters PENDING UI", "0"),
        ("cluster-workers c1 name of c1 UI ann m5.large", "4"),
        ("cluster-workers c5 name of c5 UI ann m5.large", "2"),
        ("cluster-workers c2 name of c2 UI ann m5.large", "0"),
        ("warehouses RUNNING", "1"),
        ("warehouses STARTING", "0"),
        ("warehouse-clusters w1 BI Small SERVERLESS ", "2"),
        ("warehouse-clusters w2 Old  CLASSIC ", "0"),
        ("pipelines IDLE", "1"),
        ("pipelines FAILED", "0"),
        ("job-runs 2026-08-03 SUCCESS", "2"),
        ("job-runs 2026-08-03 FAILED", "1"),
        ("job-runs 2026-08-03 INTERNAL_ERROR", "1"),
    ] {
        assert_eq!(seen.get(key).map(String::as_str), Some(value), "{key} {seen:?}");
    }
    assert!(!seen.keys().any(|key| key.contains("c3")));
    assert!(host.logs().iter().any(|(_, line)| line.contains("HIBERNATING")));
    // No statement woke the warehouse.
    assert!(host.requests().iter().all(|request| request.method == "GET"));
    let runs = host
        .requests()
        .into_iter()
        .find(|request| request.url.contains("runs/list"))
        .unwrap();
    assert!(
        runs.url.contains("limit=24&start_time_from=1785715200000"),
        "{}",
        runs.url
    );
}

#[test]
fn a_list_that_cannot_be_read_is_warned_of_and_not_none_but_a_wrong_token_is_a_failure() {
    let forbidden = host(|request| match request.url.contains("/pipelines") {
        true => reply(403, r#"{"error_code":"PERMISSION_DENIED","message":"no"}"#),
        false => reply(200, &list(request).to_string()),
    });
    only_observe(&forbidden).unwrap();
    assert!(
        forbidden
            .logs()
            .iter()
            .any(|(_, line)| line.contains("pipelines are not counted"))
    );
    assert!(!seen(&forbidden).keys().any(|key| key.starts_with("pipelines")));
    assert!(seen(&forbidden).contains_key("warehouses RUNNING"));
    let wrong = host(|_| reply(401, r#"{"error_code":401,"message":"Credential was not sent"}"#));
    let failure = only_observe(&wrong).unwrap_err();
    assert_eq!(failure.kind, FailureKind::Credential);
    let circle = host(|request| {
        let mut list = list(request);
        list["next_page_token"] = "again".into();
        reply(200, &list.to_string())
    });
    assert!(only_observe(&circle).unwrap_err().message.contains("circle"));
    assert!(circle.observations().is_empty());
}

#[test]
fn names_come_by_id() {
    let host = host(|request| reply(200, &list(request).to_string()));
    let api = Api::new(&host, "https://h".to_owned());
    let names = observe(&api, &Source::new("databricks", "a", ""), NOW).unwrap();
    assert_eq!(names.warehouses["w1"], "BI");
    assert_eq!(names.pipelines["p1"], "ingest");
    assert_eq!(names.clusters["c3"], "name of c3");
}
