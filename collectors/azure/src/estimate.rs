//! Estimates: the machines that run now, since they were made or the day began, at public prices. Only for days of which the bill
//! shows nothing yet; a machine without a price has no record, and a warning says so.

use crate::{
    api::Api,
    category,
    descriptor::{ESTIMATED, SPEND},
    inventory::Machine,
    mapping::PROVIDER,
    retail::{Offer, Price, SERVICE},
    scope::Scope,
    settings::Settings,
    spend::Reading,
};
use finops_collector::{
    Asked, Book, CostRecord, Decimal, Failure, Partitions, Period, Request, Source, commit,
    descriptor::Grain,
    estimate::{Hourly, OpenDays, seconds_on},
    excerpt,
    jiff::civil::Date,
    period::day_of,
    record::{Location, Sku, SubAccount},
};
use std::collections::BTreeSet;

/// Estimates what is to be estimated, and gives up what the bill now has.
///
/// # Errors
/// Where prices cannot be asked for; then what was estimated before stays.
pub(crate) fn read(
    api: &Api<'_>,
    request: &Request,
    settings: &Settings,
    scope: &Scope,
    readings: &[Reading],
    machines: &[Machine],
) -> Result<(), Failure> {
    let Some(wanted) = request.wanted(ESTIMATED)? else {
        return Ok(());
    };
    let source = scope.source();
    let billed = billed(request, &source, readings)?;
    let days = OpenDays::of(wanted, &source, |day| billed.contains(&day), request.now);
    let partitions = days.partitions();
    if partitions.is_empty() {
        return Ok(());
    }
    let mut prices = Asked::today(wanted, &source, request.now);
    if !days.estimated.is_empty() {
        ask(api, settings, machines, &mut prices)?;
    }
    let partitions = Partitions {
        partial: partitions,
        ..Partitions::default()
    };
    let mut book = Book::open(api.host, ESTIMATED, &source, Grain::Day, partitions)?;
    for day in &days.estimated {
        for machine in machines {
            let currency = settings.estimate_currency.as_str();
            let offer = Offer::of(machine).ok();
            let priced = offer.and_then(|offer| prices.get(&offer.key(currency))?.ok());
            let seconds = seconds_on(*day, machine.created, request.now);
            if let (Some(price), 1..) = (priced, seconds) {
                let record = record(api, &source, machine, price, *day, currency);
                let use_ = Hourly {
                    size: Decimal::ONE,
                    seconds,
                    price: price.hourly,
                    unit: "Hours",
                };
                book.write(use_.charge(record).map_err(Failure::malformed)?)?;
            }
        }
    }
    commit(api.host, book.seal(request.now, &prices.checkpoint()?)?)?;
    Ok(())
}

/// The days of which the bill has something: what was committed of it before, and what has just been read.
fn billed(request: &Request, source: &Source, readings: &[Reading]) -> Result<BTreeSet<Date>, Failure> {
    let held = request.stream(SPEND)?.committed.iter();
    let mut days: BTreeSet<Date> = held
        .filter(|held| held.source == *source)
        .map(|held| day_of(held.start))
        .collect();
    let sums = readings.iter().flat_map(|reading| &reading.sums);
    days.extend(
        sums.filter(|(_, costs)| !costs.are_zero())
            .map(|((day, _, _), _)| *day),
    );
    Ok(days)
}

/// Asks for the price of each kind of machine that was not asked for today; of one without, a warning.
fn ask(
    api: &Api<'_>,
    settings: &Settings,
    machines: &[Machine],
    prices: &mut Asked<Price>,
) -> Result<(), Failure> {
    let currency = settings.estimate_currency.as_str();
    let unpriced = |machine: &Machine, why: &str| {
        api.warn_once(format!(
            "{} in {} is not estimated: {why}",
            excerpt(&machine.size, 60),
            excerpt(&machine.region, 40)
        ));
    };
    for machine in machines {
        let offer = match Offer::of(machine) {
            Ok(offer) => offer,
            Err(why) => {
                unpriced(machine, &why);
                continue;
            }
        };
        let key = offer.key(currency);
        if prices.get(&key).is_none() {
            prices.insert(key.clone(), offer.price(api, currency)?);
        }
        if let Some(Err(why)) = prices.get(&key) {
            unpriced(machine, why);
        }
    }
    Ok(())
}

/// A machine's record, without its use.
fn record(
    api: &Api<'_>,
    source: &Source,
    machine: &Machine,
    price: &Price,
    day: Date,
    currency: &str,
) -> CostRecord {
    CostRecord {
        description: Some(format!("{SERVICE}: {}", machine.size)),
        sub_account: (!machine.subscription.is_empty()).then(|| SubAccount {
            id: machine.subscription.clone(),
            name: None,
            kind: Some("Subscription".to_owned()),
        }),
        region: Some(Location {
            id: machine.region.clone(),
            name: None,
            zone: None,
        }),
        sku: Some(Sku {
            id: Some(price.sku.clone()).filter(|id| !id.is_empty()),
            price_id: None,
            meter: Some(price.meter.clone()).filter(|meter| !meter.is_empty()),
        }),
        ..CostRecord::new(
            Period::of_day(day),
            &source.billing_account,
            PROVIDER,
            (SERVICE, category::of(api, SERVICE)),
            (Decimal::ZERO, currency),
        )
    }
    .resource(&machine.id, &machine.name, "microsoft.compute/virtualmachines")
}
