//! Google's own FOCUS export (preview), which takes the place of everything else where it is configured: its rows, added up by
//! all their dimensions but tags.

use crate::{
    mapping::{PROVIDER, check_currency, quantity},
    month,
    reading::Call,
    row::Row,
    statement::{Select, exact},
    table::Table,
};
use finops_collector::{
    CostRecord, Failure, Period, excerpt,
    jiff::{Timestamp, civil::Date},
    record::{ChargeCategory, ChargeFrequency, Commitment, Location, Pricing, Resource, Sku, SubAccount},
};

/// Dimensions that are texts.
const DIMENSIONS: [&str; 24] = [
    "BillingAccountId",
    "BillingCurrency",
    "ChargeCategory",
    "ChargeClass",
    "ChargeFrequency",
    "ServiceName",
    "ServiceCategory",
    "ServiceSubcategory",
    "ProviderName",
    "ServiceProviderName",
    "PublisherName",
    "InvoiceIssuerName",
    "SubAccountId",
    "SubAccountType",
    "RegionId",
    "AvailabilityZone",
    "ResourceId",
    "ResourceType",
    "SkuId",
    "SkuPriceId",
    "PricingCategory",
    "ConsumedUnit",
    "PricingUnit",
    "CommitmentDiscountId",
];
/// Texts that are no dimensions.
const NAMES: [&str; 5] = [
    "BillingAccountName",
    "SubAccountName",
    "RegionName",
    "ResourceName",
    "ChargeDescription",
];
/// Amounts; the first must be there.
const AMOUNTS: [&str; 6] = [
    "BilledCost",
    "EffectiveCost",
    "ListCost",
    "ContractedCost",
    "ConsumedQuantity",
    "PricingQuantity",
];

/// What is selected. Columns that the table lacks are empty.
pub(crate) fn select(table: &Table, day: &str) -> Select {
    let mut select = Select::default();
    select.group(day, "day");
    for name in DIMENSIONS {
        match table.has(name) {
            true => select.group(name, &format!("of_{name}")),
            false => select.measure("MAX(CAST(NULL AS STRING))", &format!("of_{name}")),
        }
    }
    for name in ["BillingPeriodStart", "BillingPeriodEnd"] {
        select.group(&format!("UNIX_SECONDS({name})"), &format!("of_{name}"));
    }
    for name in NAMES {
        let column = if table.has(name) {
            name
        } else {
            "CAST(NULL AS STRING)"
        };
        select.measure(&format!("MAX({column})"), &format!("of_{name}"));
    }
    select.measure("COUNT(*)", "line_count");
    for name in AMOUNTS {
        let sum = match table.has(name) {
            true => format!("IF(COUNT({name}) = COUNT(*), SUM({}), NULL)", exact(name)),
            false => "MAX(CAST(NULL AS BIGNUMERIC))".to_owned(),
        };
        select.measure(&format!("CAST({sum} AS STRING)"), &format!("of_{name}"));
    }
    select
}

/// Columns without which there is no bill.
pub(crate) const REQUIRED: [&str; 6] = [
    "BilledCost",
    "BillingCurrency",
    "BillingPeriodStart",
    "BillingPeriodEnd",
    "ChargeCategory",
    "ServiceName",
];

/// A row as a record.
pub(crate) fn record(call: &Call<'_>, row: &Row<'_>, day: Date) -> Result<Option<CostRecord>, Failure> {
    let own = |name: &str| row.own(&format!("of_{name}"));
    let billing = Period {
        start: row.integer("of_BillingPeriodStart")?,
        end: row.integer("of_BillingPeriodEnd")?,
    };
    if Timestamp::from_second(billing.start).is_err() || billing.start >= billing.end {
        return Err(Failure::malformed(format_args!(
            "{}: a billing period is none",
            row.what
        )));
    }
    let currency = row.must("of_BillingCurrency")?;
    check_currency(call, currency);
    let seller = own("ServiceProviderName")?.or(own("ProviderName")?);
    let service = own("ServiceName")?.unwrap_or_else(|| "Unknown".to_owned());
    let billed = row.money("of_BilledCost")?;
    let mut record = CostRecord::new(
        Period::of_day(day),
        &own("BillingAccountId")?.unwrap_or_else(|| call.name.account.clone()),
        seller.as_deref().unwrap_or(PROVIDER),
        (
            &service,
            &own("ServiceCategory")?.unwrap_or_else(|| "Other".to_owned()),
        ),
        (billed, currency),
    );
    record.effective_cost = row.optional_money("of_EffectiveCost")?.unwrap_or(billed);
    record.billing_period = Some(billing);
    record.finality = month::finality(Some(billing), call.request.now);
    record.category = category(call, row.must("of_ChargeCategory")?);
    record.correction = row.text("of_ChargeClass")? == Some("Correction");
    record.frequency = match row.text("of_ChargeFrequency")? {
        Some("One-Time") => Some(ChargeFrequency::OneTime),
        Some("Recurring") => Some(ChargeFrequency::Recurring),
        Some("Usage-Based") => Some(ChargeFrequency::UsageBased),
        _ => None,
    };
    record.description = own("ChargeDescription")?;
    record.billing_account_name = own("BillingAccountName")?;
    record.host_provider = Some(PROVIDER.to_owned()).filter(|host| *host != record.service_provider);
    record.invoice_issuer = own("InvoiceIssuerName")?;
    record.service_subcategory = own("ServiceSubcategory")?;
    record.list_cost = row.optional_money("of_ListCost")?;
    record.contracted_cost = row.optional_money("of_ContractedCost")?;
    record.sub_account = own("SubAccountId")?.map(|id| SubAccount {
        id,
        name: own("SubAccountName").ok().flatten(),
        kind: own("SubAccountType").ok().flatten(),
    });
    record.region = own("RegionId")?.map(|id| Location {
        id,
        name: own("RegionName").ok().flatten(),
        zone: own("AvailabilityZone").ok().flatten(),
    });
    record.resource = own("ResourceId")?.map(|id| Resource {
        id,
        name: own("ResourceName").ok().flatten(),
        kind: own("ResourceType").ok().flatten(),
    });
    let (id, price_id) = (own("SkuId")?, own("SkuPriceId")?);
    record.sku = (id.is_some() || price_id.is_some()).then_some(Sku {
        id,
        price_id,
        meter: None,
    });
    record.consumed = quantity(call, row, "of_ConsumedQuantity", "of_ConsumedUnit")?;
    record.pricing = Some(Pricing {
        category: own("PricingCategory")?,
        quantity: quantity(call, row, "of_PricingQuantity", "of_PricingUnit")?,
        ..Pricing::default()
    });
    record.commitment = own("CommitmentDiscountId")?.map(|id| Commitment {
        id,
        ..Commitment::default()
    });
    Ok(Some(record))
}

fn category(call: &Call<'_>, text: &str) -> ChargeCategory {
    match text {
        "Usage" => ChargeCategory::Usage,
        "Purchase" => ChargeCategory::Purchase,
        "Tax" => ChargeCategory::Tax,
        "Credit" => ChargeCategory::Credit,
        "Adjustment" => ChargeCategory::Adjustment,
        other => {
            let shown = excerpt(other, 40);
            call.api.warn_once(format!(
                "the charge category `{shown}` is not known: its money counts as Adjustment"
            ));
            ChargeCategory::Adjustment
        }
    }
}
