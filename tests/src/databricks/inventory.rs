//! The lists of what is in the workspace, in pages of two.

use super::{WAREHOUSE, error};
use crate::provider::{Asked, Reply};
use serde_json::{Value, json};

/// Items on a page, whatever is asked for.
const PAGE: usize = 2;

/// The list that a path names; none where it names none.
pub(super) fn list(asked: &Asked) -> Option<Reply> {
    let now = asked.now.as_millisecond();
    let (field, items) = match asked.path.as_str() {
        "/api/2.1/clusters/list" => ("clusters", clusters(now)),
        "/api/2.0/sql/warehouses" => ("warehouses", warehouses()),
        "/api/2.0/pipelines" => ("statuses", pipelines()),
        "/api/2.2/jobs/runs/list" => (
            "runs",
            match runs(asked) {
                Ok(runs) => runs,
                Err(refused) => return Some(refused),
            },
        ),
        _ => return None,
    };
    let start = match asked.param("page_token") {
        None => 0,
        Some(token) => match token.strip_prefix("page/").and_then(|place| place.parse().ok()) {
            Some(start) => start,
            None => {
                return Some(error(
                    400,
                    "INVALID_PARAMETER_VALUE",
                    "The page token is not valid.",
                ));
            }
        },
    };
    let page: Vec<&Value> = items.iter().skip(start).take(PAGE).collect();
    let mut body = json!({ field: page });
    if let Some(fields) = body.as_object_mut().filter(|_| start + PAGE < items.len()) {
        let token = format!("page/{}", start + PAGE);
        fields.insert("next_page_token".to_owned(), json!(token));
    }
    Some(Reply::json(200, &body))
}

fn clusters(now: i64) -> Vec<Value> {
    let cluster = |id: &str, name: &str, state: &str, source: &str, ended: i64| {
        let mut cluster = json!({"cluster_id": id, "cluster_name": name, "state": state, "cluster_source": source,
            "creator_user_name": "bob@example.com", "node_type_id": "m5.large", "num_workers": 3, "start_time": now - 9_000_000,
            "autotermination_minutes": 30, "custom_tags": {"team": "data"}});
        if let Some(fields) = cluster.as_object_mut().filter(|_| ended > 0) {
            fields.insert("terminated_time".to_owned(), json!(now - ended));
        }
        cluster
    };
    vec![
        cluster("0710-091500-abc", "Shared", "RUNNING", "UI", 0),
        cluster("0801-000000-one", "job-501-run-1", "TERMINATED", "JOB", 3_600_000),
        cluster(
            "0702-000000-old",
            "job-501-run-0",
            "TERMINATED",
            "JOB",
            864_000_000,
        ),
    ]
}

fn warehouses() -> Vec<Value> {
    let warehouse = |id: &str, name: &str, state: &str, kind: &str, serverless: bool, clusters: u32| {
        json!({"id": id, "name": name, "state": state, "cluster_size": "Small", "warehouse_type": kind, "num_clusters": clusters,
            "enable_serverless_compute": serverless, "auto_stop_mins": 10, "creator_name": "bi@example.com"})
    };
    vec![
        warehouse(WAREHOUSE, "Reports", "RUNNING", "PRO", false, 2),
        warehouse("0000000000000001", "Old", "STOPPED", "CLASSIC", false, 1),
        warehouse("0000000000000002", "Fast", "STARTING", "PRO", true, 0),
    ]
}

fn pipelines() -> Vec<Value> {
    ["RUNNING", "IDLE", "IDLE"]
        .iter()
        .zip([("5f0c1f3e-pipe", "ingest"), ("p2", "clean"), ("p3", "serve")])
        .map(|(state, (id, name))| json!({"pipeline_id": id, "name": name, "state": state, "creator_user_name": "ann@example.com"}))
        .collect()
}

fn runs(asked: &Asked) -> Result<Vec<Value>, Reply> {
    let number = |name: &str| asked.param(name).and_then(|text| text.parse::<i64>().ok());
    if number("limit").is_none_or(|limit| !(1..25).contains(&limit)) {
        return Err(error(
            400,
            "INVALID_PARAMETER_VALUE",
            "limit must be less than 25",
        ));
    }
    let (from, to) = (
        number("start_time_from").unwrap_or(0),
        number("start_time_to").unwrap_or(i64::MAX),
    );
    let hour = 3_600_000;
    let now = asked.now.as_millisecond();
    let started = [
        ("SUCCESS", 1),
        ("SUCCESS", 2),
        ("FAILED", 3),
        ("TIMEDOUT", 4),
        ("SUCCESS", 40),
    ];
    let all = started.iter().zip(0_i64..).map(|((result, hours), place)| {
        json!({"run_id": 455_644_833_000_i64 + place, "job_id": 501, "run_name": "nightly load", "start_time": now - hours * hour,
            "end_time": now - hours * hour + 60_000, "state": {"life_cycle_state": "TERMINATED", "result_state": result}})
    });
    let inside = |run: &Value| {
        run["start_time"]
            .as_i64()
            .is_some_and(|at| from <= at && at <= to)
    };
    Ok(all.filter(inside).collect())
}
