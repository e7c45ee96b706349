//! The value of a setting: checked against its kind, and turned into the JSON that the collector gets.
//!
//! Decimals become JSON strings, never floats; a dated decimal becomes a list of `{ from, price }` in order of time.

use super::descriptor::{Setting, SettingKind};
use crate::foreign::Foreign;
use finops_decimal::Decimal;
use serde_json::{Value, json};
use std::{collections::BTreeMap, ops::Range};

/// A value as somebody gave it, and where in his text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    /// Bytes of the text; empty where there is none.
    pub at: Range<usize>,
    /// The value.
    pub value: GivenValue,
}

/// A value as somebody gave it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GivenValue {
    /// Text.
    Text(String),
    /// Text of an environment variable: it may stand for any kind, and for a list with commas. Never shown.
    Variable(String),
    /// A whole number.
    Integer(i64),
    /// A number with a point, or one too large: no kind takes it.
    Number,
    /// True or false.
    Boolean(bool),
    /// A day.
    Date(String),
    /// What no kind takes, named for people: a time, a JSON null.
    Other(&'static str),
    /// A list.
    List(Vec<Given>),
    /// A table.
    Table(BTreeMap<String, Given>),
}

/// Why a value does not fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misfit {
    /// Where.
    pub at: Range<usize>,
    /// What is wrong.
    pub what: String,
    /// What to do.
    pub remedy: String,
}

impl Given {
    /// A default of a descriptor.
    #[must_use]
    pub fn from_json(value: &Value) -> Self {
        let value = match value {
            Value::Null => GivenValue::Other("null"),
            Value::Bool(value) => GivenValue::Boolean(*value),
            Value::Number(number) => number.as_i64().map_or(GivenValue::Number, GivenValue::Integer),
            Value::String(text) => GivenValue::Text(text.clone()),
            Value::Array(list) => GivenValue::List(list.iter().map(Self::from_json).collect()),
            Value::Object(table) => GivenValue::Table(
                table
                    .iter()
                    .filter(|(_, value)| !value.is_null())
                    .map(|(key, value)| (key.clone(), Self::from_json(value)))
                    .collect(),
            ),
        };
        Self { at: 0..0, value }
    }

    fn misfit<T>(&self, what: impl Into<String>, remedy: impl Into<String>) -> Result<T, Misfit> {
        Err(Misfit {
            at: self.at.clone(),
            what: what.into(),
            remedy: remedy.into(),
        })
    }

    fn wrong_type<T>(&self, expected: &str) -> Result<T, Misfit> {
        let kind = match &self.value {
            GivenValue::Text(_) => "text",
            GivenValue::Variable(_) => "the text of a variable",
            GivenValue::Integer(_) => "a whole number",
            GivenValue::Number => "a number with a point",
            GivenValue::Boolean(_) => "true or false",
            GivenValue::Date(_) => "a date",
            GivenValue::Other(kind) => kind,
            GivenValue::List(_) => "a list",
            GivenValue::Table(_) => "a table",
        };
        self.misfit(format!("this is {kind}"), format!("write {expected}"))
    }
}

impl Setting {
    /// The JSON of a value, or why it does not fit.
    ///
    /// # Errors
    /// [`Misfit`], which never shows the value of a variable.
    pub fn convert(&self, given: &Given) -> Result<Value, Misfit> {
        if !self.list_of {
            return self.one(given);
        }
        let variable;
        let items = match &given.value {
            GivenValue::List(items) => items,
            GivenValue::Variable(text) => {
                variable = text
                    .split(',')
                    .map(|part| Given {
                        at: given.at.clone(),
                        value: GivenValue::Variable(part.trim().to_owned()),
                    })
                    .collect();
                &variable
            }
            _ => return given.wrong_type(&format!("a list, each {}", expected(self.kind))),
        };
        items.iter().map(|item| self.one(item)).collect()
    }

    fn one(&self, given: &Given) -> Result<Value, Misfit> {
        let value = match self.kind {
            SettingKind::Text => json!(text(given, self.kind)?),
            SettingKind::Integer => json!(integer(given)?),
            SettingKind::Boolean => json!(boolean(given)?),
            SettingKind::Date => json!(date(given)?),
            SettingKind::Decimal => json!(decimal(given, self.kind)?),
            SettingKind::DatedDecimal => return dated(given),
        };
        self.check_allowed(given, value)
    }

    fn check_allowed(&self, given: &Given, value: Value) -> Result<Value, Misfit> {
        let written = match &value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        if self.allowed.is_empty() || self.allowed.contains(&written) {
            return Ok(value);
        }
        let what = match given.value {
            GivenValue::Variable(_) => "the variable's value is not taken".to_owned(),
            _ => format!("`{}` is not taken", Foreign::new(written)),
        };
        let all = self.allowed.join(", ");
        given.misfit(what, format!("write one of {}", Foreign::new(all)))
    }
}

/// What to write for a kind.
fn expected(kind: SettingKind) -> &'static str {
    match kind {
        SettingKind::Text => "text in quotes",
        SettingKind::Integer => "a whole number",
        SettingKind::Decimal => "the number as text, such as \"0.25\"",
        SettingKind::Boolean => "true or false",
        SettingKind::Date => "a day such as \"2026-08-31\"",
        SettingKind::DatedDecimal => {
            "the price as text, such as \"3.00\", or a list such as [{ from = \"2026-01-01\", price = \"3.00\" }]"
        }
    }
}

fn text(given: &Given, kind: SettingKind) -> Result<&str, Misfit> {
    match &given.value {
        GivenValue::Text(text) | GivenValue::Variable(text) => Ok(text),
        _ => given.wrong_type(expected(kind)),
    }
}

fn integer(given: &Given) -> Result<i64, Misfit> {
    let expected = expected(SettingKind::Integer);
    match &given.value {
        GivenValue::Integer(number) => Ok(*number),
        GivenValue::Variable(text) => text.trim().parse().or_else(|_| {
            given.misfit(
                "the variable's value is no whole number",
                format!("set it to {expected}"),
            )
        }),
        _ => given.wrong_type(expected),
    }
}

fn boolean(given: &Given) -> Result<bool, Misfit> {
    match &given.value {
        GivenValue::Boolean(value) => Ok(*value),
        GivenValue::Variable(text) => text.trim().parse().or_else(|_| {
            given.misfit(
                "the variable's value is neither true nor false",
                "set it to true or false",
            )
        }),
        _ => given.wrong_type(expected(SettingKind::Boolean)),
    }
}

fn date(given: &Given) -> Result<String, Misfit> {
    let text = match &given.value {
        GivenValue::Date(text) | GivenValue::Text(text) | GivenValue::Variable(text) => text.trim(),
        _ => return given.wrong_type(expected(SettingKind::Date)),
    };
    // Only the plain form: jiff would also take an instant and cut it to a day.
    match text.parse::<jiff::civil::Date>() {
        Ok(day) if day.to_string() == text => Ok(day.to_string()),
        _ => given.misfit("this is no day", format!("write {}", expected(SettingKind::Date))),
    }
}

fn decimal(given: &Given, kind: SettingKind) -> Result<String, Misfit> {
    let text = match &given.value {
        GivenValue::Integer(number) => return Ok(number.to_string()),
        GivenValue::Number => {
            return given.misfit(
                "a number with a point is no exact decimal in TOML",
                format!("write it as text: {}", expected(kind)),
            );
        }
        _ => text(given, kind)?,
    };
    match text.trim().parse::<Decimal>() {
        Ok(number) => Ok(number.to_string()),
        Err(error) => given.misfit(
            format!("this is no decimal: {error}"),
            format!("write {}", expected(kind)),
        ),
    }
}

fn dated(given: &Given) -> Result<Value, Misfit> {
    let kind = SettingKind::DatedDecimal;
    let GivenValue::List(items) = &given.value else {
        let price = decimal(given, kind)?;
        return Ok(json!([{ "from": null, "price": price }]));
    };
    let mut prices = BTreeMap::new();
    for item in items {
        let GivenValue::Table(table) = &item.value else {
            return item.wrong_type("an entry such as { from = \"2026-01-01\", price = \"3.00\" }");
        };
        if let Some((key, value)) = table.iter().find(|(key, _)| *key != "from" && *key != "price") {
            return value.misfit(
                format!("unknown key `{}`", Foreign::new(key)),
                "an entry has `from` and `price`",
            );
        }
        let from = table.get("from").map(date).transpose()?;
        let Some(price) = table.get("price") else {
            return item.misfit(
                "`price` is missing",
                "write an entry such as { from = \"2026-01-01\", price = \"3.00\" }",
            );
        };
        let price = decimal(price, kind)?;
        if prices.insert(from, price).is_some() {
            return item.misfit("two prices begin on the same day", "keep one of them");
        }
    }
    if prices.is_empty() {
        return given.misfit("no price is given", format!("write {}", expected(kind)));
    }
    Ok(prices
        .into_iter()
        .map(|(from, price)| json!({ "from": from, "price": price }))
        .collect())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn setting(kind: SettingKind) -> Setting {
        Setting {
            key: "k".to_owned(),
            kind,
            list_of: false,
            required: false,
            default: None,
            allowed: Vec::new(),
            text: String::new(),
        }
    }

    fn convert(kind: SettingKind, value: Value) -> Result<Value, Misfit> {
        setting(kind).convert(&Given::from_json(&value))
    }

    fn from_variable(setting: &Setting, text: &str) -> Result<Value, Misfit> {
        setting.convert(&Given {
            at: 0..0,
            value: GivenValue::Variable(text.to_owned()),
        })
    }

    #[test]
    fn a_decimal_stays_text_and_a_float_is_refused() {
        assert_eq!(convert(SettingKind::Decimal, json!("0.250")), Ok(json!("0.25")));
        assert_eq!(convert(SettingKind::Decimal, json!(3)), Ok(json!("3")));
        let float: Value = serde_json::from_str("2.5").unwrap();
        let misfit = convert(SettingKind::Decimal, float).unwrap_err();
        assert!(misfit.remedy.contains("write it as text"), "{misfit:?}");
        let misfit = convert(SettingKind::Decimal, json!("12x")).unwrap_err();
        assert!(misfit.what.contains("no decimal"), "{misfit:?}");
        let digits = "1".repeat(40);
        assert!(convert(SettingKind::Decimal, json!(digits)).is_err());
    }

    #[test]
    fn dated_prices_are_sorted_and_a_single_one_has_no_beginning() {
        assert_eq!(
            convert(SettingKind::DatedDecimal, json!("3.00")),
            Ok(json!([{"from": null, "price": "3"}]))
        );
        assert_eq!(
            convert(
                SettingKind::DatedDecimal,
                json!([{"from": "2026-07-01", "price": "4"}, {"price": "2"}, {"from": "2026-01-01", "price": "3"}])
            ),
            Ok(
                json!([{"from": null, "price": "2"}, {"from": "2026-01-01", "price": "3"}, {"from": "2026-07-01", "price": "4"}])
            )
        );
        for (wrong, says) in [
            (json!([]), "no price"),
            (json!([{"from": "2026-01-01"}]), "`price` is missing"),
            (
                json!([{"form": "2026-01-01", "price": "1"}]),
                "unknown key `form`",
            ),
            (json!([{"from": "2026-02-30", "price": "1"}]), "no day"),
            (json!([{"price": "1"}, {"price": "2"}]), "same day"),
            (json!(["1"]), "this is text"),
        ] {
            let misfit = convert(SettingKind::DatedDecimal, wrong).unwrap_err();
            assert!(misfit.what.contains(says), "{misfit:?}");
        }
    }

    #[test]
    fn other_kinds_take_their_type_only() {
        assert!(convert(SettingKind::Text, json!(1)).is_err());
        assert!(convert(SettingKind::Integer, json!("1")).is_err());
        assert!(convert(SettingKind::Boolean, json!("true")).is_err());
        assert_eq!(
            convert(SettingKind::Date, json!("2026-08-31")),
            Ok(json!("2026-08-31"))
        );
        for wrong in ["2026-8-31", "2026-02-30", "2026-08-31T00:00:00Z", ""] {
            assert!(convert(SettingKind::Date, json!(wrong)).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_variable_may_stand_for_any_kind_and_is_never_shown() {
        let mut numbers = setting(SettingKind::Integer);
        numbers.list_of = true;
        assert_eq!(from_variable(&numbers, "1, 2"), Ok(json!([1, 2])));
        assert_eq!(
            from_variable(&setting(SettingKind::Boolean), "true"),
            Ok(json!(true))
        );
        let mut edition = setting(SettingKind::Text);
        edition.allowed = vec!["standard".to_owned()];
        for (setting, text) in [
            (&numbers, "HUNTER2"),
            (&edition, "HUNTER2"),
            (&setting(SettingKind::Decimal), "HUNTER2"),
        ] {
            let misfit = from_variable(setting, text).unwrap_err();
            assert!(!format!("{misfit:?}").contains("HUNTER2"), "{misfit:?}");
        }
    }

    #[test]
    fn only_allowed_values_are_taken() {
        let mut edition = setting(SettingKind::Text);
        edition.allowed = vec!["standard".to_owned(), "enterprise".to_owned()];
        assert!(edition.convert(&Given::from_json(&json!("standard"))).is_ok());
        let misfit = edition.convert(&Given::from_json(&json!("gold"))).unwrap_err();
        assert!(
            misfit.what.contains("gold") && misfit.remedy.contains("standard, enterprise"),
            "{misfit:?}"
        );
    }
}
