//! The tenant's bill: the lines that every API of the simulator answers from, and how Azure changes them.

use crate::Error;
use finops_decimal::Decimal;
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use serde::Deserialize;
use std::str::FromStr;

/// The subscription that most is billed to.
pub const SHOP: &str = "11111111-aaaa-4bbb-8ccc-000000000001";
/// The other one, billed in USD.
pub const LAB: &str = "22222222-aaaa-4bbb-8ccc-000000000002";

/// Changes that Azure makes to the bill, by patch files in tests/data/azure/patches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patch {
    /// Yesterday changes, and a late row comes for a day of the previous month.
    Restate,
    /// A refund comes for a month that was closed.
    Credit,
}

impl Patch {
    fn text(self) -> &'static str {
        match self {
            Self::Restate => include_str!("../../data/azure/patches/restate.json"),
            Self::Credit => include_str!("../../data/azure/patches/credit.json"),
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
type Columns = (
    (Date, String, String, String, String, String, String, String),
    (String, String, String, String, String),
    (Option<Decimal>, Option<Decimal>, Decimal, String),
);

/// One line of the bill.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Its day.
    pub day: Date,
    /// SubscriptionId; empty where it belongs to none.
    pub subscription: String,
    /// ResourceGroupName.
    pub group: String,
    /// ResourceId.
    pub resource: String,
    /// ResourceLocation.
    pub location: String,
    /// ServiceName.
    pub service: String,
    /// MeterCategory.
    pub category: String,
    /// MeterSubCategory.
    pub subcategory: String,
    /// Meter.
    pub meter: String,
    /// ChargeType.
    pub charge_type: String,
    /// PricingModel.
    pub pricing: String,
    /// Value of the tag `team`; empty where untagged.
    pub team: String,
    /// Its currency.
    pub currency: String,
    /// What is invoiced; none where the line is in the amortized bill alone.
    pub actual: Option<Decimal>,
    /// The amortized cost; none where the line is in the actual bill alone.
    pub amortized: Option<Decimal>,
    /// UsageQuantity.
    pub quantity: Decimal,
    /// Its unit.
    pub unit: String,
}

impl<'de> Deserialize<'de> for Line {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let cells: Vec<serde_json::Value> = Vec::deserialize(deserializer)?;
        let part = |from: usize, to: usize| serde_json::Value::from(cells.get(from..to).unwrap_or_default());
        let read = || -> Result<Columns, serde_json::Error> {
            Ok((
                serde_json::from_value(part(0, 8))?,
                serde_json::from_value(part(8, 13))?,
                serde_json::from_value(part(13, 17))?,
            ))
        };
        let (first, second, third) = read().map_err(serde::de::Error::custom)?;
        Ok(Self {
            day: first.0,
            subscription: first.1,
            group: first.2,
            resource: first.3,
            location: first.4,
            service: first.5,
            category: first.6,
            subcategory: first.7,
            meter: second.0,
            charge_type: second.1,
            pricing: second.2,
            team: second.3,
            currency: second.4,
            actual: third.0,
            amortized: third.1,
            quantity: third.2,
            unit: third.3,
        })
    }
}

#[derive(Deserialize)]
struct File {
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
}

impl Bill {
    pub(crate) fn load() -> Result<Self, Error> {
        let file: File = serde_json::from_str(include_str!("../../data/azure/lines.json"))?;
        Ok(Self { lines: file.rows })
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

    /// What Azure knows at that time.
    pub(crate) fn known(&self, now: Timestamp) -> impl Iterator<Item = &Line> {
        let today = TimeZone::UTC.to_datetime(now).date();
        self.lines.iter().filter(move |line| line.day <= today)
    }
}
