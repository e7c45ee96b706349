//! `usage_report/messages`: a day's tokens, added up by what is grouped by.

use jiff::civil::Date;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

pub(super) const GROUPS: [&str; 6] = [
    "api_key_id",
    "workspace_id",
    "model",
    "service_tier",
    "context_window",
    "inference_geo",
];

/// What was used of a day.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Used {
    day: Date,
    workspace: Option<String>,
    model: String,
    pub(super) service_tier: String,
    context_window: String,
    uncached: u64,
    read: u64,
    write_5m: u64,
    write_1h: u64,
    output: u64,
    searches: u64,
}

pub(super) fn results(used: &[Used], day: Date, groups: &[String]) -> Vec<Value> {
    let by = |name: &str| groups.iter().any(|group| group == name);
    let mut sums: BTreeMap<_, [u64; 6]> = BTreeMap::new();
    for of in used.iter().filter(|of| of.day == day) {
        let group = (
            of.workspace.as_ref().filter(|_| by("workspace_id")),
            by("model").then_some(&of.model),
            by("service_tier").then_some(&of.service_tier),
            by("context_window").then_some(&of.context_window),
        );
        let more = [
            of.uncached,
            of.read,
            of.write_5m,
            of.write_1h,
            of.output,
            of.searches,
        ];
        for (sum, more) in sums.entry(group).or_default().iter_mut().zip(more) {
            *sum += more;
        }
    }
    let result = |(
        (workspace, model, tier, context),
        [uncached, read, write_5m, write_1h, output, searches],
    ): (_, [u64; 6])| {
        let (workspace, model): (Option<&String>, Option<&String>) = (workspace, model);
        let (tier, context): (Option<&String>, Option<&String>) = (tier, context);
        json!({"uncached_input_tokens": uncached, "cache_read_input_tokens": read, "output_tokens": output,
            "cache_creation": {"ephemeral_5m_input_tokens": write_5m, "ephemeral_1h_input_tokens": write_1h},
            "server_tool_use": {"web_search_requests": searches}, "api_key_id": null, "workspace_id": workspace,
            "model": model, "service_tier": tier, "context_window": context})
    };
    sums.into_iter().map(result).collect()
}
