//! Cloud Run's services, functions of the second generation among them: from the global endpoint, which lists all regions at once.

use super::{
    Counts, add,
    pages::{Page, pages},
};
use crate::{api::Api, refusal::Refusal};
use finops_collector::{Decimal, escaped};
use serde::Deserialize;
use std::collections::BTreeMap;

/// The label that says where a service lies.
const LOCATION: &str = "cloud.googleapis.com/location";
/// The label that says what made it: `cloudfunctions` for functions.
const MANAGED: &str = "goog-managed-by";

#[derive(Deserialize)]
struct Services {
    #[serde(default)]
    items: Vec<Service>,
    #[serde(default)]
    metadata: Next,
    #[serde(default)]
    unreachable: Vec<String>,
}

#[derive(Default, Deserialize)]
struct Next {
    #[serde(rename = "continue", default)]
    token: Option<String>,
}

impl Page for Services {
    const TOKEN: &str = "continue";

    fn next(&mut self) -> Option<String> {
        self.metadata.token.take()
    }

    fn unreachable(&self) -> &[String] {
        &self.unreachable
    }
}

#[derive(Deserialize)]
struct Service {
    #[serde(default)]
    metadata: Metadata,
    #[serde(default)]
    spec: Spec,
}

#[derive(Default, Deserialize)]
struct Metadata {
    #[serde(default)]
    labels: BTreeMap<String, String>,
}

#[derive(Default, Deserialize)]
struct Spec {
    #[serde(default)]
    template: Template,
}

#[derive(Default, Deserialize)]
struct Template {
    #[serde(default)]
    spec: Revision,
}

#[derive(Default, Deserialize)]
struct Revision {
    #[serde(default)]
    containers: Vec<Container>,
}

#[derive(Default, Deserialize)]
struct Container {
    #[serde(default)]
    resources: Resources,
}

#[derive(Default, Deserialize)]
struct Resources {
    #[serde(default)]
    limits: BTreeMap<String, String>,
}

/// Counts a project's services by location, size of the first container and what manages them.
pub(super) fn services(api: &Api<'_>, project: &str) -> Result<Counts, Refusal> {
    let url = format!(
        "https://run.googleapis.com/apis/serving.knative.dev/v1/namespaces/{}/services?limit=500",
        escaped(project)
    );
    let mut counts = Counts::new();
    for page in pages::<Services>(api, &url, "the Cloud Run services")? {
        for service in &page.items {
            let label = |name: &str| service.metadata.labels.get(name).map_or("", String::as_str);
            let first = service.spec.template.spec.containers.first();
            let limit = |name: &str| {
                let limits = first.map(|container| &container.resources.limits);
                limits
                    .and_then(|limits| limits.get(name))
                    .map_or("", String::as_str)
            };
            let dimensions = [
                ("project", project),
                ("location", label(LOCATION)),
                ("cpu", limit("cpu")),
                ("memory", limit("memory")),
                ("managed-by", label(MANAGED)),
            ];
            add(&mut counts, "run-services", &dimensions, Decimal::ONE)?;
        }
    }
    Ok(counts)
}
