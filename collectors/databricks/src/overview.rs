//! The first question of a reading: how many lines, and how much, the usage table holds of each day. Lines are only ever added to it,
//! corrections too, so that a day whose lines are the same in number and sum is as it was.

use crate::{
    statement::{Select, Statement},
    warehouse::Warehouse,
};
use finops_collector::{Failure, Warnings, excerpt, jiff::civil::Date};
use std::collections::{BTreeMap, BTreeSet};

/// Billed usage.
pub(crate) const USAGE: &str = "system.billing.usage";

/// What the table holds of a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) lines: u64,
    /// Number of lines and sum of quantities: another one means that something came.
    pub(crate) mark: String,
}

/// What the table holds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Overview {
    pub(crate) days: BTreeMap<Date, Seen>,
    /// The newest day on which a line came.
    pub(crate) ingested: Option<Date>,
    accounts: BTreeSet<String>,
}

impl Overview {
    /// Reads the days from `first` on and before `end`; and, from `arrived` on, all others for which something came.
    pub(crate) fn read(
        warehouse: &Warehouse<'_>,
        (first, end): (Date, Date),
        arrived: Option<Date>,
    ) -> Result<Self, Failure> {
        let mut overview = Self::default();
        let statement = statement((first, end), arrived);
        warehouse.read(&statement, |row| {
            let lines = row.count("line_count")?;
            let mark = format!("{lines}:{}", row.number("quantity")?);
            overview.days.insert(row.day("day")?, Seen { lines, mark });
            // Lines from before the column was there have none.
            if row.text("ingested")?.is_some() {
                overview.ingested = overview.ingested.max(Some(row.day("ingested")?));
            }
            for name in ["first_account", "last_account"] {
                overview.accounts.insert(row.must(name)?.to_owned());
            }
            Ok(())
        })?;
        Ok(overview)
    }

    /// That the table is of the account whose books these are.
    ///
    /// # Errors
    /// `settings`.
    pub(crate) fn check_account(&self, account: &str, warnings: &Warnings<'_>) -> Result<(), Failure> {
        let shown: Vec<String> = self.accounts.iter().map(|id| excerpt(id, 60)).collect();
        let shown = shown.join(", ");
        if !self.accounts.is_empty() && !self.accounts.contains(account) {
            return Err(Failure::settings(format_args!(
                "[settings] account-id: the usage table is of the account {shown}"
            )));
        }
        if self.accounts.len() > 1 {
            warnings.once(format_args!(
                "the usage table has lines of several accounts ({shown}): all of them are booked"
            ));
        }
        Ok(())
    }
}

fn statement((first, end): (Date, Date), arrived: Option<Date>) -> Statement {
    let mut select = Select::default();
    select.group("CAST(usage_date AS STRING)", "day");
    select.measure("CAST(COUNT(*) AS STRING)", "line_count");
    select.measure("CAST(SUM(usage_quantity) AS STRING)", "quantity");
    select.measure("CAST(MAX(ingestion_date) AS STRING)", "ingested");
    select.measure("MIN(account_id)", "first_account");
    select.measure("MAX(account_id)", "last_account");
    let mut from = format!("{USAGE} WHERE (usage_date >= :first_day AND usage_date < :end_day)");
    if arrived.is_some() {
        from.push_str(&format!(
            " OR usage_date IN (SELECT usage_date FROM {USAGE} WHERE ingestion_date >= :arrived)"
        ));
    }
    let statement = select.statement("the days of usage", "", &from);
    let statement = statement.day("first_day", first).day("end_day", end);
    match arrived {
        Some(day) => statement.day("arrived", day),
        None => statement,
    }
}
