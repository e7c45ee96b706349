//! What the collector says of itself: settings, streams, observations, and the hosts that it would like to call.

use finops_collector::{
    descriptor::{
        Basis, CredentialWish, Descriptor, Grain, HostWish, LookBack, ObservationKind, Role, Setting,
        SettingKind, Stream, Supersede,
    },
    estimate,
};

/// The bill from the billing export.
pub(crate) const SPEND: &str = "spend";
/// The bill from Google's FOCUS export.
pub(crate) const FOCUS: &str = "spend-focus";
/// What runs, at catalog prices, until the export has lines of the day.
pub(crate) const ESTIMATED: &str = "spend-estimated";
/// It by one label.
pub(crate) const BY_LABEL: &str = "by-label";
/// It by resource.
pub(crate) const BY_RESOURCE: &str = "by-resource";

const HOUR: u64 = 3_600;

/// The descriptor.
pub(crate) fn descriptor() -> Descriptor {
    Descriptor {
        name: "gcp".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        provider: "gcp".to_owned(),
        text: "The bill of a Google Cloud billing account by day, project, service and SKU from its BigQuery export, every credit \
               a record of its own; the same money by label or resource; what is running in your projects. Queries are paid by \
               the bytes that they read: each is looked at first and limited."
            .to_owned(),
        settings: settings(),
        streams: streams(),
        observations: observations(),
        hosts: hosts(),
        credentials: vec![CredentialWish {
            name: "google".to_owned(),
            schemes: vec![
                "google-workload-identity".to_owned(),
                "google-metadata".to_owned(),
                "google-service-account".to_owned(),
                "jwt-bearer".to_owned(),
                "bearer".to_owned(),
            ],
            text: "A service account with roles/bigquery.dataViewer on the export's dataset and roles/bigquery.jobUser in the \
                   project that pays for queries; for inventory the viewer roles of the README."
                .to_owned(),
        }],
    }
}

fn settings() -> Vec<Setting> {
    use SettingKind::{Boolean, Integer, Text};
    vec![
        Setting::optional(
            "table",
            Text,
            "Table of the billing export: project.dataset.gcp_billing_export_resource_v1_ACCOUNT (detailed) or \
             project.dataset.gcp_billing_export_v1_ACCOUNT (standard).",
        ),
        Setting::optional(
            "focus-table",
            Text,
            "Table of Google's FOCUS export (preview). With it the bill comes from there, and table is not read.",
        ),
        Setting::optional(
            "job-project",
            Text,
            "Project that runs and pays for the queries; default: the table's.",
        ),
        Setting::optional(
            "location",
            Text,
            "Location of the dataset, such as EU; default: what BigQuery says of the table.",
        ),
        Setting::optional(
            "max-bytes-billed",
            Integer,
            "What one query may read at most, in bytes; BigQuery refuses more.",
        )
        .default_value(20_000_000_000_u64),
        Setting::optional(
            "query-timeout",
            Integer,
            "Seconds for which a query is waited for.",
        )
        .default_value(300),
        Setting::optional("label", Text, "Also the view by the values of this label."),
        Setting::optional(
            "resources",
            Boolean,
            "Also the view by resource; needs the detailed table, and reads more of it.",
        )
        .default_value(false),
        Setting::optional(
            "projects",
            Text,
            "Projects whose instances, clusters, functions and databases are counted.",
        )
        .list(),
        Setting::optional(
            "buckets",
            Boolean,
            "Also counts those projects' buckets; needs a rule for storage.googleapis.com, which serves everybody's buckets.",
        )
        .default_value(false),
        Setting::optional(
            "estimates",
            Boolean,
            "Also estimates of those projects' running instances at catalog prices, for days that the export has no line of yet.",
        )
        .default_value(false),
        Setting::optional(
            "estimate-currency",
            Text,
            "Currency of those prices: the billing account's.",
        )
        .default_value("USD"),
    ]
}

fn streams() -> Vec<Stream> {
    let bill = |name: &str, text: &str| Stream {
        latency: 24 * HOUR,
        look_back: LookBack::Months {
            previous: 1,
            until_day: None,
        },
        cadence: Some(12 * HOUR),
        ..Stream::new(name, text, Grain::Day, Basis::Billed)
    };
    let view = |name: &str, text: &str| Stream {
        role: Role::ViewOf(SPEND.to_owned()),
        ..bill(name, text)
    };
    vec![
        Stream {
            supersedes: Some(Supersede {
                stream: ESTIMATED.to_owned(),
                by: None,
            }),
            ..bill(
                SPEND,
                "The bill by day, project, service, SKU and region; credits as records of their own.",
            )
        },
        estimate::stream(
            ESTIMATED,
            "Cores and memory of running instances at catalog prices, for days that the export has no line of yet.",
        ),
        Stream {
            supersedes: Some(Supersede {
                stream: SPEND.to_owned(),
                by: None,
            }),
            ..bill(FOCUS, "The bill from Google's FOCUS export.")
        },
        view(
            BY_LABEL,
            "The bill after credits by the values of one label and by service.",
        ),
        view(BY_RESOURCE, "The bill as in spend, by resource."),
    ]
}

fn observations() -> Vec<ObservationKind> {
    [
        (
            "instances",
            "Instances",
            "Compute Engine instances by zone, machine type, status and provisioning model.",
        ),
        (
            "cluster-nodes",
            "Nodes",
            "Nodes of a GKE cluster now; of an autopilot cluster, too.",
        ),
        (
            "node-pool-nodes",
            "Nodes",
            "Nodes that a GKE node pool was made with, by machine type.",
        ),
        (
            "functions",
            "Functions",
            "Cloud Functions by location, generation and memory.",
        ),
        (
            "run-services",
            "Services",
            "Cloud Run services by location, CPU, memory and what manages them; functions of the second generation are such, too.",
        ),
        (
            "sql-instances",
            "Instances",
            "Cloud SQL instances by region, tier, engine and state.",
        ),
        (
            "sql-storage",
            "GB",
            "Disk of Cloud SQL instances by region, tier, engine and state.",
        ),
        (
            "buckets",
            "Buckets",
            "Cloud Storage buckets by location and storage class.",
        ),
    ]
    .map(|(name, unit, text)| ObservationKind::new(name, unit, text))
    .into()
}

/// Not among them is storage.googleapis.com, for `buckets`: a rule for it reaches every bucket of the world, so that whoever wants it
/// has to write it on purpose.
fn hosts() -> Vec<HostWish> {
    let wish = |host: &str, methods: &[&str], paths: &[&str], text: &str| HostWish {
        host: host.to_owned(),
        methods: methods.iter().map(ToString::to_string).collect(),
        paths: paths.iter().map(ToString::to_string).collect(),
        headers: Vec::new(),
        credential: Some("google".to_owned()),
        text: text.to_owned(),
    };
    vec![
        wish(
            "bigquery.googleapis.com",
            &["GET", "POST"],
            &["/bigquery/v2/projects"],
            "Asks for the export's table and runs SELECT statements over it; paid by the bytes they read.",
        ),
        wish(
            "compute.googleapis.com",
            &["GET"],
            &["/compute/v1/projects"],
            "Lists instances, where projects are set.",
        ),
        wish(
            "container.googleapis.com",
            &["GET"],
            &["/v1/projects"],
            "Lists GKE clusters and node pools, where projects are set.",
        ),
        wish(
            "cloudfunctions.googleapis.com",
            &["GET"],
            &["/v2/projects"],
            "Lists functions, where projects are set.",
        ),
        wish(
            "run.googleapis.com",
            &["GET"],
            &["/apis/serving.knative.dev/v1/namespaces"],
            "Lists Cloud Run services, where projects are set.",
        ),
        wish(
            "sqladmin.googleapis.com",
            &["GET"],
            &["/v1/projects"],
            "Lists Cloud SQL instances, where projects are set.",
        ),
        wish(
            "cloudbilling.googleapis.com",
            &["GET"],
            &["/v1/services"],
            "Reads the catalog's prices, where estimates are switched on.",
        ),
    ]
}
