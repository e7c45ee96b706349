//! The SQL of every view that is read, and its rows as plain data. Nothing here knows of money's splits or records.
//! What must hold: every reading is bounded by days, and a row outside them is malformed.

use crate::{
    refusal::Refusal,
    statement::{Query, Session},
};
use finops_collector::{Decimal, Failure, Instant, Period, jiff::civil::Date, period::day_of};

/// Whose bill it is, as Snowflake names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) organization: String,
    pub(crate) account: String,
    pub(crate) locator: String,
    pub(crate) region: String,
}

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

/// A warehouse by id, ordered by the id as a number.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct WarehouseId {
    number: i64,
    /// The id as Snowflake writes it.
    pub(crate) text: String,
}

impl WarehouseId {
    pub(crate) fn new(text: &str) -> Self {
        Self {
            number: text.parse().unwrap_or(i64::MAX),
            text: text.to_owned(),
        }
    }

    /// Whether it is `CLOUD_SERVICES_ONLY`, under which Snowflake books what no warehouse caused.
    pub(crate) fn is_pseudo(&self) -> bool {
        self.number == 0
    }
}

/// A warehouse's hour.
#[derive(Clone, Debug)]
pub(crate) struct HourRow {
    pub(crate) start: Instant,
    pub(crate) warehouse: WarehouseId,
    pub(crate) name: String,
    pub(crate) compute: Decimal,
    pub(crate) cloud: Decimal,
    /// What queries used of it; none where the view does not tell.
    pub(crate) attributed: Option<Decimal>,
}

/// Credits attributed to a user, and where asked for to role and query tag.
#[derive(Clone, Debug)]
pub(crate) struct AttributionRow {
    pub(crate) day: Date,
    pub(crate) warehouse: WarehouseId,
    pub(crate) name: String,
    pub(crate) user: String,
    pub(crate) role: Option<String>,
    pub(crate) query_tag: Option<String>,
    pub(crate) credits: Decimal,
}

/// A database's day.
#[derive(Clone, Debug)]
pub(crate) struct DatabaseRow {
    pub(crate) day: Date,
    pub(crate) name: String,
    pub(crate) bytes: Decimal,
    pub(crate) failsafe: Decimal,
}

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

pub(crate) const CURRENCY: &str = "ORGANIZATION_USAGE.USAGE_IN_CURRENCY_DAILY";
const RATES: &str = "ORGANIZATION_USAGE.RATE_SHEET_DAILY";
const METERING: &str = "ACCOUNT_USAGE.METERING_DAILY_HISTORY";
const WAREHOUSES: &str = "ACCOUNT_USAGE.WAREHOUSE_METERING_HISTORY";
const ATTRIBUTION: &str = "ACCOUNT_USAGE.QUERY_ATTRIBUTION_HISTORY";
const ROLES: &str = "ACCOUNT_USAGE.QUERY_ATTRIBUTION_HISTORY with QUERY_HISTORY";
const DATABASES: &str = "ACCOUNT_USAGE.DATABASE_STORAGE_USAGE_HISTORY";
const STAGES: &str = "ACCOUNT_USAGE.STAGE_STORAGE_USAGE_HISTORY";
const QUERIES: &str = "ACCOUNT_USAGE.QUERY_HISTORY";
const TRANSFERS: &str = "ACCOUNT_USAGE.DATA_TRANSFER_HISTORY";

/// The two bindings that bound a reading: first day, and the day after the last.
pub(crate) fn bounds(days: Period) -> Vec<String> {
    vec![day_of(days.start).to_string(), day_of(days.end).to_string()]
}

fn query(view: &'static str, sql: &str, days: Period) -> Query {
    Query {
        view,
        sql: sql.to_owned(),
        bindings: bounds(days),
    }
}

/// Text that says something.
fn said(text: Option<&str>) -> Option<String> {
    text.filter(|text| !text.is_empty()).map(str::to_owned)
}

/// Who is signed in.
pub(crate) fn identity(session: &Session<'_>) -> Result<Identity, Failure> {
    let query = Query {
        view: "the account's identity",
        sql: "SELECT CURRENT_ORGANIZATION_NAME() ORGANIZATION_NAME, CURRENT_ACCOUNT_NAME() ACCOUNT_NAME, \
              CURRENT_ACCOUNT() ACCOUNT_LOCATOR, CURRENT_REGION() REGION"
            .to_owned(),
        bindings: Vec::new(),
    };
    let mut found = None;
    session.read(&query, |row| {
        found = Some(Identity {
            organization: row.text("ORGANIZATION_NAME")?.to_owned(),
            account: row.text("ACCOUNT_NAME")?.to_owned(),
            locator: row.text("ACCOUNT_LOCATOR")?.to_owned(),
            region: row.text("REGION")?.to_owned(),
        });
        Ok(())
    })?;
    found.ok_or_else(|| Failure::malformed("Snowflake did not say which account this is"))
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

/// Credits by warehouse and hour.
pub(crate) fn hours(session: &Session<'_>, days: Period) -> Result<Vec<HourRow>, Refusal> {
    let query = query(
        WAREHOUSES,
        "SELECT DATE_PART(epoch_second, START_TIME) T0, WAREHOUSE_ID, WAREHOUSE_NAME, SUM(CREDITS_USED_COMPUTE) CC, \
         SUM(CREDITS_USED_CLOUD_SERVICES) CS, SUM(CREDITS_ATTRIBUTED_COMPUTE_QUERIES) QA \
         FROM SNOWFLAKE.ACCOUNT_USAGE.WAREHOUSE_METERING_HISTORY \
         WHERE START_TIME >= ?::TIMESTAMP_TZ AND START_TIME < ?::TIMESTAMP_TZ GROUP BY ALL",
        days,
    );
    let mut rows = Vec::new();
    session.read(&query, |row| {
        rows.push(HourRow {
            start: row.instant("T0", days)?,
            warehouse: WarehouseId::new(row.text("WAREHOUSE_ID")?),
            name: row.text("WAREHOUSE_NAME")?.to_owned(),
            compute: row.measured("CC")?,
            cloud: row.measured("CS")?,
            attributed: match row.optional("QA")? {
                Some(_) => Some(row.measured("QA")?),
                None => None,
            },
        });
        Ok(())
    })?;
    Ok(rows)
}

/// How an attribution is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    /// By user.
    Users,
    /// By user and query tag.
    Tags,
    /// By user, query tag and role; needs QUERY_HISTORY.
    Roles,
}

/// Attributed credits by day and warehouse.
pub(crate) fn attribution(
    session: &Session<'_>,
    days: Period,
    cut: Cut,
) -> Result<Vec<AttributionRow>, Refusal> {
    let credits =
        "SUM(COALESCE(a.CREDITS_ATTRIBUTED_COMPUTE,0) + COALESCE(a.CREDITS_USED_QUERY_ACCELERATION,0)) CR";
    let from = "FROM SNOWFLAKE.ACCOUNT_USAGE.QUERY_ATTRIBUTION_HISTORY a";
    let bounded = "WHERE a.START_TIME >= ?::TIMESTAMP_TZ AND a.START_TIME < ?::TIMESTAMP_TZ GROUP BY ALL";
    let common = "SELECT TO_CHAR(DATE_TRUNC('DAY',a.START_TIME),'YYYY-MM-DD') D, a.WAREHOUSE_ID, a.WAREHOUSE_NAME, a.USER_NAME";
    let (view, sql) = match cut {
        Cut::Users => (ATTRIBUTION, format!("{common}, {credits} {from} {bounded}")),
        Cut::Tags => (
            ATTRIBUTION,
            format!("{common}, a.QUERY_TAG, {credits} {from} {bounded}"),
        ),
        Cut::Roles => (
            ROLES,
            format!(
                "{common}, q.ROLE_NAME, a.QUERY_TAG, {credits} {from} \
                 LEFT JOIN SNOWFLAKE.ACCOUNT_USAGE.QUERY_HISTORY q \
                 ON q.QUERY_ID=a.QUERY_ID AND q.START_TIME >= DATEADD(day,-2,?::TIMESTAMP_TZ) {bounded}"
            ),
        ),
    };
    let mut query = query(view, &sql, days);
    if cut == Cut::Roles {
        query.bindings.insert(0, day_of(days.start).to_string());
    }
    let mut rows = Vec::new();
    session.read(&query, |row| {
        let asked = |column, asked: bool| {
            if asked {
                row.optional(column).map(said)
            } else {
                Ok(None)
            }
        };
        rows.push(AttributionRow {
            day: row.day("D", days)?,
            warehouse: WarehouseId::new(row.text("WAREHOUSE_ID")?),
            name: row.text("WAREHOUSE_NAME")?.to_owned(),
            user: row.optional("USER_NAME")?.unwrap_or_default().to_owned(),
            role: asked("ROLE_NAME", cut == Cut::Roles)?,
            query_tag: asked("QUERY_TAG", cut != Cut::Users)?,
            credits: row.measured("CR")?,
        });
        Ok(())
    })?;
    Ok(rows)
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
