//! What is running in the workspace: clusters, warehouses, pipelines and job runs as observations, and the names of what is billed.
//! What must hold: a list is counted only when all its pages came; what cannot be listed is warned of and never counted as none.
//! A state that nothing is in any more is counted as none.

use crate::{api::Api, resource::Names};
use finops_collector::{
    Decimal, Failure, Instant, Observation, Period, Source, escaped, excerpt,
    period::{DAY, HOUR, day_of},
};
use serde::{Deserialize, de::DeserializeOwned};
use std::collections::{BTreeMap, BTreeSet};

/// Pages of one list after which it is given up.
const PAGES: usize = 400;
/// Observations in one call to the host.
const BATCH: usize = 1_000;
/// Clusters are observed for so long after their end.
const ENDED: i64 = 2 * DAY;
const CLUSTER_STATES: [&str; 8] = [
    "ERROR",
    "PENDING",
    "RESIZING",
    "RESTARTING",
    "RUNNING",
    "TERMINATED",
    "TERMINATING",
    "UNKNOWN",
];
const WAREHOUSE_STATES: [&str; 6] = [
    "DELETED", "DELETING", "RUNNING", "STARTING", "STOPPED", "STOPPING",
];
const PIPELINE_STATES: [&str; 8] = [
    "DELETED",
    "FAILED",
    "IDLE",
    "RECOVERING",
    "RESETTING",
    "RUNNING",
    "STARTING",
    "STOPPING",
];

/// Numbers by the name of the observation and its dimensions.
type Counts = BTreeMap<(&'static str, Vec<(&'static str, String)>), Decimal>;

/// Lists everything, stores the numbers and gives the names.
///
/// # Errors
/// Where nothing at all can be listed, or the host refuses an observation.
pub(crate) fn observe(api: &Api<'_>, source: &Source, now: Instant) -> Result<Names, Failure> {
    let mut names = Names::default();
    let mut counts = Counts::new();
    let lists: [(&str, Result<Counts, Failure>); 4] = [
        ("clusters", clusters(api, now, &mut names)),
        ("warehouses", warehouses(api, &mut names)),
        ("pipelines", pipelines(api, &mut names)),
        ("job runs", job_runs(api, now)),
    ];
    // Where nothing at all can be listed it is no matter of one list.
    if let [(_, Err(failure)), rest @ ..] = &lists
        && rest.iter().all(|(_, listed)| listed.is_err())
    {
        return Err(failure.clone());
    }
    for (what, listed) in lists {
        match listed {
            Ok(listed) => counts.extend(listed),
            Err(failure) => api
                .warnings
                .once(format_args!("{what} are not counted: {failure}")),
        }
    }
    let observations: Vec<Observation> = counts
        .into_iter()
        .map(|((name, dimensions), value)| Observation {
            name: name.to_owned(),
            source: source.clone(),
            at: now,
            dimensions: dimensions
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect(),
            value,
            unit: unit(name).to_owned(),
        })
        .collect();
    for batch in observations.chunks(BATCH) {
        api.host.observe(batch)?;
    }
    Ok(names)
}

fn unit(name: &str) -> &'static str {
    match name {
        "cluster-workers" => "Workers",
        "warehouses" => "Warehouses",
        "pipelines" => "Pipelines",
        "job-runs" => "Runs",
        _ => "Clusters",
    }
}

/// A page of a list.
trait Page: DeserializeOwned {
    type Item;
    fn parts(self) -> (Vec<Self::Item>, Option<String>);
}

macro_rules! page {
    ($name:ident { $field:ident: $item:ty }) => {
        #[derive(Deserialize)]
        struct $name {
            #[serde(default)]
            $field: Vec<$item>,
            #[serde(default)]
            next_page_token: Option<String>,
        }

        impl Page for $name {
            type Item = $item;
            fn parts(self) -> (Vec<$item>, Option<String>) {
                (self.$field, self.next_page_token)
            }
        }
    };
}

page!(Clusters { clusters: Cluster });
page!(Warehouses {
    warehouses: SqlWarehouse
});
page!(Pipelines { statuses: Pipeline });
page!(Runs { runs: Run });

/// All items of a list, with a token in the query of each further page.
fn all<P: Page>(api: &Api<'_>, path: &str, what: &str) -> Result<Vec<P::Item>, Failure> {
    let (mut items, mut tokens) = (Vec::new(), BTreeSet::new());
    let mut page = path.to_owned();
    loop {
        let (more, token) = api.json::<P>(&page, what)?.parts();
        items.extend(more);
        let Some(token) = token.filter(|token| !token.is_empty()) else {
            return Ok(items);
        };
        page = format!("{path}&page_token={}", escaped(&token));
        if !tokens.insert(token) {
            return Err(Failure::malformed(format_args!(
                "{what}: the pages lead in a circle"
            )));
        }
        if tokens.len() >= PAGES {
            return Err(Failure::incomplete(format_args!(
                "{what}: there are more than {PAGES} pages"
            )));
        }
    }
}

/// Counts of things by state, with none where nothing is; a state that is not known is counted and warned of.
fn by_state<'s>(
    api: &Api<'_>,
    name: &'static str,
    known: &[&str],
    states: impl Iterator<Item = &'s str>,
) -> Result<Counts, Failure> {
    let of = |state: &str| (name, vec![("state", state.to_owned())]);
    let mut counts: Counts = known.iter().map(|state| (of(state), Decimal::ZERO)).collect();
    for state in states {
        warn_of(api, name, known, state);
        add(&mut counts, of(state))?;
    }
    Ok(counts)
}

fn warn_of(api: &Api<'_>, name: &str, known: &[&str], state: &str) {
    if !known.contains(&state) {
        let shown = excerpt(state, 40);
        api.warnings.once(format_args!(
            "{name}: the state `{shown}` is not known and is counted as it is"
        ));
    }
}

fn add(counts: &mut Counts, key: (&'static str, Vec<(&'static str, String)>)) -> Result<(), Failure> {
    let count = counts.entry(key).or_default();
    *count = count.checked_add(Decimal::ONE).map_err(Failure::malformed)?;
    Ok(())
}

#[derive(Deserialize)]
struct Cluster {
    cluster_id: String,
    #[serde(default)]
    cluster_name: String,
    #[serde(default)]
    state: String,
    #[serde(default)]
    cluster_source: String,
    #[serde(default)]
    creator_user_name: String,
    #[serde(default)]
    node_type_id: String,
    /// May be absent, where the cluster scales by itself.
    #[serde(default)]
    num_workers: Option<u32>,
    #[serde(default)]
    autoscale: Autoscale,
    /// In milliseconds.
    #[serde(default)]
    terminated_time: i64,
}

#[derive(Default, Deserialize)]
struct Autoscale {
    #[serde(default)]
    min_workers: u32,
}

fn clusters(api: &Api<'_>, now: Instant, names: &mut Names) -> Result<Counts, Failure> {
    let listed = all::<Clusters>(api, "/api/2.1/clusters/list?page_size=100", "the clusters")?;
    let sources: BTreeSet<&str> = listed
        .iter()
        .map(|cluster| cluster.cluster_source.as_str())
        .collect();
    let of = |state: &str, source: &str| {
        (
            "clusters",
            vec![("state", state.to_owned()), ("source", source.to_owned())],
        )
    };
    let mut counts = Counts::new();
    for source in sources {
        counts.extend(
            CLUSTER_STATES
                .iter()
                .map(|state| (of(state, source), Decimal::ZERO)),
        );
    }
    for cluster in &listed {
        let state = cluster.state.as_str();
        warn_of(api, "clusters", &CLUSTER_STATES, state);
        add(&mut counts, of(state, &cluster.cluster_source))?;
        if state != "TERMINATED" || cluster.terminated_time / 1_000 > now - ENDED {
            let workers = match state {
                "RUNNING" | "RESIZING" => cluster.num_workers.unwrap_or(cluster.autoscale.min_workers),
                _ => 0,
            };
            let dimensions = vec![
                ("cluster", cluster.cluster_id.clone()),
                ("name", cluster.cluster_name.clone()),
                ("source", cluster.cluster_source.clone()),
                ("creator", cluster.creator_user_name.clone()),
                ("node-type", cluster.node_type_id.clone()),
            ];
            counts.insert(("cluster-workers", dimensions), Decimal::from(workers));
        }
    }
    let named = listed
        .into_iter()
        .filter(|cluster| !cluster.cluster_name.is_empty());
    names
        .clusters
        .extend(named.map(|cluster| (cluster.cluster_id, cluster.cluster_name)));
    Ok(counts)
}

#[derive(Deserialize)]
struct SqlWarehouse {
    id: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    state: String,
    #[serde(default)]
    cluster_size: String,
    #[serde(default)]
    warehouse_type: String,
    #[serde(default)]
    enable_serverless_compute: bool,
    #[serde(default)]
    num_clusters: u32,
    #[serde(default)]
    creator_name: String,
}

fn warehouses(api: &Api<'_>, names: &mut Names) -> Result<Counts, Failure> {
    let path = "/api/2.0/sql/warehouses?page_size=100";
    let listed = all::<Warehouses>(api, path, "the warehouses")?;
    let states = listed.iter().map(|warehouse| warehouse.state.as_str());
    let mut counts = by_state(api, "warehouses", &WAREHOUSE_STATES, states)?;
    for warehouse in listed {
        let kind = match warehouse.enable_serverless_compute {
            true => "SERVERLESS".to_owned(),
            false => warehouse.warehouse_type,
        };
        let clusters = match warehouse.state.as_str() {
            "RUNNING" => warehouse.num_clusters,
            _ => 0,
        };
        let dimensions = vec![
            ("warehouse", warehouse.id.clone()),
            ("name", warehouse.name.clone()),
            ("size", warehouse.cluster_size),
            ("type", kind),
            ("creator", warehouse.creator_name),
        ];
        counts.insert(("warehouse-clusters", dimensions), Decimal::from(clusters));
        names.warehouses.insert(warehouse.id, warehouse.name);
    }
    Ok(counts)
}

#[derive(Deserialize)]
struct Pipeline {
    pipeline_id: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    state: String,
}

fn pipelines(api: &Api<'_>, names: &mut Names) -> Result<Counts, Failure> {
    let path = "/api/2.0/pipelines?max_results=100";
    let listed = all::<Pipelines>(api, path, "the pipelines")?;
    let states = listed.iter().map(|pipeline| pipeline.state.as_str());
    let counts = by_state(api, "pipelines", &PIPELINE_STATES, states)?;
    names.pipelines.extend(
        listed
            .into_iter()
            .map(|pipeline| (pipeline.pipeline_id, pipeline.name)),
    );
    Ok(counts)
}

#[derive(Deserialize)]
struct Run {
    /// In milliseconds.
    #[serde(default)]
    start_time: i64,
    #[serde(default)]
    state: RunState,
}

#[derive(Default, Deserialize)]
struct RunState {
    #[serde(default)]
    life_cycle_state: Option<String>,
    #[serde(default)]
    result_state: Option<String>,
}

/// Runs of today that are over, and for an hour after midnight those of yesterday, by the day of their start.
fn job_runs(api: &Api<'_>, now: Instant) -> Result<Counts, Failure> {
    let from = Period::of_day(day_of(now - HOUR)).start;
    // Twenty-five is more than the API takes.
    let path = format!(
        "/api/2.2/jobs/runs/list?completed_only=true&limit=24&start_time_from={}&start_time_to={}",
        from * 1_000,
        now * 1_000
    );
    let mut counts = Counts::new();
    for run in all::<Runs>(api, &path, "the job runs")? {
        let result = run.state.result_state.or(run.state.life_cycle_state);
        let day = day_of(run.start_time.div_euclid(1_000)).to_string();
        let result = result.unwrap_or_else(|| "UNKNOWN".to_owned());
        add(&mut counts, ("job-runs", vec![("day", day), ("result", result)]))?;
    }
    Ok(counts)
}
