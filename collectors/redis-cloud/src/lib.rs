//! Redis Cloud for finops-host: the FOCUS cost report by calendar month, and subscriptions and databases as observations.

use finops_collector::{Collector, Descriptor, Failure, Host, Outcome, Request, Source};

mod api;
mod descriptor;
mod inventory;
mod one_or_many;
mod refusal;
mod report;
mod settings;
mod spend;
#[cfg(test)]
mod tests;

/// The collector.
pub struct RedisCloud;

impl Collector for RedisCloud {
    fn describe() -> Descriptor {
        descriptor::descriptor()
    }

    /// The money first, then the inventory: what is committed stays, whatever fails after it.
    fn collect(host: &dyn Host, request: &Request) -> Result<Outcome, Failure> {
        let settings = settings::Settings::of(request)?;
        let api = api::Api::new(host, settings.pause);
        let source = Source::new("redis-cloud", &settings.account, "");
        let lines = spend::read(&api, request, &settings, &source)?;
        inventory::observe(&api, request, &settings, &source)?;
        Ok(Outcome::done().note(format_args!("lines of cost reports: {lines}")))
    }
}

finops_collector::export!(RedisCloud);
