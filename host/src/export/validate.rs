//! What the specification says of a row's values, its arithmetic above all. Pure.
//!
//! The ledger holds the provider's own figures, and a file with them is worth more than none: so nearly all findings are
//! told and do not stop the file, unless the operator is strict. What stops it is what makes money unreadable.

use super::row::{Origin, Row};
use crate::ledger::record::{ChargeCategory, ChargeFrequency, CostRecord};
use finops_decimal::Decimal;
use serde::Serialize;
use std::collections::BTreeMap;

/// Rows of a finding that are named.
const EXAMPLES: usize = 3;

/// FOCUS's ServiceCategory.
const SERVICE_CATEGORIES: [&str; 19] = [
    "AI and Machine Learning",
    "Analytics",
    "Business Applications",
    "Compute",
    "Databases",
    "Developer Tools",
    "Identity",
    "Integration",
    "Internet of Things",
    "Management and Governance",
    "Media",
    "Migration",
    "Mobile",
    "Multicloud",
    "Networking",
    "Other",
    "Security",
    "Storage",
    "Web",
];
const PRICING_CATEGORIES: [&str; 4] = ["Standard", "Dynamic", "Committed", "Other"];
const COMMITMENT_CATEGORIES: [&str; 2] = ["Spend", "Usage"];
const USED: [&str; 2] = ["Used", "Unused"];

/// A rule of the specification.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs)]
pub enum Rule {
    Currency,
    MandatoryValue,
    ListCost,
    ContractedCost,
    UnitPriceSign,
    QuantityAndUnit,
    PricingQuantityMissing,
    PricingQuantityOfTax,
    ConsumedOutsideUsage,
    UnknownValue,
    ChargeOutsideBillingPeriod,
    AmortisedTaxOrCredit,
    UsageBasedPurchase,
}

impl Rule {
    /// The rule in words.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::Currency => "BillingCurrency is an ISO 4217 code",
            Self::MandatoryValue => "mandatory columns have a value",
            Self::ListCost => "ListCost = ListUnitPrice x PricingQuantity",
            Self::ContractedCost => "ContractedCost = ContractedUnitPrice x PricingQuantity",
            Self::UnitPriceSign => "unit prices are not negative",
            Self::QuantityAndUnit => "a quantity and its unit are both there or neither",
            Self::PricingQuantityMissing => "usage and purchases have a PricingQuantity",
            Self::PricingQuantityOfTax => "tax has no PricingQuantity",
            Self::ConsumedOutsideUsage => "only usage has a ConsumedQuantity",
            Self::UnknownValue => "a column with fixed values has one of them",
            Self::ChargeOutsideBillingPeriod => "a charge begins within its billing period",
            Self::AmortisedTaxOrCredit => "EffectiveCost = BilledCost for tax and credit",
            Self::UsageBasedPurchase => "a purchase is one-time or recurring",
        }
    }

    /// Whether a file that breaks it is not written at all: what its amounts are worth, or whose they are, cannot be read.
    #[must_use]
    pub fn refuses(self) -> bool {
        matches!(self, Self::Currency | Self::MandatoryValue)
    }
}

/// A row that breaks a rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Example {
    /// Its source.
    pub source: String,
    /// Its stream.
    pub stream: String,
    /// Start of its partition.
    pub partition: jiff::Timestamp,
    /// Its key there.
    pub key: String,
    /// What it says.
    pub says: String,
}

/// A rule that rows break.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The rule.
    pub rule: Rule,
    /// The rule in words.
    pub text: &'static str,
    /// Whether the file is not written because of it.
    pub refuses: bool,
    /// Rows that break it.
    pub rows: u64,
    /// The first of them.
    pub examples: Vec<Example>,
}

/// Findings so far.
#[derive(Debug, Default)]
pub(super) struct Findings(BTreeMap<Rule, Finding>);

impl Findings {
    pub(super) fn list(&self) -> Vec<Finding> {
        self.0.values().cloned().collect()
    }

    /// Judges a row by every rule.
    pub(super) fn judge(&mut self, row: &Row<'_>) {
        let origin = row.origin;
        judge(row, &mut |rule, says| self.add(rule, origin, says));
    }

    fn add(&mut self, rule: Rule, origin: &Origin, says: &dyn Fn() -> String) {
        let finding = self.0.entry(rule).or_insert_with(|| Finding {
            rule,
            text: rule.text(),
            refuses: rule.refuses(),
            rows: 0,
            examples: Vec::new(),
        });
        finding.rows += 1;
        if finding.examples.len() < EXAMPLES {
            finding.examples.push(Example {
                source: origin.source.clone(),
                stream: origin.stream.clone(),
                partition: origin.partition,
                key: origin.key.clone(),
                says: says(),
            });
        }
    }
}

type Tell<'t> = &'t mut dyn FnMut(Rule, &dyn Fn() -> String);

fn judge(row: &Row<'_>, tell: Tell<'_>) {
    let record = row.record;
    let currency = &record.billing_currency;
    if currency.len() != 3 || !currency.bytes().all(|byte| byte.is_ascii_uppercase()) {
        tell(Rule::Currency, &|| format!("{currency:?}"));
    }
    for (name, text) in [
        ("BillingAccountId", &record.billing_account_id),
        ("ServiceName", &record.service_name),
        ("ServiceCategory", &record.service_category),
        ("ServiceProviderName", &record.service_provider_name),
    ] {
        if text.is_empty() {
            tell(Rule::MandatoryValue, &|| format!("{name} is empty"));
        }
    }
    prices(row, tell);
    quantities(record, row.is_correction(), tell);
    values(record, tell);
    // A correction tells of another period, and so does a row of ours that stands in a later one.
    if !row.is_correction() && !record.billing_period.contains(record.charge_period.start()) {
        tell(Rule::ChargeOutsideBillingPeriod, &|| {
            format!(
                "begins at {}, billed from {} to {}",
                record.charge_period.start(),
                record.billing_period.start(),
                record.billing_period.end()
            )
        });
    }
    let flat = matches!(
        record.charge_category,
        ChargeCategory::Tax | ChargeCategory::Credit
    );
    if record.charge_category == ChargeCategory::Purchase
        && record.charge_frequency == Some(ChargeFrequency::UsageBased)
    {
        tell(Rule::UsageBasedPurchase, &|| "Usage-Based".to_owned());
    }
    if flat && record.effective_cost != record.billed_cost {
        tell(Rule::AmortisedTaxOrCredit, &|| {
            format!(
                "effective {}, billed {}",
                record.effective_cost, record.billed_cost
            )
        });
    }
}

/// Price times quantity, to the last digit. A cost that the provider does not tell is filled, and breaks no rule.
fn prices(row: &Row<'_>, tell: Tell<'_>) {
    let record = row.record;
    for (rule, price, cost) in [
        (Rule::ListCost, record.list_unit_price, record.list_cost),
        (
            Rule::ContractedCost,
            record.contracted_unit_price,
            record.contracted_cost,
        ),
    ] {
        let Some(price) = price else { continue };
        if price.is_negative() {
            tell(Rule::UnitPriceSign, &|| price.to_string());
        }
        if let (Some(cost), Some(quantity), false) = (cost, record.pricing_quantity, row.is_correction())
            && !is_product(cost, price, quantity)
        {
            tell(rule, &|| format!("{cost} is not {price} x {quantity}"));
        }
    }
}

/// Whether a number is the product of two, exactly. A product with more digits than we hold is no cost that we hold.
fn is_product(product: Decimal, one: Decimal, other: Decimal) -> bool {
    one.checked_mul(other).is_ok_and(|exact| exact == product)
}

fn quantities(record: &CostRecord, correction: bool, tell: Tell<'_>) {
    for (name, amount, unit) in [
        ("Pricing", record.pricing_quantity, &record.pricing_unit),
        ("Consumed", record.consumed_quantity, &record.consumed_unit),
        (
            "CommitmentDiscount",
            record.commitment_discount_quantity,
            &record.commitment_discount_unit,
        ),
    ] {
        let unit = unit.as_ref().filter(|unit| !unit.is_empty());
        if amount.is_some() != unit.is_some() {
            tell(Rule::QuantityAndUnit, &|| {
                let missing = if amount.is_some() { "Unit" } else { "Quantity" };
                format!("{name}{missing} is missing")
            });
        }
    }
    let has = record.pricing_quantity.is_some();
    match record.charge_category {
        ChargeCategory::Usage | ChargeCategory::Purchase if !has && !correction => {
            tell(Rule::PricingQuantityMissing, &|| {
                record.charge_category.name().to_owned()
            });
        }
        ChargeCategory::Tax if has => {
            tell(Rule::PricingQuantityOfTax, &|| {
                record
                    .pricing_quantity
                    .map(|amount| amount.to_string())
                    .unwrap_or_default()
            });
        }
        _ => {}
    }
    if record.consumed_quantity.is_some() && record.charge_category != ChargeCategory::Usage {
        tell(Rule::ConsumedOutsideUsage, &|| {
            record.charge_category.name().to_owned()
        });
    }
}

fn values(record: &CostRecord, tell: Tell<'_>) {
    let service = Some(record.service_category.clone()).filter(|text| !text.is_empty());
    for (name, value, known) in [
        ("ServiceCategory", &service, &SERVICE_CATEGORIES[..]),
        (
            "PricingCategory",
            &record.pricing_category,
            &PRICING_CATEGORIES[..],
        ),
        (
            "CommitmentDiscountCategory",
            &record.commitment_discount_category,
            &COMMITMENT_CATEGORIES[..],
        ),
        (
            "CommitmentDiscountStatus",
            &record.commitment_discount_status,
            &USED[..],
        ),
        (
            "CapacityReservationStatus",
            &record.capacity_reservation_status,
            &USED[..],
        ),
    ] {
        if let Some(value) = value.as_deref().filter(|value| !value.is_empty())
            && !known.contains(&value)
        {
            tell(Rule::UnknownValue, &|| {
                format!("{name} is {}", crate::foreign::Foreign::from(value))
            });
        }
    }
}
