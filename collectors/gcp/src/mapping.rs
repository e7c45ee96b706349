//! Rows of the export as cost records. What is not known passes through, labelled and warned of.

use crate::{month, reading::Call, row::Row, service};
use finops_collector::{
    CostRecord, Decimal, Failure, Period, excerpt,
    jiff::civil::Date,
    record::{ChargeCategory, ChargeFrequency, Location, Pricing, Quantity, Resource, Sku, SubAccount},
};

/// ServiceProviderName, but for what others sell.
pub(crate) const PROVIDER: &str = "Google Cloud";
/// The kinds of credits that Google documents.
const CREDITS: [&str; 9] = [
    "COMMITTED_USAGE_DISCOUNT",
    "COMMITTED_USAGE_DISCOUNT_DOLLAR_BASE",
    "DISCOUNT",
    "FEE_UTILIZATION_OFFSET",
    "FREE_TIER",
    "PROMOTION",
    "RESELLER_MARGIN",
    "SUBSCRIPTION_BENEFIT",
    "SUSTAINED_USAGE_DISCOUNT",
];

/// A record of the counted stream or of the view by resource; none of a group without any amount.
pub(crate) fn record(call: &Call<'_>, row: &Row<'_>, day: Date) -> Result<Option<CostRecord>, Failure> {
    let mut record = base(call, row, day)?;
    let sku = row.own("sku_name")?;
    record.correction = row.flag("corrected")?;
    record.sub_account = row.own("project_id")?.map(|id| SubAccount {
        id,
        name: row.own("project_name").ok().flatten(),
        kind: Some("Project".to_owned()),
    });
    let zone = match row.has("resource_id") {
        true => row.own("zone")?,
        false => None,
    };
    record.region = row.own("region")?.map(|id| Location { id, name: None, zone });
    record.sku = row.own("sku_id")?.map(|id| Sku {
        id: Some(id),
        ..Sku::default()
    });
    if row.has("resource_id") {
        record.resource = row.own("resource_id")?.map(|id| Resource {
            id,
            name: row.own("resource_name").ok().flatten(),
            kind: None,
        });
    }
    if row.text("transaction")?.is_some_and(|of| of != "GOOGLE")
        && let Some(seller) = row.own("seller")?
    {
        record.service_provider = seller;
        record.host_provider = Some(PROVIDER.to_owned());
        record.invoice_issuer = Some(PROVIDER.to_owned());
    }
    let kind = row.text("kind")?;
    if row.flag("is_credit")? {
        credit(call, row, &mut record)?;
    } else {
        line(call, row, &mut record, kind, sku.as_deref())?;
    }
    if kind.is_some_and(|kind| kind != "regular") {
        record = record.extra("x_CostType", kind.unwrap_or_default());
    }
    let empty = record.billed_cost.is_zero()
        && record.list_cost.is_none_or(|cost| cost.is_zero())
        && record.consumed.is_none();
    Ok((!empty).then_some(record))
}

/// The cost of a line, before its credits.
fn line(
    call: &Call<'_>,
    row: &Row<'_>,
    record: &mut CostRecord,
    kind: Option<&str>,
    sku: Option<&str>,
) -> Result<(), Failure> {
    let of_sku = |word: &str| sku.is_some_and(|sku| sku.contains(word));
    record.category = match kind {
        Some("regular") if sku.is_some_and(|sku| sku.starts_with("Commitment")) => ChargeCategory::Purchase,
        Some("regular") => ChargeCategory::Usage,
        Some("tax") => ChargeCategory::Tax,
        Some("adjustment" | "rounding_error") => ChargeCategory::Adjustment,
        other => {
            let shown = excerpt(other.unwrap_or("none"), 60);
            call.api.warn_once(format!(
                "the cost type `{shown}` is not known: its money counts as Adjustment, labelled x_CostType"
            ));
            ChargeCategory::Adjustment
        }
    };
    record.frequency = match record.category {
        ChargeCategory::Usage => Some(ChargeFrequency::UsageBased),
        ChargeCategory::Purchase => Some(ChargeFrequency::Recurring),
        _ => None,
    };
    record.description = sku.map(str::to_owned);
    record.list_cost = row.optional_money("list_cost")?;
    if matches!(record.category, ChargeCategory::Usage | ChargeCategory::Purchase) {
        record.contracted_cost = Some(record.billed_cost);
        record.consumed = quantity(call, row, "amount", "unit")?;
        record.pricing = Some(Pricing {
            category: Some(match of_sku("Preemptible") || of_sku("Spot") {
                true => "Dynamic".to_owned(),
                false => "Standard".to_owned(),
            }),
            quantity: quantity(call, row, "priced", "pricing_unit")?,
            ..Pricing::default()
        });
    }
    Ok(())
}

/// A credit, which Google takes off the line it stands on.
fn credit(call: &Call<'_>, row: &Row<'_>, record: &mut CostRecord) -> Result<(), Failure> {
    record.category = ChargeCategory::Credit;
    record.description = row.own("credit_name")?;
    let kind = row.own("credit_type")?.unwrap_or_else(|| "none".to_owned());
    if !CREDITS.contains(&kind.as_str()) {
        let shown = excerpt(&kind, 60);
        call.api.warn_once(format!(
            "the credit type `{shown}` is not known: its money counts as Credit, labelled x_CreditType"
        ));
    }
    record.extra.push(("x_CreditType".to_owned(), kind));
    if let Some(id) = row.own("credit_id")? {
        record.extra.push(("x_CreditId".to_owned(), id));
    }
    Ok(())
}

/// A record of the view by label: cost and credits together.
pub(crate) fn by_label(
    call: &Call<'_>,
    row: &Row<'_>,
    day: Date,
    label: &str,
) -> Result<Option<CostRecord>, Failure> {
    let mut record = base(call, row, day)?.extra("x_LabelKey", label);
    record = match row.own("label_value")? {
        Some(value) => record.tag(label, &value).extra("x_LabelValue", &value),
        None => record.extra("x_Attribution", "unattributed"),
    };
    Ok((!record.billed_cost.is_zero()).then_some(record))
}

/// What is the same in every cut.
fn base(call: &Call<'_>, row: &Row<'_>, day: Date) -> Result<CostRecord, Failure> {
    let currency = row.must("currency_code")?;
    check_currency(call, currency);
    let id = row.text("service_id")?.unwrap_or_default();
    let service = row.own("service_name")?.unwrap_or_else(|| match id.is_empty() {
        true => "Unknown".to_owned(),
        false => id.to_owned(),
    });
    let category = service::category(call.api, id, &service);
    let account = row.own("account")?.unwrap_or_else(|| call.name.account.clone());
    let month = row.text("invoice_month")?;
    let billing_period = month.and_then(month::billing_period);
    if billing_period.is_none() {
        let shown = excerpt(month.unwrap_or("none"), 20);
        call.api.warn_once(format!(
            "the invoice month `{shown}` is none: such lines are put into the month of their use"
        ));
    }
    Ok(CostRecord {
        billing_period,
        finality: month::finality(billing_period, call.request.now),
        ..CostRecord::new(
            Period::of_day(day),
            &account,
            PROVIDER,
            (&service, category),
            (row.money("cost")?, currency),
        )
    })
}

/// Warns of what is no currency's code.
pub(crate) fn check_currency(call: &Call<'_>, currency: &str) {
    if currency.len() != 3 || !currency.bytes().all(|byte| byte.is_ascii_uppercase()) {
        let shown = excerpt(currency, 20);
        call.api.warn_once(format!(
            "the currency `{shown}` is no ISO 4217 code: it is passed on as it is"
        ));
    }
}

/// A quantity with its unit; none where it is absent, zero, or larger than the books can hold (byte-seconds are many).
pub(crate) fn quantity(
    call: &Call<'_>,
    row: &Row<'_>,
    amount: &str,
    unit: &str,
) -> Result<Option<Quantity>, Failure> {
    let (Some(text), Some(unit)) = (row.text(amount)?, row.own(unit)?) else {
        return Ok(None);
    };
    match text.parse::<Decimal>() {
        Ok(amount) => Ok((!amount.is_zero()).then(|| Quantity::new(amount, &unit))),
        Err(error) => {
            let shown = excerpt(text, 60);
            call.api.warn_once(format!(
                "{}: a quantity of {shown} {} is left out: {error}",
                row.what,
                excerpt(&unit, 40)
            ));
            Ok(None)
        }
    }
}
