//! SQL over the billing tables: one SELECT with its columns and parameters.
//! What must hold: nothing of the settings stands in the text; all values are parameters, and every column is text or grouped by
//! its place.

use finops_collector::jiff::civil::Date;
use serde_json::{Value, json};

/// One SELECT.
#[derive(Clone, Debug)]
pub(crate) struct Statement {
    /// What is asked, for messages.
    pub(crate) what: &'static str,
    pub(crate) sql: String,
    /// Names of its columns, in order.
    pub(crate) names: Vec<String>,
    /// Name, type and value of each `:name`.
    pub(crate) parameters: Vec<(&'static str, &'static str, String)>,
}

impl Statement {
    /// With a day as parameter.
    pub(crate) fn day(mut self, name: &'static str, day: Date) -> Self {
        self.parameters.push((name, "DATE", day.to_string()));
        self
    }

    /// With a text as parameter.
    pub(crate) fn text(mut self, name: &'static str, text: &str) -> Self {
        self.parameters.push((name, "STRING", text.to_owned()));
        self
    }

    /// With a number as parameter.
    pub(crate) fn number(mut self, name: &'static str, number: u32) -> Self {
        self.parameters.push((name, "INT", number.to_string()));
        self
    }

    /// The parameters as the API takes them.
    pub(crate) fn bound(&self) -> Vec<Value> {
        let bound =
            |(name, kind, value): &(&str, &str, String)| json!({"name": name, "type": kind, "value": value});
        self.parameters.iter().map(bound).collect()
    }
}

/// Selected expressions with their names.
#[derive(Clone, Debug, Default)]
pub(crate) struct Select {
    groups: Vec<(String, String)>,
    measures: Vec<(String, String)>,
}

impl Select {
    /// Groups by an expression.
    pub(crate) fn group(&mut self, expression: &str, name: &str) {
        self.groups.push((expression.to_owned(), name.to_owned()));
    }

    /// An aggregate.
    pub(crate) fn measure(&mut self, expression: &str, name: &str) {
        self.measures.push((expression.to_owned(), name.to_owned()));
    }

    /// The whole statement; `with` stands before it, `from` after FROM.
    pub(crate) fn statement(self, what: &'static str, with: &str, from: &str) -> Statement {
        let places: Vec<String> = (1..=self.groups.len()).map(|place| place.to_string()).collect();
        let columns: Vec<(String, String)> = self.groups.into_iter().chain(self.measures).collect();
        let items: Vec<String> = columns
            .iter()
            .map(|(expression, name)| format!("{expression} AS {name}"))
            .collect();
        Statement {
            what,
            // By place: a name would mean the table's column of that name, where there is one.
            sql: format!(
                "{with}SELECT {} FROM {from} GROUP BY {}",
                items.join(", "),
                places.join(", ")
            ),
            names: columns.into_iter().map(|(_, name)| name).collect(),
            parameters: Vec::new(),
        }
    }
}
