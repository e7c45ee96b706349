//! Views of what is observed beside money: queries and transfers.

use super::{query, said};
use crate::{refusal::Refusal, statement::Session};
use finops_collector::{Decimal, Period, jiff::civil::Date};

const QUERIES: &str = "ACCOUNT_USAGE.QUERY_HISTORY";
const TRANSFERS: &str = "ACCOUNT_USAGE.DATA_TRANSFER_HISTORY";

/// Queries of a day, warehouse and status.
#[derive(Clone, Debug)]
pub(crate) struct QueriesRow {
    pub(crate) day: Date,
    pub(crate) warehouse: Option<String>,
    pub(crate) status: String,
    pub(crate) count: Decimal,
    pub(crate) milliseconds: Decimal,
    pub(crate) scanned: Decimal,
    pub(crate) spilled: Decimal,
}

/// Bytes transferred on a day.
#[derive(Clone, Debug)]
pub(crate) struct TransferRow {
    pub(crate) day: Date,
    pub(crate) kind: Option<String>,
    pub(crate) region: Option<String>,
    pub(crate) bytes: Decimal,
}

/// Queries by day, warehouse and status. Their text is never read.
pub(crate) fn queries(session: &Session<'_>, days: Period) -> Result<Vec<QueriesRow>, Refusal> {
    let query = query(
        QUERIES,
        "SELECT TO_CHAR(DATE_TRUNC('DAY',START_TIME),'YYYY-MM-DD') D, WAREHOUSE_NAME, EXECUTION_STATUS, COUNT(*) N, \
         SUM(TOTAL_ELAPSED_TIME) MS, SUM(BYTES_SCANNED) BS, SUM(BYTES_SPILLED_TO_REMOTE_STORAGE) SP \
         FROM SNOWFLAKE.ACCOUNT_USAGE.QUERY_HISTORY \
         WHERE START_TIME >= ?::TIMESTAMP_TZ AND START_TIME < ?::TIMESTAMP_TZ GROUP BY ALL",
        days,
    );
    let mut rows = Vec::new();
    session.read(&query, |row| {
        rows.push(QueriesRow {
            day: row.day("D", days)?,
            warehouse: said(row.optional("WAREHOUSE_NAME")?),
            status: row.optional("EXECUTION_STATUS")?.unwrap_or("unknown").to_owned(),
            count: row.exact("N")?,
            milliseconds: row.measured("MS")?,
            scanned: row.measured("BS")?,
            spilled: row.measured("SP")?,
        });
        Ok(())
    })?;
    Ok(rows)
}

/// Bytes transferred by day, kind and target region.
pub(crate) fn transfers(session: &Session<'_>, days: Period) -> Result<Vec<TransferRow>, Refusal> {
    let query = query(
        TRANSFERS,
        "SELECT TO_CHAR(DATE_TRUNC('DAY',START_TIME),'YYYY-MM-DD') D, TRANSFER_TYPE, TARGET_REGION, \
         SUM(BYTES_TRANSFERRED) B FROM SNOWFLAKE.ACCOUNT_USAGE.DATA_TRANSFER_HISTORY \
         WHERE START_TIME >= ?::TIMESTAMP_TZ AND START_TIME < ?::TIMESTAMP_TZ GROUP BY ALL",
        days,
    );
    let mut rows = Vec::new();
    session.read(&query, |row| {
        rows.push(TransferRow {
            day: row.day("D", days)?,
            kind: said(row.optional("TRANSFER_TYPE")?),
            region: said(row.optional("TARGET_REGION")?),
            bytes: row.measured("B")?,
        });
        Ok(())
    })?;
    Ok(rows)
}
