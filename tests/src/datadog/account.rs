//! The data of the simulated account, and what of it is told at which moment.

use crate::Error;
use finops_decimal::Decimal;
use jiff::{Timestamp, civil::Date};
use serde::Deserialize;

const DATA: &str = include_str!("../../data/datadog/account.json");

/// Running totals of a month.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Series {
    pub(super) month: String,
    pub(super) org: String,
    pub(super) product: String,
    pub(super) kind: String,
    from: Timestamp,
    until: Option<Timestamp>,
    /// One for each day; none where the day lacks the product.
    pub(super) totals: Vec<Option<String>>,
}

impl Series {
    /// Whether Datadog tells it so at that moment.
    pub(super) fn is_told(&self, now: Timestamp) -> bool {
        self.from <= now && self.until.is_none_or(|until| now < until)
    }

    /// The total of a day.
    pub(super) fn total(&self, day: Date) -> Option<&str> {
        let index = usize::try_from(day.day()).ok()?.checked_sub(1)?;
        self.totals.get(index)?.as_deref()
    }
}

/// What a product of a month came to.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Bill {
    pub(super) month: String,
    pub(super) org: String,
    pub(super) product: String,
    pub(super) kind: String,
    pub(super) cost: String,
}

/// What a team took of it.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Share {
    pub(super) month: String,
    pub(super) org: String,
    pub(super) product: String,
    pub(super) team: Option<String>,
    pub(super) cost: String,
}

/// All of it.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Account {
    pub(super) series: Vec<Series>,
    pub(super) billed: Vec<Bill>,
    pub(super) shares: Vec<Share>,
}

impl Account {
    pub(super) fn load() -> Result<Self, Error> {
        // Rows are arrays in the order of the fields.
        Ok(serde_json::from_str(DATA)?)
    }

    pub(super) fn invoice(&self, month: &str) -> Result<Decimal, Error> {
        let bills = self.billed.iter().filter(|bill| bill.month == month);
        let costs = bills
            .map(|bill| bill.cost.parse())
            .collect::<Result<Vec<Decimal>, _>>()?;
        Ok(Decimal::sum(costs)?)
    }

    /// The organizations of a month, parent first.
    pub(super) fn orgs(&self, month: &str) -> Vec<&str> {
        let mut orgs = Vec::new();
        for series in self.series.iter().filter(|series| series.month == month) {
            if !orgs.contains(&series.org.as_str()) {
                orgs.push(series.org.as_str());
            }
        }
        orgs
    }
}

/// The name of an organization.
pub(super) fn name(org: &str) -> &'static str {
    match org {
        "o1a2b3c4d5" => "acme",
        _ => "acme-labs",
    }
}
