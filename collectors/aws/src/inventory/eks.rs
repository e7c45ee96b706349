//! EKS: clusters and the nodes that their managed groups shall have. Each node is counted in its group alone.

use super::Region;
use crate::percent::encoded;
use finops_collector::{Decimal, Failure, HttpRequest};
use serde::{Deserialize, de::DeserializeOwned};
use std::collections::BTreeMap;

#[derive(Deserialize)]
struct Clusters {
    clusters: Vec<String>,
    #[serde(rename = "nextToken", default)]
    next: Option<String>,
}

#[derive(Deserialize)]
struct OfCluster {
    cluster: Cluster,
}

#[derive(Deserialize)]
struct Cluster {
    #[serde(default)]
    tags: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
struct Groups {
    nodegroups: Vec<String>,
    #[serde(rename = "nextToken", default)]
    next: Option<String>,
}

#[derive(Deserialize)]
struct OfGroup {
    nodegroup: NodeGroup,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct NodeGroup {
    #[serde(default)]
    capacity_type: Option<String>,
    #[serde(default)]
    instance_types: Option<Vec<String>>,
    #[serde(default)]
    scaling_config: Option<Scaling>,
    #[serde(default)]
    tags: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Scaling {
    #[serde(default)]
    desired_size: Option<u32>,
}

fn get<T: DeserializeOwned>(region: &Region<'_>, path: &str, operation: &str) -> Result<T, Failure> {
    let url = format!("{}{path}", region.url("eks"));
    let response = region.api.send(&HttpRequest::get(url), operation)?;
    response.json().map_err(|failure| failure.context(operation))
}

/// All pages of a list.
fn list<T: DeserializeOwned>(
    region: &Region<'_>,
    path: &str,
    operation: &str,
    parts: impl Fn(T) -> (Vec<String>, Option<String>),
) -> Result<Vec<String>, Failure> {
    let mut all = Vec::new();
    let mut token: Option<String> = None;
    loop {
        let after = token
            .as_deref()
            .map(|token| format!("&nextToken={}", encoded(token)));
        let path = format!("{path}?maxResults=100{}", after.unwrap_or_default());
        let (names, next) = parts(get(region, &path, operation)?);
        all.extend(names);
        match next.filter(|next| !next.is_empty()) {
            None => return Ok(all),
            same if same == token => {
                return Err(Failure::malformed(format_args!(
                    "{operation}: the pages lead in a circle"
                )));
            }
            next => token = next,
        }
    }
}

fn pairs(tags: Option<BTreeMap<String, String>>) -> Vec<(String, String)> {
    tags.into_iter().flatten().collect()
}

pub(super) fn clusters(region: &mut Region<'_>) -> Result<(), Failure> {
    let names = list(region, "clusters", "ListClusters", |page: Clusters| {
        (page.clusters, page.next)
    })?;
    for name in names {
        let path = format!("clusters/{}", encoded(&name));
        let OfCluster { cluster } = get(region, &path, "DescribeCluster")?;
        let dimensions = [("cluster", name.as_str())];
        region.see(
            ("cluster", "Clusters"),
            Decimal::ONE,
            &dimensions,
            &pairs(cluster.tags),
        );
        let path = format!("{path}/node-groups");
        let groups = list(region, &path, "ListNodegroups", |page: Groups| {
            (page.nodegroups, page.next)
        })?;
        for group in groups {
            let path = format!("{path}/{}", encoded(&group));
            let OfGroup { nodegroup } = get(region, &path, "DescribeNodegroup")?;
            let Some(nodes) = nodegroup.scaling_config.and_then(|scaling| scaling.desired_size) else {
                region.api.warn_once(
                    "a node group does not say how many nodes it shall have: it is left out".to_owned(),
                );
                continue;
            };
            let types = nodegroup.instance_types.unwrap_or_default().join(",");
            let dimensions = [
                ("cluster", name.as_str()),
                ("group", group.as_str()),
                ("type", types.as_str()),
                ("capacity", nodegroup.capacity_type.as_deref().unwrap_or_default()),
            ];
            region.see(
                ("nodes", "Nodes"),
                Decimal::from(nodes),
                &dimensions,
                &pairs(nodegroup.tags),
            );
        }
    }
    Ok(())
}
