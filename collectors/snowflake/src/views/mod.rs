//! The SQL of every view that is read, and its rows as plain data. Nothing here knows of money's splits or records.
//! What must hold: every reading is bounded by days, and a row outside them is malformed.

use crate::statement::{Query, Session};
use finops_collector::{Failure, Period, period::day_of};

mod activity;
mod credits;
mod money;
mod storage;

pub(crate) use activity::{QueriesRow, TransferRow, queries, transfers};
pub(crate) use credits::{AttributionRow, Cut, HourRow, WarehouseId, attribution, hours};
pub(crate) use money::{BilledRow, CURRENCY, MeteringRow, RateRow, billed, count_billed, metering, rates};
pub(crate) use storage::{databases, stages};

/// Whose bill it is, as Snowflake names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) organization: String,
    pub(crate) account: String,
    pub(crate) locator: String,
    pub(crate) region: String,
}

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
