//! Clusters of the organization's projects as observations.
//! What must hold: a project's clusters are counted only if all of them could be listed; what cannot be is warned of, never none.

use crate::{
    api::{Api, Version},
    invoice::number,
    settings::{Settings, is_id},
};
use finops_collector::{Counts, Decimal, Failure, Request, Source, excerpt};
use serde::Deserialize;
use serde_json::Number;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Project {
    id: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    org_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Cluster {
    #[serde(default)]
    id: Option<String>,
    name: String,
    #[serde(default)]
    state_name: String,
    #[serde(default)]
    paused: bool,
    #[serde(default)]
    cluster_type: String,
    #[serde(default, rename = "mongoDBVersion")]
    version: String,
    #[serde(default)]
    replication_specs: Vec<Shard>,
}

/// In this version of the API each shard is listed.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Shard {
    #[serde(default)]
    region_configs: Vec<Region>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Region {
    #[serde(default)]
    provider_name: String,
    /// The cloud under a shared tenant.
    #[serde(default)]
    backing_provider_name: Option<String>,
    #[serde(default)]
    region_name: String,
    #[serde(default)]
    electable_specs: Option<Nodes>,
    #[serde(default)]
    read_only_specs: Option<Nodes>,
    #[serde(default)]
    analytics_specs: Option<Nodes>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Nodes {
    #[serde(default)]
    instance_size: Option<String>,
    #[serde(default)]
    node_count: Option<Number>,
    #[serde(default, rename = "diskSizeGB")]
    disk_size_gb: Option<Number>,
}

/// Lists everything and stores the counts.
///
/// # Errors
/// The host's, where it refuses an observation. What Atlas refuses is warned of.
pub(crate) fn observe(
    api: &Api<'_>,
    request: &Request,
    settings: &Settings,
    source: &Source,
) -> Result<(), Failure> {
    if !settings.clusters {
        return Ok(());
    }
    let mut counts = Counts::default();
    match projects(api, settings) {
        Ok(projects) => {
            for project in projects {
                match of_project(api, &project) {
                    Ok(counted) => counts.extend(counted),
                    Err(failure) => api.warn_once(format!(
                        "clusters of the project {} are not counted: {failure}",
                        excerpt(&project.name, 80)
                    )),
                }
            }
        }
        Err(failure) => api.warn_once(format!("clusters are not counted: {failure}")),
    }
    counts.observe(api.host, source, request.now)
}

/// The organization's projects that the credential may see.
fn projects(api: &Api<'_>, settings: &Settings) -> Result<Vec<Project>, Failure> {
    let mut projects: Vec<Project> = api.list(
        "/groups",
        "",
        Version::V20230101,
        "the list of projects",
        |project: &Project| Some(project.id.clone()),
    )?;
    projects.retain(|project| {
        let of = project.org_id.as_deref();
        of.is_none_or(|organization| organization == settings.organization)
    });
    match projects.iter().any(|project| !is_id(&project.id)) {
        true => Err(Failure::malformed("a project has no id of 24 hexadecimal digits")),
        false => Ok(projects),
    }
}

fn of_project(api: &Api<'_>, project: &Project) -> Result<Counts, Failure> {
    let clusters: Vec<Cluster> = api.list(
        &format!("/groups/{}/clusters", project.id),
        "",
        Version::V20240805,
        "the list of clusters",
        |cluster: &Cluster| cluster.id.clone().or_else(|| Some(cluster.name.clone())),
    )?;
    let mut counts = Counts::default();
    for cluster in &clusters {
        count(&mut counts, project, cluster)?;
    }
    Ok(counts)
}

fn count(counts: &mut Counts, project: &Project, cluster: &Cluster) -> Result<(), Failure> {
    let state = if cluster.paused {
        "PAUSED"
    } else {
        cluster.state_name.as_str()
    };
    let of_project = [("project", project.name.as_str())];
    let of_cluster = [of_project.as_slice(), &[("cluster", cluster.name.as_str())]].concat();
    counts.add(
        ("clusters", "Clusters"),
        &[
            of_project.as_slice(),
            &[
                ("type", cluster.cluster_type.as_str()),
                ("version", cluster.version.as_str()),
                ("state", state),
            ],
        ]
        .concat(),
        Decimal::ONE,
    )?;
    for shard in &cluster.replication_specs {
        counts.add(("cluster-shards", "Shards"), &of_cluster, Decimal::ONE)?;
        for region in &shard.region_configs {
            let provider = region.backing_provider_name.as_deref();
            let place = [
                ("provider", provider.unwrap_or(&region.provider_name)),
                ("region", region.region_name.as_str()),
            ];
            let roles = [
                ("electable", &region.electable_specs),
                ("read-only", &region.read_only_specs),
                ("analytics", &region.analytics_specs),
            ];
            for (role, nodes) in roles {
                let Some(nodes) = nodes else { continue };
                let Some(number_of) = number(nodes.node_count.as_ref())?.filter(|number| !number.is_zero())
                else {
                    continue;
                };
                let size = nodes.instance_size.as_deref().unwrap_or_default();
                let kind = [("size", size), ("role", role)];
                let dimensions = [of_cluster.as_slice(), &place, &kind].concat();
                counts.add(("cluster-nodes", "Nodes"), &dimensions, number_of)?;
                if let Some(disk) = number(nodes.disk_size_gb.as_ref())? {
                    let disk = disk.checked_mul(number_of).map_err(Failure::malformed)?;
                    let dimensions = [of_cluster.as_slice(), &place].concat();
                    counts.add(("cluster-storage", "GB"), &dimensions, disk)?;
                }
            }
        }
    }
    Ok(())
}
