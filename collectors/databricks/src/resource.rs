//! What a line's usage was for: the job, warehouse, pipeline, endpoint, cluster, app, database or notebook that it names.

use finops_collector::{Failure, Row, record::Resource};
use std::collections::BTreeMap;

/// Names that the workspace's lists give, by id.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Names {
    pub(crate) clusters: BTreeMap<String, String>,
    pub(crate) warehouses: BTreeMap<String, String>,
    pub(crate) pipelines: BTreeMap<String, String>,
}

/// Where an id stands, and what it is of. The order is that in which they are looked for.
const KINDS: [(&str, &str); 8] = [
    ("warehouse_id", "SQL Warehouse"),
    ("pipeline_id", "Pipeline"),
    ("endpoint_id", "Serving Endpoint"),
    ("job_id", "Job"),
    ("app_id", "App"),
    ("database_id", "Database Instance"),
    ("cluster_id", "Cluster"),
    ("notebook_id", "Notebook"),
];

/// The resource of a line; none where it names none. A job that ran on an all-purpose cluster is not named: it is the cluster's.
pub(crate) fn resource(row: &Row<'_>, product: &str, names: &Names) -> Result<Option<Resource>, Failure> {
    let first = match product {
        "JOBS" => "job_id",
        "ALL_PURPOSE" => "cluster_id",
        "INTERACTIVE" | "NOTEBOOKS" => "notebook_id",
        _ => "",
    };
    let first = KINDS.iter().filter(|(column, _)| *column == first);
    for (column, kind) in first.chain(&KINDS) {
        if let Some(id) = row.own(column)? {
            let name = match *column {
                "warehouse_id" => names.warehouses.get(&id).cloned(),
                "pipeline_id" => names.pipelines.get(&id).cloned(),
                "cluster_id" => names.clusters.get(&id).cloned(),
                "endpoint_id" => row.own("endpoint_name")?,
                "job_id" => row.own("job_name")?,
                "app_id" => row.own("app_name")?,
                _ => None,
            };
            return Ok(Some(Resource {
                id,
                name: name.filter(|name| !name.is_empty()),
                kind: Some((*kind).to_owned()),
            }));
        }
    }
    // Endpoints of foundation models have a name alone.
    Ok(row.own("endpoint_name")?.map(|name| Resource {
        id: name.clone(),
        name: Some(name),
        kind: Some("Serving Endpoint".to_owned()),
    }))
}

/// The run of a job that a line names, as a resource of its own.
pub(crate) fn run(row: &Row<'_>) -> Result<Option<Resource>, Failure> {
    let Some(id) = row.own("job_run_id")? else {
        return Ok(None);
    };
    Ok(Some(Resource {
        id,
        name: row.own("job_name")?,
        kind: Some("Job Run".to_owned()),
    }))
}
