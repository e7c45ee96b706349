//! The expected current records of the counted stream, as tests/golden/azure.py worked them out from the lines of the bill.

use super::Patch;
use crate::Error;
use finops_decimal::Decimal;
use jiff::Timestamp;
use serde::Deserialize;

/// States of the tenant, each following the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// As committed, 2026-08-03.
    Initial,
    /// The same day: 2026-08-02 restated, and a late row in July.
    Restated,
    /// 2026-08-07: July is closed, August went on.
    Closed,
    /// 2026-08-08: a refund for July after its close.
    Credited,
}

/// One expected record.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// The day.
    pub day: String,
    /// SubAccountId.
    pub subscription: Option<String>,
    /// ChargeCategory.
    pub category: String,
    /// `x_ChargeType`; none on use.
    pub charge_type: Option<String>,
    /// Whether ChargeClass is `Correction`.
    pub correction: bool,
    /// ServiceName.
    pub service: String,
    /// ServiceCategory.
    pub service_category: String,
    /// SkuMeter; none on what is not use.
    pub meter: Option<String>,
    /// BillingCurrency.
    pub currency: String,
    /// BilledCost.
    pub billed: Decimal,
    /// EffectiveCost.
    pub effective: Decimal,
    /// `open` or `final`.
    pub finality: String,
}

impl State {
    /// All states, in their order.
    pub const ALL: [Self; 4] = [Self::Initial, Self::Restated, Self::Closed, Self::Credited];

    /// The patch that leads here from the state before.
    #[must_use]
    pub fn patch(self) -> Option<Patch> {
        match self {
            Self::Initial | Self::Closed => None,
            Self::Restated => Some(Patch::Restate),
            Self::Credited => Some(Patch::Credit),
        }
    }

    /// The time of the run that finds this state.
    ///
    /// # Errors
    /// None, while the times below are times.
    pub fn now(self) -> Result<Timestamp, Error> {
        Ok(match self {
            Self::Initial | Self::Restated => "2026-08-03T12:00:00Z",
            Self::Closed => "2026-08-07T12:00:00Z",
            Self::Credited => "2026-08-08T12:00:00Z",
        }
        .parse()?)
    }

    fn text(self) -> &'static str {
        match self {
            Self::Initial => include_str!("../../golden/azure/initial.json"),
            Self::Restated => include_str!("../../golden/azure/restated.json"),
            Self::Closed => include_str!("../../golden/azure/closed.json"),
            Self::Credited => include_str!("../../golden/azure/credited.json"),
        }
    }
}

/// All expected records of the first subscription in a state, in order.
///
/// # Errors
/// Where a committed file is damaged.
pub fn records(state: State) -> Result<Vec<Record>, Error> {
    let mut records: Vec<Record> = Vec::new();
    for step in State::ALL.into_iter().filter(|step| *step <= state) {
        let changed: Vec<Day> = serde_json::from_str(step.text())?;
        for day in changed {
            records.retain(|record| record.day != day.day);
            records.extend(day.records);
        }
    }
    records.sort();
    Ok(records)
}

/// All expected records of the billing account in the first state, in order.
///
/// # Errors
/// Where the committed file is damaged.
pub fn billing_account() -> Result<Vec<Record>, Error> {
    let days: Vec<Day> = serde_json::from_str(include_str!("../../golden/azure/billing.json"))?;
    let mut records: Vec<Record> = days.into_iter().flat_map(|day| day.records).collect();
    records.sort();
    Ok(records)
}

/// What the FOCUS export of July says on 2026-08-03: day, service, charge category, billed and effective cost.
pub type Exported = (String, String, String, Decimal, Decimal);

/// All of it, in order.
///
/// # Errors
/// Where the committed file is damaged.
pub fn exported() -> Result<Vec<Exported>, Error> {
    Ok(serde_json::from_str(include_str!(
        "../../golden/azure/export.json"
    ))?)
}

/// A day whose records differ from the state before.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Day {
    day: String,
    records: Vec<Record>,
}
