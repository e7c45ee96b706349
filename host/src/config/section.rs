//! Reading a table of the file key by key: each value is taken with its type and place, and what nobody took is an unknown key.

use super::{
    errors::{Problems, Span},
    suggest, units,
};
use finops_decimal::Decimal;
use std::{cell::RefCell, fmt::Display, str::FromStr, time::Duration};
use toml::de::{DeTable, DeValue};

/// A table being read.
#[derive(Debug)]
pub(super) struct Section<'a> {
    path: String,
    span: Span,
    table: &'a DeTable<'a>,
    asked: RefCell<Vec<&'static str>>,
    problems: &'a Problems,
}

/// A value and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Item<'a> {
    /// Its last key.
    pub(super) name: &'a str,
    /// Its dotted key.
    pub(super) path: String,
    /// Where the value stands.
    pub(super) span: Span,
    /// The value.
    pub(super) value: &'a DeValue<'a>,
    key_span: Span,
    problems: &'a Problems,
}

impl<'a> Section<'a> {
    /// The whole document.
    pub(super) fn root(table: &'a DeTable<'a>, problems: &'a Problems) -> Self {
        Self {
            path: String::new(),
            span: 0..0,
            table,
            asked: RefCell::default(),
            problems,
        }
    }

    /// Where it stands.
    pub(super) fn span(&self) -> Span {
        self.span.clone()
    }

    /// The dotted name of one of its keys.
    pub(super) fn key(&self, key: &str) -> String {
        match self.path.is_empty() {
            true => key.to_owned(),
            false => format!("{}.{key}", self.path),
        }
    }

    /// The value of a key that this section knows.
    pub(super) fn take(&self, key: &'static str) -> Option<Item<'a>> {
        self.asked.borrow_mut().push(key);
        self.items().find(|item| item.name == key)
    }

    /// Like [`Section::take`], but its absence is a problem.
    pub(super) fn require(&self, key: &'static str, remedy: &str) -> Option<Item<'a>> {
        let item = self.take(key);
        if item.is_none() {
            let what = format!("`{key}` is missing");
            self.problems
                .add(&self.span, self.path.clone(), what, remedy.to_owned());
        }
        item
    }

    /// All keys with their values, for tables whose keys are the operator's own names.
    pub(super) fn items(&self) -> impl Iterator<Item = Item<'a>> + '_ {
        self.table.iter().map(|(key, value)| {
            let name: &'a str = key.get_ref();
            let path = if self.path.is_empty() {
                name.to_owned()
            } else {
                format!("{}.{name}", self.path)
            };
            Item {
                name,
                path,
                span: value.span(),
                value: value.get_ref(),
                key_span: key.span(),
                problems: self.problems,
            }
        })
    }

    /// Reports every key that was not asked for.
    pub(super) fn finish(&self) {
        let asked = self.asked.borrow();
        for item in self.items() {
            if !asked.contains(&item.name) {
                item.at_key("unknown key", suggest::remedy(item.name, &asked));
            }
        }
    }

    /// Adds a problem with the section as a whole.
    pub(super) fn problem(&self, what: impl Into<String>, remedy: impl Into<String>) {
        self.problems
            .add(&self.span, self.path.clone(), what, remedy.into());
    }
}

impl<'a> Item<'a> {
    /// Where the key stands.
    pub(super) fn key_span(&self) -> Span {
        self.key_span.clone()
    }

    /// Adds a problem with the value.
    pub(super) fn problem(&self, what: impl Into<String>, remedy: impl Into<String>) {
        self.problems
            .add(&self.span, self.path.clone(), what, remedy.into());
    }

    /// Adds a problem with the key.
    pub(super) fn at_key(&self, what: impl Into<String>, remedy: impl Into<String>) {
        self.problems
            .add(&self.key_span, self.path.clone(), what, remedy.into());
    }

    /// Reports that the value has another type. Says the type, never the value.
    pub(super) fn wrong_type<T>(&self, expected: &str) -> Option<T> {
        let what = format!("this is {}", kind(self.value));
        self.problem(what, format!("write {expected}"));
        None
    }

    /// Text.
    pub(super) fn text(&self, expected: &str) -> Option<&'a str> {
        match self.value {
            DeValue::String(text) => Some(text.as_ref()),
            _ => self.wrong_type(expected),
        }
    }

    /// True or false.
    pub(super) fn boolean(&self) -> Option<bool> {
        match self.value {
            DeValue::Boolean(value) => Some(*value),
            _ => self.wrong_type("true or false"),
        }
    }

    /// Text that parses; the error is the type's own.
    pub(super) fn parse<T>(&self, expected: &str) -> Option<T>
    where
        T: FromStr<Err: Display>,
    {
        match self.text(expected)?.parse() {
            Ok(value) => Some(value),
            Err(error) => {
                self.problem(error.to_string(), format!("write {expected}"));
                None
            }
        }
    }

    /// A whole number within a range.
    pub(super) fn count(&self, least: u64, most: u64) -> Option<u64> {
        let expected = format!("a whole number from {least} to {most}");
        let DeValue::Integer(number) = self.value else {
            return self.wrong_type(&expected);
        };
        match integer(number).and_then(|number| u64::try_from(number).ok()) {
            Some(number) if (least..=most).contains(&number) => Some(number),
            _ => {
                self.problem("out of range", format!("write {expected}"));
                None
            }
        }
    }

    /// Money in USD that is not negative. A TOML float would have passed through binary: only text is taken.
    pub(super) fn usd(&self, example: &str) -> Option<Decimal> {
        let expected = format!("an amount in USD as text, such as \"{example}\"");
        let amount: Decimal = self.parse(&expected)?;
        if amount.is_negative() {
            self.problem("the amount is negative", format!("write {expected}"));
            return None;
        }
        Some(amount)
    }

    /// A size in bytes within a range.
    pub(super) fn size(&self, least: u64, most: u64) -> Option<u64> {
        let range = format!("from {} to {}", units::show_size(least), units::show_size(most));
        let expected = format!("a size with its unit, such as \"128MiB\", {range}");
        match units::size(self.text(&expected)?) {
            Some(size) if (least..=most).contains(&size) => Some(size),
            Some(_) => {
                self.problem("out of range", format!("write {expected}"));
                None
            }
            None => {
                self.problem("this is no size", format!("write {expected}"));
                None
            }
        }
    }

    /// A duration within a range.
    pub(super) fn duration(&self, least: Duration, most: Duration) -> Option<Duration> {
        let (from, to) = (units::show_duration(least), units::show_duration(most));
        let expected = format!("a duration with its unit, such as \"10m\" or \"1h30m\", from {from} to {to}");
        match units::duration(self.text(&expected)?) {
            Some(duration) if (least..=most).contains(&duration) => Some(duration),
            Some(_) => {
                self.problem("out of range", format!("write {expected}"));
                None
            }
            None => {
                self.problem("this is no duration", format!("write {expected}"));
                None
            }
        }
    }

    /// The items of a list.
    pub(super) fn list(&self, expected: &str) -> Option<Vec<Item<'a>>> {
        let DeValue::Array(list) = self.value else {
            return self.wrong_type(expected);
        };
        let items = list.iter().map(|value| Item {
            span: value.span(),
            key_span: value.span(),
            value: value.get_ref(),
            ..self.clone()
        });
        Some(items.collect())
    }

    /// A table.
    pub(super) fn section(&self, expected: &str) -> Option<Section<'a>> {
        let DeValue::Table(table) = self.value else {
            return self.wrong_type(expected);
        };
        Some(Section {
            path: self.path.clone(),
            span: self.key_span.clone(),
            table,
            asked: RefCell::default(),
            problems: self.problems,
        })
    }
}

/// A TOML integer, if it fits.
pub(super) fn integer(number: &toml::de::DeInteger<'_>) -> Option<i64> {
    i64::from_str_radix(number.as_str(), number.radix()).ok()
}

/// The type of a value, for people.
fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with a point",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
