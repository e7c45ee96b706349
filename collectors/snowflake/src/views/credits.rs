//! Views of credits by warehouse: hours, and what queries used of them.

use super::{query, said};
use crate::{refusal::Refusal, statement::Session};
use finops_collector::{Decimal, Instant, Period, jiff::civil::Date, period::day_of};

const WAREHOUSES: &str = "ACCOUNT_USAGE.WAREHOUSE_METERING_HISTORY";
const ATTRIBUTION: &str = "ACCOUNT_USAGE.QUERY_ATTRIBUTION_HISTORY";
const ROLES: &str = "ACCOUNT_USAGE.QUERY_ATTRIBUTION_HISTORY with QUERY_HISTORY";

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
