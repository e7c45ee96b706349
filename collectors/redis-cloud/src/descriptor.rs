//! What the collector says of itself: settings, streams, observations, and the host that it would like to call.

use finops_collector::descriptor::{
    Basis, CredentialWish, Descriptor, Grain, HostWish, LookBack, ObservationKind, Setting, SettingKind,
    Stream,
};

/// The cost report.
pub(crate) const SPEND: &str = "spend";

const HOUR: u64 = 3_600;

/// The descriptor.
pub(crate) fn descriptor() -> Descriptor {
    Descriptor {
        name: "redis-cloud".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        provider: "redis-cloud".to_owned(),
        text: "What Redis Cloud bills an account, by resource, from its FOCUS cost report; and its subscriptions and databases."
            .to_owned(),
        settings: settings(),
        streams: vec![Stream {
            latency: 24 * HOUR,
            look_back: LookBack::Months {
                previous: 1,
                until_day: Some(10),
            },
            cadence: Some(24 * HOUR),
            ..Stream::new(
                SPEND,
                "Lines of the FOCUS cost report by charge period, resource and kind of charge.",
                Grain::Month,
                Basis::Billed,
            )
        }],
        observations: observations(),
        hosts: hosts(),
        credentials: vec![CredentialWish {
            name: "redis".to_owned(),
            schemes: vec!["headers".to_owned()],
            text: "x-api-key (the account's key) and x-api-secret-key (a key of a user with the role Viewer or Billing admin)."
                .to_owned(),
        }],
    }
}

/// Two rules: a POST to subscriptions would make one.
fn hosts() -> Vec<HostWish> {
    let wish = |methods: &[&str], paths: &[&str], text: &str| HostWish {
        host: "api.redislabs.com".to_owned(),
        methods: methods.iter().map(ToString::to_string).collect(),
        paths: paths.iter().map(ToString::to_string).collect(),
        headers: Vec::new(),
        credential: Some("redis".to_owned()),
        text: text.to_owned(),
    };
    vec![
        wish(
            &["GET", "POST"],
            &["/v1/cost-report"],
            "Asks for a cost report and fetches it.",
        ),
        wish(
            &["GET"],
            &["/v1/tasks", "/v1/subscriptions", "/v1/fixed/subscriptions"],
            "Waits for the report; lists subscriptions and databases.",
        ),
    ]
}

fn settings() -> Vec<Setting> {
    use SettingKind::{Boolean, Integer, Text};
    vec![
        Setting::required(
            "account",
            Text,
            "Id of the billed account, as BillingAccountId of the cost report has it (Account Settings).",
        ),
        Setting::optional(
            "invoice-issuer",
            Text,
            "Who sends the invoice, where it is not Redis: a marketplace, such as AWS Marketplace.",
        ),
        Setting::optional("inventory", Boolean, "Also observes subscriptions and databases.")
            .default_value(true),
        Setting::optional(
            "report-timeout",
            Integer,
            "Seconds for which a cost report is waited for.",
        )
        .default_value(300),
        Setting::optional(
            "pause",
            Integer,
            "Seconds between two calls; Redis does not say how many it takes.",
        )
        .default_value(1),
    ]
}

fn observations() -> Vec<ObservationKind> {
    [
        (
            "subscriptions",
            "Subscriptions",
            "Subscriptions by plan (pro, essentials), status and way of payment.",
        ),
        (
            "databases",
            "Databases",
            "Databases of a subscription by provider, region and status.",
        ),
        ("database-memory-limit", "GB", "Memory limit of a database."),
        ("database-memory-used", "MB", "Memory that a database uses."),
        ("database-shards", "Shards", "Shards of a database."),
        (
            "database-throughput",
            "Operations",
            "Throughput that a database is sized for, by what it is measured in.",
        ),
    ]
    .map(|(name, unit, text)| ObservationKind::new(name, unit, text))
    .to_vec()
}
