//! Projects and clusters.

use super::ORGANIZATION;
use serde_json::{Value, json};

const PROD: &str = "5f1a00000000000000000001";
const DEV: &str = "5f1a00000000000000000002";

/// `GET /groups`: the credential also sees a project of another organization.
pub(super) fn groups() -> Vec<Value> {
    let of = |id: &str, name: &str, organization: &str, clusters: u32| json!({"id": id, "name": name, "orgId": organization, "clusterCount": clusters, "created": "2025-01-01T00:00:00Z"});
    vec![
        of(PROD, "prod", ORGANIZATION, 2),
        of(DEV, "dev", ORGANIZATION, 1),
        of(
            "5f1a00000000000000000009",
            "elsewhere",
            "5f0c00000000000000000009",
            7,
        ),
    ]
}

/// `GET /groups/{id}/clusters`, version 2024-08-05: each shard is listed.
pub(super) fn clusters(group: &str) -> Option<Vec<Value>> {
    // A double, by its digits.
    let disk: Value = serde_json::from_str("40.0").unwrap_or_default();
    let nodes = |size: &str, count: u32| json!({"instanceSize": size, "nodeCount": count, "diskSizeGB": disk, "diskIOPS": 3000});
    let region = |provider: &str, name: &str, size: &str, count: u32, analytics: u32| {
        json!({"providerName": provider, "regionName": name, "priority": 7, "electableSpecs": nodes(size, count),
            "readOnlySpecs": nodes(size, 0), "analyticsSpecs": nodes(size, analytics)})
    };
    let cluster = |id: &str, name: &str, kind: &str, paused: bool, shards: Vec<Value>| {
        json!({"id": id, "groupId": group, "name": name, "stateName": "IDLE", "paused": paused, "clusterType": kind,
            "mongoDBVersion": "8.0.12", "createDate": "2025-01-01T00:00:00Z", "tags": [{"key": "env", "value": "prod"}],
            "replicationSpecs": shards})
    };
    let shard = |regions: Vec<Value>| json!({"id": "a", "zoneName": "Zone 1", "regionConfigs": regions});
    match group {
        PROD => Some(vec![
            cluster(
                "66c0000000000000000000a1",
                "orders",
                "SHARDED",
                false,
                vec![
                    shard(vec![region("AWS", "EU_WEST_1", "M30", 3, 1)]),
                    shard(vec![region("AWS", "EU_WEST_1", "M30", 3, 0)]),
                ],
            ),
            cluster(
                "66c0000000000000000000a2",
                "catalog",
                "REPLICASET",
                false,
                vec![shard(vec![region("GCP", "WESTERN_EUROPE", "M20", 3, 0)])],
            ),
        ]),
        DEV => Some(vec![cluster(
            "66c0000000000000000000b1",
            "sandbox",
            "REPLICASET",
            true,
            vec![shard(vec![region("AZURE", "EUROPE_NORTH", "M10", 3, 0)])],
        )]),
        _ => None,
    }
}
