//! What the collector says of itself: settings, the stream, and the host that it would like to call.

use finops_collector::{
    Rereading,
    descriptor::{
        Basis, CredentialWish, Descriptor, Grain, HostWish, LookBack, Setting, SettingKind, Stream,
    },
    period::{DAY, HOUR},
};

/// The costs.
pub(crate) const SPEND: &str = "spend";
/// A month may change until so many days after its end.
pub(crate) const CLOSED: i64 = 7 * DAY;
/// Which days are read: the last seven on every run, and within three days all that is asked for.
pub(crate) const REREADING: Rereading = Rereading {
    latency: 48 * HOUR,
    everything: 3 * DAY,
    every_run: 8,
};

/// The descriptor.
pub(crate) fn descriptor() -> Descriptor {
    Descriptor {
        name: "elastic".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        provider: "elastic".to_owned(),
        text: "What the deployments and serverless projects of an Elastic Cloud organization cost by day and SKU. Elastic counts in \
               Elastic Consumption Units (ECU); a dated price of the settings makes money of them, one dollar each where none is set."
            .to_owned(),
        settings: settings(),
        streams: vec![Stream {
            latency: REREADING.latency.unsigned_abs(),
            look_back: LookBack::Months {
                previous: 1,
                until_day: Some(11),
            },
            cadence: Some(DAY.unsigned_abs()),
            ..Stream::new(
                SPEND,
                "Consumption by deployment or project, SKU and day, times the price of an ECU.",
                Grain::Day,
                Basis::Estimated,
            )
        }],
        observations: Vec::new(),
        hosts: vec![HostWish {
            host: "cloud.elastic.co".to_owned(),
            methods: vec!["GET".to_owned()],
            paths: vec!["/api/v2/billing/organizations".to_owned()],
            headers: Vec::new(),
            credential: Some("elastic".to_owned()),
            text: "Reads the organization's costs.".to_owned(),
        }],
        credentials: vec![CredentialWish {
            name: "elastic".to_owned(),
            schemes: vec!["headers".to_owned()],
            text: "The header Authorization, whose value is `ApiKey ` and the key: an API key of the Elastic Cloud organization (not \
                   of Elasticsearch) with the role Billing admin."
                .to_owned(),
        }],
    }
}

fn settings() -> Vec<Setting> {
    vec![
        Setting::required(
            "organization",
            SettingKind::Text,
            "Id of the Elastic Cloud organization.",
        ),
        Setting::optional(
            "ecu-price",
            SettingKind::DatedDecimal,
            "What an ECU costs by your contract: the list unit price less the discount, in `currency`. Days without a price count \
             an ECU as one dollar, its list price.",
        ),
        Setting::optional("currency", SettingKind::Text, "Currency of those prices.").default_value("USD"),
        Setting::optional("pause", SettingKind::Integer, "Seconds between two calls.").default_value(1),
    ]
}
