//! The counted stream, month by month: estimates as days, and, once the month is billed, one adjustment for each product by which
//! the bill differs from them. Months too old for estimates are read as they were billed.
//! What must hold: nothing of a month is committed before all of it is read; an empty reply changes nothing; the records of a billed
//! month add up to its historical cost.

use crate::{
    api::Api,
    costs::{Costs, month_name},
    descriptor::{LATENCY, SPEND},
    mapping::{Origin, adjustment, base, charged},
};
use finops_collector::{
    Failure, Instant, PartitionWriter, Period, Request, Seal, Source, commit, descriptor::Grain, excerpt,
    jiff::civil::Date, period::day_of, record::Finality,
};

/// On this day of the next month historical cost is final.
const BILLED_FROM: i8 = 16;

/// A month that was read, and billed whole.
pub(crate) struct Billed {
    pub(crate) month: Date,
    pub(crate) costs: Costs,
}

/// How many months a day lies before today's month.
pub(crate) fn age(month: Date, now: Instant) -> i32 {
    let today = day_of(now);
    let months = |day: Date| i32::from(day.year()) * 12 + i32::from(day.month());
    months(today) - months(month)
}

/// Whether the month's figures that come on that day of the next one are there.
pub(crate) fn is_out(month: Date, day: i8, now: Instant) -> bool {
    match age(month, now) {
        ..=0 => false,
        1 => day_of(now).day() >= day,
        _ => true,
    }
}

/// Reads and commits what is wanted of the stream; gives the months that are billed.
pub(crate) fn read(api: &Api<'_>, request: &Request, source: &Source) -> Result<Vec<Billed>, Failure> {
    let mut billed = Vec::new();
    let Some(wanted) = request.wanted(SPEND)? else {
        return Ok(billed);
    };
    for start in wanted.begun(Grain::Month, request.now) {
        billed.extend(read_month(api, request.now, source, day_of(start))?);
    }
    Ok(billed)
}

fn read_month(api: &Api<'_>, now: Instant, source: &Source, month: Date) -> Result<Option<Billed>, Failure> {
    let name = month_name(month);
    // Datadog keeps estimates of this month and the one before.
    let estimated = match age(month, now) {
        ..=1 => {
            let last = month.last_of_month().min(day_of(now));
            let asked = format!(
                "/api/v2/usage/estimated_cost?view=sub-org&start_date={}&end_date={last}&cost_aggregation=cumulative",
                month.first_of_month()
            );
            Costs::read(api, &asked, month, &format!("the estimated cost of {name}"))?
        }
        _ => Costs::default(),
    };
    let historical = match is_out(month, BILLED_FROM, now) {
        true => {
            let asked =
                format!("/api/v2/usage/historical_cost?view=sub-org&start_month={name}&end_month={name}");
            Costs::read(api, &asked, month, &format!("the historical cost of {name}"))?
        }
        false => Costs::default(),
    };
    if estimated.is_empty() && historical.is_empty() {
        let told =
            format_args!("Datadog tells no cost of {name}: what the ledger holds of it stays as it is");
        match age(month, now) {
            // Nothing strange in the first days of a month.
            ..=0 => api.host.info(told),
            _ => api.host.warn(told),
        }
        return Ok(None);
    }
    own(api, &estimated)?;
    own(api, &historical)?;
    if estimated.has_gap() {
        api.host.warn(format_args!(
            "the estimates of {name} lack a day: its cost lies in the next one"
        ));
    }
    let period = Period::of_month(month);
    let mut writer = PartitionWriter::open(api.host, SPEND, source, &[period.start])?;
    let settled = write(api, &mut writer, month, &estimated, &historical)?;
    let told = match settled {
        Settled::Whole => true,
        Settled::Partly => false,
        Settled::Not => estimated.reaches(month.last_of_month()),
    };
    let whole = period.end + LATENCY <= now && told && !estimated.uneven && !historical.uneven;
    let seal = match whole {
        true => Seal::complete(now),
        false => Seal::partial(now),
    };
    commit(api.host, vec![writer.seal(&seal)?])?;
    Ok((settled == Settled::Whole).then_some(Billed {
        month,
        costs: historical,
    }))
}

/// How much of a month is billed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Settled {
    Not,
    /// Not yet for all organizations that estimates are known of.
    Partly,
    Whole,
}

fn write(
    api: &Api<'_>,
    writer: &mut PartitionWriter<'_>,
    month: Date,
    estimated: &Costs,
    historical: &Costs,
) -> Result<Settled, Failure> {
    let finality = |org: &str| match historical.orgs.contains_key(org) {
        true => Finality::Final,
        false => Finality::Open,
    };
    let period = Period::of_month(month);
    if estimated.is_empty() {
        for ((org, product, kind), cost) in historical.whole() {
            let of = (org.as_str(), historical.orgs.get(org));
            let record = base(
                api,
                period,
                of,
                product,
                (cost, Origin::Historical, finality(org)),
            );
            if !cost.is_zero() {
                writer.write(charged(api, record, kind))?;
            }
        }
        return Ok(Settled::Whole);
    }
    for ((org, product, kind), day, cost) in estimated.days(month).map_err(Failure::malformed)? {
        let of = (org.as_str(), estimated.orgs.get(org));
        if cost.is_negative() {
            api.warnings.once(
                "a running total went down: Datadog restated days before it, and the day on which that shows is negative",
            );
        }
        let record = base(
            api,
            Period::of_day(day),
            of,
            product,
            (cost, Origin::Estimated, finality(org)),
        );
        writer.write(charged(api, record, kind))?;
    }
    if historical.is_empty() {
        return Ok(Settled::Not);
    }
    let mut settled = Settled::Whole;
    let mut left = historical.products().map_err(Failure::malformed)?;
    for ((org, product), spent) in estimated.products().map_err(Failure::malformed)? {
        if !historical.orgs.contains_key(org) {
            settled = Settled::Partly;
            api.warnings.once(format_args!(
                "the historical cost of {} lacks the organization `{}`: its estimates stand",
                month_name(month),
                excerpt(org, 60)
            ));
            continue;
        }
        let billed = left.entry((org, product)).or_default();
        *billed = billed.checked_sub(spent).map_err(Failure::malformed)?;
    }
    for ((org, product), cost) in left {
        let of = (org, historical.orgs.get(org));
        if !cost.is_zero() {
            let record = base(
                api,
                period,
                of,
                product,
                (cost, Origin::Historical, Finality::Final),
            );
            writer.write(adjustment(record))?;
        }
    }
    Ok(settled)
}

/// That the money is the account's of the settings: keys of another one must not fill its books.
fn own(api: &Api<'_>, costs: &Costs) -> Result<(), Failure> {
    let ids = costs.ids();
    if costs.is_empty() || ids.contains(api.settings.account.as_str()) {
        return Ok(());
    }
    let shown: Vec<String> = ids.iter().take(5).map(|id| excerpt(id, 60)).collect();
    Err(Failure::settings(format_args!(
        "[settings] account: the keys' bill is of {}, and not of what is set here; nothing was committed",
        shown.join(", ")
    )))
}
