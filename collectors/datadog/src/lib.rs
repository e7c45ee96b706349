//! Datadog for finops-host: estimated cost by day, settled month by month by what was billed, a view of it by a tag, and usage
//! as observations.

use finops_collector::{Collector, Descriptor, Failure, Host, Outcome, Request};

mod api;
mod attribution;
mod charges;
mod costs;
mod descriptor;
mod mapping;
mod refusal;
mod run;
mod settings;
mod spend;
#[cfg(test)]
mod tests;
mod usage;

/// The collector.
pub struct Datadog;

impl Collector for Datadog {
    fn describe() -> Descriptor {
        descriptor::descriptor()
    }

    fn collect(host: &dyn Host, request: &Request) -> Result<Outcome, Failure> {
        run::collect(host, request)
    }
}

finops_collector::export!(Datadog);
