//! One call of `collect`: the bill, its views, what is running. What is committed stays, whatever fails after it.

use crate::{api::Api, export, inventory, settings::Settings, spend, views};
use finops_collector::{Failure, Host, Outcome, Request, Source};

/// Reads and commits what is wanted. What is running is looked at even where the bill cannot be read.
pub(crate) fn collect(host: &dyn Host, request: &Request) -> Result<Outcome, Failure> {
    let settings = Settings::of(request)?;
    let delivery = settings.delivery()?;
    let api = Api::new(host, settings.pace());
    let source = Source::new("aws", &settings.account, "");
    let bill = match delivery {
        Some(delivery) => export::read(&api, request, &settings, &delivery, &source),
        None => billed(&api, request, &settings, &source),
    };
    let looked = match request.backfill {
        // What runs now says nothing of the past.
        true => Ok(()),
        false => inventory::observe(&api, &settings, &source, request.now),
    };
    bill.and(looked)?;
    Ok(Outcome::done())
}

fn billed(api: &Api<'_>, request: &Request, settings: &Settings, source: &Source) -> Result<(), Failure> {
    match spend::read(api, request, settings, source)? {
        Some(reading) => views::read(api, request, settings, source, &reading),
        None => Ok(()),
    }
}
