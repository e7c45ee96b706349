//! What runs in the two projects: lists with pages, as each API writes them.

use super::{machines, reply::Reply};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The projects that have something.
pub const PROJECTS: [&str; 2] = ["acme-payments", "acme-data"];

pub(super) fn page(items: Vec<Value>, query: &BTreeMap<String, String>, size: usize) -> (Vec<Value>, String) {
    let from: usize = query
        .get("pageToken")
        .and_then(|token| token.parse().ok())
        .unwrap_or_default();
    let left = items.len().saturating_sub(from + size);
    let next = if left == 0 {
        String::new()
    } else {
        (from + size).to_string()
    };
    (items.into_iter().skip(from).take(size).collect(), next)
}

fn instance(project: &str, name: &str, zone: &str, machine: &str, status: &str, model: &str) -> Value {
    let base = format!("https://www.googleapis.com/compute/v1/projects/{project}/zones/{zone}");
    json!({"id": "1234567890123456789", "name": name, "status": status, "zone": base,
        "machineType": format!("{base}/machineTypes/{machine}"), "labels": {},
        "scheduling": {"provisioningModel": model}})
}

/// Cloud Run's list, as its older API writes it: pages by `limit` and `continue`.
fn run_services(project: &str, query: &BTreeMap<String, String>) -> Reply {
    let of = |name: &str, location: &str, memory: &str, managed: &str| {
        let mut labels = json!({"cloud.googleapis.com/location": location});
        if let (Some(labels), false) = (labels.as_object_mut(), managed.is_empty()) {
            labels.insert("goog-managed-by".to_owned(), json!(managed));
        }
        let limits = json!({"cpu": "1000m", "memory": memory});
        json!({"apiVersion": "serving.knative.dev/v1", "kind": "Service",
            "metadata": {"name": name, "namespace": "123", "labels": labels},
            "spec": {"template": {"spec": {"containers": [{"image": "x", "resources": {"limits": limits}}]}}}})
    };
    let all = match project {
        "acme-payments" => vec![
            of("shop", "europe-west1", "512Mi", ""),
            of("f1", "europe-west1", "256M", "cloudfunctions"),
            of("f2", "europe-west1", "256M", "cloudfunctions"),
            of("search", "us-central1", "2Gi", ""),
        ],
        _ => Vec::new(),
    };
    let asked = query
        .get("continue")
        .map(|token| ("pageToken".to_owned(), token.clone()));
    let (items, next) = page(all, &asked.into_iter().collect(), 3);
    Reply::json(
        &json!({"apiVersion": "serving.knative.dev/v1", "kind": "ServiceList", "items": items,
        "metadata": {"continue": next, "resourceVersion": "1"}, "unreachable": []}),
    )
}

/// The answer of an API to a list; none where there is no such list.
pub(crate) fn list(host: &str, path: &[&str], query: &BTreeMap<String, String>) -> Option<Reply> {
    if let Some(reply) = machines::answer(host, path, query) {
        return Some(reply);
    }
    let size = 2;
    let body = match (host, path) {
        ("compute.googleapis.com", ["compute", "v1", "projects", project, "aggregated", "instances"]) => {
            let zone = "europe-west1-b";
            let all = match *project {
                "acme-payments" => vec![
                    instance(project, "web-1", zone, "n1-standard-2", "RUNNING", "STANDARD"),
                    instance(project, "web-2", zone, "n1-standard-2", "RUNNING", "STANDARD"),
                    instance(project, "batch-1", zone, "e2-medium", "TERMINATED", "SPOT"),
                ],
                _ => Vec::new(),
            };
            let (instances, next) = page(all, query, size);
            let none = json!({"warning": {"code": "NO_RESULTS_ON_PAGE", "message": "There are no results"}});
            json!({"items": {format!("zones/{zone}"): {"instances": instances}, "zones/us-central1-a": none},
                "nextPageToken": next})
        }
        ("container.googleapis.com", ["v1", "projects", "acme-payments", "locations", "-", "clusters"]) => {
            let pools = json!([
                {"name": "default-pool", "initialNodeCount": 3, "config": {"machineType": "e2-standard-4"}},
                {"name": "spot", "initialNodeCount": 1, "config": {"machineType": "n1-standard-2"}}
            ]);
            json!({"clusters": [{"name": "prod", "location": "europe-west1-b", "currentNodeCount": 5, "nodePools": pools,
                "autopilot": {}, "resourceLabels": {"team": "core"}}]})
        }
        ("container.googleapis.com", ["v1", "projects", _, "locations", "-", "clusters"]) => json!({}),
        ("cloudfunctions.googleapis.com", ["v2", "projects", project, "locations", "-", "functions"]) => {
            let of = |name: &str, memory: &str| {
                json!({"name": format!("projects/{project}/locations/europe-west1/functions/{name}"), "environment": "GEN_2",
                    "serviceConfig": {"availableMemory": memory, "availableCpu": "0.1666"}})
            };
            let all = match *project {
                "acme-payments" => vec![of("f1", "256M"), of("f2", "256M"), of("f3", "1Gi")],
                _ => Vec::new(),
            };
            let (functions, next) = page(all, query, size);
            json!({"functions": functions, "nextPageToken": next})
        }
        ("sqladmin.googleapis.com", ["v1", "projects", project, "instances"]) => {
            let of = |name: &str, disk: &str| {
                json!({"name": name, "region": "us-central1", "databaseVersion": "POSTGRES_16", "state": "RUNNABLE",
                    "settings": {"tier": "db-custom-4-16384", "dataDiskSizeGb": disk}})
            };
            let all = match *project {
                "acme-data" => vec![of("db-1", "100"), of("db-2", "250"), of("db-3", "10")],
                _ => Vec::new(),
            };
            let (items, next) = page(all, query, size);
            json!({"kind": "sql#instancesList", "items": items, "nextPageToken": next})
        }
        ("storage.googleapis.com", ["storage", "v1", "b"]) => {
            let of = |location: &str, class: &str| json!({"location": location, "storageClass": class});
            let all = match query.get("project").map(String::as_str) {
                Some("acme-data") => vec![of("US", "STANDARD"), of("US", "STANDARD"), of("EU", "NEARLINE")],
                Some(_) => Vec::new(),
                None => return Some(Reply::error(400, "required", "Required parameter: project")),
            };
            let (items, next) = page(all, query, size);
            json!({"items": items, "nextPageToken": next})
        }
        (
            "run.googleapis.com",
            [
                "apis",
                "serving.knative.dev",
                "v1",
                "namespaces",
                project,
                "services",
            ],
        ) => return Some(run_services(project, query)),
        _ => return None,
    };
    Some(Reply::json(&body))
}
