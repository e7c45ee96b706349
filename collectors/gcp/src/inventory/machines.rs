//! Running instances one by one, and what their machine types have: what estimates are made of.

use super::pages::{Page, pages};
use crate::{api::Api, refusal::Refusal};
use finops_collector::{Decimal, Failure, HttpRequest, Instant, escaped, jiff::Timestamp};
use serde::Deserialize;
use std::collections::BTreeMap;

/// An instance that runs now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Machine {
    pub(crate) project: String,
    pub(crate) name: String,
    pub(crate) zone: String,
    /// Its machine type: `n1-standard-2`.
    pub(crate) kind: String,
    /// Spot or preemptible.
    pub(crate) spot: bool,
    /// When it was last started.
    pub(crate) since: Option<Instant>,
}

/// What a machine type has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) cores: Decimal,
    /// In GiB.
    pub(crate) memory: Decimal,
    /// It has only a share of a core, which is priced by no rule.
    pub(crate) shared: bool,
}

#[derive(Deserialize)]
struct Zones {
    #[serde(default)]
    items: BTreeMap<String, Zone>,
    #[serde(rename = "nextPageToken", default)]
    next: Option<String>,
    #[serde(default)]
    unreachables: Vec<String>,
}

impl Page for Zones {
    fn next(&mut self) -> Option<String> {
        self.next.take()
    }

    fn unreachable(&self) -> &[String] {
        &self.unreachables
    }
}

#[derive(Default, Deserialize)]
struct Zone {
    #[serde(default)]
    instances: Vec<Instance>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Instance {
    #[serde(default)]
    name: String,
    #[serde(default)]
    machine_type: String,
    #[serde(default)]
    status: String,
    #[serde(default)]
    last_start_timestamp: Option<String>,
    #[serde(default)]
    creation_timestamp: Option<String>,
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

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct MachineType {
    guest_cpus: u32,
    memory_mb: u32,
    #[serde(default)]
    is_shared_cpu: bool,
}

/// The instances of a project that run now.
pub(crate) fn running(api: &Api<'_>, project: &str) -> Result<Vec<Machine>, Refusal> {
    let url = format!(
        "https://compute.googleapis.com/compute/v1/projects/{}/aggregated/instances?maxResults=500",
        escaped(project)
    );
    let mut machines = Vec::new();
    let last = |link: &str| link.rsplit('/').next().unwrap_or(link).to_owned();
    for page in pages::<Zones>(api, &url, "the instances")? {
        for (zone, of) in page.items {
            let running = of.instances.into_iter().filter(|one| one.status == "RUNNING");
            machines.extend(running.map(|one| {
                let started = one.last_start_timestamp.or(one.creation_timestamp);
                let model = one.scheduling.provisioning_model.as_deref();
                Machine {
                    project: project.to_owned(),
                    zone: last(&zone),
                    kind: last(&one.machine_type),
                    spot: one.scheduling.preemptible || model == Some("SPOT"),
                    since: started
                        .and_then(|text| text.parse::<Timestamp>().ok())
                        .map(|at| at.as_second()),
                    name: one.name,
                }
            }));
        }
    }
    Ok(machines)
}

/// What the machine type of an instance has.
pub(crate) fn shape(api: &Api<'_>, machine: &Machine) -> Result<Shape, Refusal> {
    let url = format!(
        "https://compute.googleapis.com/compute/v1/projects/{}/zones/{}/machineTypes/{}",
        escaped(&machine.project),
        escaped(&machine.zone),
        escaped(&machine.kind)
    );
    let found: MachineType = api.json(&HttpRequest::get(url), "a machine type")?;
    let memory = Decimal::from(found.memory_mb)
        .div_rounded(Decimal::from(1_024_u32), 18)
        .map_err(Failure::malformed)?;
    Ok(Shape {
        cores: Decimal::from(found.guest_cpus),
        memory,
        shared: found.is_shared_cpu,
    })
}
