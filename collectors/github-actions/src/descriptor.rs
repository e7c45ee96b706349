//! What the collector says of itself: settings, the stream, the observation, and the host that it would like to call.

use crate::settings::API_HOST;
use finops_collector::{
    descriptor::{
        Basis, CredentialWish, Descriptor, Grain, HostWish, LookBack, ObservationKind, Setting, SettingKind,
        Stream,
    },
    period::{DAY, HOUR},
};

/// The bill by day.
pub(crate) const SPEND: &str = "spend";
/// Minutes of Actions.
pub(crate) const MINUTES: &str = "actions-minutes";

/// After so many seconds the figures of a day are taken as whole: GitHub promises nothing, two or three days are usual [U].
pub(crate) const LATENCY: i64 = 2 * DAY;

/// The descriptor.
pub(crate) fn descriptor() -> Descriptor {
    Descriptor {
        name: "github-actions".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        provider: "github".to_owned(),
        text: "What GitHub bills an organization or an enterprise: Actions, Packages, Copilot and all other products by day, \
               SKU and repository, from the usage report of the enhanced billing platform."
            .to_owned(),
        settings: settings(),
        streams: vec![Stream {
            latency: LATENCY.unsigned_abs(),
            // The previous month is read until it is final.
            look_back: LookBack::Months {
                previous: 1,
                until_day: Some(7),
            },
            cadence: Some(HOUR.unsigned_abs()),
            // Documented for the report's summary; the report itself is taken to reach as far [U].
            retention: Some(730),
            ..Stream::new(
                SPEND,
                "The bill by day, product, SKU, organization and repository: gross, and net of discounts and included quotas.",
                Grain::Day,
                Basis::Billed,
            )
        }],
        observations: vec![ObservationKind::new(
            MINUTES,
            "Minutes",
            "Minutes of Actions of a day by the runner's SKU and system; by repository they stand on the cost records.",
        )],
        hosts: vec![HostWish {
            host: API_HOST.to_owned(),
            methods: vec!["GET".to_owned()],
            paths: vec!["/organizations".to_owned()],
            headers: vec!["x-github-api-version".to_owned()],
            credential: Some("github".to_owned()),
            text: "Reads the usage report; narrow the path to /organizations/ORG/settings/billing/usage (of an enterprise \
                   /enterprises/NAME/settings/billing/usage)."
                .to_owned(),
        }],
        credentials: vec![CredentialWish {
            name: "github".to_owned(),
            schemes: vec!["bearer".to_owned()],
            text: "A fine-grained token with the organization permission Administration: read; else a classic token of an owner \
                   or billing manager."
                .to_owned(),
        }],
    }
}

fn settings() -> Vec<Setting> {
    use SettingKind::Text;
    vec![
        Setting::required("account", Text, "The organization's login, or the enterprise's slug."),
        Setting::optional(
            "account-kind",
            Text,
            "Whether the account is an organization or an enterprise. One bill only: an organization's usage is on its \
             enterprise's bill, too.",
        )
        .default_value("organization")
        .one_of(&["organization", "enterprise"]),
        Setting::optional(
            "cost-center",
            Text,
            "Id of a cost center of the enterprise; without it GitHub reports only what belongs to none.",
        ),
        Setting::optional(
            "api-host",
            Text,
            "The API's host; api.NAME.ghe.com for GitHub Enterprise Cloud with data residency.",
        )
        .default_value(API_HOST),
    ]
}
