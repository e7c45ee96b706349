//! The organization's bill: the lines that every API of the simulator answers from, and how AWS changes them.

use crate::Error;
use finops_decimal::Decimal;
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use serde::Deserialize;
use std::{collections::BTreeMap, str::FromStr};

/// The account that pays.
pub const PAYER: &str = "123456789012";

/// Changes that AWS makes to the bill, by patch files in tests/data/aws/patches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patch {
    /// Yesterday changes, and a late row comes for a day of the previous month.
    Restate,
    /// A credit comes for a month that was closed.
    Credit,
}

impl Patch {
    fn text(self) -> &'static str {
        match self {
            Self::Restate => include_str!("../../data/aws/patches/restate.json"),
            Self::Credit => include_str!("../../data/aws/patches/credit.json"),
        }
    }
}

impl FromStr for Patch {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        match name {
            "restate" => Ok(Self::Restate),
            "credit" => Ok(Self::Credit),
            other => Err(format!("no patch '{other}': restate or credit").into()),
        }
    }
}

/// The columns of a line, in the order of the files.
type Row = (
    Date,
    String,
    String,
    String,
    String,
    String,
    String,
    String,
    Decimal,
    Decimal,
    Decimal,
    Decimal,
    Decimal,
    String,
);

/// One line of the bill.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(from = "Row")]
pub struct Line {
    /// Its day, or the day of its hour.
    pub day: Date,
    /// Linked account.
    pub account: String,
    /// RECORD_TYPE.
    pub record_type: String,
    /// SERVICE.
    pub service: String,
    /// USAGE_TYPE.
    pub usage_type: String,
    /// RESOURCE_ID; empty where there is none.
    pub resource: String,
    /// Value of the tag `team`; empty where untagged.
    pub team: String,
    /// Value of the cost category `Area`; empty where none applies.
    pub area: String,
    /// UnblendedCost.
    pub unblended: Decimal,
    /// NetUnblendedCost.
    pub net_unblended: Decimal,
    /// AmortizedCost.
    pub amortized: Decimal,
    /// NetAmortizedCost.
    pub net_amortized: Decimal,
    /// UsageQuantity.
    pub quantity: Decimal,
    /// Its unit.
    pub unit: String,
}

impl From<Row> for Line {
    fn from(row: Row) -> Self {
        Self {
            day: row.0,
            account: row.1,
            record_type: row.2,
            service: row.3,
            usage_type: row.4,
            resource: row.5,
            team: row.6,
            area: row.7,
            unblended: row.8,
            net_unblended: row.9,
            amortized: row.10,
            net_amortized: row.11,
            quantity: row.12,
            unit: row.13,
        }
    }
}

#[derive(Deserialize)]
struct File {
    accounts: BTreeMap<String, String>,
    rows: Vec<Line>,
}

#[derive(Deserialize)]
struct Change {
    remove: Vec<Line>,
    add: Vec<Line>,
}

/// The bill.
#[derive(Clone, Debug)]
pub(crate) struct Bill {
    pub(crate) lines: Vec<Line>,
    /// Names of the linked accounts.
    pub(crate) accounts: BTreeMap<String, String>,
}

impl Bill {
    pub(crate) fn load() -> Result<Self, Error> {
        let file: File = serde_json::from_str(include_str!("../../data/aws/lines.json"))?;
        Ok(Self {
            lines: file.rows,
            accounts: file.accounts,
        })
    }

    pub(crate) fn apply(&mut self, patch: Patch) -> Result<(), Error> {
        let change: Change = serde_json::from_str(patch.text())?;
        for line in &change.remove {
            let at = self.lines.iter().position(|known| known == line);
            self.lines
                .remove(at.ok_or_else(|| format!("{patch:?} was applied before"))?);
        }
        if change.add.iter().any(|line| self.lines.contains(line)) {
            return Err(format!("{patch:?} was applied before").into());
        }
        self.lines.extend(change.add);
        Ok(())
    }

    /// What AWS knows at that time.
    pub(crate) fn known(&self, now: Timestamp) -> impl Iterator<Item = &Line> {
        let today = day(now);
        self.lines.iter().filter(move |line| line.day <= today)
    }
}

/// The day in UTC.
pub(crate) fn day(at: Timestamp) -> Date {
    TimeZone::UTC.to_datetime(at).date()
}

/// Whether a day's bill is still open: a month closes when the sixth of the next one begins.
pub(crate) fn is_estimated(of: Date, now: Timestamp) -> bool {
    let closes = of.last_of_month().saturating_add(jiff::Span::new().days(6));
    day(now) < closes
}
