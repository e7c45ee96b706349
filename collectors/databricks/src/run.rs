//! One call of `collect`: what is running, then the bill. What is committed stays, whatever fails after it.

use crate::{
    api::Api,
    bill::Width,
    bookmark::Bookmark,
    descriptor::SPEND,
    inventory,
    mapping::Mapping,
    overview::Overview,
    plan::{When, plan},
    prices::Prices,
    reading::{Reading, report},
    resource::Names,
    settings::Settings,
    warehouse::Warehouse,
};
use finops_collector::{
    Failure, Host, Outcome, Request, Source, StreamRequest,
    descriptor::Grain,
    period::{DAY, day_of},
};
use std::cell::Cell;

/// Lines come hourly; after so many seconds without a new one something is wrong.
const STALE: i64 = 3 * DAY;
/// What came so long before the newest line that was looked at is looked at again.
const OVERLAP: i64 = 2 * DAY;

/// Observes, reads and commits what is wanted.
pub(crate) fn collect(host: &dyn Host, request: &Request) -> Result<Outcome, Failure> {
    let settings = Settings::of(request)?;
    let api = Api::new(host, settings.origin()?);
    let source = Source::new("databricks", &settings.account_id, "");
    let names = match settings.inventory {
        true => inventory::observe(&api, &source, request.now)?,
        false => Names::default(),
    };
    match request.wanted(SPEND)? {
        Some(stream) => spend(&api, request, stream, &settings, &source, &names),
        None => Ok(Outcome::done()),
    }
}

fn spend(
    api: &Api<'_>,
    request: &Request,
    stream: &StreamRequest,
    settings: &Settings,
    source: &Source,
    names: &Names,
) -> Result<Outcome, Failure> {
    let (host, now) = (api.host, request.now);
    let begun = stream.begun(Grain::Day, now);
    let (Some(first), Some(last)) = (begun.first().copied(), begun.last().copied()) else {
        return Ok(Outcome::done());
    };
    let warehouse = Warehouse::new(api, settings)?;
    let prices = Prices::read(host, &warehouse, settings)?;
    let bookmark = Bookmark::of(stream, source, &prices, settings);
    let arrived = bookmark
        .ingested
        .filter(|_| !request.backfill)
        .map(|at| day_of(at - OVERLAP));
    let days = (day_of(first), day_of(last + DAY));
    let overview = Overview::read(&warehouse, days, arrived)?;
    overview.check_account(&settings.account_id, &api.warnings)?;
    match overview.ingested {
        None => host.warn("the usage table has no line for these days: nothing was committed"),
        Some(newest) if newest < day_of(now - STALE) && !request.backfill => host.warn(format_args!(
            "no usage came since {newest}: is the system schema `billing` still enabled?"
        )),
        Some(_) => {}
    }
    let when = When {
        backfill: request.backfill,
        now,
    };
    let plan = plan(stream, source, &overview, &bookmark, when, &api.warnings);
    let reading = Reading {
        host,
        settings,
        source,
        warehouse: &warehouse,
        overview: &overview,
        mapping: Mapping {
            prices: &prices,
            names,
            warnings: &api.warnings,
            now,
        },
        now,
        width: Cell::new(Width::Wide),
    };
    let count: usize = plan.pieces.iter().map(Vec::len).sum();
    let unpriced = reading.read(&plan, bookmark)?;
    report(host, source, &unpriced, now)?;
    let basis = match prices.negotiated {
        true => "the account's prices",
        false => "list prices",
    };
    Ok(Outcome::done().note(format_args!(
        "{count} days read, at {basis} in {}",
        prices.currency
    )))
}
