//! Estimates: the cores and memory of instances that run now, since they were started, at catalog prices. Only for days of which the
//! export has no line yet; an instance without a price has no record, and a warning says so.

use crate::{
    api::Api,
    catalog::{self, Offer, Price, Prices},
    descriptor::{ESTIMATED, FOCUS, SPEND},
    inventory::machines::{Machine, Shape, running, shape},
    mapping::PROVIDER,
    overview::Overview,
    service,
    settings::Settings,
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
use std::collections::{BTreeMap, BTreeSet};

/// Estimates what is to be estimated, and gives up what the export now has.
///
/// # Errors
/// Where instances or prices cannot be asked for; then what was estimated before stays.
pub(crate) fn read(
    api: &Api<'_>,
    request: &Request,
    settings: &Settings,
    source: &Source,
    overview: Option<&Overview>,
) -> Result<(), Failure> {
    let Some(wanted) = request.wanted(ESTIMATED)?.filter(|_| !request.backfill) else {
        return Ok(());
    };
    let billed = billed(request, source, overview)?;
    let days = OpenDays::of(wanted, source, |day| billed.contains(&day), request.now);
    let partitions = days.partitions();
    if partitions.is_empty() {
        return Ok(());
    }
    let mut prices: Asked<Prices> = Asked::today(wanted, source, request.now);
    let mut priced: Vec<(Machine, Shape, Prices)> = Vec::new();
    if !days.estimated.is_empty() {
        let mut machines = Vec::new();
        for project in &settings.projects {
            machines.extend(running(api, project)?);
        }
        priced = price(api, settings, machines, &mut prices)?;
    }
    let partitions = Partitions {
        partial: partitions,
        ..Partitions::default()
    };
    let mut book = Book::open(api.host, ESTIMATED, source, Grain::Day, partitions)?;
    for day in &days.estimated {
        for (machine, shape, prices) in &priced {
            let seconds = seconds_on(*day, machine.since, request.now);
            for (price, size, unit) in [
                (&prices.core, shape.cores, "vCPU-Hours"),
                (&prices.memory, shape.memory, "GiB-Hours"),
            ] {
                if seconds > 0 {
                    let record = record(api, source, machine, price, *day, &settings.estimate_currency);
                    let use_ = Hourly {
                        size,
                        seconds,
                        price: price.hourly,
                        unit,
                    };
                    book.write(use_.charge(record).map_err(Failure::malformed)?)?;
                }
            }
        }
    }
    commit(api.host, book.seal(request.now, &prices.checkpoint()?)?)?;
    Ok(())
}

/// The days of which the bill has something: what was committed of it before, and what the export has now.
fn billed(
    request: &Request,
    source: &Source,
    overview: Option<&Overview>,
) -> Result<BTreeSet<Date>, Failure> {
    let mut days: BTreeSet<Date> = overview
        .iter()
        .flat_map(|seen| seen.days.keys().copied())
        .collect();
    for stream in [SPEND, FOCUS] {
        let held = request.stream(stream)?.committed.iter();
        days.extend(
            held.filter(|held| held.source == *source)
                .map(|held| day_of(held.start)),
        );
    }
    Ok(days)
}

/// The machines that have a price, with it; of one without, a warning.
fn price(
    api: &Api<'_>,
    settings: &Settings,
    machines: Vec<Machine>,
    known: &mut Asked<Prices>,
) -> Result<Vec<(Machine, Shape, Prices)>, Failure> {
    let currency = settings.estimate_currency.as_str();
    let mut priced = Vec::new();
    let mut skus = None;
    let mut shapes: BTreeMap<(String, String), Shape> = BTreeMap::new();
    for machine in machines {
        let unpriced = |why: &str| {
            api.warn_once(format!(
                "{} in {} is not estimated: {why}",
                excerpt(&machine.kind, 60),
                excerpt(&machine.zone, 40)
            ));
        };
        let offer = match Offer::of(&machine) {
            Ok(offer) => offer,
            Err(why) => {
                unpriced(&why);
                continue;
            }
        };
        let key = offer.key(currency);
        if known.get(&key).is_none() {
            if skus.is_none() {
                skus = Some(catalog::skus(api, currency)?);
            }
            let of_catalog = skus.as_deref().unwrap_or_default();
            known.insert(key.clone(), offer.prices(of_catalog, currency));
        }
        let prices = match known.get(&key) {
            Some(Ok(prices)) => prices.clone(),
            Some(Err(why)) => {
                unpriced(why);
                continue;
            }
            None => continue,
        };
        let place = (machine.zone.clone(), machine.kind.clone());
        let found = match shapes.get(&place) {
            Some(found) => *found,
            None => {
                let found = shape(api, &machine)?;
                shapes.insert(place, found);
                found
            }
        };
        if found.shared {
            unpriced("it has a share of a core, which is priced by no public rule");
            continue;
        }
        priced.push((machine, found, prices));
    }
    Ok(priced)
}

/// A record of one part of a machine, without its use.
fn record(
    api: &Api<'_>,
    source: &Source,
    machine: &Machine,
    price: &Price,
    day: Date,
    currency: &str,
) -> CostRecord {
    let Machine {
        project, zone, name, ..
    } = machine;
    let id = format!("//compute.googleapis.com/projects/{project}/zones/{zone}/instances/{name}");
    CostRecord {
        description: Some(price.text.clone()),
        sub_account: Some(SubAccount {
            id: project.clone(),
            name: None,
            kind: Some("Project".to_owned()),
        }),
        region: zone.rsplit_once('-').map(|(region, _)| Location {
            id: region.to_owned(),
            name: None,
            zone: Some(zone.clone()),
        }),
        sku: Some(Sku {
            id: Some(price.sku.clone()),
            ..Sku::default()
        }),
        ..CostRecord::new(
            Period::of_day(day),
            &source.billing_account,
            PROVIDER,
            (
                &price.service,
                service::category(api, catalog::SERVICE, &price.service),
            ),
            (Decimal::ZERO, currency),
        )
    }
    .resource(&id, name, "compute.googleapis.com/Instance")
}
