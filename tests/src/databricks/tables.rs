//! The billing tables in an in-memory SQLite database, filled from tests/data/databricks; a line is seen once it has come.

use super::sql;
use crate::Error;
use finops_decimal::Decimal;
use jiff::Timestamp;
use rusqlite::{Connection, ToSql, params_from_iter};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeSet;

/// A table's file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    columns: Vec<String>,
    rows: Vec<Vec<Value>>,
}

/// The tables.
pub(super) struct Tables {
    connection: Connection,
    /// Tables that the principal may not read.
    pub(super) revoked: BTreeSet<String>,
}

/// A result: names of columns and rows of cells.
#[derive(Clone, Debug, Default)]
pub(super) struct Found {
    pub(super) columns: Vec<String>,
    pub(super) rows: Vec<Vec<Option<String>>>,
}

/// An error of a statement: code, message, SQL state.
pub(super) type SqlError = (&'static str, String, &'static str);

impl Tables {
    pub(super) fn load(negotiated: bool) -> Result<Self, Error> {
        let connection = Connection::open_in_memory()?;
        sql::register(&connection)?;
        let mut tables = vec![
            ("usage_all", include_str!("../../data/databricks/usage.json")),
            (
                "list_prices",
                include_str!("../../data/databricks/list_prices.json"),
            ),
        ];
        if negotiated {
            tables.push((
                "account_prices",
                include_str!("../../data/databricks/account_prices.json"),
            ));
        }
        for (name, text) in tables {
            let file: File = serde_json::from_str(text)?;
            let columns: Vec<String> = file
                .columns
                .iter()
                .map(|column| format!("\"{column}\" TEXT"))
                .collect();
            connection.execute_batch(&format!("CREATE TABLE {name} ({})", columns.join(", ")))?;
            let marks = vec!["?"; columns.len()].join(", ");
            let mut insert = connection.prepare(&format!("INSERT INTO {name} VALUES ({marks})"))?;
            for row in file.rows {
                let cells = row.into_iter().map(|cell| match cell {
                    Value::Null => None,
                    Value::String(text) => Some(text),
                    other => Some(other.to_string()),
                });
                insert.execute(params_from_iter(cells))?;
            }
        }
        connection.execute_batch(
            "CREATE TABLE clock (now TEXT); INSERT INTO clock VALUES ('');
             CREATE VIEW usage AS SELECT * FROM usage_all WHERE came <= (SELECT now FROM clock)",
        )?;
        Ok(Self {
            connection,
            revoked: BTreeSet::new(),
        })
    }

    /// Adds rows like the first with that key. `{n}` in a change is the row's number; NULL is null.
    pub(super) fn add(
        &mut self,
        table: &str,
        key: &str,
        like: &str,
        times: u32,
        changes: &[(&str, &str)],
    ) -> Result<(), Error> {
        let mut statement = self.connection.prepare("SELECT name FROM pragma_table_info(?)")?;
        let columns: Vec<String> = statement
            .query_map([table], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        if let Some((odd, _)) = changes
            .iter()
            .find(|(name, _)| !columns.iter().any(|column| column == name))
        {
            return Err(format!("{table} has no column {odd}").into());
        }
        let before: u32 = self
            .connection
            .query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0))?;
        let mut values = Vec::new();
        let items = columns
            .iter()
            .map(|column| match changes.iter().find(|(name, _)| name == column) {
                Some((_, "NULL")) => "NULL".to_owned(),
                Some((_, value)) => {
                    values.push((*value).to_owned());
                    "replace(?, '{n}', n.i)".to_owned()
                }
                None if column == "record_id" => format!("'added-' || ({before} + n.i)"),
                None => format!("t.\"{column}\""),
            });
        let sql = format!(
            "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {times}) INSERT INTO {table}
             SELECT {} FROM (SELECT * FROM {table} WHERE \"{key}\" = ? LIMIT 1) t CROSS JOIN n",
            items.collect::<Vec<_>>().join(", ")
        );
        values.push(like.to_owned());
        match self.connection.execute(&sql, params_from_iter(values))? {
            0 => Err(format!("{table} has no row whose {key} is {like}").into()),
            _ => Ok(()),
        }
    }

    pub(super) fn line(&self, product: &str, day: &str) -> Result<String, Error> {
        let sql = "SELECT record_id FROM usage_all WHERE billing_origin_product = ? AND usage_date = ? ORDER BY record_id";
        Ok(self.connection.query_row(sql, [product, day], |row| row.get(0))?)
    }

    /// Runs a statement with its parameters.
    pub(super) fn run(
        &self,
        statement: &str,
        parameters: &[(String, Option<String>)],
        now: Timestamp,
    ) -> Result<Found, SqlError> {
        let (sql, tables) = sql::translated(statement);
        if let Some(table) = tables.iter().find(|table| self.revoked.contains(*table)) {
            let message = format!(
                "[INSUFFICIENT_PERMISSIONS] Insufficient privileges:\nUser does not have permission SELECT on Table '{table}'."
            );
            return Err(("BAD_REQUEST", message, "42501"));
        }
        let failed = |error: rusqlite::Error| {
            let text = error.to_string();
            let (class, state) = match () {
                () if text.contains("no such table") => ("TABLE_OR_VIEW_NOT_FOUND", "42P01"),
                () if text.contains("no such column") => ("UNRESOLVED_COLUMN.WITHOUT_SUGGESTION", "42703"),
                () => ("PARSE_SYNTAX_ERROR", "42601"),
            };
            ("BAD_REQUEST", format!("[{class}] {text}"), state)
        };
        self.connection
            .execute("UPDATE clock SET now = ?", [now.to_string()])
            .map_err(failed)?;
        let mut prepared = self.connection.prepare(&sql).map_err(failed)?;
        for place in 1..=prepared.parameter_count() {
            let name = prepared
                .parameter_name(place)
                .unwrap_or("?")
                .trim_start_matches(':');
            let value = parameters.iter().find(|(known, _)| known == name);
            let Some((_, value)) = value else {
                let message = format!("[UNBOUND_SQL_PARAMETER] Found the unbound parameter: {name}.");
                return Err(("BAD_REQUEST", message, "42P02"));
            };
            let number = value.as_deref().and_then(|text| text.parse::<i64>().ok());
            let bound: &dyn ToSql = match &number {
                Some(number) => number,
                None => value,
            };
            prepared.raw_bind_parameter(place, bound).map_err(failed)?;
        }
        let columns: Vec<String> = prepared.column_names().map(str::to_owned).collect();
        let mut rows = Vec::new();
        let mut found = prepared.raw_query();
        while let Some(row) = found.next().map_err(failed)? {
            let cells = (0..columns.len()).map(|place| row.get::<_, Option<String>>(place));
            rows.push(cells.collect::<Result<Vec<_>, _>>().map_err(failed)?);
        }
        Ok(Found { columns, rows })
    }

    /// Line by line: quantity times the list price in force at the end of use.
    pub(super) fn invoice(&self, month: &str, now: Timestamp) -> Result<Decimal, Error> {
        let sql = "SELECT usage_quantity, (SELECT count(*) || ' ' || coalesce(\"pricing.effective_list.default\", \"pricing.default\")
                     FROM list_prices p WHERE p.sku_name = u.sku_name AND p.usage_unit = u.usage_unit AND p.cloud = u.cloud
                     AND p.price_start_time <= u.usage_end_time
                     AND (p.price_end_time IS NULL OR u.usage_end_time < p.price_end_time))
                   FROM usage_all u WHERE substr(usage_date, 1, 7) = ? AND came <= ?";
        let mut statement = self.connection.prepare(sql)?;
        let mut rows = statement.query([month, &now.to_string()])?;
        let mut sum = Decimal::ZERO;
        while let Some(row) = rows.next()? {
            let (quantity, price): (String, Option<String>) = (row.get(0)?, row.get(1)?);
            let price = price.unwrap_or_default();
            let price = price
                .strip_prefix("1 ")
                .ok_or("a line has no price, or several")?;
            let quantity: Decimal = quantity.parse()?;
            sum = sum.checked_add(quantity.checked_mul(price.parse()?)?)?;
        }
        Ok(sum)
    }
}
