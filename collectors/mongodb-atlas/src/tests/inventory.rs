//! Clusters as observations.

use super::fake::{Org, number, run, says};
use finops_collector::testing::{FakeHost, reply};
use serde_json::json;

/// Observations as text, without those whose name is another.
fn seen(host: &FakeHost, name: &str) -> Vec<String> {
    let observations = host.observations();
    let of = observations.iter().filter(|observation| observation.name == name);
    of.map(|observation| {
        let values: Vec<_> = observation
            .dimensions
            .iter()
            .map(|(_, value)| value.as_str())
            .collect();
        format!("{} = {}", values.join("/"), observation.value)
    })
    .collect()
}

#[test]
fn shards_nodes_and_storage_are_counted_by_place_and_role() {
    let region = |name: &str, nodes: u32| {
        json!({"providerName": "AWS", "regionName": name, "priority": 7,
            "electableSpecs": {"instanceSize": "M30", "nodeCount": nodes, "diskSizeGB": number("40.0"), "diskIOPS": 3000},
            "readOnlySpecs": {"instanceSize": "M30", "nodeCount": 0, "diskSizeGB": number("40.0")},
            "analyticsSpecs": {"instanceSize": "M40", "nodeCount": 1, "diskSizeGB": number("40.0")}})
    };
    let shard = json!({"id": "s", "zoneName": "z", "regionConfigs": [region("EU_WEST_1", 2), region("EU_CENTRAL_1", 1)]});
    let cluster = json!({"id": "c1", "name": "orders", "groupId": "g", "stateName": "IDLE", "paused": false,
        "clusterType": "SHARDED", "mongoDBVersion": "8.0.4", "replicationSpecs": [shard, shard]});
    let shared = json!({"name": "sandbox", "stateName": "IDLE", "paused": true, "clusterType": "REPLICASET",
        "replicationSpecs": [{"regionConfigs": [{"providerName": "TENANT", "backingProviderName": "GCP",
            "regionName": "CENTRAL_US", "electableSpecs": {"instanceSize": "M0"}}]}]});
    let host = Org {
        clusters: json!({"results": [cluster, shared]}),
        ..Org::default()
    }
    .host();
    run(&host).unwrap();
    assert_eq!(
        seen(&host, "clusters"),
        ["prod/REPLICASET//PAUSED = 1", "prod/SHARDED/8.0.4/IDLE = 1"]
    );
    assert_eq!(
        seen(&host, "cluster-shards"),
        ["prod/orders = 2", "prod/sandbox = 1"]
    );
    assert_eq!(
        seen(&host, "cluster-nodes"),
        [
            "prod/orders/AWS/EU_CENTRAL_1/M30/electable = 2",
            "prod/orders/AWS/EU_CENTRAL_1/M40/analytics = 2",
            "prod/orders/AWS/EU_WEST_1/M30/electable = 4",
            "prod/orders/AWS/EU_WEST_1/M40/analytics = 2",
        ]
    );
    assert_eq!(
        seen(&host, "cluster-storage"),
        [
            "prod/orders/AWS/EU_CENTRAL_1 = 160",
            "prod/orders/AWS/EU_WEST_1 = 240"
        ]
    );
}

#[test]
fn clusters_that_cannot_be_listed_are_warned_of_and_the_money_stays() {
    let denied = r#"{"error":403,"errorCode":"USER_UNAUTHORIZED","detail":"no"}"#;
    let host =
        Org::default().host_but(move |request| request.url.contains("/clusters").then(|| reply(403, denied)));
    run(&host).unwrap();
    assert!(says(&host, "clusters of the project prod are not counted"));
    assert!(host.observations().is_empty() && !host.records("spend").is_empty());
}
