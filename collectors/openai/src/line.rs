//! A line of the costs as OpenAI writes it, and what its free text tells.

use serde::Deserialize;
use serde_json::Value;

/// A result of `organization/costs`.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Line {
    pub(crate) amount: Amount,
    #[serde(default)]
    pub(crate) line_item: Option<String>,
    #[serde(default)]
    pub(crate) project_id: Option<String>,
    #[serde(default)]
    pub(crate) quantity: Value,
    #[serde(default)]
    pub(crate) quantity_unit: Option<String>,
}

/// A number, or decimal text, and a currency in lower case.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Amount {
    #[serde(default)]
    pub(crate) value: Value,
    pub(crate) currency: String,
}

/// What a line item names: `<model>, <metric>`; others, such as `web search`, name neither.
pub(crate) fn model_and_metric(item: &str) -> Option<(&str, &str)> {
    let (model, metric) = item.rsplit_once(", ")?;
    (!model.is_empty() && !metric.is_empty()).then_some((model, metric))
}

/// FOCUS's word for a unit of quantity; none for one that is not known.
pub(crate) fn unit(text: &str) -> Option<&'static str> {
    Some(match text {
        "tokens" => "Tokens",
        "1000_tokens" => "1000 Tokens",
        "duration_seconds" => "Seconds",
        "duration_minutes" => "Minutes",
        "duration_hours" => "Hours",
        "gibibyte_hours" => "GiB-Hours",
        "images" => "Images",
        "characters" => "Characters",
        _ => return None,
    })
}
