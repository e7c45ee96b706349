//! MongoDB Atlas for finops-host: invoices of an organization line by line, open and closed, and its clusters as observations.

use finops_collector::{Collector, Descriptor, Failure, Host, Outcome, Request, Source};

mod api;
mod clusters;
mod descriptor;
mod invoice;
mod line;
mod mapping;
mod reading;
mod refusal;
mod settings;
mod sku;
mod spend;
#[cfg(test)]
mod tests;

/// The collector.
pub struct Atlas;

impl Collector for Atlas {
    fn describe() -> Descriptor {
        descriptor::descriptor()
    }

    /// The money first, then the clusters: what is committed stays, whatever fails after it.
    fn collect(host: &dyn Host, request: &Request) -> Result<Outcome, Failure> {
        let settings = settings::Settings::of(request)?;
        let api = api::Api::new(host, &settings.host);
        let source = Source::new("mongodb-atlas", &settings.organization, "");
        let read = spend::read(&api, request, &settings, &source)?;
        clusters::observe(&api, request, &settings, &source)?;
        Ok(Outcome::done().note(format_args!("invoices read: {read}")))
    }
}

finops_collector::export!(Atlas);
