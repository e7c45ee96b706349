//! What the collector says of itself: settings, streams, observations, and its one host.

use finops_collector::descriptor::{
    Basis, CredentialWish, Descriptor, Grain, HostWish, LookBack, ObservationKind, Role, Setting,
    SettingKind, Stream, Supersede,
};

/// The bill in currency, a record per day and service.
pub(crate) const BILLED: &str = "spend-billed";
/// Credits times price, until the bill is there.
pub(crate) const ESTIMATED: &str = "spend-estimated";
/// Credits by warehouse and hour.
pub(crate) const HOURS: &str = "warehouse-hours";
/// Attributed credits by user, role and query tag.
pub(crate) const ROLES: &str = "user-roles";

const HOUR: u64 = 3_600;
/// Every reading wakes a warehouse that costs money: twice a day is enough for an estimate.
const HALF_DAY: u64 = 12 * HOUR;

/// The descriptor.
pub(crate) fn descriptor() -> Descriptor {
    Descriptor {
        name: "snowflake".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        provider: "snowflake".to_owned(),
        text: "Snowflake's bill by service and day, split over warehouses, users and databases; an estimate from \
               credits until the bill is there; hourly warehouse credits; cost by user and role. Reads the views \
               of ACCOUNT_USAGE and ORGANIZATION_USAGE through the SQL REST API."
            .to_owned(),
        settings: settings(),
        streams: streams(),
        observations: observations(),
        hosts: vec![HostWish {
            host: "{account}.snowflakecomputing.com".to_owned(),
            methods: vec!["GET".to_owned(), "POST".to_owned()],
            paths: vec!["/api/v2/statements".to_owned()],
            headers: Vec::new(),
            credential: Some("snowflake".to_owned()),
            text: "Runs SELECT statements on the usage views and fetches their results.".to_owned(),
        }],
        credentials: vec![CredentialWish {
            name: "snowflake".to_owned(),
            schemes: vec!["snowflake-key-pair".to_owned(), "bearer".to_owned()],
            text: "A service user whose role has the database roles USAGE_VIEWER, ORGANIZATION_BILLING_VIEWER and, \
                   for query patterns and roles, GOVERNANCE_VIEWER, and USAGE on one small warehouse."
                .to_owned(),
        }],
    }
}

fn settings() -> Vec<Setting> {
    use SettingKind::{Boolean, DatedDecimal, Integer, Text};
    vec![
        Setting::required("account", Text, "Account identifier, ORG-ACCOUNT, or the legacy locator with its region."),
        Setting::required("warehouse", Text, "Warehouse that runs the statements; names are case-sensitive. An XS one is enough."),
        Setting::required("role", Text, "Role that reads the views; names are case-sensitive."),
        Setting::optional("edition", Text, "Decides the default price of a credit: 2, 3 or 4.")
            .one_of(&["standard", "enterprise", "business-critical"])
            .default_value("enterprise"),
        Setting::optional("accounts", Text, "Whose bill is read: this account's, or that of all accounts of the organization.")
            .one_of(&["this", "all"])
            .default_value("this"),
        Setting::optional(
            "money",
            Text,
            "Where the money comes from. auto: the currency view, or the estimate where that cannot be read.",
        )
        .one_of(&["auto", "currency-view", "focus-view", "estimate"])
        .default_value("auto"),
        Setting::optional(
            "credit-price",
            DatedDecimal,
            "Price of a credit for the estimate, where no rate sheet can be read. Default: the edition's.",
        ),
        Setting::optional(
            "storage-price",
            DatedDecimal,
            "Price of a TB and month for the estimate, where no rate sheet can be read; 23 for pre-paid storage.",
        )
        .default_value("40"),
        Setting::optional("currency", Text, "Currency of those two prices.").default_value("USD"),
        Setting::optional("query-patterns", Boolean, "Whether the query history is read for observations (needs GOVERNANCE_VIEWER).")
            .default_value(true),
        Setting::optional("statement-timeout", Integer, "Seconds after which Snowflake ends a statement.").default_value(120),
    ]
}

fn streams() -> Vec<Stream> {
    let key_tags: Vec<String> = ["user", "warehouse", "role", "query_tag"]
        .map(str::to_owned)
        .to_vec();
    let estimate = |name: &str, text: &str, grain| Stream {
        look_back: LookBack::Days(4),
        cadence: Some(HALF_DAY),
        retention: Some(365),
        key_tags: key_tags.clone(),
        ..Stream::new(name, text, grain, Basis::Estimated)
    };
    let view = || Role::ViewOf(ESTIMATED.to_owned());
    vec![
        Stream {
            latency: 72 * HOUR,
            look_back: LookBack::Months {
                previous: 1,
                until_day: None,
            },
            cadence: Some(24 * HOUR),
            supersedes: Some(Supersede {
                stream: ESTIMATED.to_owned(),
                by: Some("ServiceName".to_owned()),
            }),
            key_tags: key_tags.clone(),
            ..Stream::new(
                BILLED,
                "The bill by day and service, split over warehouses, users and databases.",
                Grain::Day,
                Basis::Billed,
            )
        },
        Stream {
            latency: 3 * HOUR,
            ..estimate(
                ESTIMATED,
                "Credits and bytes times price, until the bill is there.",
                Grain::Day,
            )
        },
        Stream {
            latency: 6 * HOUR,
            role: view(),
            ..estimate(
                HOURS,
                "Compute and cloud-services credits by warehouse and hour.",
                Grain::Hour,
            )
        },
        Stream {
            latency: 8 * HOUR,
            role: view(),
            ..estimate(
                ROLES,
                "Attributed credits by warehouse, user, role and query tag.",
                Grain::Day,
            )
        },
    ]
}

fn observations() -> Vec<ObservationKind> {
    [
        (
            "active-hours",
            "Hours",
            "Hours of the day in which the warehouse used compute credits.",
        ),
        (
            "idle-share",
            "Share",
            "Part of the warehouse's compute credits that no query used, from 0 to 1.",
        ),
        (
            "queries",
            "Queries",
            "Queries of the day by warehouse and status.",
        ),
        ("query-time", "Seconds", "Elapsed time of those queries."),
        ("bytes-scanned", "GB", "What those queries scanned."),
        (
            "bytes-spilled-remote",
            "GB",
            "What those queries spilled to remote storage.",
        ),
        ("storage", "GB", "Stored bytes by database and kind."),
        (
            "credits",
            "Credits",
            "Credits of the warehouse on the day, cloud services included.",
        ),
        (
            "data-transfer",
            "GB",
            "Bytes transferred out, by kind and target region.",
        ),
    ]
    .map(|(name, unit, text)| ObservationKind::new(name, unit, text))
    .to_vec()
}
