//! The columns of FOCUS's Cost and Usage dataset, by version, and the `x_` columns after them. One table.
//!
//! What must hold: a column is in a file of exactly the versions that have it; FOCUS's columns come first, in the order of
//! their names, then `x_` columns in theirs; a mandatory column is always there, any other where a row has a value.

use super::{
    FocusVersion,
    row::{Row, Standing, Value},
};
use crate::ledger::record::{Finality, basis_name};
use std::{borrow::Cow, collections::BTreeSet};

/// The type of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Text.
    Text,
    /// An exact number.
    Decimal,
    /// An instant.
    Time,
    /// A count.
    Whole,
    /// A flat JSON object.
    Map,
}

/// When a column is in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// Always, and every row has a value.
    Full,
    /// Always.
    Always,
    /// Where a row has a value.
    Used,
}

/// A column of records.
#[derive(Clone, Debug)]
pub struct Column {
    /// Its name.
    pub name: Cow<'static, str>,
    /// Its type.
    pub kind: Kind,
    /// When it is there.
    pub presence: Presence,
    value: Getter,
}

#[derive(Clone, Debug)]
enum Getter {
    Plain(Plain),
    /// An `x_` column of the collector.
    Extra(String),
}

type Plain = for<'r> fn(&Row<'r>) -> Value<'r>;

impl Column {
    /// Its value of a row.
    #[must_use]
    pub fn value<'r>(&self, row: &Row<'r>) -> Value<'r> {
        match &self.value {
            Getter::Plain(get) => get(row),
            Getter::Extra(name) => Value::optional(row.record.extra.get(name).map(String::as_str)),
        }
    }
}

/// All columns that a file of a version may have: FOCUS's, ours, and those of collectors.
#[must_use]
pub fn record_columns(version: FocusVersion, extras: &BTreeSet<String>) -> Vec<Column> {
    let focus = FOCUS
        .iter()
        .filter(|column| column.from <= version && version <= column.until)
        .map(|column| Column {
            name: Cow::Borrowed(column.name),
            kind: column.kind,
            presence: column.presence,
            value: Getter::Plain(column.value),
        });
    let mut custom: Vec<Column> = OURS
        .iter()
        .map(|&(name, kind, presence, value)| Column {
            name: Cow::Borrowed(name),
            kind,
            presence,
            value: Getter::Plain(value),
        })
        .collect();
    custom.extend(extras.iter().map(|name| Column {
        name: Cow::Owned(free_name(name)),
        kind: Kind::Text,
        presence: Presence::Used,
        value: Getter::Extra(name.clone()),
    }));
    custom.sort_by(|one, other| one.name.cmp(&other.name));
    focus.chain(custom).collect()
}

/// The name of a collector's column: its own, unless one of ours has it.
fn free_name(name: &str) -> String {
    let taken = OURS.iter().any(|(ours, ..)| ours.eq_ignore_ascii_case(name));
    if taken {
        name.replacen("x_", "x_Provider_", 1)
    } else {
        name.to_owned()
    }
}

struct Focus {
    name: &'static str,
    kind: Kind,
    presence: Presence,
    from: FocusVersion,
    until: FocusVersion,
    value: Plain,
}

const fn focus(name: &'static str, kind: Kind, presence: Presence, value: Plain) -> Focus {
    Focus {
        name,
        kind,
        presence,
        from: FocusVersion::V1_2,
        until: FocusVersion::V1_4,
        value,
    }
}

const fn since(from: FocusVersion, column: Focus) -> Focus {
    Focus { from, ..column }
}

const fn until(until: FocusVersion, column: Focus) -> Focus {
    Focus { until, ..column }
}

/// A text column that is there where it is used.
macro_rules! used {
    ($name:literal, $field:ident) => {
        focus($name, Kind::Text, Presence::Used, |row| {
            Value::optional(row.record.$field.as_deref())
        })
    };
}

/// A price that is there where it is used; it has no sign of the line.
macro_rules! price {
    ($name:literal, $field:ident) => {
        focus($name, Kind::Decimal, Presence::Used, |row| {
            Value::number(row.record.$field)
        })
    };
}

/// A quantity, with the sign of the line.
macro_rules! quantity {
    ($name:literal, $field:ident, $presence:expr) => {
        focus($name, Kind::Decimal, $presence, |row| {
            Value::number(row.record.$field.map(|amount| row.signed(amount)))
        })
    };
}

const FOCUS: &[Focus] = &[
    used!("AvailabilityZone", availability_zone),
    focus("BilledCost", Kind::Decimal, Presence::Full, |row| {
        Value::Decimal(row.signed(row.record.billed_cost))
    }),
    focus("BillingAccountId", Kind::Text, Presence::Full, |row| {
        Value::text(&row.record.billing_account_id)
    }),
    focus("BillingAccountName", Kind::Text, Presence::Always, |row| {
        Value::optional(row.record.billing_account_name.as_deref())
    }),
    focus("BillingCurrency", Kind::Text, Presence::Full, |row| {
        Value::text(&row.record.billing_currency)
    }),
    focus("BillingPeriodEnd", Kind::Time, Presence::Full, |row| {
        Value::Time(row.billing_period().end())
    }),
    focus("BillingPeriodStart", Kind::Time, Presence::Full, |row| {
        Value::Time(row.billing_period().start())
    }),
    used!("CapacityReservationId", capacity_reservation_id),
    used!("CapacityReservationStatus", capacity_reservation_status),
    focus("ChargeCategory", Kind::Text, Presence::Full, |row| {
        Value::text(row.record.charge_category.name())
    }),
    focus("ChargeClass", Kind::Text, Presence::Always, |row| {
        Value::text(if row.is_correction() { "Correction" } else { "" })
    }),
    focus("ChargeDescription", Kind::Text, Presence::Always, |row| {
        Value::optional(row.record.charge_description.as_deref())
    }),
    focus("ChargeFrequency", Kind::Text, Presence::Used, |row| {
        Value::optional(row.record.charge_frequency.map(|frequency| frequency.name()))
    }),
    focus("ChargePeriodEnd", Kind::Time, Presence::Full, |row| {
        Value::Time(row.record.charge_period.end())
    }),
    focus("ChargePeriodStart", Kind::Time, Presence::Full, |row| {
        Value::Time(row.record.charge_period.start())
    }),
    used!("CommitmentDiscountCategory", commitment_discount_category),
    used!("CommitmentDiscountId", commitment_discount_id),
    used!("CommitmentDiscountName", commitment_discount_name),
    quantity!(
        "CommitmentDiscountQuantity",
        commitment_discount_quantity,
        Presence::Used
    ),
    used!("CommitmentDiscountStatus", commitment_discount_status),
    used!("CommitmentDiscountType", commitment_discount_type),
    used!("CommitmentDiscountUnit", commitment_discount_unit),
    quantity!("ConsumedQuantity", consumed_quantity, Presence::Used),
    used!("ConsumedUnit", consumed_unit),
    focus("ContractedCost", Kind::Decimal, Presence::Full, |row| {
        Value::Decimal(row.contracted_cost())
    }),
    price!("ContractedUnitPrice", contracted_unit_price),
    focus("EffectiveCost", Kind::Decimal, Presence::Full, |row| {
        Value::Decimal(row.signed(row.record.effective_cost))
    }),
    since(
        FocusVersion::V1_3,
        focus("HostProviderName", Kind::Text, Presence::Always, |row| {
            let host = row.record.host_provider_name.as_deref();
            Value::text(told(host).unwrap_or(&row.record.service_provider_name))
        }),
    ),
    since(FocusVersion::V1_4, used!("InvoiceDetailId", invoice_detail_id)),
    used!("InvoiceId", invoice_id),
    focus("InvoiceIssuerName", Kind::Text, Presence::Full, |row| {
        let issuer = row.record.invoice_issuer_name.as_deref();
        Value::text(told(issuer).unwrap_or(&row.record.service_provider_name))
    }),
    focus("ListCost", Kind::Decimal, Presence::Full, |row| {
        Value::Decimal(row.list_cost())
    }),
    price!("ListUnitPrice", list_unit_price),
    used!("PricingCategory", pricing_category),
    used!("PricingCurrency", pricing_currency),
    quantity!("PricingQuantity", pricing_quantity, Presence::Always),
    focus("PricingUnit", Kind::Text, Presence::Always, |row| {
        Value::optional(row.record.pricing_unit.as_deref())
    }),
    until(
        FocusVersion::V1_3,
        focus("ProviderName", Kind::Text, Presence::Full, |row| {
            Value::text(&row.record.service_provider_name)
        }),
    ),
    until(
        FocusVersion::V1_3,
        focus("PublisherName", Kind::Text, Presence::Full, |row| {
            Value::text(&row.record.service_provider_name)
        }),
    ),
    used!("RegionId", region_id),
    used!("RegionName", region_name),
    used!("ResourceId", resource_id),
    used!("ResourceName", resource_name),
    used!("ResourceType", resource_type),
    focus("ServiceCategory", Kind::Text, Presence::Full, |row| {
        Value::text(&row.record.service_category)
    }),
    focus("ServiceName", Kind::Text, Presence::Full, |row| {
        Value::text(&row.record.service_name)
    }),
    since(
        FocusVersion::V1_3,
        focus("ServiceProviderName", Kind::Text, Presence::Full, |row| {
            Value::text(&row.record.service_provider_name)
        }),
    ),
    used!("ServiceSubcategory", service_subcategory),
    used!("SkuId", sku_id),
    used!("SkuMeter", sku_meter),
    used!("SkuPriceId", sku_price_id),
    used!("SubAccountId", sub_account_id),
    used!("SubAccountName", sub_account_name),
    used!("SubAccountType", sub_account_type),
    focus("Tags", Kind::Map, Presence::Used, |row| {
        if row.record.tags.is_empty() {
            Value::Null
        } else {
            Value::Map(&row.record.tags)
        }
    }),
];

/// Our own columns: what FOCUS has no place for, and where a row is to be found in the ledger.
const OURS: &[(&str, Kind, Presence, Plain)] = &[
    ("x_Basis", Kind::Text, Presence::Full, |row| {
        Value::text(basis_name(row.record.basis))
    }),
    ("x_ContractedCostSource", Kind::Text, Presence::Full, |row| {
        cost_source(row.record.contracted_cost.is_some())
    }),
    ("x_Finality", Kind::Text, Presence::Full, |row| {
        Value::text(match row.record.finality {
            Finality::Open => "open",
            Finality::Final => "final",
        })
    }),
    ("x_LineCount", Kind::Whole, Presence::Full, |row| {
        Value::Whole(row.record.line_count)
    }),
    ("x_LineId", Kind::Text, Presence::Used, |row| {
        Value::optional(row.record.line_id.as_deref())
    }),
    ("x_ListCostSource", Kind::Text, Presence::Full, |row| {
        cost_source(row.record.list_cost.is_some())
    }),
    ("x_Partition", Kind::Time, Presence::Full, |row| {
        Value::Time(row.origin.partition)
    }),
    ("x_Posting", Kind::Text, Presence::Used, |row| {
        Value::text(match row.standing {
            Standing::Regular => "",
            Standing::Joins(_) => "joins",
            Standing::TakesBack(_) => "takes-back",
        })
    }),
    ("x_PriceCard", Kind::Text, Presence::Used, |row| {
        Value::optional(row.record.price_card.as_deref())
    }),
    ("x_RecordKey", Kind::Text, Presence::Full, |row| {
        Value::text(&row.origin.key)
    }),
    ("x_Source", Kind::Text, Presence::Full, |row| {
        Value::text(&row.origin.source)
    }),
    ("x_Stream", Kind::Text, Presence::Full, |row| {
        Value::text(&row.origin.stream)
    }),
];

/// A text that says something.
fn told(text: Option<&str>) -> Option<&str> {
    text.filter(|text| !text.is_empty())
}

/// Where a list or contracted cost comes from.
fn cost_source(provider: bool) -> Value<'static> {
    Value::text(if provider { "provider" } else { "none" })
}
