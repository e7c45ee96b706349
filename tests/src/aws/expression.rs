//! Filters of Cost Explorer: And, Or, Not, Dimensions, Tags and CostCategories over a line of the bill.

use super::bill::Line;
use serde_json::Value;

/// Something by which lines are told apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Field {
    Service,
    UsageType,
    Account,
    RecordType,
    Region,
    Resource,
    Tag(String),
    Category(String),
}

impl Field {
    pub(crate) fn dimension(name: &str) -> Option<Self> {
        Some(match name {
            "SERVICE" => Self::Service,
            "USAGE_TYPE" => Self::UsageType,
            "LINKED_ACCOUNT" => Self::Account,
            "RECORD_TYPE" => Self::RecordType,
            "REGION" => Self::Region,
            "RESOURCE_ID" => Self::Resource,
            _ => return None,
        })
    }

    /// A line's value.
    pub(crate) fn value(&self, line: &Line) -> String {
        match self {
            Self::Service => line.service.clone(),
            Self::UsageType => line.usage_type.clone(),
            Self::Account => line.account.clone(),
            Self::RecordType => line.record_type.clone(),
            Self::Region if line.usage_type.starts_with("EUW1-") => "eu-west-1".to_owned(),
            Self::Region => "us-east-1".to_owned(),
            Self::Resource if line.resource.is_empty() => "NoResourceId".to_owned(),
            Self::Resource => line.resource.clone(),
            Self::Tag(key) if key == "team" => line.team.clone(),
            Self::Category(key) if key == "Area" => line.area.clone(),
            Self::Tag(_) | Self::Category(_) => String::new(),
        }
    }

    /// A line's value as a group's key shows it: tags and categories carry their name.
    pub(crate) fn key(&self, line: &Line) -> String {
        match self {
            Self::Tag(key) | Self::Category(key) => format!("{key}${}", self.value(line)),
            _ => self.value(line),
        }
    }
}

/// A filter.
#[derive(Clone, Debug)]
pub(crate) enum Expression {
    All(Vec<Self>),
    Any(Vec<Self>),
    Not(Box<Self>),
    Among(Field, Vec<String>),
    Absent(Field),
}

impl Expression {
    pub(crate) fn parse(filter: &Value, with_resources: bool) -> Result<Self, String> {
        let object = filter.as_object().ok_or("Expression is no object")?;
        let [(root, inner)] = object.iter().collect::<Vec<_>>()[..] else {
            return Err(match object.len() {
                0 => "Expression has no root".to_owned(),
                _ => "Expression has more than one roots. Only one root is allowed for each expression."
                    .to_owned(),
            });
        };
        let several = || -> Result<Vec<Self>, String> {
            let parts = inner.as_array().ok_or("And and Or take a list")?;
            if parts.len() < 2 {
                return Err(format!("{root} must have at least 2 operands"));
            }
            parts
                .iter()
                .map(|part| Self::parse(part, with_resources))
                .collect()
        };
        match root.as_str() {
            "And" => Ok(Self::All(several()?)),
            "Or" => Ok(Self::Any(several()?)),
            "Not" => Ok(Self::Not(Box::new(Self::parse(inner, with_resources)?))),
            "Dimensions" | "Tags" | "CostCategories" => {
                let key = inner.get("Key").and_then(Value::as_str).ok_or("Key is missing")?;
                let field = match root.as_str() {
                    "Dimensions" => {
                        Field::dimension(key).ok_or_else(|| format!("Invalid dimension: {key}"))?
                    }
                    "Tags" => Field::Tag(key.to_owned()),
                    _ => Field::Category(key.to_owned()),
                };
                if field == Field::Resource && !with_resources {
                    return Err("RESOURCE_ID is not allowed here".to_owned());
                }
                let options = inner.get("MatchOptions").and_then(Value::as_array);
                if options.is_some_and(|options| options.iter().any(|option| option == "ABSENT")) {
                    return Ok(Self::Absent(field));
                }
                let values = inner
                    .get("Values")
                    .and_then(Value::as_array)
                    .ok_or("Values is missing")?;
                let values: Vec<String> = values
                    .iter()
                    .filter_map(|value| value.as_str().map(str::to_owned))
                    .collect();
                match values.is_empty() {
                    true => Err("Values must not be empty".to_owned()),
                    false => Ok(Self::Among(field, values)),
                }
            }
            other => Err(format!("Unknown root: {other}")),
        }
    }

    pub(crate) fn holds(&self, line: &Line) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(|part| part.holds(line)),
            Self::Any(parts) => parts.iter().any(|part| part.holds(line)),
            Self::Not(part) => !part.holds(line),
            Self::Among(field, values) => values.contains(&field.value(line)),
            Self::Absent(field) => field.value(line).is_empty(),
        }
    }

    /// Whether it asks for resources.
    pub(crate) fn names_resource(&self) -> bool {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().any(Self::names_resource),
            Self::Not(part) => part.names_resource(),
            Self::Among(field, _) | Self::Absent(field) => *field == Field::Resource,
        }
    }
}
