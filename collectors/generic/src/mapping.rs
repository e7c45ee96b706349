//! From a series' hour to a cost record.
//! What must hold: cost is unit price times pricing quantity, exactly; what was measured stands beside it by its digits.

use crate::{
    card::Price,
    labels::{Labels, identity, resource},
    meter::Meter,
    settings::Settings,
};
use finops_collector::{
    CostRecord, Decimal, Failure, Instant, Period,
    period::HOUR,
    record::{ChargeFrequency, Location, Pricing, Quantity, Sku, SubAccount},
};

/// The record of an hour's use.
pub(crate) fn record(
    settings: &Settings,
    meter: &Meter,
    labels: &Labels,
    (start, used): (Instant, Decimal),
    price: &Price,
) -> Result<CostRecord, Failure> {
    let wrong = |error: &dyn std::fmt::Display| {
        Failure::malformed(format_args!(
            "{used} {} at {}: {error}",
            meter.unit, price.unit_price
        ))
    };
    // Decimals have 18 places: the quantity gives way by as many as the prices need, so that the products are exact.
    let taken = places(price.unit_price).max(price.list.map_or(0, places));
    let priced = used
        .round(18_u32.saturating_sub(taken))
        .map_err(|error| wrong(&error))?;
    let cost = |unit_price: Decimal| priced.checked_mul(unit_price).map_err(|error| wrong(&error));
    let hour = Period {
        start,
        end: start + HOUR,
    };
    let amount = cost(price.unit_price)?;
    let mut record = CostRecord::new(
        hour,
        &settings.account,
        &settings.provider,
        (&meter.service, meter.category),
        (amount, &settings.currency),
    );
    if !settings.invoiced {
        record.billed_cost = Decimal::ZERO;
    }
    record.contracted_cost = Some(amount);
    record.list_cost = price.list.map(cost).transpose()?;
    record.frequency = Some(ChargeFrequency::UsageBased);
    record.description = Some(format!("{} of {}", meter.unit, meter.name));
    record.line_id = Some(identity(&meter.name, labels));
    record.consumed = Some(Quantity::new(used, &meter.unit));
    record.pricing = Some(Pricing {
        category: Some("Standard".to_owned()),
        quantity: Some(Quantity::new(priced, &meter.unit)),
        list_unit_price: price.list,
        contracted_unit_price: Some(price.unit_price),
        currency: None,
        card: Some(price.card.clone()),
    });
    record.sku = Some(Sku {
        id: Some(price.sku.clone()),
        price_id: None,
        meter: Some(meter.name.clone()),
    });
    let of = |name: &str| labels.get(name).filter(|value| !value.is_empty()).cloned();
    record.sub_account = of(&settings.sub_account_label).map(|id| SubAccount {
        id,
        ..SubAccount::default()
    });
    record.region = of(&settings.region_label).map(|id| Location {
        id,
        name: None,
        zone: of(&settings.zone_label),
    });
    if let Some((id, kind)) = resource(labels, &settings.resource_labels) {
        record = record.resource(&id, &id, kind);
    }
    record.tags = labels
        .iter()
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    Ok(record)
}

/// Digits after the point.
fn places(number: Decimal) -> u32 {
    let text = number.to_string();
    let fraction = text.split_once('.').map_or(0, |(_, fraction)| fraction.len());
    u32::try_from(fraction).unwrap_or(u32::MAX)
}
