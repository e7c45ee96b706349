//! What the collector says of itself: settings, the stream, and the host that it would like to call.

use finops_collector::{
    descriptor::{
        Basis, CredentialWish, Descriptor, Grain, HostWish, LookBack, Setting, SettingKind, Stream,
    },
    period::{DAY, HOUR},
};

/// The costs.
pub(crate) const SPEND: &str = "spend";
/// Costs can come this long after their day.
pub(crate) const LATENCY: i64 = 72 * HOUR;
/// A month may change until so many days after its end; it is read again a little longer.
pub(crate) const CLOSED: i64 = 7 * DAY;

/// The descriptor.
pub(crate) fn descriptor() -> Descriptor {
    Descriptor {
        name: "confluent".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        provider: "confluent".to_owned(),
        text: "The costs of a Confluent Cloud organization by day, product, line type, environment and resource (a Kafka cluster, a \
               connector), promotional credits and support as records of their own. Read by calendar month."
            .to_owned(),
        settings: settings(),
        streams: vec![Stream {
            latency: LATENCY.unsigned_abs(),
            look_back: LookBack::Months {
                previous: 1,
                until_day: Some(10),
            },
            cadence: Some(DAY.unsigned_abs()),
            ..Stream::new(
                SPEND,
                "The organization's costs, as Confluent gives them: usually a row a day.",
                Grain::Month,
                Basis::Billed,
            )
        }],
        observations: Vec::new(),
        hosts: vec![HostWish {
            host: "api.confluent.cloud".to_owned(),
            methods: vec!["GET".to_owned()],
            paths: vec!["/billing/v1/costs".to_owned()],
            headers: Vec::new(),
            credential: Some("confluent".to_owned()),
            text: "Reads the organization's costs.".to_owned(),
        }],
        credentials: vec![CredentialWish {
            name: "confluent".to_owned(),
            schemes: vec!["basic".to_owned()],
            text: "A Cloud API key (resource management, not a Kafka cluster's): the key as username, the secret as password. Its \
                   service account has the role BillingAdmin on the organization."
                .to_owned(),
        }],
    }
}

fn settings() -> Vec<Setting> {
    vec![
        Setting::required(
            "organization",
            SettingKind::Text,
            "Id of the Confluent Cloud organization, as BillingAccountId: the API key knows its organization, but its replies do not \
             tell it.",
        ),
        Setting::optional(
            "windows",
            SettingKind::Text,
            "How much one call asks for. Where Confluent answers with totals over several days, `day` makes daily figures of them, \
             with a call for each day.",
        )
        .default_value("month")
        .one_of(&["month", "day"]),
        Setting::optional(
            "pause",
            SettingKind::Integer,
            "Seconds between two calls: Confluent asks to slow down after only a few.",
        )
        .default_value(5),
    ]
}
