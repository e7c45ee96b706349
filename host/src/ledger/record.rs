//! The cost record as the ledger keeps it: FOCUS columns as plain data, amounts exact.
//! Its canonical JSON (serde, fields in this order, absent ones left out) is what revisions are hashed over and what is stored.

use crate::component::descriptor::Basis;
use finops_decimal::Decimal;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A half-open span of time. `start < end` always holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Period {
    start: Timestamp,
    end: Timestamp,
}

impl Period {
    /// A span; `None` unless `start < end`.
    #[must_use]
    pub fn new(start: Timestamp, end: Timestamp) -> Option<Self> {
        (start < end).then_some(Self { start, end })
    }

    /// The span from one instant to another; one second where there is nothing between them.
    #[must_use]
    pub fn covering(start: Timestamp, end: Timestamp) -> Self {
        let least = SignedDuration::from_secs(1);
        let start = start.min(Timestamp::MAX.saturating_sub(least).unwrap_or(start));
        let end = end.max(start.saturating_add(least).unwrap_or(Timestamp::MAX));
        Self { start, end }
    }

    /// First instant inside.
    #[must_use]
    pub fn start(self) -> Timestamp {
        self.start
    }

    /// First instant after it.
    #[must_use]
    pub fn end(self) -> Timestamp {
        self.end
    }

    /// Whether an instant lies inside.
    #[must_use]
    pub fn contains(self, at: Timestamp) -> bool {
        self.start <= at && at < self.end
    }
}

/// Whose money it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Source {
    /// Lower-case name of the provider.
    pub provider: String,
    /// The provider's id of the account that is billed.
    pub billing_account: String,
    /// What part of it; empty for all.
    pub scope: String,
}

impl Source {
    /// As commands take it and `status` shows it: `PROVIDER/BILLING-ACCOUNT` or `PROVIDER/BILLING-ACCOUNT/SCOPE`.
    #[must_use]
    pub fn path(&self) -> String {
        let path = format!("{}/{}/{}", self.provider, self.billing_account, self.scope);
        path.trim_end_matches('/').to_owned()
    }
}

/// FOCUS ChargeCategory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum ChargeCategory {
    Usage,
    Purchase,
    Tax,
    Credit,
    Adjustment,
}

impl ChargeCategory {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Usage,
        Self::Purchase,
        Self::Tax,
        Self::Credit,
        Self::Adjustment,
    ];

    /// As FOCUS writes it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Usage => "Usage",
            Self::Purchase => "Purchase",
            Self::Tax => "Tax",
            Self::Credit => "Credit",
            Self::Adjustment => "Adjustment",
        }
    }
}

/// FOCUS ChargeFrequency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum ChargeFrequency {
    #[serde(rename = "One-Time")]
    OneTime,
    Recurring,
    #[serde(rename = "Usage-Based")]
    UsageBased,
}

impl ChargeFrequency {
    /// As FOCUS writes it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::OneTime => "One-Time",
            Self::Recurring => "Recurring",
            Self::UsageBased => "Usage-Based",
        }
    }
}

/// A basis as configuration, output and destinations write it.
#[must_use]
pub fn basis_name(basis: Basis) -> &'static str {
    match basis {
        Basis::Billed => "billed",
        Basis::ListPrice => "list-price",
        Basis::Estimated => "estimated",
    }
}

/// Whether an amount may still change at the provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs)]
pub enum Finality {
    Open,
    Final,
}

/// One line of cost. Field names are FOCUS's; absent columns are `None`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
#[allow(missing_docs)]
pub struct CostRecord {
    pub charge_period: Period,
    pub billing_period: Period,
    pub charge_category: ChargeCategory,
    /// ChargeClass is `Correction`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub correction: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub charge_frequency: Option<ChargeFrequency>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub charge_description: Option<String>,
    pub finality: Finality,
    /// The stream's basis unless the record said otherwise.
    pub basis: Basis,
    /// The provider's own id of the line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line_id: Option<String>,

    pub billing_account_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub billing_account_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sub_account_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sub_account_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sub_account_type: Option<String>,
    pub service_provider_name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_provider_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invoice_issuer_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invoice_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invoice_detail_id: Option<String>,

    pub service_name: String,
    pub service_category: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_subcategory: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub availability_zone: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_type: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sku_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sku_price_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sku_meter: Option<String>,

    pub billing_currency: String,
    pub billed_cost: Decimal,
    pub effective_cost: Decimal,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub list_cost: Option<Decimal>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contracted_cost: Option<Decimal>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consumed_quantity: Option<Decimal>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consumed_unit: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pricing_category: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pricing_quantity: Option<Decimal>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pricing_unit: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub list_unit_price: Option<Decimal>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contracted_unit_price: Option<Decimal>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pricing_currency: Option<String>,
    /// Id of the dated price card.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price_card: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commitment_discount_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commitment_discount_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commitment_discount_category: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commitment_discount_type: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commitment_discount_status: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commitment_discount_quantity: Option<Decimal>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commitment_discount_unit: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity_reservation_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity_reservation_status: Option<String>,

    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// `x_` columns: dimensions.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub extra: BTreeMap<String, String>,
    /// Lines of equal key that were summed into this one (`x_LineCount`); 1 for a single line.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub line_count: u64,
}

fn one() -> u64 {
    1
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde asks for a reference
fn is_one(count: &u64) -> bool {
    *count == 1
}
