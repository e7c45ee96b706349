//! `[settings]`: kept as written until the descriptor is known, then checked against it and filled with its defaults.

use super::{
    Config,
    errors::{ConfigErrors, Problems, Span, line},
    reading::Reading,
    section::{Item, Section, integer},
    suggest,
};
use crate::{
    component::{
        descriptor::{Descriptor, Setting},
        setting::{Given, GivenValue},
    },
    foreign::Foreign,
};
use serde_json::Value;
use std::collections::BTreeMap;
use toml::de::DeValue;

/// The section as written.
#[derive(Clone, Debug, Default)]
pub(super) struct Written {
    /// Where it stands.
    span: Span,
    values: BTreeMap<String, (Span, Given)>,
}

/// Reads the section.
pub(super) fn read(section: &Section<'_>, reading: &Reading<'_>) -> Written {
    Written {
        span: section.span(),
        values: section
            .items()
            .filter_map(|item| {
                let key_span = item.key_span();
                Some((item.name.to_owned(), (key_span, given(&item, reading)?)))
            })
            .collect(),
    }
}

fn given(item: &Item<'_>, reading: &Reading<'_>) -> Option<Given> {
    let value = match item.value {
        DeValue::String(text) => GivenValue::Text(text.to_string()),
        DeValue::Integer(number) => integer(number).map_or(GivenValue::Number, GivenValue::Integer),
        DeValue::Float(_) => GivenValue::Number,
        DeValue::Boolean(value) => GivenValue::Boolean(*value),
        DeValue::Datetime(when) => match (when.date, when.time) {
            (Some(date), None) => GivenValue::Date(date.to_string()),
            _ => GivenValue::Other("a time"),
        },
        DeValue::Array(_) => {
            let items = item.list("a list")?;
            let items = items.iter().map(|item| given(item, reading));
            GivenValue::List(items.collect::<Option<Vec<_>>>()?)
        }
        DeValue::Table(table) if table.len() == 1 && table.contains_key("env") => {
            let section = item.section("a table")?;
            let (_, value) = reading.variable(&section.take("env")?)?;
            GivenValue::Variable(value)
        }
        DeValue::Table(_) => {
            let entries = item.section("a table")?;
            let entries = entries
                .items()
                .map(|item| Some((item.name.to_owned(), given(&item, reading)?)));
            GivenValue::Table(entries.collect::<Option<BTreeMap<_, _>>>()?)
        }
    };
    Some(Given {
        at: item.span.clone(),
        value,
    })
}

impl Config {
    /// The settings for a collector as JSON, checked against its descriptor, defaults filled in.
    ///
    /// # Errors
    /// All that does not fit, each with its line: unknown keys, missing ones, wrong types, values not taken.
    pub fn settings_for(&self, descriptor: &Descriptor) -> Result<Value, ConfigErrors> {
        match self.settings_as_far(descriptor) {
            (settings, None) => Ok(settings),
            (_, Some(errors)) => Err(errors),
        }
    }

    /// The settings that fit, and what is wrong with the others.
    pub(super) fn settings_as_far(&self, descriptor: &Descriptor) -> (Value, Option<ConfigErrors>) {
        let problems = Problems::default();
        let known: Vec<&str> = descriptor
            .settings
            .iter()
            .map(|setting| setting.key.as_str())
            .collect();
        for (key, (span, _)) in &self.settings.values {
            if !known.contains(&key.as_str()) {
                let name = Foreign::new(descriptor.name.as_str());
                let what = format!("the collector {name} has no such setting");
                let remedy = Foreign::new(suggest::remedy(key, &known)).to_string();
                problems.add(span, format!("settings.{key}"), what, remedy);
            }
        }
        let mut settings = serde_json::Map::new();
        for setting in &descriptor.settings {
            if let Some(value) = self.setting(setting, &problems) {
                settings.insert(setting.key.clone(), value);
            }
        }
        let errors = problems.into_result(&self.path, &self.text).err();
        (Value::Object(settings), errors)
    }

    /// The keys that the file gives.
    pub(super) fn setting_keys(&self) -> impl Iterator<Item = &str> {
        self.settings.values.keys().map(String::as_str)
    }

    /// The line on which the file gives a setting.
    pub(super) fn line_of_setting(&self, key: &str) -> Option<usize> {
        let (span, _) = self.settings.values.get(key)?;
        Some(line(&self.text, span.start))
    }

    fn setting(&self, setting: &Setting, problems: &Problems) -> Option<Value> {
        let key = format!("settings.{}", Foreign::new(setting.key.as_str()));
        let default;
        let given = match (self.settings.values.get(&setting.key), &setting.default) {
            (Some((_, given)), _) => given,
            (None, Some(value)) => {
                default = Given::from_json(value);
                &default
            }
            (None, None) if setting.required => {
                let remedy = format!("add it to [settings]: {}", Foreign::new(setting.text.as_str()));
                problems.add(&self.settings.span, key, "this setting is missing", remedy);
                return None;
            }
            (None, None) => return None,
        };
        match setting.convert(given) {
            Ok(value) => Some(value),
            Err(misfit) => {
                problems.add(&misfit.at, key, misfit.what, misfit.remedy);
                None
            }
        }
    }
}
