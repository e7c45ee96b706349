//! The estimate: credits and bytes times price, service by service, until the bill is there. Split as the bill is.

use crate::{
    mapping::Warnings,
    prices::{Price, Prices, Sums},
    split::{CLOUD, PLACES, STORAGE, parts},
    usage::{Usage, add},
    views::{Identity, MeteringRow},
};
use finops_collector::{
    CostRecord, Decimal, Failure, Period,
    jiff::civil::Date,
    record::{Pricing, Quantity},
};
use std::collections::BTreeMap;

/// Bytes of a TB, as far as is known.
const TERABYTE: i64 = 1 << 40;

/// Hands on the records of a day.
pub(crate) fn records(
    day: Date,
    metering: &[MeteringRow],
    usage: &Usage,
    prices: &Prices<'_>,
    identity: &Identity,
    warnings: &Warnings<'_>,
    mut each: impl FnMut(CostRecord) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut cloud = Sums::default();
    let mut services: BTreeMap<&str, Decimal> = BTreeMap::new();
    for row in metering.iter().filter(|row| row.day == day) {
        let beyond = row.billed.checked_sub(row.compute).map_err(Failure::malformed)?;
        cloud.add(beyond, &prices.credit(day, &row.service))?;
        add(services.entry(&row.service).or_default(), row.compute)?;
    }
    let charge = |service: &str, sum: Decimal, price: &Price, credits: Option<Decimal>| {
        warnings.check(service, &price.currency);
        identity.estimate(Period::of_day(day), service, sum, price, credits)
    };
    for (service, credits) in services {
        // Without a bill, transfer has no price: it is observed instead.
        if service == "DATA_TRANSFER" {
            continue;
        }
        let price = prices.credit(day, service);
        let sum = price.of(credits, PLACES)?;
        if !sum.is_zero() {
            let whole = charge(service, sum, &price, Some(credits));
            spread(service, day, sum, usage, whole, &mut each)?;
        }
    }
    for (price, sum) in cloud.rounded(PLACES)? {
        spread(
            CLOUD,
            day,
            sum,
            usage,
            charge(CLOUD, sum, &price, None),
            &mut each,
        )?;
    }
    let bytes = Decimal::sum(usage.stored(day).map(|item| item.bytes)).map_err(Failure::malformed)?;
    let price = prices.terabyte_month(day);
    let sum = storage(day, bytes, &price)?;
    if !sum.is_zero() {
        spread(
            STORAGE,
            day,
            sum,
            usage,
            charge(STORAGE, sum, &price, None),
            &mut each,
        )?;
    }
    Ok(())
}

/// A day's price of so many bytes.
fn storage(day: Date, bytes: Decimal, price: &Price) -> Result<Decimal, Failure> {
    let divisor = Decimal::from(TERABYTE * i64::from(day.days_in_month()));
    let sum = bytes
        .mul_rounded(price.amount, 18)
        .and_then(|product| product.div_rounded(divisor, PLACES));
    sum.map_err(|error| Failure::malformed(format_args!("the price of {bytes} bytes on {day}: {error}")))
}

fn spread(
    service: &str,
    day: Date,
    sum: Decimal,
    usage: &Usage,
    whole: CostRecord,
    each: &mut impl FnMut(CostRecord) -> Result<(), Failure>,
) -> Result<(), Failure> {
    for part in parts(service, day, sum, usage)? {
        let mut record = part.onto(whole.clone());
        if !part.is_whole() {
            record.consumed = None;
            if let Some(pricing) = &mut record.pricing {
                pricing.quantity = None;
            }
        }
        each(record)?;
    }
    Ok(())
}

impl Identity {
    /// A record of credits times price.
    pub(crate) fn estimate(
        &self,
        period: Period,
        service: &str,
        sum: Decimal,
        price: &Price,
        credits: Option<Decimal>,
    ) -> CostRecord {
        let consumed = credits.map(|credits| Quantity::new(credits, "Credits"));
        let pricing = Pricing {
            quantity: consumed.clone(),
            card: price.card.clone(),
            ..Pricing::default()
        };
        CostRecord {
            pricing: Some(pricing),
            consumed,
            ..self.record(period, service, sum, &price.currency)
        }
    }
}
