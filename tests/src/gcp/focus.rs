//! The same lines as Google's FOCUS export shows them: credits taken off, one row a line.

use super::export::{Line, exact, los_angeles};
use finops_decimal::Decimal;
use jiff::{Timestamp, civil::Date};

/// Columns of the table that are texts.
pub(crate) const TEXTS: [&str; 19] = [
    "BillingAccountId",
    "BillingCurrency",
    "ChargeCategory",
    "ChargeClass",
    "ChargeDescription",
    "ServiceName",
    "ServiceCategory",
    "ProviderName",
    "PublisherName",
    "InvoiceIssuerName",
    "SubAccountId",
    "SubAccountName",
    "RegionId",
    "AvailabilityZone",
    "ResourceId",
    "ResourceName",
    "SkuId",
    "ConsumedUnit",
    "PricingUnit",
];
/// Columns that are amounts.
pub(crate) const AMOUNTS: [&str; 6] = [
    "BilledCost",
    "EffectiveCost",
    "ListCost",
    "ContractedCost",
    "ConsumedQuantity",
    "PricingQuantity",
];

/// A text of a line's row; none where there is no such column.
pub(crate) fn scalar(line: &Line, expression: &str) -> Option<Option<String>> {
    let text = |text: &str| Some(Some(text.to_owned()));
    if let Some(of) = expression
        .strip_prefix("UNIX_SECONDS(BillingPeriod")
        .and_then(|rest| rest.strip_suffix(')'))
    {
        let first: Date = format!(
            "{}-{}-01",
            line.invoice_month.get(..4)?,
            line.invoice_month.get(4..)?
        )
        .parse()
        .ok()?;
        let there = los_angeles().ok()?;
        let month = match of {
            "Start" => first,
            "End" => first.last_of_month().tomorrow().ok()?,
            _ => return None,
        };
        let at: Timestamp = there
            .to_ambiguous_timestamp(month.at(0, 0, 0, 0))
            .compatible()
            .ok()?;
        return Some(Some(at.as_second().to_string()));
    }
    if expression == "CAST(NULL AS STRING)" {
        return Some(None);
    }
    if !TEXTS.contains(&expression) {
        return None;
    }
    match expression {
        "BillingAccountId" => text(&line.billing_account_id),
        "BillingCurrency" => text(&line.currency),
        "ChargeCategory" => text(match line.cost_type.as_str() {
            "regular" => "Usage",
            "tax" => "Tax",
            _ => "Adjustment",
        }),
        "ChargeDescription" => Some(line.sku.clone()),
        "ServiceName" => Some(line.service.clone()),
        "ServiceCategory" => text("Other"),
        "ProviderName" => text("Google Cloud"),
        "PublisherName" => Some(line.seller.clone()),
        "SubAccountId" => Some(line.project_id.clone()),
        "SubAccountName" => Some(line.project_name.clone()),
        "RegionId" => Some(line.region.clone()),
        "AvailabilityZone" => Some(line.zone.clone()),
        "ResourceId" | "ResourceName" => Some(line.resource.clone()),
        "SkuId" => Some(line.sku_id.clone()),
        "ConsumedUnit" => Some(line.unit.clone()),
        "PricingUnit" => Some(line.pricing_unit.clone()),
        _ => Some(None),
    }
}

/// An amount of a line's row; none where there is no such column.
pub(crate) fn amount(line: &Line, column: &str) -> Option<Option<Decimal>> {
    match column {
        "BilledCost" | "EffectiveCost" => line.net().ok().map(Some),
        "ContractedCost" => exact(&line.cost).ok().map(Some),
        "ListCost" => Some(line.list.as_ref().and_then(|text| exact(text).ok())),
        "ConsumedQuantity" => exact(&line.amount).ok().map(Some),
        "PricingQuantity" => exact(&line.priced).ok().map(Some),
        _ => None,
    }
}
