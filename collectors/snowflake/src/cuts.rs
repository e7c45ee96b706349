//! The estimate in other cuts, which never count: credits by warehouse and hour, and by user, role and query tag.

use crate::{
    prices::Prices,
    refusal::Refusal,
    split::{ATTRIBUTION, CLOUD, PLACES, WAREHOUSES},
    statement::Session,
    usage::{Usage, add},
    views::{self, AttributionRow, Cut, Identity, WarehouseId},
};
use finops_collector::{
    CostRecord, Decimal, Failure, Host, Period,
    jiff::civil::Date,
    period::{HOUR, day_of},
};
use std::collections::BTreeMap;

/// Hands on two records per hour and warehouse: compute, and cloud services before Snowflake's rebate.
pub(crate) fn hourly(
    within: Period,
    usage: &Usage,
    prices: &Prices<'_>,
    identity: &Identity,
    mut each: impl FnMut(CostRecord) -> Result<(), Failure>,
) -> Result<(), Failure> {
    for hour in usage.hours.iter().filter(|hour| within.contains(hour.start)) {
        for (service, credits) in [(WAREHOUSES, hour.compute), (CLOUD, hour.cloud)] {
            let price = prices.credit(day_of(hour.start), service);
            let sum = price.of(credits, PLACES)?;
            if credits.is_zero() {
                continue;
            }
            let period = Period {
                start: hour.start,
                end: hour.start + HOUR,
            };
            let record = identity.estimate(period, service, sum, &price, Some(credits));
            each(
                record
                    .resource(&hour.warehouse.text, &hour.name, "Warehouse")
                    .tag("warehouse", &hour.name),
            )?;
        }
    }
    Ok(())
}

/// The attribution by role and query tag; without roles where the query history cannot be read, none where the
/// attribution cannot.
pub(crate) fn attribution(
    host: &dyn Host,
    session: &Session<'_>,
    days: Period,
) -> Result<Option<Vec<AttributionRow>>, Failure> {
    for cut in [Cut::Roles, Cut::Tags] {
        match views::attribution(session, days, cut) {
            Ok(rows) => return Ok(Some(rows)),
            Err(Refusal::Unreadable(failure)) => {
                let lost = if cut == Cut::Roles { "roles" } else { "users" };
                host.warn(format_args!("user-roles stays without {lost}: {failure}"));
            }
            Err(Refusal::Failed(failure)) => return Err(failure),
        }
    }
    Ok(None)
}

/// Hands on a day's records by user, role and query tag, and for each warehouse what no query used.
pub(crate) fn by_role(
    day: Date,
    attribution: Option<&[AttributionRow]>,
    usage: &Usage,
    prices: &Prices<'_>,
    identity: &Identity,
    mut each: impl FnMut(CostRecord) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let price = prices.credit(day, WAREHOUSES);
    let mut charge =
        |warehouse: &WarehouseId, name: &str, credits: Decimal, of: &str, tags: &[(&str, &str)]| {
            let sum = price.of(credits, PLACES)?;
            if sum.is_zero() {
                return Ok(());
            }
            let record = identity.estimate(Period::of_day(day), WAREHOUSES, sum, &price, Some(credits));
            let record = record
                .resource(&warehouse.text, name, "Warehouse")
                .tag("warehouse", name);
            let tagged = tags
                .iter()
                .filter(|tag| !tag.1.is_empty())
                .fold(record, |record, tag| record.tag(tag.0, tag.1));
            each(tagged.extra(ATTRIBUTION, of))
        };
    let mut used: BTreeMap<&WarehouseId, Decimal> = BTreeMap::new();
    for row in attribution
        .unwrap_or_default()
        .iter()
        .filter(|row| row.day == day)
    {
        add(used.entry(&row.warehouse).or_default(), row.credits)?;
        let role = row.role.as_deref().unwrap_or_default();
        let query_tag = row.query_tag.as_deref().unwrap_or_default();
        let tags = [
            ("user", row.user.as_str()),
            ("role", role),
            ("query_tag", query_tag),
        ];
        charge(&row.warehouse, &row.name, row.credits, "query", &tags)?;
    }
    let rest = if attribution.is_some() {
        "idle"
    } else {
        "unattributed"
    };
    for (warehouse, credits) in usage.warehouses(day).filter(|(id, _)| !id.is_pseudo()) {
        let used = used.get(warehouse).copied().unwrap_or_default();
        let left = credits.compute.checked_sub(used).map_err(Failure::malformed)?;
        charge(warehouse, &credits.name, left.max(Decimal::ZERO), rest, &[])?;
    }
    Ok(())
}
