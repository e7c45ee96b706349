//! Cost records. What must hold: money is parsed exactly or refused, and each record says what FOCUS demands of it.

use super::{basis, decimal, instant, internal, pairs};
use crate::{
    component::descriptor::Basis,
    foreign::Foreign,
    ledger::record::{ChargeCategory, ChargeFrequency, CostRecord, Finality, Period},
    sandbox::{
        bindings::finops::collector::{cost, types},
        failure::{Failure, FailureKind},
        limits,
    },
};
use finops_decimal::Decimal;
use jiff::{Timestamp, civil::Date, tz::Offset};

/// A batch of records of a stream that has this basis.
pub(in crate::sandbox) fn records(
    records: Vec<cost::CostRecord>,
    basis: Basis,
) -> Result<Vec<CostRecord>, Failure> {
    if records.len() > limits::BATCH {
        return Err(internal(format!(
            "a batch of {} records; at most {} are taken",
            records.len(),
            limits::BATCH
        )));
    }
    records
        .into_iter()
        .enumerate()
        .map(|(index, record)| {
            cost_record(record, basis).map_err(|mut failure| {
                failure.message =
                    Foreign::new(format!("record {index} of the batch: {}", failure.message.raw()));
                failure
            })
        })
        .collect()
}

fn cost_record(record: cost::CostRecord, stream_basis: Basis) -> Result<CostRecord, Failure> {
    let charge_period = period("the charge period", record.charge_period)?;
    let billing_period = match record.billing_period {
        Some(given) => period("the billing period", given)?,
        None => calendar_month(charge_period.start())?,
    };
    if record.tags.len() > limits::TAGS || record.extra.len() > limits::TAGS {
        return Err(internal(format!(
            "more than {} tags or extra columns",
            limits::TAGS
        )));
    }
    if let Some((name, _)) = record.extra.iter().find(|(name, _)| !name.starts_with("x_")) {
        return Err(internal(format!(
            "extra column `{}` does not begin with x_",
            Foreign::from(name.as_str())
        )));
    }
    if record.currency.len() != 3 || !record.currency.bytes().all(|b| b.is_ascii_uppercase()) {
        let message = format!(
            "currency `{}` is no ISO 4217 code",
            Foreign::from(record.currency.as_str())
        );
        return Err(Failure::new(FailureKind::MalformedReply, message));
    }
    let optional = |name: &str, text: Option<String>| text.map(|text| decimal(name, &text)).transpose();
    let optional_amount = |name: &str, text: Option<String>| text.map(|text| amount(name, &text)).transpose();
    let (sub_account_id, sub_account_name, sub_account_type) = record
        .sub_account
        .map_or((None, None, None), |it| (Some(it.id), it.name, it.kind));
    let (region_id, region_name, availability_zone) = record
        .region
        .map_or((None, None, None), |it| (Some(it.id), it.name, it.zone));
    let (resource_id, resource_name, resource_type) = record
        .resource
        .map_or((None, None, None), |it| (Some(it.id), it.name, it.kind));
    let (sku_id, sku_price_id, sku_meter) = record
        .sku
        .map_or((None, None, None), |it| (it.id, it.price_id, it.meter));
    let (invoice_id, invoice_detail_id) = record
        .invoice
        .map_or((None, None), |it| (Some(it.id), it.detail_id));
    let (consumed_quantity, consumed_unit) = quantity("consumed quantity", record.consumed)?;
    let (
        pricing_quantity,
        pricing_unit,
        list_unit_price,
        contracted_unit_price,
        pricing_category,
        pricing_currency,
        price_card,
    ) = match record.pricing {
        Some(it) => {
            let (amount, unit) = quantity("pricing quantity", it.quantity)?;
            let list = optional("list unit price", it.list_unit_price)?;
            let contracted = optional("contracted unit price", it.contracted_unit_price)?;
            (amount, unit, list, contracted, it.category, it.currency, it.card)
        }
        None => (None, None, None, None, None, None, None),
    };
    let (capacity_reservation_id, capacity_reservation_status) = record
        .reservation
        .map_or((None, None), |it| (Some(it.id), it.status));
    let commitment = record.commitment;
    let (commitment_discount_quantity, commitment_discount_unit) = quantity(
        "commitment quantity",
        commitment.as_ref().and_then(|it| it.quantity.clone()),
    )?;
    let commitment = |pick: fn(&cost::Commitment) -> Option<String>| commitment.as_ref().and_then(pick);
    let record = CostRecord {
        charge_period,
        billing_period,
        charge_category: match record.category {
            cost::ChargeCategory::Usage => ChargeCategory::Usage,
            cost::ChargeCategory::Purchase => ChargeCategory::Purchase,
            cost::ChargeCategory::Tax => ChargeCategory::Tax,
            cost::ChargeCategory::Credit => ChargeCategory::Credit,
            cost::ChargeCategory::Adjustment => ChargeCategory::Adjustment,
        },
        correction: record.correction,
        charge_frequency: record.frequency.map(|frequency| match frequency {
            cost::ChargeFrequency::OneTime => ChargeFrequency::OneTime,
            cost::ChargeFrequency::Recurring => ChargeFrequency::Recurring,
            cost::ChargeFrequency::UsageBased => ChargeFrequency::UsageBased,
        }),
        charge_description: record.description,
        finality: match record.finality {
            types::Finality::Open => Finality::Open,
            types::Finality::Final => Finality::Final,
        },
        basis: record.basis.map_or(stream_basis, basis),
        line_id: record.line_id,
        billing_account_id: record.billing_account_id,
        billing_account_name: record.billing_account_name,
        sub_account_id,
        sub_account_name,
        sub_account_type,
        service_provider_name: record.service_provider,
        host_provider_name: record.host_provider,
        invoice_issuer_name: record.invoice_issuer,
        invoice_id,
        invoice_detail_id,
        service_name: record.service_name,
        service_category: record.service_category,
        service_subcategory: record.service_subcategory,
        region_id,
        region_name,
        availability_zone,
        resource_id,
        resource_name,
        resource_type,
        sku_id,
        sku_price_id,
        sku_meter,
        billing_currency: record.currency,
        billed_cost: amount("billed cost", &record.billed_cost)?,
        effective_cost: amount("effective cost", &record.effective_cost)?,
        list_cost: optional_amount("list cost", record.list_cost)?,
        contracted_cost: optional_amount("contracted cost", record.contracted_cost)?,
        consumed_quantity,
        consumed_unit,
        pricing_category,
        pricing_quantity,
        pricing_unit,
        list_unit_price,
        contracted_unit_price,
        pricing_currency,
        price_card,
        commitment_discount_id: commitment(|it| Some(it.id.clone())),
        commitment_discount_name: commitment(|it| it.name.clone()),
        commitment_discount_category: commitment(|it| it.category.clone()),
        commitment_discount_type: commitment(|it| it.kind.clone()),
        commitment_discount_status: commitment(|it| it.status.clone()),
        commitment_discount_quantity,
        commitment_discount_unit,
        capacity_reservation_id,
        capacity_reservation_status,
        tags: pairs("tag", record.tags)?,
        extra: pairs("extra column", record.extra)?,
        line_count: 1,
    };
    check_texts(&record)?;
    Ok(record)
}

/// What one record costs. Whole ledgers are summed: one record could else make every sum too large to be held.
fn amount(name: &str, text: &str) -> Result<Decimal, Failure> {
    let amount = decimal(name, text)?;
    if amount.abs() > Decimal::from(limits::COST) {
        let message = format!(
            "{name} {amount} is more than {}, the most that a record may cost",
            limits::COST
        );
        return Err(Failure::new(FailureKind::MalformedReply, message));
    }
    Ok(amount)
}

fn period(name: &str, period: types::Period) -> Result<Period, Failure> {
    Period::new(instant(period.start)?, instant(period.end)?)
        .ok_or_else(|| internal(format!("{name} ends before it starts")))
}

fn quantity(name: &str, given: Option<cost::Quantity>) -> Result<(Option<Decimal>, Option<String>), Failure> {
    match given {
        Some(given) => Ok((Some(decimal(name, &given.amount)?), Some(given.unit))),
        None => Ok((None, None)),
    }
}

/// What every record must say: FOCUS's mandatory texts.
fn check_texts(record: &CostRecord) -> Result<(), Failure> {
    for (name, text) in [
        ("billing account id", &record.billing_account_id),
        ("service provider", &record.service_provider_name),
        ("service name", &record.service_name),
        ("service category", &record.service_category),
    ] {
        if text.is_empty() {
            return Err(internal(format!("{name} is empty")));
        }
    }
    Ok(())
}

fn calendar_month(at: Timestamp) -> Result<Period, Failure> {
    let day = Offset::UTC.to_datetime(at).date();
    let start_of = |date: Date| Offset::UTC.to_timestamp(date.at(0, 0, 0, 0));
    let first = day.first_of_month();
    let next = first.checked_add(jiff::Span::new().months(1));
    match (start_of(first), next.and_then(start_of)) {
        (Ok(start), Ok(end)) => Period::new(start, end).ok_or_else(|| internal("an empty month".to_owned())),
        _ => Err(internal("the charge period lies outside the calendar".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_month_without_billing_period_is_the_charges_calendar_month() {
        let month = calendar_month("2026-12-31T23:59:59Z".parse().unwrap()).unwrap();
        assert_eq!(month.start(), "2026-12-01T00:00:00Z".parse().unwrap());
        assert_eq!(month.end(), "2027-01-01T00:00:00Z".parse().unwrap());
    }

    #[test]
    fn money_that_cannot_be_held_exactly_is_refused_with_its_name() {
        let failure = decimal("billed cost", "1234567890123456789012345678901234567890").unwrap_err();
        assert_eq!(failure.kind, FailureKind::MalformedReply);
        assert!(failure.message.raw().contains("billed cost"), "{failure}");
    }

    #[test]
    fn a_cost_beyond_all_reason_is_refused_since_sums_must_hold_it() {
        for good in ["1000000000000", "-1000000000000", "0.000000000000000001"] {
            amount("billed cost", good).unwrap();
        }
        for bad in [
            "1000000000000.01",
            "-1000000000000.01",
            "170141183460469231731.687303715884105727",
            "-170141183460469231731.687303715884105728",
        ] {
            let failure = amount("billed cost", bad).unwrap_err();
            assert_eq!(failure.kind, FailureKind::MalformedReply, "{bad}");
        }
    }
}
