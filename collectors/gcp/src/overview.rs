//! The first question of a reading, over two narrow columns of the whole table: which days have how many lines, and when the
//! newest of them was exported. It says which days are to be read again, and how many lines a reading of them must meet.

use crate::{
    bigquery::BigQuery,
    cut::Dialect,
    statement::{Select, Statement},
    table::TableName,
};
use finops_collector::{Failure, jiff::civil::Date};
use std::collections::BTreeMap;

/// What the table holds of a day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) lines: u64,
    /// When its newest line was exported, in microseconds.
    pub(crate) exported: i64,
}

/// What the table holds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Overview {
    pub(crate) days: BTreeMap<Date, Seen>,
}

impl Overview {
    /// The question.
    pub(crate) fn statement(table: &TableName, dialect: &Dialect) -> Statement {
        let mut select = Select::default();
        select.group(&dialect.day(), "day");
        select.measure("COUNT(*)", "line_count");
        select.measure(&format!("UNIX_MICROS(MAX({}))", dialect.exported), "exported");
        Statement {
            what: "the export's days",
            sql: select.sql(table, "", &[]),
            parameters: Vec::new(),
        }
    }

    pub(crate) fn read(
        bigquery: &BigQuery<'_>,
        table: &TableName,
        dialect: &Dialect,
    ) -> Result<Self, Failure> {
        let statement = Self::statement(table, dialect);
        let mut overview = Self::default();
        bigquery.read(&statement, |row| {
            let lines = row.integer("line_count")?;
            let seen = Seen {
                lines: u64::try_from(lines).map_err(Failure::malformed)?,
                exported: row.integer("exported")?,
            };
            overview.days.insert(row.day("day")?, seen);
            Ok(())
        })?;
        Ok(overview)
    }

    /// When the newest line of all was exported, in microseconds.
    pub(crate) fn through(&self) -> Option<i64> {
        self.days.values().map(|seen| seen.exported).max()
    }
}
