//! What a client submits, read strictly.

use super::sql::{Bind, Type};
use serde::{Deserialize, Deserializer, de};
use serde_json::Value;
use std::collections::BTreeMap;

/// The body of a submission; anything more is refused.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Submission {
    pub(crate) statement: String,
    pub(crate) timeout: Option<u64>,
    pub(crate) database: Option<String>,
    pub(crate) schema: Option<String>,
    pub(crate) warehouse: Option<String>,
    pub(crate) role: Option<String>,
    #[serde(default)]
    pub(crate) bindings: BTreeMap<String, Binding>,
    #[serde(default, deserialize_with = "parameters")]
    pub(crate) parameters: BTreeMap<String, String>,
}

/// Values are strings or null: a number is refused.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Binding {
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) value: Option<String>,
}

/// Session parameters by upper-case name; values may be strings, numbers or booleans.
fn parameters<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, String>, D::Error> {
    let given = BTreeMap::<String, Value>::deserialize(deserializer)?;
    given
        .into_iter()
        .map(|(name, value)| match value {
            Value::String(text) => Ok((name.to_uppercase(), text)),
            Value::Number(_) | Value::Bool(_) => Ok((name.to_uppercase(), value.to_string())),
            _ => Err(de::Error::custom(format!(
                "parameter {name} is no text, number or boolean"
            ))),
        })
        .collect()
}

pub(crate) fn is_uuid(text: &str) -> bool {
    let lengths: Vec<usize> = text.split('-').map(str::len).collect();
    lengths == [8, 4, 4, 4, 12] && text.chars().all(|c| c == '-' || c.is_ascii_hexdigit())
}

/// The bindings in order: "1", "2" and so on without gaps.
pub(crate) fn binds(bindings: &BTreeMap<String, Binding>) -> Result<Vec<Bind>, String> {
    (1..=bindings.len())
        .map(|number| {
            let binding = bindings
                .get(&number.to_string())
                .ok_or_else(|| format!("Binding {number} is missing."))?;
            let kind = match binding.kind.as_str() {
                "TEXT" => Type::Text,
                "FIXED" => Type::Fixed(0),
                "REAL" => Type::Float,
                "BOOLEAN" => Type::Text,
                other => return Err(format!("Binding {number}: type '{other}' is not supported.")),
            };
            Ok(Bind {
                kind,
                value: binding.value.clone(),
            })
        })
        .collect()
}
