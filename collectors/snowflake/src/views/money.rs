//! Views of money and credits by service: the bill, the rate sheet, the daily metering.

use super::{query, said};
use crate::{
    refusal::Refusal,
    statement::{Query, Session},
};
use finops_collector::{Decimal, Failure, Period, jiff::civil::Date};

pub(crate) const CURRENCY: &str = "ORGANIZATION_USAGE.USAGE_IN_CURRENCY_DAILY";
const RATES: &str = "ORGANIZATION_USAGE.RATE_SHEET_DAILY";
const METERING: &str = "ACCOUNT_USAGE.METERING_DAILY_HISTORY";

/// A grouped row of the currency view.
#[derive(Clone, Debug)]
pub(crate) struct BilledRow {
    pub(crate) day: Date,
    pub(crate) locator: String,
    pub(crate) account: String,
    pub(crate) region: Option<String>,
    pub(crate) service: String,
    pub(crate) rating: Option<String>,
    pub(crate) billing: Option<String>,
    pub(crate) balance: Option<String>,
    pub(crate) adjustment: bool,
    pub(crate) currency: String,
    pub(crate) usage: Option<Decimal>,
    pub(crate) cost: Decimal,
}

/// A day and service type of METERING_DAILY_HISTORY.
#[derive(Clone, Debug)]
pub(crate) struct MeteringRow {
    pub(crate) day: Date,
    pub(crate) service: String,
    pub(crate) compute: Decimal,
    pub(crate) billed: Decimal,
}

/// A rate of RATE_SHEET_DAILY.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct RateRow {
    pub(crate) day: Date,
    pub(crate) rating: String,
    pub(crate) service: String,
    pub(crate) rate: Decimal,
    pub(crate) currency: String,
}

/// Hands on the rows of the currency view, of one account or of all, one by one: a bill can be long.
pub(crate) fn billed(
    session: &Session<'_>,
    days: Period,
    locator: Option<&str>,
    mut each: impl FnMut(BilledRow) -> Result<(), Failure>,
) -> Result<(), Refusal> {
    let mut query = query(
        CURRENCY,
        "SELECT TO_CHAR(USAGE_DATE,'YYYY-MM-DD') D, ACCOUNT_LOCATOR, ACCOUNT_NAME, REGION, SERVICE_LEVEL, SERVICE_TYPE, \
         RATING_TYPE, BILLING_TYPE, BALANCE_SOURCE, IS_ADJUSTMENT, CURRENCY, SUM(USAGE) U, SUM(USAGE_IN_CURRENCY) C \
         FROM SNOWFLAKE.ORGANIZATION_USAGE.USAGE_IN_CURRENCY_DAILY WHERE USAGE_DATE >= ? AND USAGE_DATE < ?",
        days,
    );
    restrict(&mut query, locator);
    query.sql.push_str(" GROUP BY ALL");
    session.read(&query, |row| {
        each(BilledRow {
            day: row.day("D", days)?,
            locator: row.text("ACCOUNT_LOCATOR")?.to_owned(),
            account: row.text("ACCOUNT_NAME")?.to_owned(),
            region: said(row.optional("REGION")?),
            service: row.text("SERVICE_TYPE")?.to_owned(),
            rating: said(row.optional("RATING_TYPE")?),
            billing: said(row.optional("BILLING_TYPE")?),
            balance: said(row.optional("BALANCE_SOURCE")?),
            adjustment: row.truth("IS_ADJUSTMENT")?,
            currency: row.text("CURRENCY")?.to_owned(),
            usage: match row.optional("U")? {
                Some(_) => Some(row.exact("U")?),
                None => None,
            },
            cost: row.exact("C")?,
        })
    })?;
    Ok(())
}

/// How many rows the currency view has in all these days.
pub(crate) fn count_billed(
    session: &Session<'_>,
    days: Period,
    locator: Option<&str>,
) -> Result<Decimal, Refusal> {
    let mut query = query(
        CURRENCY,
        "SELECT COUNT(*) N FROM SNOWFLAKE.ORGANIZATION_USAGE.USAGE_IN_CURRENCY_DAILY \
         WHERE USAGE_DATE >= ? AND USAGE_DATE < ?",
        days,
    );
    restrict(&mut query, locator);
    let mut count = Decimal::ZERO;
    session.read(&query, |row| {
        count = row.exact("N")?;
        Ok(())
    })?;
    Ok(count)
}

fn restrict(query: &mut Query, locator: Option<&str>) {
    if let Some(locator) = locator {
        query.sql.push_str(" AND ACCOUNT_LOCATOR = ?");
        query.bindings.push(locator.to_owned());
    }
}

/// The account's rates.
pub(crate) fn rates(session: &Session<'_>, days: Period, locator: &str) -> Result<Vec<RateRow>, Refusal> {
    let mut query = query(
        RATES,
        "SELECT TO_CHAR(DATE,'YYYY-MM-DD') D, SERVICE_TYPE, RATING_TYPE, CURRENCY, EFFECTIVE_RATE R \
         FROM SNOWFLAKE.ORGANIZATION_USAGE.RATE_SHEET_DAILY WHERE DATE >= ? AND DATE < ?",
        days,
    );
    restrict(&mut query, Some(locator));
    let mut rows = Vec::new();
    session.read(&query, |row| {
        let Some(service) = said(row.optional("SERVICE_TYPE")?) else {
            return Ok(());
        };
        rows.push(RateRow {
            day: row.day("D", days)?,
            rating: row
                .optional("RATING_TYPE")?
                .unwrap_or_default()
                .to_ascii_lowercase(),
            service,
            rate: row.exact("R")?,
            currency: row.text("CURRENCY")?.to_owned(),
        });
        Ok(())
    })?;
    Ok(rows)
}

/// Credits by day and service type.
pub(crate) fn metering(session: &Session<'_>, days: Period) -> Result<Vec<MeteringRow>, Refusal> {
    let query = query(
        METERING,
        "SELECT TO_CHAR(USAGE_DATE,'YYYY-MM-DD') D, SERVICE_TYPE, SUM(CREDITS_USED_COMPUTE) CC, SUM(CREDITS_BILLED) CB \
         FROM SNOWFLAKE.ACCOUNT_USAGE.METERING_DAILY_HISTORY WHERE USAGE_DATE >= ? AND USAGE_DATE < ? GROUP BY ALL",
        days,
    );
    let mut rows = Vec::new();
    session.read(&query, |row| {
        let compute = row.measured("CC")?;
        rows.push(MeteringRow {
            day: row.day("D", days)?,
            service: row.text("SERVICE_TYPE")?.to_owned(),
            compute,
            billed: match row.optional("CB")? {
                Some(_) => row.exact("CB")?,
                None => compute,
            },
        });
        Ok(())
    })?;
    Ok(rows)
}
