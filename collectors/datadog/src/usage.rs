//! Hourly usage as observations: of each day the highest hour, and of what is no host all hours together.
//! What must hold: an hour without a value is not reported, and not zero.

use crate::{
    api::Api,
    descriptor::{HOSTS, PEAK, SUM},
};
use finops_collector::{
    Decimal, Double, Failure, Instant, Observation, Source, excerpt,
    jiff::{Timestamp, civil::Date},
    period::{DAY, HOUR, day_of, start_of},
};
use serde::Deserialize;
use std::collections::BTreeMap;

/// The family whose figures are hosts and containers.
const INFRASTRUCTURE: &str = "infra_hosts";
/// Observations in one call to the host.
const BATCH: usize = 1_000;

#[derive(Deserialize)]
struct Row {
    attributes: Attributes,
}

#[derive(Deserialize)]
struct Attributes {
    #[serde(default)]
    public_id: Option<String>,
    timestamp: String,
    #[serde(default)]
    product_family: Option<String>,
    #[serde(default)]
    measurements: Vec<Measurement>,
}

#[derive(Deserialize)]
struct Measurement {
    usage_type: String,
    #[serde(default)]
    value: Option<Double>,
}

/// Day, organization, product family, usage type.
type Key = (Date, String, String, String);

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Hours {
    peak: Decimal,
    sum: Decimal,
}

/// Observes yesterday and today.
pub(crate) fn observe(api: &Api<'_>, source: &Source, now: Instant) -> Result<(), Failure> {
    let families = &api.settings.usage;
    if families.is_empty() {
        return Ok(());
    }
    let start = day_of(now - DAY);
    let end = now.div_euclid(HOUR) * HOUR;
    let hour = (end - start_of(day_of(end))) / HOUR;
    let asked = format!(
        "/api/v2/usage/hourly_usage?filter%5Btimestamp%5D%5Bstart%5D={start}T00&filter%5Btimestamp%5D%5Bend%5D={}T{hour:02}\
         &filter%5Bproduct_families%5D={}&filter%5Binclude_descendants%5D=true&page%5Blimit%5D=500",
        day_of(end),
        families.join("%2C")
    );
    let mut hours: BTreeMap<Key, Hours> = BTreeMap::new();
    api.each(&asked, "page[next_record_id]", "the hourly usage", |row: Row| {
        add(&mut hours, row.attributes)
    })?;
    let observations: Vec<Observation> = hours
        .iter()
        .flat_map(|(key, hours)| made(source, now, key, *hours))
        .collect();
    observations
        .chunks(BATCH)
        .try_for_each(|batch| api.host.observe(batch))
}

fn add(hours: &mut BTreeMap<Key, Hours>, row: Attributes) -> Result<(), Failure> {
    let at = row
        .timestamp
        .parse::<Timestamp>()
        .map_err(|_| Failure::malformed(format_args!("`{}` is no time", excerpt(&row.timestamp, 40))))?;
    let day = day_of(at.as_second());
    let org = row.public_id.unwrap_or_default();
    let family = row.product_family.unwrap_or_default();
    for measurement in row.measurements {
        let Some(value) = measurement.value else { continue };
        let key = (day, org.clone(), family.clone(), measurement.usage_type);
        let of = hours.entry(key).or_default();
        of.peak = of.peak.max(value.0);
        of.sum = of.sum.checked_add(value.0).map_err(Failure::malformed)?;
    }
    Ok(())
}

fn made(source: &Source, now: Instant, (day, org, family, usage): &Key, hours: Hours) -> Vec<Observation> {
    let observation = |name: &str, unit: &str, value| Observation {
        name: name.to_owned(),
        source: source.clone(),
        at: now.min(start_of(*day) + DAY),
        dimensions: vec![
            ("day".to_owned(), day.to_string()),
            ("org".to_owned(), org.clone()),
            ("family".to_owned(), family.clone()),
            ("usage".to_owned(), usage.clone()),
        ],
        value,
        unit: unit.to_owned(),
    };
    match family == INFRASTRUCTURE {
        true => vec![observation(HOSTS, "Hosts", hours.peak)],
        false => vec![
            observation(PEAK, "Units", hours.peak),
            observation(SUM, "Units", hours.sum),
        ],
    }
}
