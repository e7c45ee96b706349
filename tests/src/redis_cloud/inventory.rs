//! Subscriptions and databases of both plans. A database comes with its password in clear.

use crate::provider::Asked;
use serde_json::{Value, json};

/// The password of every database.
pub const PASSWORD: &str = "hunter2-in-clear-text";

/// A list; none where there is no such thing.
pub(super) fn list(path: &[&str], asked: &Asked) -> Option<Value> {
    let from = |name: &str, default: usize| asked.param(name).map_or(Some(default), |text| text.parse().ok());
    match path {
        ["subscriptions"] => Some(json!({"accountId": 1001, "subscriptions": [
            {"id": 2001, "name": "prod", "status": "active", "paymentMethodType": "credit-card", "memoryStorage": "ram",
             "numberOfDatabases": 102, "deploymentType": "single-region",
             "cloudDetails": [{"provider": "AWS", "cloudAccountId": 1, "totalSizeInGb": 5, "regions": [{"region": "us-east-1"}]}],
             "subscriptionPricing": [{"type": "Shards", "quantity": 2, "quantityMeasurement": "shards", "pricePerUnit": 1,
              "priceCurrency": "USD", "pricePeriod": "hour"}]},
        ], "links": []})),
        ["subscriptions", "2001", "databases"] => {
            let (offset, limit) = (from("offset", 0)?, from("limit", 100)?.min(100));
            let ids = (51_234_567_u64..51_234_669).skip(offset).take(limit);
            let databases: Vec<Value> = ids.map(|id| database(id, "us-east-1")).collect();
            Some(
                json!({"accountId": 1001, "subscription": [{"subscriptionId": 2001, "numberOfDatabases": databases.len(),
                "databases": databases}], "links": []}),
            )
        }
        ["fixed", "subscriptions"] => Some(json!({"accountId": 1001, "subscriptions": [
            {"id": 3001, "name": "small", "status": "active", "paymentMethodType": "marketplace", "planName": "250MB", "size": 250,
             "sizeMeasurementUnit": "MB", "provider": "GCP", "region": "europe-west1", "price": 7, "pricePeriod": "Month",
             "priceCurrency": "USD"},
        ]})),
        // An object, where the documented samples have a list.
        ["fixed", "subscriptions", "3001", "databases"] => Some(json!({"accountId": 1001,
            "subscription": {"subscriptionId": 3001, "databases": [database(9001, "europe-west1")]}})),
        _ => None,
    }
}

fn database(id: u64, region: &str) -> Value {
    json!({"databaseId": id, "name": format!("db-{id}"), "provider": "AWS", "region": region, "status": "active",
        "memoryLimitInGb": 2, "datasetSizeInGb": 1, "memoryUsedInMb": 512, "clustering": {"numberOfShards": 2},
        "throughputMeasurement": {"by": "operations-per-second", "value": 1000}, "replication": true, "modules": [],
        "security": {"password": PASSWORD, "sslClientAuthentication": false, "sourceIps": ["0.0.0.0/0"]},
        "activatedOn": "2026-01-01T00:00:00Z", "lastModified": "2026-07-01T00:00:00Z"})
}
