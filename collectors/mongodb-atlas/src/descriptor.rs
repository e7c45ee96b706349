//! What the collector says of itself: settings, streams, observations, and the host that it would like to call.

use finops_collector::descriptor::{
    Anchor, Basis, CredentialWish, Descriptor, Grain, HostWish, LookBack, ObservationKind, Setting,
    SettingKind, Stream,
};

/// The invoices.
pub(crate) const SPEND: &str = "spend";

const HOUR: u64 = 3_600;

/// The descriptor.
pub(crate) fn descriptor() -> Descriptor {
    Descriptor {
        name: "mongodb-atlas".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        provider: "mongodb-atlas".to_owned(),
        text: "Invoices of a MongoDB Atlas organization by day, project, cluster and SKU, the open one and the closed ones, tax and \
               credits as records of their own; and its clusters."
            .to_owned(),
        settings: vec![
            Setting::required(
                "organization",
                SettingKind::Text,
                "Id of the organization: 24 hexadecimal digits (Organization Settings).",
            ),
            Setting::optional(
                "clusters",
                SettingKind::Boolean,
                "Also observes the clusters of the organization's projects.",
            )
            .default_value(true),
            Setting::optional(
                "host",
                SettingKind::Text,
                "Where the Admin API is; cloud.mongodbgov.com for Atlas for Government.",
            )
            .default_value("cloud.mongodb.com")
            .one_of(&["cloud.mongodb.com", "cloud.mongodbgov.com"]),
        ],
        streams: vec![Stream {
            anchor: Anchor::BillingPeriod,
            // An invoice closes in the first days of the next month; then credits may lower it.
            latency: 72 * HOUR,
            look_back: LookBack::Months {
                previous: 1,
                until_day: Some(10),
            },
            cadence: Some(12 * HOUR),
            ..Stream::new(
                SPEND,
                "Lines of the invoices by day, project, cluster and SKU; tax and credits of an invoice.",
                Grain::Month,
                Basis::Billed,
            )
        }],
        observations: observations(),
        hosts: vec![HostWish {
            host: "{host}".to_owned(),
            methods: vec!["GET".to_owned()],
            paths: vec!["/api/atlas/v2/orgs".to_owned(), "/api/atlas/v2/groups".to_owned()],
            headers: Vec::new(),
            credential: Some("atlas".to_owned()),
            text: "Reads invoices, projects and clusters. Narrow the first path to /api/atlas/v2/orgs/ORGANIZATION/invoices.".to_owned(),
        }],
        credentials: vec![CredentialWish {
            name: "atlas".to_owned(),
            schemes: vec!["oauth2-client-credentials".to_owned(), "digest".to_owned()],
            text: "A service account, or an API key pair, with Organization Billing Viewer; for clusters Project Read Only in each \
                   project."
                .to_owned(),
        }],
    }
}

fn observations() -> Vec<ObservationKind> {
    [
        (
            "clusters",
            "Clusters",
            "Clusters by project, type, version and state.",
        ),
        (
            "cluster-shards",
            "Shards",
            "Shards of a cluster; a replica set is one.",
        ),
        (
            "cluster-nodes",
            "Nodes",
            "Nodes of a cluster by provider, region, size and role.",
        ),
        (
            "cluster-storage",
            "GB",
            "Disk of a cluster's nodes together, by provider and region.",
        ),
    ]
    .map(|(name, unit, text)| ObservationKind::new(name, unit, text))
    .to_vec()
}
