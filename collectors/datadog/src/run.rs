//! One call of `collect`: the bill, its view by tag, usage. What is committed stays, whatever fails after it.

use crate::{api::Api, attribution, settings::Settings, spend, usage};
use finops_collector::{Failure, Host, Outcome, Request};

/// Reads and commits what is wanted. Usage is looked at even where the bill cannot be read.
pub(crate) fn collect(host: &dyn Host, request: &Request) -> Result<Outcome, Failure> {
    let settings = Settings::of(request)?;
    let source = settings.source();
    let api = Api::new(host, &settings);
    let bill = spend::read(&api, request, &source)
        .and_then(|billed| attribution::read(&api, request, &source, &billed));
    let looked = match request.backfill {
        // What runs now says nothing of the past.
        true => Ok(()),
        false => usage::observe(&api, &source, request.now),
    };
    bill.and(looked)?;
    Ok(Outcome::done())
}
