//! The currency view as records: dollars per day and service, those of this account split over who caused them.

use crate::{
    mapping::{Warnings, charge_category},
    split::parts,
    usage::Usage,
    views::{BilledRow, Identity},
};
use finops_collector::{
    CostRecord, Failure, Instant, Partitions, Period,
    jiff::civil::Date,
    period::{DAY, HOUR, day_of, start_of},
    record::{ChargeCategory, ChargeFrequency, Finality, Location, Pricing, Quantity, SubAccount},
};

/// Hours after a day's start until the view is taken to have all of it.
const SETTLED: i64 = 72 * HOUR;
/// Days of the next month after which Snowflake is taken to have closed a month.
const CLOSED: i64 = 4;

/// Which days are replaced: those old enough with or without rows, younger ones where they have some.
pub(crate) fn partitions(days: Period, now: Instant) -> Partitions {
    let settled = |start: &Instant| start + SETTLED < now;
    let (complete, if_seen) = begun(days, now).into_iter().map(start_of).partition(settled);
    Partitions {
        complete,
        if_seen,
        ..Partitions::default()
    }
}

/// Whether the month of the day is closed.
pub(crate) fn finality(day: Date, now: Instant) -> Finality {
    match now >= Period::of_month(day).end + CLOSED * DAY {
        true => Finality::Final,
        false => Finality::Open,
    }
}

/// Hands on the records of a row; `usage` is given for the account's own rows only.
pub(crate) fn records(
    row: &BilledRow,
    identity: &Identity,
    usage: Option<&Usage>,
    now: Instant,
    warnings: &Warnings<'_>,
    mut each: impl FnMut(CostRecord) -> Result<(), Failure>,
) -> Result<(), Failure> {
    warnings.check(&row.service, &row.currency);
    let category = charge_category(row.adjustment, row.billing.as_deref(), warnings);
    let mut record = CostRecord {
        category,
        // What is bought is billed day by day; FOCUS has no purchase that is usage-based.
        frequency: Some(match category {
            ChargeCategory::Purchase => ChargeFrequency::Recurring,
            _ => ChargeFrequency::UsageBased,
        }),
        finality: finality(row.day, now),
        sub_account: Some(SubAccount {
            id: row.locator.clone(),
            name: Some(row.account.clone()),
            kind: None,
        }),
        region: row.region.clone().map(|id| Location {
            id,
            name: None,
            zone: None,
        }),
        ..identity.record(Period::of_day(row.day), &row.service, row.cost, &row.currency)
    };
    let extras = [
        ("x_BalanceSource", &row.balance),
        ("x_BillingType", &row.billing),
        ("x_RatingType", &row.rating),
    ];
    for (name, value) in extras {
        if let Some(value) = value {
            record = record.extra(name, value);
        }
    }
    let consumed = consumed(row).filter(|_| category == ChargeCategory::Usage);
    let whole = |record: CostRecord| {
        let pricing = consumed.clone().map(|quantity| Pricing {
            quantity: Some(quantity),
            ..Pricing::default()
        });
        CostRecord {
            consumed: consumed.clone(),
            pricing,
            ..record
        }
    };
    match usage.filter(|_| is_consumption(row)) {
        None => each(whole(record)),
        Some(usage) => {
            for part in parts(&row.service, row.day, row.cost, usage)? {
                let record = part.onto(record.clone());
                each(if part.is_whole() { whole(record) } else { record })?;
            }
            Ok(())
        }
    }
}

fn is_consumption(row: &BilledRow) -> bool {
    !row.adjustment
        && row
            .billing
            .as_deref()
            .is_none_or(|billing| billing.eq_ignore_ascii_case("consumption"))
}

/// The unit is credits for compute and TB for storage and transfer; for anything else it is not documented.
fn consumed(row: &BilledRow) -> Option<Quantity> {
    let unit = match row.rating.as_deref()?.to_ascii_lowercase().as_str() {
        "compute" => "Credits",
        "storage" | "data_transfer" => "TB",
        _ => return None,
    };
    Some(Quantity::new(row.usage?, unit))
}

/// The days of a reading that have begun.
pub(crate) fn begun(days: Period, now: Instant) -> Vec<Date> {
    days.days()
        .into_iter()
        .filter(|day| *day <= day_of(now))
        .collect()
}
