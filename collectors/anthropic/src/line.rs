//! A line of the cost report as Anthropic writes it.

use serde::Deserialize;
use serde_json::Value;

/// A result of `cost_report`. What it does not tell is null or not there.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Line {
    /// In the currency's lowest unit; decimal text.
    #[serde(default)]
    pub(crate) amount: Value,
    pub(crate) currency: String,
    #[serde(default)]
    pub(crate) workspace_id: Option<String>,
    #[serde(default)]
    pub(crate) description: Option<String>,
    #[serde(default)]
    pub(crate) cost_type: Option<String>,
    #[serde(default)]
    pub(crate) model: Option<String>,
    #[serde(default)]
    pub(crate) token_type: Option<String>,
    #[serde(default)]
    pub(crate) service_tier: Option<String>,
    #[serde(default)]
    pub(crate) context_window: Option<String>,
    #[serde(default)]
    pub(crate) inference_geo: Option<String>,
}

impl Line {
    /// What is charged for: what of model, cost type, token type, tier and context it tells, joined.
    pub(crate) fn sku(&self) -> Option<String> {
        let parts = [
            &self.model,
            &self.cost_type,
            &self.token_type,
            &self.service_tier,
            &self.context_window,
        ];
        let told: Vec<&str> = parts.into_iter().filter_map(|part| told(part)).collect();
        (!told.is_empty()).then(|| told.join("|"))
    }
}

/// A text that tells something.
pub(crate) fn told(text: &Option<String>) -> Option<&str> {
    text.as_deref().filter(|text| !text.is_empty())
}
