//! The expected current records, as tests/golden/snowflake.py worked them out from the simulator's data.
//!
//! They hold for default settings, a backfill from 2026-06-01 on, and the clock of the state. Records of amount zero are
//! not among them.

use super::Patch;
use crate::Error;
use finops_decimal::Decimal;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// States of the account, each following the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// As committed.
    Initial,
    /// 2026-07-31 restated.
    Restated,
    /// 2026-08-01 and 02, estimated so far, billed; two days later.
    Billed,
    /// A query of 2026-08-02 moved to another user.
    Retagged,
}

/// One expected record. Fields are named as in the mapping; what a record lacks is none.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// Stream.
    pub stream: String,
    /// Start of the charge period, RFC 3339.
    pub period_start: String,
    /// The source's scope: the account name.
    pub scope: String,
    /// ServiceName.
    pub service: String,
    /// ChargeCategory.
    pub category: String,
    /// ResourceId.
    pub resource: Option<String>,
    /// ResourceName; of a warehouse also the tag `warehouse`.
    pub resource_name: Option<String>,
    /// Tag `user`.
    pub user: Option<String>,
    /// Tag `role`.
    pub role: Option<String>,
    /// Tag `query_tag`.
    pub query_tag: Option<String>,
    /// `x_Attribution`.
    pub attribution: Option<String>,
    /// `x_StorageKind`.
    pub storage_kind: Option<String>,
    /// `x_BalanceSource`.
    pub balance_source: Option<String>,
    /// `x_BillingType`.
    pub billing_type: Option<String>,
    /// `x_RatingType`.
    pub rating_type: Option<String>,
    /// BillingCurrency.
    pub currency: String,
    /// BilledCost.
    pub billed: Decimal,
    /// EffectiveCost.
    pub effective: Decimal,
    /// `billed` or `estimated`.
    pub basis: String,
    /// Whether it enters totals: false for superseded estimates and for views.
    pub counted: bool,
}

/// Sums of a state.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Totals {
    /// The time of the run.
    pub now: String,
    /// What counts, per currency.
    pub counted: BTreeMap<String, Decimal>,
    /// Day, currency, what counts.
    pub counted_per_day: Vec<(String, String, Decimal)>,
    /// Stream, service, currency, sum of the records whether they count or not.
    pub per_stream_service_currency: Vec<(String, String, String, Decimal)>,
}

#[derive(Deserialize)]
struct File {
    columns: Vec<String>,
    rows: Vec<Vec<Value>>,
}

impl State {
    /// All states, in their order.
    pub const ALL: [Self; 4] = [Self::Initial, Self::Restated, Self::Billed, Self::Retagged];

    /// The patch that leads here from the state before.
    #[must_use]
    pub fn patch(self) -> Option<Patch> {
        match self {
            Self::Initial => None,
            Self::Restated => Some(Patch::Restate),
            Self::Billed => Some(Patch::Bill),
            Self::Retagged => Some(Patch::Retag),
        }
    }

    /// The time of the run that finds this state.
    ///
    /// # Errors
    /// Where the committed file is damaged.
    pub fn now(self) -> Result<Timestamp, Error> {
        Ok(totals(self)?.now.parse()?)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Initial => "initial",
            Self::Restated => "restated",
            Self::Billed => "billed",
            Self::Retagged => "retagged",
        }
    }

    /// Its (stream, day) partitions that differ from the state before.
    fn changes(self) -> &'static str {
        match self {
            Self::Initial => include_str!("../../golden/snowflake/initial.json"),
            Self::Restated => include_str!("../../golden/snowflake/restated.json"),
            Self::Billed => include_str!("../../golden/snowflake/billed.json"),
            Self::Retagged => include_str!("../../golden/snowflake/retagged.json"),
        }
    }
}

/// All expected records of a state, in the files' order.
///
/// # Errors
/// Where a committed file is damaged.
pub fn records(state: State) -> Result<Vec<Record>, Error> {
    let mut current: Vec<Record> = Vec::new();
    for step in State::ALL.into_iter().filter(|step| *step <= state) {
        let changed = read(step.changes())?;
        let partitions: BTreeSet<(String, String)> = changed.iter().map(Record::partition).collect();
        current.retain(|record| !partitions.contains(&record.partition()));
        current.extend(changed);
    }
    Ok(current)
}

/// What `accounts = "all"` adds to the initial state.
///
/// # Errors
/// Where the committed file is damaged.
pub fn all_accounts() -> Result<Vec<Record>, Error> {
    read(include_str!("../../golden/snowflake/all-accounts.json"))
}

/// The sums of a state.
///
/// # Errors
/// Where the committed file is damaged.
pub fn totals(state: State) -> Result<Totals, Error> {
    let mut all: BTreeMap<String, Totals> =
        serde_json::from_str(include_str!("../../golden/snowflake/totals.json"))?;
    all.remove(state.name())
        .ok_or_else(|| format!("no totals of {}", state.name()).into())
}

impl Record {
    /// The day of its charge period, YYYY-MM-DD.
    #[must_use]
    pub fn day(&self) -> &str {
        self.period_start.get(..10).unwrap_or(&self.period_start)
    }

    fn partition(&self) -> (String, String) {
        (self.stream.clone(), self.day().to_owned())
    }
}

fn read(text: &str) -> Result<Vec<Record>, Error> {
    let file: File = serde_json::from_str(text)?;
    let record = |row: Vec<Value>| {
        let fields: Map<String, Value> = file.columns.iter().cloned().zip(row).collect();
        Ok(serde_json::from_value(Value::Object(fields))?)
    };
    file.rows.into_iter().map(record).collect()
}
