//! What the collector says of itself: settings, the stream, observations, and the host that it would like to call.

use crate::api::VERSION_HEADER;
use finops_collector::descriptor::{
    Basis, CredentialWish, Descriptor, Grain, HostWish, LookBack, ObservationKind, Setting, SettingKind,
    Stream,
};

/// The bill.
pub(crate) const SPEND: &str = "spend";

const HOUR: u64 = 3_600;

/// The descriptor.
pub(crate) fn descriptor() -> Descriptor {
    Descriptor {
        name: "anthropic".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        provider: "anthropic".to_owned(),
        text: "What an Anthropic organization is billed for the Claude API by day, workspace, model and kind of token; used tokens \
               as observations. The cost of the Priority Tier is not in Anthropic's report, and so not in the books."
            .to_owned(),
        settings: vec![
            Setting::required(
                "organization",
                SettingKind::Text,
                "Id of the billed organization.",
            ),
            Setting::optional(
                "usage",
                SettingKind::Boolean,
                "Whether used tokens are observed; without it nothing tells of use under the Priority Tier.",
            )
            .default_value(true),
        ],
        streams: vec![Stream {
            latency: 24 * HOUR,
            look_back: LookBack::Months {
                previous: 1,
                until_day: Some(10),
            },
            cadence: Some(HOUR),
            ..Stream::new(
                SPEND,
                "The organization's costs by day, workspace, model and kind of token.",
                Grain::Day,
                Basis::Billed,
            )
        }],
        observations: observations(),
        hosts: vec![HostWish {
            host: "api.anthropic.com".to_owned(),
            methods: vec!["GET".to_owned()],
            paths: [
                "/v1/organizations/cost_report",
                "/v1/organizations/workspaces",
                "/v1/organizations/usage_report/messages",
            ]
            .map(str::to_owned)
            .into(),
            headers: vec![VERSION_HEADER.to_owned()],
            credential: Some("anthropic".to_owned()),
            text: "Reads costs, the names of workspaces and used tokens.".to_owned(),
        }],
        credentials: vec![CredentialWish {
            name: "anthropic".to_owned(),
            schemes: vec!["headers".to_owned()],
            text: "An Admin API key (sk-ant-admin…) as the header x-api-key. It can also manage members and keys: the paths of \
                   the rule are what keeps the collector from that."
                .to_owned(),
        }],
    }
}

fn observations() -> Vec<ObservationKind> {
    let tokens = |name: &str, text: &str| ObservationKind::new(name, "Tokens", text);
    vec![
        tokens(
            "uncached-input-tokens",
            "Input tokens that were neither read from the cache nor written to it, by day, workspace, model, tier and context.",
        ),
        tokens("cache-read-tokens", "Input tokens that were read from the cache."),
        tokens(
            "cache-write-5m-tokens",
            "Input tokens written to the cache for five minutes.",
        ),
        tokens(
            "cache-write-1h-tokens",
            "Input tokens written to the cache for an hour.",
        ),
        tokens("output-tokens", "Output tokens."),
        ObservationKind::new("web-searches", "Searches", "Web searches."),
        tokens(
            "uncosted-tokens",
            "A warning: tokens of all kinds under the Priority Tier, whose cost Anthropic's report leaves out.",
        ),
    ]
}
