//! `cost_report`: a day's lines in cents, added up by what is grouped by.

use crate::{Error, buckets::Told};
use finops_decimal::Decimal;
use jiff::{Timestamp, civil::Date};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

pub(super) const GROUPS: [&str; 2] = ["workspace_id", "description"];

/// What is billed of a day.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Line {
    /// The UTC day.
    pub day: Date,
    /// The workspace; none is the default one.
    pub workspace: Option<String>,
    /// What it is, for people.
    pub description: String,
    /// What kind of cost.
    pub cost_type: Option<String>,
    /// The model.
    pub model: Option<String>,
    /// The kind of tokens.
    pub token_type: Option<String>,
    /// The tier.
    pub service_tier: Option<String>,
    /// The context window.
    pub context_window: Option<String>,
    /// Where it ran.
    pub inference_geo: Option<String>,
    /// Cents, as their digits are written.
    pub amount: String,
    /// The currency.
    pub currency: String,
    /// When it is told.
    #[serde(flatten)]
    pub told: Told,
}

pub(super) fn results(
    lines: &[Line],
    repeat: usize,
    now: Timestamp,
    day: Date,
    groups: &[String],
) -> Result<Vec<Value>, Error> {
    let by = |name: &str| groups.iter().any(|group| group == name);
    let mut sums: BTreeMap<_, Vec<&Line>> = BTreeMap::new();
    for line in lines.iter().filter(|line| line.day == day && line.told.at(now)) {
        let described = by("description").then_some([
            Some(&line.description),
            line.cost_type.as_ref(),
            line.model.as_ref(),
            line.token_type.as_ref(),
            line.service_tier.as_ref(),
            line.context_window.as_ref(),
            line.inference_geo.as_ref(),
        ]);
        let workspace = line.workspace.as_ref().filter(|_| by("workspace_id"));
        sums.entry((workspace, described, &line.currency))
            .or_default()
            .push(line);
    }
    let mut results = Vec::new();
    for ((workspace, described, currency), lines) in sums {
        let amounts = lines.iter().map(|line| line.amount.parse());
        let amount = match lines.as_slice() {
            // One line's amount keeps its writing, such as 10.00.
            [line] => line.amount.clone(),
            _ => Decimal::sum(amounts.collect::<Result<Vec<Decimal>, _>>()?)?.to_string(),
        };
        let [description, cost_type, model, token_type, tier, context, geo] = described.unwrap_or_default();
        for copy in 0..repeat {
            let model = match copy {
                0 => model.cloned(),
                copy => Some(format!("model-{copy}-{}", model.map_or("none", String::as_str))),
            };
            results.push(json!({"amount": amount, "currency": currency, "cost_type": cost_type, "description": description,
                "model": model, "token_type": token_type, "context_window": context, "service_tier": tier,
                "inference_geo": geo, "workspace_id": workspace}));
        }
    }
    Ok(results)
}
