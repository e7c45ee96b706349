//! Cost Explorer: GetDimensionValues and GetTags, the values that the bill's lines have.

use super::{
    bill::Line,
    ce::{Asking, Exception, Span, invalid},
    expression::Field,
};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// GetDimensionValues (`Dimension`) and GetTags (`TagKey`).
pub(crate) fn values(asking: Asking<'_>, body: &[u8], tags: bool) -> Result<Value, Exception> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Asked {
        time_period: Span,
        dimension: Option<String>,
        tag_key: Option<String>,
    }
    let asked: Asked =
        serde_json::from_slice(body).map_err(|error| ("SerializationException", error.to_string()))?;
    let field = match (tags, asked.dimension, asked.tag_key) {
        (false, Some(name), _) => Field::dimension(&name).ok_or_else(|| invalid("Invalid dimension"))?,
        (true, _, Some(key)) => Field::Tag(key),
        _ => return Err(invalid("nothing to look for")),
    };
    let inside = |line: &&Line| {
        let day = line.day.to_string();
        asked.time_period.start <= day && day < asked.time_period.end
    };
    let found: BTreeSet<String> = asking
        .bill
        .known(asking.now)
        .filter(inside)
        .map(|line| field.value(line))
        .collect();
    Ok(match tags {
        true => json!({"Tags": found, "ReturnSize": found.len(), "TotalSize": found.len()}),
        false => {
            let values: Vec<Value> = found
                .iter()
                .map(|value| json!({"Value": value, "Attributes": {}}))
                .collect();
            json!({"DimensionValues": values, "ReturnSize": values.len(), "TotalSize": values.len()})
        }
    })
}
