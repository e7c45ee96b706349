//! One call of `collect`: the bill, its views, what is running. What is committed stays, whatever fails after it.

use crate::{
    api::Api,
    estimate, export, inventory,
    mapping::Mapping,
    query::Questions,
    scope::Scope,
    settings::Settings,
    spend::{self, Bill, Reading},
    views,
};
use finops_collector::{Failure, Host, Outcome, Request};

/// Reads and commits what is wanted. What is running is looked at even where the bill cannot be read.
pub(crate) fn collect(host: &dyn Host, request: &Request) -> Result<Outcome, Failure> {
    let settings = Settings::of(request)?;
    let scope = settings.scope()?;
    let delivery = settings.delivery()?;
    let api = Api::new(host, settings.pace());
    let bill = match &delivery {
        Some(delivery) => export::read(&api, request, &scope, delivery).map(|()| Vec::new()),
        None => queried(&api, request, &settings, &scope),
    };
    // An export replaces whole months, so that there is nothing for an estimate to add.
    let estimates = settings.estimates && delivery.is_none();
    let looked = match (settings.inventory || estimates) && !request.backfill {
        // What runs now says nothing of the past.
        true => inventory::look(&api, &settings, &scope, request.now),
        false => Ok(Vec::new()),
    };
    let (readings, machines) = (bill?, looked?);
    if estimates && !request.backfill {
        estimate::read(&api, request, &settings, &scope, &readings, &machines)?;
    }
    Ok(Outcome::done())
}

fn queried(
    api: &Api<'_>,
    request: &Request,
    settings: &Settings,
    scope: &Scope,
) -> Result<Vec<Reading>, Failure> {
    let source = scope.source();
    let questions = Questions::new(api, settings, scope.path());
    let mapping = Mapping {
        api,
        account: &source.billing_account,
        now: request.now,
    };
    let bill = Bill {
        questions: &questions,
        settings,
        scope,
        source: &source,
        mapping: &mapping,
    };
    let readings = spend::read(&bill, request)?;
    readings
        .iter()
        .try_for_each(|reading| views::read(&bill, request, reading))?;
    Ok(readings)
}
