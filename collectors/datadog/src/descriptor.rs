//! What the collector says of itself: settings, streams, observations, and the host that it would like to call.

use crate::settings::SITES;
use finops_collector::{
    descriptor::{
        Basis, CredentialWish, Descriptor, Grain, HostWish, LookBack, ObservationKind, Role, Setting,
        SettingKind, Stream,
    },
    period::{DAY, HOUR},
};

/// The bill by day.
pub(crate) const SPEND: &str = "spend";
/// It by a tag.
pub(crate) const BY_TAG: &str = "by-tag";
/// Hosts and containers.
pub(crate) const HOSTS: &str = "hosts";
/// The highest hour of other products.
pub(crate) const PEAK: &str = "usage-peak";
/// All hours of them together.
pub(crate) const SUM: &str = "usage-sum";

/// Estimated cost lags by as much.
pub(crate) const LATENCY: i64 = 3 * DAY;

/// The descriptor.
pub(crate) fn descriptor() -> Descriptor {
    Descriptor {
        name: "datadog".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        provider: "datadog".to_owned(),
        text: "What Datadog bills a parent organization and those below it: estimated cost by day, settled by the historical \
               cost of the month; the same by a tag; hosts and product usage as observations."
            .to_owned(),
        settings: settings(),
        streams: streams(),
        observations: vec![
            ObservationKind::new(HOSTS, "Hosts", "The most hosts, or containers, in an hour of a day, by organization and kind."),
            ObservationKind::new(PEAK, "Units", "The highest hour of a day of a product's usage, by organization and usage type."),
            ObservationKind::new(SUM, "Units", "All hours of a day of a product's usage together, by organization and usage type."),
        ],
        hosts: vec![HostWish {
            host: "api.{site}".to_owned(),
            methods: vec!["GET".to_owned()],
            paths: vec![
                "/api/v2/usage/estimated_cost".to_owned(),
                "/api/v2/usage/historical_cost".to_owned(),
                "/api/v2/usage/hourly_usage".to_owned(),
                "/api/v2/cost_by_tag/monthly_cost_attribution".to_owned(),
            ],
            headers: Vec::new(),
            credential: Some("datadog".to_owned()),
            text: "Reads cost and usage; cost_by_tag only where `tag` is set.".to_owned(),
        }],
        credentials: vec![CredentialWish {
            name: "datadog".to_owned(),
            schemes: vec!["headers".to_owned()],
            text: "Headers DD-API-KEY and DD-APPLICATION-KEY: an API key of the parent organization, and an application key of a \
                   service account scoped to usage_read and billing_read."
                .to_owned(),
        }],
    }
}

fn streams() -> Vec<Stream> {
    let monthly = |name: &str, text: &str| Stream {
        latency: LATENCY.unsigned_abs(),
        look_back: LookBack::Months {
            previous: 1,
            until_day: None,
        },
        cadence: Some((12 * HOUR).unsigned_abs()),
        ..Stream::new(name, text, Grain::Month, Basis::Billed)
    };
    vec![
        monthly(
            SPEND,
            "The bill by day, organization, product and kind of charge: month-to-date estimates turned into days, and what was \
             billed beyond them as adjustments.",
        ),
        Stream {
            role: Role::ViewOf(SPEND.to_owned()),
            ..monthly(
                BY_TAG,
                "The bill of a finished month by the values of one tag, organization and product.",
            )
        },
    ]
}

fn settings() -> Vec<Setting> {
    use SettingKind::{Integer, Text};
    vec![
        Setting::required(
            "account",
            Text,
            "Public id of the account or of its parent organization, as the cost replies show it; another account's money is refused.",
        ),
        Setting::optional("site", Text, "Datadog's site, on which alone the keys are valid.")
            .default_value("datadoghq.com")
            .one_of(&SITES),
        Setting::optional(
            "currency",
            Text,
            "The currency of the bill, which Datadog's replies do not tell.",
        )
        .default_value("USD"),
        Setting::optional(
            "tag",
            Text,
            "A tag key that usage attribution is configured for; without it, there is no view by tag.",
        ),
        Setting::optional(
            "usage",
            Text,
            "Product families whose hourly usage is observed, such as infra_hosts, logs, or all.",
        )
        .list()
        .default_value(vec!["infra_hosts"]),
        Setting::optional(
            "pace",
            Integer,
            "Seconds between two pages, as Datadog recommends.",
        )
        .default_value(5),
    ]
}
