//! Running instances of one more project, their machine types, and the price catalog: tests/data/gcp/machines.json, as the
//! Compute API and the Cloud Billing Catalog write them.

use super::{inventory::page, reply::Reply};
use serde_json::{Value, json};
use std::{collections::BTreeMap, sync::OnceLock};

/// The project.
pub const PROJECT: &str = "acme-batch";
/// The catalog's id of Compute Engine.
const COMPUTE: &str = "6F81-5844-456A";

fn data() -> &'static Value {
    static DATA: OnceLock<Value> = OnceLock::new();
    DATA.get_or_init(|| {
        serde_json::from_str(include_str!("../../data/gcp/machines.json")).unwrap_or_default()
    })
}

fn list(of: &str) -> impl Iterator<Item = &'static Value> {
    data().get(of).and_then(Value::as_array).into_iter().flatten()
}

fn of(value: &'static Value, name: &str) -> &'static Value {
    value.get(name).unwrap_or(&Value::Null)
}

/// The answer to a question about these; none where it is about something else.
pub(crate) fn answer(host: &str, path: &[&str], query: &BTreeMap<String, String>) -> Option<Reply> {
    match (host, path) {
        ("compute.googleapis.com", ["compute", "v1", "projects", PROJECT, "aggregated", "instances"]) => {
            Some(instances(query))
        }
        (
            "compute.googleapis.com",
            [
                "compute",
                "v1",
                "projects",
                PROJECT,
                "zones",
                zone,
                "machineTypes",
                name,
            ],
        ) => {
            let Some(found) = data().get("machine_types").and_then(|types| types.get(name)) else {
                return Some(Reply::error(404, "notFound", "The resource was not found"));
            };
            let mut shape = found.clone();
            if let Some(shape) = shape.as_object_mut() {
                shape.insert("name".to_owned(), json!(name));
                shape.insert("zone".to_owned(), json!(zone));
                shape.insert("kind".to_owned(), json!("compute#machineType"));
            }
            Some(Reply::json(&shape))
        }
        ("cloudbilling.googleapis.com", ["v1", "services", COMPUTE, "skus"]) => Some(skus(query)),
        _ => None,
    }
}

fn instances(query: &BTreeMap<String, String>) -> Reply {
    let all = list("instances")
        .map(|one| {
            let text = |name: &str| of(one, name).as_str().unwrap_or_default();
            let base = format!("https://www.googleapis.com/compute/v1/projects/{PROJECT}/zones/{}", text("zone"));
            let mut instance = json!({"id": "77", "name": text("name"), "status": text("status"), "zone": base,
                "machineType": format!("{base}/machineTypes/{}", text("type")),
                "creationTimestamp": text("created"), "scheduling": {"provisioningModel": text("model")}});
            if let (Some(started), Some(instance)) = (of(one, "started").as_str(), instance.as_object_mut()) {
                instance.insert("lastStartTimestamp".to_owned(), json!(started));
            }
            (format!("zones/{}", text("zone")), instance)
        })
        .map(|(zone, instance)| json!([zone, instance]))
        .collect();
    let (shown, next) = page(all, query, 3);
    let mut zones: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for pair in shown {
        if let (Some(zone), Some(instance)) = (pair.get(0).and_then(Value::as_str), pair.get(1)) {
            zones.entry(zone.to_owned()).or_default().push(instance.clone());
        }
    }
    let items: BTreeMap<String, Value> = zones
        .into_iter()
        .map(|(zone, instances)| (zone, json!({ "instances": instances })))
        .collect();
    Reply::json(&json!({"items": items, "nextPageToken": next}))
}

fn skus(query: &BTreeMap<String, String>) -> Reply {
    let currency = query.get("currencyCode").map_or("USD", String::as_str);
    let all = list("skus")
        .map(|sku| {
            let rates: Vec<Value> = of(sku, "rates")
                .as_array()
                .into_iter()
                .flatten()
                .map(|rate| {
                    json!({"startUsageAmount": rate.get(0),
                        "unitPrice": {"currencyCode": currency, "units": rate.get(1), "nanos": rate.get(2)}})
                })
                .collect();
            let id = of(sku, "skuId").as_str().unwrap_or_default();
            json!({"name": format!("services/{COMPUTE}/skus/{id}"), "skuId": id, "description": of(sku, "description"),
                "category": {"serviceDisplayName": "Compute Engine", "resourceFamily": "Compute",
                    "resourceGroup": of(sku, "group"), "usageType": of(sku, "usage")},
                "serviceRegions": of(sku, "regions"), "serviceProviderName": "Google",
                "pricingInfo": [{"effectiveTime": "2026-08-01T08:00:00.123Z", "currencyConversionRate": 1,
                    "pricingExpression": {"usageUnit": of(sku, "unit"), "displayQuantity": 1, "tieredRates": rates}}]})
        })
        .collect();
    let (skus, next) = page(all, query, 5);
    Reply::json(&json!({"skus": skus, "nextPageToken": next}))
}
