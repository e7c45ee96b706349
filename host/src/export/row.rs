//! One line of a FOCUS file: a record of the ledger, and how it stands in this file.

use crate::ledger::record::{CostRecord, Period};
use finops_decimal::Decimal;
use jiff::Timestamp;
use std::{borrow::Cow, collections::BTreeMap};

/// Where in the ledger a record stands: enough to find it again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The source's path: `provider/account` or `provider/account/scope`.
    pub source: String,
    /// Name of the stream.
    pub stream: String,
    /// Start of the partition.
    pub partition: Timestamp,
    /// Key of the record within it.
    pub key: String,
}

/// How a record stands in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// As it is.
    Regular,
    /// It joins what an earlier file of its own billing period lacks, now that one is final.
    Joins(Period),
    /// It takes back what that file has: amounts and quantities with the other sign.
    TakesBack(Period),
}

/// A line of a file.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    /// The record.
    pub record: &'a CostRecord,
    /// Where it stands in the ledger.
    pub origin: &'a Origin,
    /// How it stands in this file.
    pub standing: Standing,
}

impl Row<'_> {
    /// Whether ChargeClass is `Correction`.
    #[must_use]
    pub fn is_correction(&self) -> bool {
        self.record.correction || self.standing != Standing::Regular
    }

    /// The billing period that the line is told in.
    #[must_use]
    pub fn billing_period(&self) -> Period {
        match self.standing {
            Standing::Regular => self.record.billing_period,
            Standing::Joins(period) | Standing::TakesBack(period) => period,
        }
    }

    /// An amount or quantity with this line's sign.
    #[must_use]
    pub fn signed(&self, amount: Decimal) -> Decimal {
        match self.standing {
            Standing::Regular | Standing::Joins(_) => amount,
            Standing::TakesBack(_) => -amount,
        }
    }

    /// ListCost; BilledCost where the provider tells none.
    #[must_use]
    pub fn list_cost(&self) -> Decimal {
        self.signed(self.record.list_cost.unwrap_or(self.record.billed_cost))
    }

    /// ContractedCost; BilledCost where the provider tells none.
    #[must_use]
    pub fn contracted_cost(&self) -> Decimal {
        self.signed(self.record.contracted_cost.unwrap_or(self.record.billed_cost))
    }
}

/// A value of a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// NULL.
    Null,
    /// Text, never empty.
    Text(Cow<'a, str>),
    /// An exact number.
    Decimal(Decimal),
    /// An instant, in whole seconds.
    Time(Timestamp),
    /// A count.
    Whole(u64),
    /// A flat object.
    Map(&'a BTreeMap<String, String>),
}

impl<'a> Value<'a> {
    /// Text; NULL where it is empty, since FOCUS knows no empty text.
    pub(super) fn text(text: &'a str) -> Self {
        if text.is_empty() {
            Self::Null
        } else {
            Self::Text(Cow::Borrowed(text))
        }
    }

    /// Text that may be missing.
    pub(super) fn optional(text: Option<&'a str>) -> Self {
        text.map_or(Self::Null, Self::text)
    }

    /// A number that may be missing.
    pub(super) fn number(number: Option<Decimal>) -> Self {
        number.map_or(Self::Null, Self::Decimal)
    }

    /// As text; `None` for NULL. A map is one line of JSON with its keys in order.
    #[must_use]
    pub fn written(&self) -> Option<Cow<'_, str>> {
        Some(match self {
            Self::Null => return None,
            Self::Text(text) => Cow::Borrowed(text.as_ref()),
            Self::Decimal(number) => Cow::Owned(number.to_string()),
            Self::Time(at) => Cow::Owned(time(*at)),
            Self::Whole(count) => Cow::Owned(count.to_string()),
            Self::Map(map) => Cow::Owned(object(map)),
        })
    }
}

/// As FOCUS writes an instant: `YYYY-MM-DDTHH:mm:ssZ`.
pub(super) fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// A flat JSON object.
fn object(map: &BTreeMap<String, String>) -> String {
    let pairs = map
        .iter()
        .map(|(name, value)| (name.clone(), value.clone().into()));
    serde_json::Value::Object(pairs.collect()).to_string()
}
