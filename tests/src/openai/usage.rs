//! `organization/usage/...`: a day's tokens and requests, added up by what is grouped by.

use crate::Error;
use jiff::civil::Date;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

pub(super) const GROUPS: [&str; 6] = [
    "project_id",
    "user_id",
    "api_key_id",
    "model",
    "batch",
    "service_tier",
];

/// What was used of a day.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Used {
    day: Date,
    endpoint: String,
    project: String,
    key: String,
    model: String,
    input: u64,
    requests: u64,
    /// What only completions have.
    #[serde(default)]
    cached: u64,
    #[serde(default)]
    output: u64,
    #[serde(default)]
    audio_in: u64,
    #[serde(default)]
    audio_out: u64,
}

pub(super) fn results(
    used: &[Used],
    endpoint: &str,
    day: Date,
    groups: &[String],
) -> Result<Vec<Value>, Error> {
    let by = |name: &str, value: &str| groups.iter().any(|group| group == name).then(|| value.to_owned());
    let mut sums: BTreeMap<_, [u64; 6]> = BTreeMap::new();
    for of in used.iter().filter(|of| of.day == day && of.endpoint == endpoint) {
        let group = (
            by("project_id", &of.project),
            by("api_key_id", &of.key),
            by("model", &of.model),
        );
        let more = [
            of.input,
            of.requests,
            of.cached,
            of.output,
            of.audio_in,
            of.audio_out,
        ];
        for (sum, more) in sums.entry(group).or_default().iter_mut().zip(more) {
            *sum += more;
        }
    }
    let result = |((project, key, model), [input, requests, cached, output, audio_in, audio_out]): (
        _,
        [u64; 6],
    )| {
        let mut result = json!({"object": format!("organization.usage.{endpoint}.result"), "input_tokens": input,
            "num_model_requests": requests, "project_id": project, "user_id": null, "api_key_id": key, "model": model});
        if endpoint == "completions" {
            let more = json!({"input_cached_tokens": cached, "output_tokens": output, "input_audio_tokens": audio_in,
                "output_audio_tokens": audio_out, "batch": null, "service_tier": null});
            if let (Some(result), Some(more)) = (result.as_object_mut(), more.as_object()) {
                result.extend(more.clone());
            }
        }
        result
    };
    Ok(sums.into_iter().map(result).collect())
}
