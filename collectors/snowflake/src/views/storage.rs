//! Views of stored bytes.

use super::query;
use crate::{refusal::Refusal, statement::Session};
use finops_collector::{Decimal, Period, jiff::civil::Date};

const DATABASES: &str = "ACCOUNT_USAGE.DATABASE_STORAGE_USAGE_HISTORY";
const STAGES: &str = "ACCOUNT_USAGE.STAGE_STORAGE_USAGE_HISTORY";

/// A database's day.
#[derive(Clone, Debug)]
pub(crate) struct DatabaseRow {
    pub(crate) day: Date,
    pub(crate) name: String,
    pub(crate) bytes: Decimal,
    pub(crate) failsafe: Decimal,
}

/// Bytes by day and database.
pub(crate) fn databases(session: &Session<'_>, days: Period) -> Result<Vec<DatabaseRow>, Refusal> {
    let query = query(
        DATABASES,
        "SELECT TO_CHAR(USAGE_DATE,'YYYY-MM-DD') D, DATABASE_NAME, SUM(AVERAGE_DATABASE_BYTES) B, \
         SUM(AVERAGE_FAILSAFE_BYTES) F FROM SNOWFLAKE.ACCOUNT_USAGE.DATABASE_STORAGE_USAGE_HISTORY \
         WHERE USAGE_DATE >= ? AND USAGE_DATE < ? GROUP BY ALL",
        days,
    );
    let mut rows = Vec::new();
    session.read(&query, |row| {
        rows.push(DatabaseRow {
            day: row.day("D", days)?,
            name: row.text("DATABASE_NAME")?.to_owned(),
            bytes: row.measured("B")?,
            failsafe: row.measured("F")?,
        });
        Ok(())
    })?;
    Ok(rows)
}

/// Bytes on stages by day.
pub(crate) fn stages(session: &Session<'_>, days: Period) -> Result<Vec<(Date, Decimal)>, Refusal> {
    let query = query(
        STAGES,
        "SELECT TO_CHAR(USAGE_DATE,'YYYY-MM-DD') D, SUM(AVERAGE_STAGE_BYTES) B \
         FROM SNOWFLAKE.ACCOUNT_USAGE.STAGE_STORAGE_USAGE_HISTORY WHERE USAGE_DATE >= ? AND USAGE_DATE < ? GROUP BY ALL",
        days,
    );
    let mut rows = Vec::new();
    session.read(&query, |row| {
        rows.push((row.day("D", days)?, row.measured("B")?));
        Ok(())
    })?;
    Ok(rows)
}
