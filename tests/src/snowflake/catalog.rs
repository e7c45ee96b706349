//! The account's views as tables of an in-memory SQLite database, filled from tests/data/snowflake.
//!
//! What must hold: a view that is absent and one that the role may not read look the same; a patch that matches nothing fails.

use super::{
    result::{ResultSet, cell},
    sql::{self, Bind, Column, Session, SqlError, Type, View, Zone},
};
use crate::Error;
use finops_decimal::Decimal;
use jiff::Timestamp;
use rusqlite::{Connection, params_from_iter, types::Value};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// The data files: one view each.
const FILES: [&str; 13] = [
    include_str!("../../data/snowflake/usage_in_currency_daily.json"),
    include_str!("../../data/snowflake/rate_sheet_daily.json"),
    include_str!("../../data/snowflake/warehouse_metering_history.json"),
    include_str!("../../data/snowflake/metering_daily_history.json"),
    include_str!("../../data/snowflake/metering_history.json"),
    include_str!("../../data/snowflake/database_storage_usage_history.json"),
    include_str!("../../data/snowflake/storage_usage.json"),
    include_str!("../../data/snowflake/stage_storage_usage_history.json"),
    include_str!("../../data/snowflake/query_history.json"),
    include_str!("../../data/snowflake/query_attribution_history.json"),
    include_str!("../../data/snowflake/data_transfer_history.json"),
    include_str!("../../data/snowflake/warehouse_events_history.json"),
    include_str!("../../data/snowflake/focus_cost_usage_v1_3.json"),
];

/// One view's file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ViewFile {
    view: String,
    granted_to: Vec<String>,
    columns: Vec<(String, String)>,
    rows: Vec<Vec<serde_json::Value>>,
}

/// One step of a patch file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Step {
    view: String,
    #[serde(default, rename = "where")]
    rows: BTreeMap<String, serde_json::Value>,
    #[serde(default)]
    set: BTreeMap<String, serde_json::Value>,
    #[serde(default)]
    delete: bool,
    #[serde(default)]
    insert: Vec<BTreeMap<String, serde_json::Value>>,
}

struct Definition {
    columns: Vec<Column>,
    granted_to: Vec<String>,
}

/// All views and their rows.
pub(crate) struct Catalog {
    connection: Connection,
    views: BTreeMap<String, Definition>,
}

/// What a statement runs with.
pub(crate) struct Environment<'a> {
    pub(crate) database: Option<&'a str>,
    pub(crate) schema: Option<&'a str>,
    pub(crate) grants: &'a BTreeSet<String>,
    pub(crate) binds: &'a [Bind],
    pub(crate) parameters: &'a BTreeMap<String, String>,
    pub(crate) context: &'a [(&'a str, &'a str)],
    pub(crate) now: Timestamp,
    /// Views that answer without a row, as a reseller's do.
    pub(crate) empty: &'a BTreeSet<String>,
    /// Views taken from the role.
    pub(crate) unreadable: &'a BTreeSet<String>,
}

impl Catalog {
    /// The data set as committed.
    pub(crate) fn load() -> Result<Self, Error> {
        let connection = Connection::open_in_memory()?;
        sql::register_numbers(&connection)?;
        sql::register_moments(&connection)?;
        let mut views = BTreeMap::new();
        for file in FILES {
            let file: ViewFile = serde_json::from_str(file)?;
            let mut columns = Vec::new();
            for (name, kind) in &file.columns {
                columns.push(Column {
                    name: name.clone(),
                    kind: column_type(kind).ok_or_else(|| format!("{}: unknown type {kind}", file.view))?,
                });
            }
            let names: Vec<String> = columns.iter().map(|column| quoted(&column.name)).collect();
            connection.execute_batch(&format!(
                "CREATE TABLE {} ({})",
                quoted(&file.view),
                names.join(", ")
            ))?;
            let marks = vec!["?"; columns.len()].join(", ");
            let mut insert =
                connection.prepare(&format!("INSERT INTO {} VALUES ({marks})", quoted(&file.view)))?;
            for row in &file.rows {
                let values: Result<Vec<Value>, Error> = columns
                    .iter()
                    .zip(row)
                    .map(|(column, value)| stored(value, column.kind))
                    .collect();
                insert.execute(params_from_iter(values?))?;
            }
            drop(insert);
            views.insert(
                file.view,
                Definition {
                    columns,
                    granted_to: file.granted_to,
                },
            );
        }
        Ok(Self { connection, views })
    }

    /// Applies the steps of a patch file, all or none.
    pub(crate) fn apply(&mut self, patch: &str) -> Result<(), Error> {
        let steps: Vec<Step> = serde_json::from_str(patch)?;
        self.connection.execute_batch("BEGIN")?;
        let applied = steps.iter().try_for_each(|step| self.step(step));
        self.connection
            .execute_batch(if applied.is_ok() { "COMMIT" } else { "ROLLBACK" })?;
        applied
    }

    fn step(&self, step: &Step) -> Result<(), Error> {
        let table = quoted(&step.view);
        let view = self
            .views
            .get(&step.view)
            .ok_or_else(|| format!("no view {}", step.view))?;
        let value = |name: &str, value: &serde_json::Value| {
            let column = view.columns.iter().find(|column| column.name == name);
            stored(
                value,
                column
                    .ok_or_else(|| format!("{} has no column {name}", step.view))?
                    .kind,
            )
        };
        for row in &step.insert {
            let names: Vec<String> = row.keys().map(|name| quoted(name)).collect();
            let values: Result<Vec<Value>, Error> =
                row.iter().map(|(name, json)| value(name, json)).collect();
            let marks = vec!["?"; names.len()].join(", ");
            let sql = format!("INSERT INTO {table} ({}) VALUES ({marks})", names.join(", "));
            self.connection.execute(&sql, params_from_iter(values?))?;
        }
        if step.set.is_empty() && !step.delete {
            return Ok(());
        }
        let list = |part: &BTreeMap<String, serde_json::Value>, between: &str| {
            let tests: Vec<String> = part.keys().map(|name| format!("{} = ?", quoted(name))).collect();
            tests.join(between)
        };
        let filter = list(&step.rows, " AND ");
        let sql = if step.delete {
            format!("DELETE FROM {table} WHERE {filter}")
        } else {
            format!("UPDATE {table} SET {} WHERE {filter}", list(&step.set, ", "))
        };
        let values: Result<Vec<Value>, Error> = step
            .set
            .iter()
            .chain(&step.rows)
            .map(|(name, json)| value(name, json))
            .collect();
        if self.connection.execute(&sql, params_from_iter(values?))? == 0 {
            return Err(format!("the patch matches no row of {}: {:?}", step.view, step.rows).into());
        }
        Ok(())
    }

    /// All views, as SCHEMA.VIEW.
    pub(crate) fn names(&self) -> impl Iterator<Item = &String> {
        self.views.keys()
    }

    /// How many rows a view holds.
    pub(crate) fn rows(&self, view: &str) -> Result<u32, Error> {
        let sql = format!("SELECT COUNT(*) FROM {}", quoted(view));
        Ok(self.connection.query_row(&sql, [], |row| row.get(0))?)
    }

    /// Runs one statement.
    pub(crate) fn run(&self, statement: &str, environment: &Environment<'_>) -> Result<ResultSet, SqlError> {
        let offset = session_offset(environment.parameters)?;
        let view = |schema: &str, name: &str| {
            let full = format!("{schema}.{name}");
            let found = self.views.get(&full)?;
            let granted = found
                .granted_to
                .iter()
                .any(|role| environment.grants.contains(role));
            if !granted || environment.unreadable.contains(&full) {
                return None;
            }
            let from = if environment.empty.contains(&full) {
                format!("(SELECT * FROM {} WHERE 0)", quoted(&full))
            } else {
                quoted(&full)
            };
            Some(View {
                from,
                columns: found.columns.clone(),
            })
        };
        let session = Session {
            view: &view,
            database: environment.database,
            schema: environment.schema,
            binds: environment.binds,
            offset,
            now: format!("{:.3}", environment.now),
            context: environment.context,
        };
        let translated = sql::translate(statement, &session)?;
        let failed = |error: rusqlite::Error| SqlError::value(error_text(&error));
        let mut prepared = self.connection.prepare(&translated.sql).map_err(failed)?;
        let mut found = prepared.query([]).map_err(failed)?;
        let mut rows = Vec::new();
        while let Some(row) = found.next().map_err(failed)? {
            let mut cells = Vec::new();
            for (at, column) in translated.columns.iter().enumerate() {
                let value = row.get_ref(at).map_err(failed)?;
                cells.push(cell(value, column.kind, offset, environment.parameters)?);
            }
            rows.push(cells);
        }
        Ok(ResultSet {
            columns: translated.columns,
            views: translated.views,
            rows,
            copies: 1,
        })
    }
}

/// Seconds east of UTC of the session. Snowflake's default time zone is Los Angeles, where all the data lie in summer time.
fn session_offset(parameters: &BTreeMap<String, String>) -> Result<i32, SqlError> {
    match parameters.get("TIMEZONE").map(String::as_str) {
        Some("UTC" | "Etc/UTC" | "GMT") => Ok(0),
        None | Some("America/Los_Angeles") => Ok(-7 * 3600),
        Some(other) => Err(SqlError::new(
            "001006",
            "22023",
            format!("invalid value [{other}] for parameter 'TIMEZONE' (the simulator knows UTC only)"),
        )),
    }
}

fn error_text(error: &rusqlite::Error) -> String {
    match error {
        rusqlite::Error::SqliteFailure(_, Some(message)) => message.clone(),
        other => other.to_string(),
    }
}

fn quoted(name: &str) -> String {
    format!("\"{name}\"")
}

fn column_type(text: &str) -> Option<Type> {
    Some(match text {
        "TEXT" => Type::Text,
        "FLOAT" => Type::Float,
        "DATE" => Type::Date,
        "BOOLEAN" => Type::Boolean,
        "TIMESTAMP_LTZ" => Type::Timestamp(Zone::Local),
        "TIMESTAMP_NTZ" => Type::Timestamp(Zone::None),
        _ => Type::Fixed(text.strip_prefix("NUMBER(38,")?.strip_suffix(')')?.parse().ok()?),
    })
}

/// A value of a data file as the tables hold it.
fn stored(value: &serde_json::Value, kind: Type) -> Result<Value, Error> {
    Ok(match (value, kind) {
        (serde_json::Value::Null, _) => Value::Null,
        (serde_json::Value::Bool(value), Type::Boolean) => Value::Integer(i64::from(*value)),
        (serde_json::Value::String(text), Type::Fixed(_) | Type::Float) => {
            Value::Text(text.parse::<Decimal>()?.to_string())
        }
        (serde_json::Value::String(text), Type::Timestamp(_)) => {
            Value::Text(format!("{:.3}", text.parse::<Timestamp>()?))
        }
        (serde_json::Value::String(text), Type::Date) => {
            Value::Text(text.parse::<jiff::civil::Date>()?.to_string())
        }
        (serde_json::Value::String(text), Type::Text) => Value::Text(text.clone()),
        (other, kind) => return Err(format!("{other} does not fit {kind:?}").into()),
    })
}
