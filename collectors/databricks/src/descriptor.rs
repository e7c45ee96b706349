//! What the collector says of itself: settings, streams, observations, and its one host.

use finops_collector::descriptor::{
    Basis, CredentialWish, Descriptor, Grain, HostWish, LookBack, ObservationKind, Role, Setting,
    SettingKind, Stream,
};

/// Usage times price.
pub(crate) const SPEND: &str = "spend";
/// It by job run.
pub(crate) const BY_RUN: &str = "by-job-run";

const HOUR: u64 = 3_600;

/// The descriptor.
pub(crate) fn descriptor() -> Descriptor {
    Descriptor {
        name: "databricks".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        provider: "databricks".to_owned(),
        text: "What Databricks charges an account by day, workspace, product, tier, SKU and job, warehouse, pipeline, endpoint \
               or cluster: system.billing.usage times negotiated or list prices; the same money by job run; clusters, \
               warehouses, pipelines and job runs as they are now. Statements run on a SQL warehouse, which costs DBUs."
            .to_owned(),
        settings: settings(),
        streams: streams(),
        observations: observations(),
        hosts: hosts(),
        credentials: vec![CredentialWish {
            name: "databricks".to_owned(),
            schemes: vec!["oauth2-client-credentials".to_owned(), "bearer".to_owned()],
            text: "A service principal with SELECT on system.billing.usage and system.billing.list_prices, CAN USE on one small \
                   SQL warehouse, and CAN VIEW on what is to be observed; or a personal access token."
                .to_owned(),
        }],
    }
}

fn settings() -> Vec<Setting> {
    use SettingKind::{Boolean, Integer, Text};
    vec![
        Setting::required(
            "host",
            Text,
            "Host name of one workspace, such as dbc-a1b2c3d4-e5f6.cloud.databricks.com; its billing tables hold the whole account.",
        ),
        Setting::required(
            "account-id",
            Text,
            "The Databricks account's id, as the account console and system.billing.usage show it.",
        ),
        Setting::required(
            "warehouse-id",
            Text,
            "Id of the SQL warehouse that runs the statements; a small serverless one is enough.",
        ),
        Setting::optional(
            "prices",
            Text,
            "auto: the account's negotiated prices where they can be read (a private preview), else list prices.",
        )
        .one_of(&["auto", "list", "account"])
        .default_value("auto"),
        Setting::optional(
            "currency",
            Text,
            "Currency of the prices, where the price list has several.",
        ),
        Setting::optional("job-runs", Boolean, "Also the view by job run.").default_value(true),
        Setting::optional(
            "inventory",
            Boolean,
            "Whether clusters, warehouses, pipelines and job runs of the workspace are observed, and their names read.",
        )
        .default_value(true),
        Setting::optional(
            "statement-timeout",
            Integer,
            "Seconds for which a statement is waited for, the start of a stopped warehouse included.",
        )
        .default_value(400),
    ]
}

fn streams() -> Vec<Stream> {
    let spend = Stream {
        latency: 24 * HOUR,
        look_back: LookBack::Months {
            previous: 2,
            until_day: None,
        },
        cadence: Some(24 * HOUR),
        retention: Some(365),
        ..Stream::new(
            SPEND,
            "Usage times price by day, workspace, product, SKU and resource; records say whether prices are negotiated or listed.",
            Grain::Day,
            Basis::ListPrice,
        )
    };
    let by_run = Stream {
        name: BY_RUN.to_owned(),
        text: "The same money with a record for each job run.".to_owned(),
        role: Role::ViewOf(SPEND.to_owned()),
        ..spend.clone()
    };
    vec![spend, by_run]
}

fn observations() -> Vec<ObservationKind> {
    [
        (
            "unpriced-usage",
            "Units",
            "Usage of a day for which there is no price; the day is not complete until there is one.",
        ),
        ("clusters", "Clusters", "Clusters by state and source."),
        (
            "cluster-workers",
            "Workers",
            "Workers of a cluster now (the least, where it scales by itself and the list does not tell), 0 unless it runs; clusters that \
             ended more than two days ago are left out.",
        ),
        ("warehouses", "Warehouses", "SQL warehouses by state."),
        (
            "warehouse-clusters",
            "Clusters",
            "Clusters of a SQL warehouse now, 0 unless it runs.",
        ),
        ("pipelines", "Pipelines", "Pipelines by state."),
        (
            "job-runs",
            "Runs",
            "Job runs that began on the day and are over, by result.",
        ),
    ]
    .map(|(name, unit, text)| ObservationKind::new(name, unit, text))
    .into()
}

fn hosts() -> Vec<HostWish> {
    let wish = |methods: &[&str], paths: &[&str], text: &str| HostWish {
        host: "{host}".to_owned(),
        methods: methods.iter().map(ToString::to_string).collect(),
        paths: paths.iter().map(ToString::to_string).collect(),
        headers: Vec::new(),
        credential: Some("databricks".to_owned()),
        text: text.to_owned(),
    };
    vec![
        wish(
            &["GET", "POST"],
            &["/api/2.0/sql/statements"],
            "Runs SELECT statements on the billing tables and fetches their results; the warehouse that runs them costs DBUs.",
        ),
        wish(
            &["GET"],
            &[
                "/api/2.0/sql/warehouses",
                "/api/2.1/clusters/list",
                "/api/2.0/pipelines",
                "/api/2.2/jobs/runs/list",
            ],
            "Lists warehouses, clusters, pipelines and job runs, unless `inventory = false`.",
        ),
    ]
}
