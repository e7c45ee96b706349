//! The canonical JSON of a record, written straight into a text that holds many, and where its parts lie in it.
//! What must hold: byte for byte what serde writes of [`CostRecord`], since revisions are hashed over it and old ledgers
//! hold it. Every field is named here, so that a new one does not compile before it has its place.

use super::{
    error::damaged,
    record::{CostRecord, Finality, Period, basis_name},
    store::LedgerError,
};
use finops_decimal::Decimal;
use jiff::{Timestamp, fmt::temporal::DateTimePrinter};
use std::{collections::BTreeMap, fmt::Write as _};

/// A stretch of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    from: usize,
    to: usize,
}

impl Span {
    pub(super) fn of(self, text: &str) -> &str {
        text.get(self.from..self.to).unwrap_or_default()
    }
}

/// Where a record lies, and what stands beside its content in columns of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Places {
    pub(super) content: Span,
    pub(super) service: Span,
    pub(super) currency: Span,
    pub(super) billed: Span,
    pub(super) effective: Span,
    pub(super) list: Option<Span>,
    pub(super) contracted: Option<Span>,
}

/// Appends a record's content to a text, and what is escaped in it once more as it is.
///
/// # Errors
/// [`LedgerError::Damaged`] where it cannot be written, which no record does.
pub(super) fn write(text: &mut String, record: &CostRecord) -> Result<Places, LedgerError> {
    let CostRecord {
        charge_period,
        billing_period,
        charge_category,
        correction,
        charge_frequency,
        charge_description,
        finality,
        basis,
        line_id,
        billing_account_id,
        billing_account_name,
        sub_account_id,
        sub_account_name,
        sub_account_type,
        service_provider_name,
        host_provider_name,
        invoice_issuer_name,
        invoice_id,
        invoice_detail_id,
        service_name,
        service_category,
        service_subcategory,
        region_id,
        region_name,
        availability_zone,
        resource_id,
        resource_name,
        resource_type,
        sku_id,
        sku_price_id,
        sku_meter,
        billing_currency,
        billed_cost,
        effective_cost,
        list_cost,
        contracted_cost,
        consumed_quantity,
        consumed_unit,
        pricing_category,
        pricing_quantity,
        pricing_unit,
        list_unit_price,
        contracted_unit_price,
        pricing_currency,
        price_card,
        commitment_discount_id,
        commitment_discount_name,
        commitment_discount_category,
        commitment_discount_type,
        commitment_discount_status,
        commitment_discount_quantity,
        commitment_discount_unit,
        capacity_reservation_id,
        capacity_reservation_status,
        tags,
        extra,
        line_count,
    } = record;
    let from = text.len();
    period(text, r#"{"ChargePeriod":{"start":""#, *charge_period)?;
    period(text, r#","BillingPeriod":{"start":""#, *billing_period)?;
    word(text, r#","ChargeCategory":""#, charge_category.name());
    if *correction {
        text.push_str(r#","Correction":true"#);
    }
    if let Some(frequency) = charge_frequency {
        word(text, r#","ChargeFrequency":""#, frequency.name());
    }
    optional(text, r#","ChargeDescription":"#, charge_description)?;
    let settled = match finality {
        Finality::Open => "open",
        Finality::Final => "final",
    };
    word(text, r#","Finality":""#, settled);
    word(text, r#","Basis":""#, basis_name(*basis));
    optional(text, r#","LineId":"#, line_id)?;
    string(text, r#","BillingAccountId":"#, billing_account_id)?;
    optional(text, r#","BillingAccountName":"#, billing_account_name)?;
    optional(text, r#","SubAccountId":"#, sub_account_id)?;
    optional(text, r#","SubAccountName":"#, sub_account_name)?;
    optional(text, r#","SubAccountType":"#, sub_account_type)?;
    string(text, r#","ServiceProviderName":"#, service_provider_name)?;
    optional(text, r#","HostProviderName":"#, host_provider_name)?;
    optional(text, r#","InvoiceIssuerName":"#, invoice_issuer_name)?;
    optional(text, r#","InvoiceId":"#, invoice_id)?;
    optional(text, r#","InvoiceDetailId":"#, invoice_detail_id)?;
    let service = string(text, r#","ServiceName":"#, service_name)?;
    string(text, r#","ServiceCategory":"#, service_category)?;
    optional(text, r#","ServiceSubcategory":"#, service_subcategory)?;
    optional(text, r#","RegionId":"#, region_id)?;
    optional(text, r#","RegionName":"#, region_name)?;
    optional(text, r#","AvailabilityZone":"#, availability_zone)?;
    optional(text, r#","ResourceId":"#, resource_id)?;
    optional(text, r#","ResourceName":"#, resource_name)?;
    optional(text, r#","ResourceType":"#, resource_type)?;
    optional(text, r#","SkuId":"#, sku_id)?;
    optional(text, r#","SkuPriceId":"#, sku_price_id)?;
    optional(text, r#","SkuMeter":"#, sku_meter)?;
    let currency = string(text, r#","BillingCurrency":"#, billing_currency)?;
    let billed = decimal(text, r#","BilledCost":""#, *billed_cost);
    let effective = decimal(text, r#","EffectiveCost":""#, *effective_cost);
    let list = list_cost.map(|cost| decimal(text, r#","ListCost":""#, cost));
    let contracted = contracted_cost.map(|cost| decimal(text, r#","ContractedCost":""#, cost));
    known(text, r#","ConsumedQuantity":""#, *consumed_quantity);
    optional(text, r#","ConsumedUnit":"#, consumed_unit)?;
    optional(text, r#","PricingCategory":"#, pricing_category)?;
    known(text, r#","PricingQuantity":""#, *pricing_quantity);
    optional(text, r#","PricingUnit":"#, pricing_unit)?;
    known(text, r#","ListUnitPrice":""#, *list_unit_price);
    known(text, r#","ContractedUnitPrice":""#, *contracted_unit_price);
    optional(text, r#","PricingCurrency":"#, pricing_currency)?;
    optional(text, r#","PriceCard":"#, price_card)?;
    optional(text, r#","CommitmentDiscountId":"#, commitment_discount_id)?;
    optional(text, r#","CommitmentDiscountName":"#, commitment_discount_name)?;
    optional(
        text,
        r#","CommitmentDiscountCategory":"#,
        commitment_discount_category,
    )?;
    optional(text, r#","CommitmentDiscountType":"#, commitment_discount_type)?;
    optional(
        text,
        r#","CommitmentDiscountStatus":"#,
        commitment_discount_status,
    )?;
    known(
        text,
        r#","CommitmentDiscountQuantity":""#,
        *commitment_discount_quantity,
    );
    optional(text, r#","CommitmentDiscountUnit":"#, commitment_discount_unit)?;
    optional(text, r#","CapacityReservationId":"#, capacity_reservation_id)?;
    optional(
        text,
        r#","CapacityReservationStatus":"#,
        capacity_reservation_status,
    )?;
    texts(text, r#","Tags":{"#, tags)?;
    texts(text, r#","Extra":{"#, extra)?;
    if *line_count != 1 {
        write!(text, r#","LineCount":{line_count}"#).map_err(|error| damaged("record", error))?;
    }
    text.push('}');
    let content = Span { from, to: text.len() };
    Ok(Places {
        content,
        service: service.unwrap_or_else(|| plain(text, service_name)),
        currency: currency.unwrap_or_else(|| plain(text, billing_currency)),
        billed,
        effective,
        list,
        contracted,
    })
}

fn period(text: &mut String, name: &str, period: Period) -> Result<(), LedgerError> {
    text.push_str(name);
    time(text, period.start())?;
    text.push_str(r#"","end":""#);
    time(text, period.end())?;
    text.push_str("\"}");
    Ok(())
}

fn time(text: &mut String, at: Timestamp) -> Result<(), LedgerError> {
    const PRINTER: DateTimePrinter = DateTimePrinter::new();
    PRINTER
        .print_timestamp(&at, text)
        .map_err(|error| damaged("record", error))
}

/// One of our own words, which need no escape.
fn word(text: &mut String, name: &str, value: &str) {
    text.push_str(name);
    text.push_str(value);
    text.push('"');
}

fn optional(text: &mut String, name: &str, value: &Option<String>) -> Result<(), LedgerError> {
    if let Some(value) = value {
        string(text, name, value)?;
    }
    Ok(())
}

/// Where the value lies, unless some of it is escaped.
fn string(text: &mut String, name: &str, value: &str) -> Result<Option<Span>, LedgerError> {
    text.push_str(name);
    // To the end in any case: without a way out the compiler looks at many bytes at once.
    let escaped = value.bytes().fold(false, |found, byte| {
        found | (byte < b' ') | (byte == b'"') | (byte == b'\\')
    });
    if escaped {
        let value = serde_json::to_string(value).map_err(|error| damaged("record", error))?;
        text.push_str(&value);
        return Ok(None);
    }
    text.push('"');
    let span = plain(text, value);
    text.push('"');
    Ok(Some(span))
}

fn plain(text: &mut String, value: &str) -> Span {
    let from = text.len();
    text.push_str(value);
    Span { from, to: text.len() }
}

fn known(text: &mut String, name: &str, value: Option<Decimal>) {
    if let Some(value) = value {
        decimal(text, name, value);
    }
}

fn decimal(text: &mut String, name: &str, value: Decimal) -> Span {
    text.push_str(name);
    let from = text.len();
    value.append_to(text);
    let to = text.len();
    text.push('"');
    Span { from, to }
}

fn texts(text: &mut String, name: &str, values: &BTreeMap<String, String>) -> Result<(), LedgerError> {
    let mut before = name;
    for (name, value) in values {
        string(text, before, name)?;
        string(text, ":", value)?;
        before = ",";
    }
    if !values.is_empty() {
        text.push('}');
    }
    Ok(())
}

#[cfg(test)]
mod tests;
