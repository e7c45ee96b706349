//! SQL over the export: one SELECT with its parameters.
//! What must hold: nothing of the settings stands in the text but the table's checked name; money is never a float: each line's
//! amount is taken by its decimal text, rounded to 18 places, and only then added up, so that every cut of the same
//! lines has the same sum.

use crate::table::TableName;
use finops_collector::jiff::civil::Date;
use serde_json::{Value, json};

/// One SELECT.
#[derive(Clone, Debug)]
pub(crate) struct Statement {
    /// What is asked, for messages.
    pub(crate) what: &'static str,
    pub(crate) sql: String,
    pub(crate) parameters: Vec<Parameter>,
}

/// A value of a `@name`.
#[derive(Clone, Debug)]
pub(crate) enum Parameter {
    Text(&'static str, String),
    Integer(&'static str, i64),
    Day(&'static str, Date),
    Days(&'static str, Vec<Date>),
}

impl Parameter {
    pub(crate) fn json(&self) -> Value {
        let scalar = |name: &str, kind: &str, value: String| json!({"name": name, "parameterType": {"type": kind}, "parameterValue": {"value": value}});
        match self {
            Self::Text(name, value) => scalar(name, "STRING", value.clone()),
            Self::Integer(name, value) => scalar(name, "INT64", value.to_string()),
            Self::Day(name, value) => scalar(name, "DATE", value.to_string()),
            Self::Days(name, values) => {
                let values: Vec<Value> = values
                    .iter()
                    .map(|day| json!({"value": day.to_string()}))
                    .collect();
                json!({"name": name, "parameterType": {"type": "ARRAY", "arrayType": {"type": "DATE"}},
                    "parameterValue": {"arrayValues": values}})
            }
        }
    }
}

/// The exact value of a column that BigQuery keeps as a float: BIGNUMERIC of the text that BigQuery
/// gives for it, 15 digits or, where those are not enough to tell the float, 17. (A cast without the
/// text between would bring the float's binary noise along.)
pub(crate) fn exact(column: &str) -> String {
    format!("ROUND(CAST(CAST({column} AS STRING) AS BIGNUMERIC), 18)")
}

/// Selected expressions with their names.
#[derive(Clone, Debug, Default)]
pub(crate) struct Select {
    groups: Vec<String>,
    measures: Vec<String>,
}

impl Select {
    /// Groups by an expression.
    pub(crate) fn group(&mut self, expression: &str, name: &str) {
        self.groups.push(format!("{expression} AS {name}"));
    }

    /// An aggregate.
    pub(crate) fn measure(&mut self, expression: &str, name: &str) {
        self.measures.push(format!("{expression} AS {name}"));
    }

    /// The whole statement; `from` follows the table's name.
    pub(crate) fn sql(&self, table: &TableName, from: &str, conditions: &[String]) -> String {
        let items: Vec<&str> = self
            .groups
            .iter()
            .chain(&self.measures)
            .map(String::as_str)
            .collect();
        // By place: a name would mean the table's column of that name, where there is one.
        let places: Vec<String> = (1..=self.groups.len()).map(|place| place.to_string()).collect();
        let mut sql = format!("SELECT {} FROM {}{from}", items.join(", "), table.quoted());
        if !conditions.is_empty() {
            sql.push_str(&format!(" WHERE {}", conditions.join(" AND ")));
        }
        sql.push_str(&format!(" GROUP BY {}", places.join(", ")));
        sql
    }
}
