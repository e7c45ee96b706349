//! The FOCUS view as records: rows stream through, columns are found by name, those that are missing are tolerated
//! unless money or its place in time would be unknown. [U]: the view's layout is not documented where this was written.

use crate::{
    mapping::{Warnings, category_of},
    refusal::Refusal,
    rows::Row,
    settings::Accounts,
    statement::{Query, Session},
    views::{Identity, bounds},
};
use finops_collector::{
    CostRecord, Decimal, Failure, Period,
    descriptor::Grain,
    excerpt,
    record::{
        ChargeCategory, ChargeFrequency, Invoice, Location, Pricing, Quantity, Resource, Sku, SubAccount,
    },
};
use serde_json::{Map, Value};

const VIEW: &str = "BILLING.FOCUS_COST_USAGE_V1_3";
/// Longer than any month: a billing period or a charge's end lies within so many seconds of its start.
const FAR: i64 = 400 * 86_400;

/// Hands on each record with the account that it belongs to, by name. Gives the number of rows.
pub(crate) fn read(
    session: &Session<'_>,
    days: Period,
    identity: &Identity,
    accounts: Accounts,
    warnings: &Warnings<'_>,
    mut each: impl FnMut(&str, CostRecord) -> Result<(), Failure>,
) -> Result<u64, Refusal> {
    let query = Query {
        view: VIEW,
        sql: "SELECT * FROM SNOWFLAKE.BILLING.FOCUS_COST_USAGE_V1_3 \
              WHERE ChargePeriodStart >= ?::TIMESTAMP_TZ AND ChargePeriodStart < ?::TIMESTAMP_TZ"
            .to_owned(),
        bindings: bounds(days),
    };
    let (mut own, mut seen) = (0_u64, None);
    let rows = session.read(&query, |row| {
        let record = record(row, days, identity, warnings)?;
        let Some(account) = record.sub_account.as_ref() else {
            own += 1;
            return each(&identity.account, record);
        };
        let name = account.name.as_deref().unwrap_or(&account.id).to_owned();
        let is = |text: &str| {
            [&identity.account, &identity.locator]
                .into_iter()
                .any(|of| of.eq_ignore_ascii_case(text))
        };
        if is(&name) || is(&account.id) {
            own += 1;
            return each(&identity.account, record);
        }
        seen.get_or_insert_with(|| name.clone());
        if accounts == Accounts::All {
            each(&name, record)
        } else {
            Ok(())
        }
    })?;
    match seen {
        Some(other) if own == 0 && accounts == Accounts::This => Err(Failure::provider(format_args!(
            "none of the {rows} rows of {VIEW} is named after this account ({} or {}), but for example `{}`",
            identity.account,
            identity.locator,
            excerpt(&other, 60)
        ))
        .into()),
        _ => Ok(rows),
    }
}

/// The cell, none where the column is missing, null or empty.
fn said(row: Row<'_>, column: &str) -> Option<String> {
    row.optional(column)
        .ok()
        .flatten()
        .filter(|text| !text.is_empty())
        .map(str::to_owned)
}

fn number(row: Row<'_>, column: &str) -> Result<Option<Decimal>, Failure> {
    said(row, column).map(|_| row.exact(column)).transpose()
}

fn quantity(row: Row<'_>, amount: &str, unit: &str) -> Result<Option<Quantity>, Failure> {
    Ok(match (number(row, amount)?, said(row, unit)) {
        (Some(amount), Some(unit)) => Some(Quantity { amount, unit }),
        _ => None,
    })
}

fn period(row: Row<'_>, start: &str, end: &str, near: Period) -> Result<Option<Period>, Failure> {
    let near = Period {
        start: near.start - FAR,
        end: near.end + FAR,
    };
    if said(row, start).is_none() || said(row, end).is_none() {
        return Ok(None);
    }
    let period = Period {
        start: row.instant(start, near)?,
        end: row.instant(end, near)?,
    };
    Ok(Some(period).filter(|period| period.start < period.end))
}

fn record(
    row: Row<'_>,
    days: Period,
    identity: &Identity,
    warnings: &Warnings<'_>,
) -> Result<CostRecord, Failure> {
    let start = row.instant("ChargePeriodStart", days)?;
    let charge = period(row, "ChargePeriodStart", "ChargePeriodEnd", days)?;
    let service = row.text("ServiceName")?;
    let currency = row.text("BillingCurrency")?;
    let pricing = Pricing {
        category: said(row, "PricingCategory"),
        quantity: quantity(row, "PricingQuantity", "PricingUnit")?,
        list_unit_price: number(row, "ListUnitPrice")?,
        contracted_unit_price: number(row, "ContractedUnitPrice")?,
        currency: said(row, "PricingCurrency"),
        card: None,
    };
    let sku = Sku {
        id: said(row, "SkuId"),
        price_id: said(row, "SkuPriceId"),
        meter: said(row, "SkuMeter"),
    };
    let (tags, odd_tags) = tags(row);
    let mut extra: Vec<(String, String)> = odd_tags.into_iter().collect();
    for column in row
        .columns
        .iter()
        .filter(|column| column.name.to_ascii_lowercase().starts_with("x_"))
    {
        if let (Some(value), Some(name)) = (said(row, &column.name), column.name.get(2..)) {
            extra.push((format!("x_{name}"), value));
        }
    }
    let own = |id: String| SubAccount {
        id,
        name: said(row, "SubAccountName"),
        kind: said(row, "SubAccountType"),
    };
    let resource = |id| Resource {
        id,
        name: said(row, "ResourceName"),
        kind: said(row, "ResourceType"),
    };
    let region = |id| Location {
        id,
        name: said(row, "RegionName"),
        zone: said(row, "AvailabilityZone"),
    };
    let invoice = |id| Invoice {
        id,
        detail_id: said(row, "InvoiceDetailId"),
    };
    let base = CostRecord::new(
        charge.unwrap_or_else(|| Period::around(start, Grain::Day)),
        &said(row, "BillingAccountId").unwrap_or_else(|| identity.organization.clone()),
        &said(row, "ServiceProviderName")
            .or_else(|| said(row, "ProviderName"))
            .unwrap_or_else(|| "Snowflake".to_owned()),
        (
            service,
            &said(row, "ServiceCategory").unwrap_or_else(|| category_of(service).to_owned()),
        ),
        (row.exact("BilledCost")?, currency),
    );
    Ok(CostRecord {
        billing_period: period(row, "BillingPeriodStart", "BillingPeriodEnd", days)?,
        category: category(said(row, "ChargeCategory").as_deref(), warnings),
        correction: said(row, "ChargeClass").is_some_and(|class| class.eq_ignore_ascii_case("correction")),
        frequency: frequency(said(row, "ChargeFrequency").as_deref()),
        description: said(row, "ChargeDescription"),
        billing_account_name: said(row, "BillingAccountName"),
        sub_account: said(row, "SubAccountId")
            .or_else(|| said(row, "SubAccountName"))
            .map(own),
        host_provider: said(row, "HostProviderName"),
        invoice_issuer: said(row, "InvoiceIssuerName"),
        invoice: said(row, "InvoiceId").map(invoice),
        service_subcategory: said(row, "ServiceSubcategory"),
        region: said(row, "RegionId").map(region),
        resource: said(row, "ResourceId").map(resource),
        sku: Some(sku).filter(|sku| *sku != Sku::default()),
        effective_cost: row.exact("EffectiveCost")?,
        list_cost: number(row, "ListCost")?,
        contracted_cost: number(row, "ContractedCost")?,
        consumed: quantity(row, "ConsumedQuantity", "ConsumedUnit")?,
        pricing: Some(pricing).filter(|pricing| *pricing != Pricing::default()),
        tags,
        extra,
        ..base
    })
}

fn category(text: Option<&str>, warnings: &Warnings<'_>) -> ChargeCategory {
    match text.map(str::to_ascii_lowercase).as_deref() {
        None | Some("usage") => ChargeCategory::Usage,
        Some("purchase") => ChargeCategory::Purchase,
        Some("tax") => ChargeCategory::Tax,
        Some("credit") => ChargeCategory::Credit,
        Some("adjustment") => ChargeCategory::Adjustment,
        Some(other) => {
            let other = excerpt(other, 40);
            warnings.once(format!(
                "the charge category `{other}` is not known: its rows are taken as usage"
            ));
            ChargeCategory::Usage
        }
    }
}

fn frequency(text: Option<&str>) -> Option<ChargeFrequency> {
    match text?.to_ascii_lowercase().as_str() {
        "one-time" => Some(ChargeFrequency::OneTime),
        "recurring" => Some(ChargeFrequency::Recurring),
        "usage-based" => Some(ChargeFrequency::UsageBased),
        _ => None,
    }
}

/// A name and its value.
type Named = (String, String);

/// Tags of a JSON object; anything else as it is under `x_Tags`.
fn tags(row: Row<'_>) -> (Vec<Named>, Option<Named>) {
    let Some(text) = said(row, "Tags") else {
        return (Vec::new(), None);
    };
    let Ok(object) = serde_json::from_str::<Map<String, Value>>(&text) else {
        return (Vec::new(), Some(("x_Tags".to_owned(), text)));
    };
    let text_of = |value: Value| match value {
        Value::String(text) => text,
        other => other.to_string(),
    };
    (
        object
            .into_iter()
            .map(|(name, value)| (name, text_of(value)))
            .collect(),
        None,
    )
}
