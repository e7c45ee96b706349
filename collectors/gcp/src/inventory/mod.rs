//! What is running in the configured projects: counts of instances, nodes, functions, databases and buckets as observations.
//! What must hold: a list is counted only when all its pages came; what cannot be listed is warned of and never counted as none.

mod lists;
pub(crate) mod machines;
mod pages;
mod run_services;

use crate::{api::Api, refusal::Refusal, settings::Settings};
use finops_collector::{Decimal, Failure, Instant, Observation, Request, Source};
use lists::{buckets, clusters, databases, functions, instances};
use run_services::services;
use std::collections::BTreeMap;

/// Numbers by the name of the observation and its dimensions.
type Counts = BTreeMap<(&'static str, Vec<(String, String)>), Decimal>;

/// Counts what a project has of one kind.
type List = fn(&Api<'_>, &str) -> Result<Counts, Refusal>;

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
        let kinds: [(&str, List); 6] = [
            ("instances", instances),
            ("clusters", clusters),
            ("functions", functions),
            ("Cloud Run services", services),
            ("databases", databases),
            ("buckets", buckets),
        ];
        let wanted = kinds
            .into_iter()
            .filter(|(kind, _)| settings.buckets || *kind != "buckets");
        for (kind, list) in wanted {
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
        "run-services" => "Services",
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
