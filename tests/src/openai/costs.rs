//! `organization/costs`: a day's lines, added up by what is grouped by.

use super::Options;
use crate::{
    Error,
    buckets::{Told, json_number},
};
use finops_decimal::Decimal;
use jiff::{Timestamp, civil::Date};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

pub(super) const GROUPS: [&str; 3] = ["project_id", "line_item", "api_key_id"];

/// What is billed of a day for a project, a key and a line item.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Line {
    /// The UTC day.
    pub day: Date,
    /// The project; none where it belongs to the organization.
    pub project: Option<String>,
    /// The key.
    pub key: Option<String>,
    /// The line item.
    pub item: String,
    /// The amount, as its digits are written.
    pub value: String,
    /// The currency in lower case.
    pub currency: String,
    /// The quantity.
    pub quantity: Option<String>,
    /// Its unit.
    pub unit: Option<String>,
    /// When it is told.
    #[serde(flatten)]
    pub told: Told,
}

/// What a group has in common: project, item, key, currency, unit.
type Group<'a> = (
    Option<&'a str>,
    Option<&'a str>,
    Option<&'a str>,
    &'a str,
    Option<&'a str>,
);

pub(super) fn results(
    lines: &[Line],
    options: &Options,
    now: Timestamp,
    day: Date,
    groups: &[String],
) -> Result<Vec<Value>, Error> {
    let by = |name: &str| groups.iter().any(|group| group == name);
    let mut found: BTreeMap<Group<'_>, Vec<&Line>> = BTreeMap::new();
    for line in lines.iter().filter(|line| line.day == day && line.told.at(now)) {
        let group = (
            line.project.as_deref().filter(|_| by("project_id")),
            by("line_item").then_some(line.item.as_str()),
            line.key.as_deref().filter(|_| by("api_key_id")),
            line.currency.as_str(),
            line.unit.as_deref().filter(|_| by("line_item")),
        );
        found.entry(group).or_default().push(line);
    }
    let mut results = Vec::new();
    for (group, lines) in found {
        for copy in 0..options.repeat {
            results.push(result(group, &lines, options.amounts_as_text, copy)?);
        }
    }
    Ok(results)
}

fn result(
    (project, item, key, currency, unit): Group<'_>,
    lines: &[&Line],
    as_text: bool,
    copy: usize,
) -> Result<Value, Error> {
    // One line's amount keeps its writing, such as 6.25e-7.
    let value = match lines {
        [line] => line.value.clone(),
        lines => sum(lines.iter().map(|line| line.value.as_str()))?,
    };
    let value = match as_text {
        true => json!(value),
        false => json_number(&value)?,
    };
    let quantity = match unit {
        Some(_) => json_number(&sum(lines.iter().filter_map(|line| line.quantity.as_deref()))?)?,
        None => Value::Null,
    };
    let item = item.map(|item| match copy {
        0 => item.to_owned(),
        copy => format!("#{copy} {item}"),
    });
    Ok(
        json!({"object": "organization.costs.result", "amount": {"value": value, "currency": currency}, "line_item": item,
        "project_id": project, "api_key_id": key, "quantity": quantity, "quantity_unit": unit}),
    )
}

fn sum<'a>(texts: impl Iterator<Item = &'a str>) -> Result<String, Error> {
    let numbers = texts.map(str::parse).collect::<Result<Vec<Decimal>, _>>()?;
    Ok(Decimal::sum(numbers)?.to_string())
}
