//! What the collector says of itself: settings, the stream, observations, and the host that it would like to call.

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
        name: "openai".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        provider: "openai".to_owned(),
        text: "What an OpenAI organization is billed for the API by day, project and line item; used tokens by project and model \
               as observations."
            .to_owned(),
        settings: vec![
            Setting::required(
                "organization",
                SettingKind::Text,
                "Id of the billed organization, such as org-AbC123.",
            ),
            Setting::optional(
                "usage",
                SettingKind::Boolean,
                "Whether used tokens and requests are observed.",
            )
            .default_value(true),
        ],
        streams: vec![Stream {
            latency: 48 * HOUR,
            look_back: LookBack::Months {
                previous: 1,
                until_day: Some(10),
            },
            cadence: Some(6 * HOUR),
            ..Stream::new(
                SPEND,
                "The organization's costs by day, project and line item.",
                Grain::Day,
                Basis::Billed,
            )
        }],
        observations: observations(),
        hosts: vec![HostWish {
            host: "api.openai.com".to_owned(),
            methods: vec!["GET".to_owned()],
            paths: [
                "/v1/organization/costs",
                "/v1/organization/projects",
                "/v1/organization/usage/completions",
                "/v1/organization/usage/embeddings",
            ]
            .map(str::to_owned)
            .into(),
            headers: Vec::new(),
            credential: Some("openai".to_owned()),
            text: "Reads costs, the names of projects and used tokens.".to_owned(),
        }],
        credentials: vec![CredentialWish {
            name: "openai".to_owned(),
            schemes: vec!["bearer".to_owned()],
            text: "An admin key (sk-admin-…) that may read usage and projects; a project's key is refused.".to_owned(),
        }],
    }
}

fn observations() -> Vec<ObservationKind> {
    let tokens = |name: &str, text: &str| ObservationKind::new(name, "Tokens", text);
    vec![
        tokens(
            "input-tokens",
            "Input tokens by day, project, model and endpoint, cached ones among them.",
        ),
        tokens("cached-input-tokens", "Those of them that came from the cache."),
        tokens(
            "output-tokens",
            "Output tokens by day, project, model and endpoint.",
        ),
        tokens("input-audio-tokens", "Audio input tokens."),
        tokens("output-audio-tokens", "Audio output tokens."),
        ObservationKind::new(
            "requests",
            "Requests",
            "Requests by day, project, model and endpoint.",
        ),
    ]
}
