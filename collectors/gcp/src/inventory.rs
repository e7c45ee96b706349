//! What is running in the configured projects: counts of instances, nodes, functions, databases and buckets as observations.
//! What must hold: a list is counted only when all its pages came; what cannot be listed is warned of and never counted as none.

use crate::{
    api::{Api, escaped},
    refusal::Refusal,
    settings::Settings,
};
use finops_collector::{Decimal, Failure, HttpRequest, Instant, Observation, Request, Source, excerpt};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// Pages of one list after which something must be wrong.
const PAGES: usize = 10_000;

/// Numbers by the name of the observation and its dimensions.
type Counts = BTreeMap<(&'static str, Vec<(String, String)>), Decimal>;

/// Lists everything and stores the counts.
///
/// # Errors
/// The host's, where it refuses an observation. What Google refuses is warned of.
pub(crate) fn observe(
    api: &Api<'_>,
    request: &Request,
    settings: &Settings,
    source: &Source,
) -> Result<(), Failure> {
    let mut counts = Counts::new();
    for project in &settings.projects {
        let kinds: [(&str, fn(&Api<'_>, &str) -> Result<Counts, Refusal>); 5] = [
            ("instances", instances),
            ("clusters", clusters),
            ("functions", functions),
            ("databases", databases),
            ("buckets", buckets),
        ];
        for (kind, list) in kinds {
            match list(api, project) {
                Ok(listed) => counts.extend(listed),
                Err(refusal) => api.warn_once(format!(
                    "{kind} of {project} are not counted: {}",
                    refusal.failure
                )),
            }
        }
    }
    let observations: Vec<Observation> = counts
        .into_iter()
        .map(|((name, dimensions), value)| observation(source, request.now, name, dimensions, value))
        .collect();
    match observations.is_empty() {
        true => Ok(()),
        false => api.host.observe(&observations),
    }
}

fn observation(
    source: &Source,
    at: Instant,
    name: &str,
    dimensions: Vec<(String, String)>,
    value: Decimal,
) -> Observation {
    let unit = match name {
        "cluster-nodes" | "node-pool-nodes" => "Nodes",
        "functions" => "Functions",
        "sql-storage" => "GB",
        "buckets" => "Buckets",
        _ => "Instances",
    };
    Observation {
        name: name.to_owned(),
        source: source.clone(),
        at,
        dimensions,
        value,
        unit: unit.to_owned(),
    }
}

fn add(
    counts: &mut Counts,
    name: &'static str,
    dimensions: &[(&str, &str)],
    value: Decimal,
) -> Result<(), Refusal> {
    let dimensions = dimensions
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let sum = counts.entry((name, dimensions)).or_default();
    *sum = sum.checked_add(value).map_err(Failure::malformed)?;
    Ok(())
}

/// The last part of a link: `e2-medium` of `.../machineTypes/e2-medium`.
fn last(link: &str) -> &str {
    link.rsplit('/').next().unwrap_or(link)
}

/// A page of a list.
trait Page {
    /// The token of the next one.
    fn next(&mut self) -> Option<String>;
    /// Places that did not answer.
    fn unreachable(&self) -> &[String];
}

/// All pages of a list, with a token in the query. A place that does not answer makes the list incomplete.
fn pages<P: Page + serde::de::DeserializeOwned>(
    api: &Api<'_>,
    url: &str,
    what: &str,
) -> Result<Vec<P>, Refusal> {
    let (mut found, mut tokens) = (Vec::new(), BTreeSet::new());
    let mut token: Option<String> = None;
    loop {
        let url = match &token {
            None => url.to_owned(),
            Some(token) => format!("{url}&pageToken={}", escaped(token)),
        };
        let mut page: P = api.json(&HttpRequest::get(url), what)?;
        if let Some(place) = page.unreachable().first() {
            let place = excerpt(place, 60);
            return Err(Failure::incomplete(format_args!("{what}: {place} did not answer")).into());
        }
        token = page.next().filter(|token| !token.is_empty());
        found.push(page);
        match &token {
            None => return Ok(found),
            Some(token) if tokens.insert(token.clone()) && found.len() < PAGES => {}
            Some(_) => {
                return Err(Failure::malformed(format_args!("{what}: the pages lead in a circle")).into());
            }
        }
    }
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

fn instances(api: &Api<'_>, project: &str) -> Result<Counts, Refusal> {
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

fn clusters(api: &Api<'_>, project: &str) -> Result<Counts, Refusal> {
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

fn functions(api: &Api<'_>, project: &str) -> Result<Counts, Refusal> {
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

fn databases(api: &Api<'_>, project: &str) -> Result<Counts, Refusal> {
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

fn buckets(api: &Api<'_>, project: &str) -> Result<Counts, Refusal> {
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
