//! One call of `collect`: the bill first, then its views. What is committed stays, whatever fails after it.

use crate::{api::Api, export, settings::Settings, spend, views};
use finops_collector::{Failure, Host, Outcome, Request, Source};

/// Reads and commits what is wanted.
pub(crate) fn collect(host: &dyn Host, request: &Request) -> Result<Outcome, Failure> {
    let settings = Settings::of(request)?;
    let api = Api::new(host, settings.pace());
    let source = Source::new("aws", &settings.account, "");
    if let Some(delivery) = settings.delivery()? {
        export::read(&api, request, &settings, &delivery, &source)?;
    } else if let Some((reading, _)) = spend::read(&api, request, &settings, &source)? {
        views::read(&api, request, &settings, &source, &reading)?;
    }
    Ok(Outcome::done())
}
