//! Numbers that are not money, made in the same run as the estimate: its statements have woken the warehouse anyway.

use crate::{
    refusal::Refusal,
    settings::Settings,
    statement::Session,
    usage::Usage,
    views::{self, QueriesRow, TransferRow},
};
use finops_collector::{
    ArithmeticError, Decimal, Failure, Host, Instant, Observation, Period, Source,
    jiff::civil::Date,
    period::{DAY, start_of},
};

/// Bytes of a GB.
const GIGABYTE: i64 = 1_000_000_000;
/// Observations in one call to the host.
const BATCH: usize = 1_000;

/// What makes an observation of a day.
struct Maker<'a> {
    source: &'a Source,
    now: Instant,
    made: Vec<Observation>,
}

impl Maker<'_> {
    fn make(&mut self, name: &str, unit: &str, day: Date, dimensions: &[(&str, &str)], value: Decimal) {
        let mut named = vec![("day".to_owned(), day.to_string())];
        named.extend(
            dimensions
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
        );
        self.made.push(Observation {
            name: name.to_owned(),
            source: self.source.clone(),
            at: self.now.min(start_of(day) + DAY),
            dimensions: named,
            value,
            unit: unit.to_owned(),
        });
    }
}

/// Observes the days. The query history and transfers are left out with a warning where they cannot be read.
pub(crate) fn observe(
    host: &dyn Host,
    session: &Session<'_>,
    settings: &Settings,
    source: &Source,
    days: &[Date],
    usage: &Usage,
    now: Instant,
) -> Result<(), Failure> {
    let (Some(first), Some(last)) = (days.first(), days.last()) else {
        return Ok(());
    };
    let span = Period {
        start: start_of(*first),
        end: start_of(*last) + DAY,
    };
    let mut maker = Maker {
        source,
        now,
        made: Vec::new(),
    };
    warehouses(&mut maker, days, usage).map_err(Failure::malformed)?;
    if settings.query_patterns
        && let Some(rows) = if_readable(host, "query patterns", views::queries(session, span))?
    {
        rows.iter()
            .try_for_each(|row| queries(&mut maker, row))
            .map_err(Failure::malformed)?;
    }
    if let Some(rows) = if_readable(host, "transferred bytes", views::transfers(session, span))? {
        rows.iter()
            .try_for_each(|row| transfer(&mut maker, row))
            .map_err(Failure::malformed)?;
    }
    maker.made.chunks(BATCH).try_for_each(|batch| host.observe(batch))
}

fn if_readable<T>(
    host: &dyn Host,
    what: &str,
    rows: Result<Vec<T>, Refusal>,
) -> Result<Option<Vec<T>>, Failure> {
    match rows {
        Ok(rows) => Ok(Some(rows)),
        Err(Refusal::Unreadable(failure)) => {
            host.warn(format_args!("{what} are not observed: {failure}"));
            Ok(None)
        }
        Err(Refusal::Failed(failure)) => Err(failure),
    }
}

fn warehouses(maker: &mut Maker<'_>, days: &[Date], usage: &Usage) -> Result<(), ArithmeticError> {
    for day in days {
        for (id, credits) in usage.warehouses(*day) {
            let warehouse = [("warehouse", credits.name.as_str())];
            let all = credits.compute.checked_add(credits.cloud)?;
            maker.make("credits", "Credits", *day, &warehouse, all);
            if id.is_pseudo() {
                continue;
            }
            maker.make(
                "active-hours",
                "Hours",
                *day,
                &warehouse,
                credits.active_hours.into(),
            );
            if let Some(attributed) = credits.attributed.filter(|_| !credits.compute.is_zero()) {
                let idle = credits.compute.checked_sub(attributed)?.max(Decimal::ZERO);
                maker.make(
                    "idle-share",
                    "Share",
                    *day,
                    &warehouse,
                    idle.div_rounded(credits.compute, 4)?,
                );
            }
        }
        for item in usage.stored(*day) {
            let mut dimensions = vec![("kind", item.kind)];
            dimensions.extend(item.database.map(|name| ("database", name)));
            maker.make("storage", "GB", *day, &dimensions, gigabytes(item.bytes)?);
        }
    }
    Ok(())
}

fn queries(maker: &mut Maker<'_>, row: &QueriesRow) -> Result<(), ArithmeticError> {
    let mut dimensions = vec![("status", row.status.as_str())];
    dimensions.extend(row.warehouse.as_deref().map(|name| ("warehouse", name)));
    maker.make("queries", "Queries", row.day, &dimensions, row.count);
    let seconds = row.milliseconds.div_rounded(Decimal::from(1_000_u32), 3)?;
    maker.make("query-time", "Seconds", row.day, &dimensions, seconds);
    maker.make(
        "bytes-scanned",
        "GB",
        row.day,
        &dimensions,
        gigabytes(row.scanned)?,
    );
    maker.make(
        "bytes-spilled-remote",
        "GB",
        row.day,
        &dimensions,
        gigabytes(row.spilled)?,
    );
    Ok(())
}

fn transfer(maker: &mut Maker<'_>, row: &TransferRow) -> Result<(), ArithmeticError> {
    let mut dimensions = Vec::new();
    dimensions.extend(row.kind.as_deref().map(|kind| ("kind", kind)));
    dimensions.extend(row.region.as_deref().map(|region| ("target-region", region)));
    maker.make("data-transfer", "GB", row.day, &dimensions, gigabytes(row.bytes)?);
    Ok(())
}

fn gigabytes(bytes: Decimal) -> Result<Decimal, ArithmeticError> {
    bytes.div_rounded(Decimal::from(GIGABYTE), 9)
}
