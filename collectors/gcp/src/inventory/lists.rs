//! The lists: what each API calls its things, as far as they are counted.

use super::{
    Counts, add,
    pages::{Page, pages},
};
use crate::{api::Api, refusal::Refusal};
use finops_collector::{Decimal, escaped};
use serde::Deserialize;
use std::collections::BTreeMap;

/// The last part of a link: `e2-medium` of `.../machineTypes/e2-medium`.
fn last(link: &str) -> &str {
    link.rsplit('/').next().unwrap_or(link)
}

macro_rules! page {
    ($name:ident { $field:ident: $type:ty } unreachable $unreachable:literal) => {
        #[derive(Deserialize)]
        struct $name {
            #[serde(default)]
            $field: $type,
            #[serde(rename = "nextPageToken", default)]
            next: Option<String>,
            #[serde(rename = $unreachable, default)]
            unreachable: Vec<String>,
        }

        impl Page for $name {
            fn next(&mut self) -> Option<String> {
                self.next.take()
            }

            fn unreachable(&self) -> &[String] {
                &self.unreachable
            }
        }
    };
}

page!(Zones { items: BTreeMap<String, Zone> } unreachable "unreachables");
page!(Functions { functions: Vec<Function> } unreachable "unreachable");
page!(Databases { items: Vec<Database> } unreachable "unreachable");
page!(Buckets { items: Vec<Bucket> } unreachable "unreachable");
page!(Clusters { clusters: Vec<Cluster> } unreachable "missingZones");

#[derive(Default, Deserialize)]
struct Zone {
    #[serde(default)]
    instances: Vec<Instance>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Instance {
    #[serde(default)]
    machine_type: String,
    #[serde(default)]
    status: String,
    #[serde(default)]
    scheduling: Scheduling,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Scheduling {
    #[serde(default)]
    provisioning_model: Option<String>,
    #[serde(default)]
    preemptible: bool,
}

pub(super) fn instances(api: &Api<'_>, project: &str) -> Result<Counts, Refusal> {
    let url = format!(
        "https://compute.googleapis.com/compute/v1/projects/{}/aggregated/instances?maxResults=500",
        escaped(project)
    );
    let mut counts = Counts::new();
    for page in pages::<Zones>(api, &url, "the instances")? {
        for (zone, of) in &page.items {
            for instance in &of.instances {
                let model = match (
                    &instance.scheduling.provisioning_model,
                    instance.scheduling.preemptible,
                ) {
                    (Some(model), _) => model.as_str(),
                    (None, true) => "PREEMPTIBLE",
                    (None, false) => "STANDARD",
                };
                let dimensions = [
                    ("project", project),
                    ("zone", last(zone)),
                    ("machine-type", last(&instance.machine_type)),
                    ("status", instance.status.as_str()),
                    ("provisioning-model", model),
                ];
                add(&mut counts, "instances", &dimensions, Decimal::ONE)?;
            }
        }
    }
    Ok(counts)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Cluster {
    name: String,
    #[serde(default)]
    location: String,
    #[serde(default)]
    current_node_count: u32,
    #[serde(default)]
    autopilot: Autopilot,
    #[serde(default)]
    node_pools: Vec<Pool>,
}

#[derive(Default, Deserialize)]
struct Autopilot {
    #[serde(default)]
    enabled: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Pool {
    name: String,
    #[serde(default)]
    initial_node_count: u32,
    #[serde(default)]
    config: PoolConfig,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PoolConfig {
    #[serde(default)]
    machine_type: String,
}

pub(super) fn clusters(api: &Api<'_>, project: &str) -> Result<Counts, Refusal> {
    // There are no pages; the parameter is one that every API takes.
    let url = format!(
        "https://container.googleapis.com/v1/projects/{}/locations/-/clusters?alt=json",
        escaped(project)
    );
    let mut counts = Counts::new();
    for page in pages::<Clusters>(api, &url, "the clusters")? {
        for cluster in &page.clusters {
            let mode = if cluster.autopilot.enabled {
                "autopilot"
            } else {
                "standard"
            };
            let of_cluster = [
                ("project", project),
                ("location", cluster.location.as_str()),
                ("cluster", cluster.name.as_str()),
                ("mode", mode),
            ];
            add(
                &mut counts,
                "cluster-nodes",
                &of_cluster,
                Decimal::from(cluster.current_node_count),
            )?;
            for pool in &cluster.node_pools {
                let of_pool = [
                    ("project", project),
                    ("location", cluster.location.as_str()),
                    ("cluster", cluster.name.as_str()),
                    ("pool", pool.name.as_str()),
                    ("machine-type", pool.config.machine_type.as_str()),
                ];
                add(
                    &mut counts,
                    "node-pool-nodes",
                    &of_pool,
                    Decimal::from(pool.initial_node_count),
                )?;
            }
        }
    }
    Ok(counts)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Function {
    name: String,
    #[serde(default)]
    environment: String,
    #[serde(default)]
    service_config: ServiceConfig,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ServiceConfig {
    #[serde(default)]
    available_memory: String,
}

pub(super) fn functions(api: &Api<'_>, project: &str) -> Result<Counts, Refusal> {
    let url = format!(
        "https://cloudfunctions.googleapis.com/v2/projects/{}/locations/-/functions?pageSize=1000",
        escaped(project)
    );
    let mut counts = Counts::new();
    for page in pages::<Functions>(api, &url, "the functions")? {
        for function in &page.functions {
            // projects/p/locations/europe-west1/functions/f
            let location = function.name.split('/').nth(3).unwrap_or_default();
            let dimensions = [
                ("project", project),
                ("location", location),
                ("environment", function.environment.as_str()),
                ("memory", function.service_config.available_memory.as_str()),
            ];
            add(&mut counts, "functions", &dimensions, Decimal::ONE)?;
        }
    }
    Ok(counts)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Database {
    #[serde(default)]
    region: String,
    #[serde(default)]
    database_version: String,
    #[serde(default)]
    state: String,
    #[serde(default)]
    settings: DatabaseSettings,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct DatabaseSettings {
    #[serde(default)]
    tier: String,
    #[serde(default)]
    data_disk_size_gb: Option<Decimal>,
}

pub(super) fn databases(api: &Api<'_>, project: &str) -> Result<Counts, Refusal> {
    let url = format!(
        "https://sqladmin.googleapis.com/v1/projects/{}/instances?maxResults=500",
        escaped(project)
    );
    let mut counts = Counts::new();
    for page in pages::<Databases>(api, &url, "the databases")? {
        for database in &page.items {
            let dimensions = [
                ("project", project),
                ("region", database.region.as_str()),
                ("tier", database.settings.tier.as_str()),
                ("engine", database.database_version.as_str()),
                ("state", database.state.as_str()),
            ];
            add(&mut counts, "sql-instances", &dimensions, Decimal::ONE)?;
            if let Some(disk) = database.settings.data_disk_size_gb {
                add(&mut counts, "sql-storage", &dimensions, disk)?;
            }
        }
    }
    Ok(counts)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Bucket {
    #[serde(default)]
    location: String,
    #[serde(default)]
    storage_class: String,
}

pub(super) fn buckets(api: &Api<'_>, project: &str) -> Result<Counts, Refusal> {
    let url = format!(
        "https://storage.googleapis.com/storage/v1/b?project={}&maxResults=1000&fields=items%28location%2CstorageClass%29%2CnextPageToken",
        escaped(project)
    );
    let mut counts = Counts::new();
    for page in pages::<Buckets>(api, &url, "the buckets")? {
        for bucket in &page.items {
            let dimensions = [
                ("project", project),
                ("location", bucket.location.as_str()),
                ("storage-class", bucket.storage_class.as_str()),
            ];
            add(&mut counts, "buckets", &dimensions, Decimal::ONE)?;
        }
    }
    Ok(counts)
}
