//! Elastic Cloud for finops-host: what each deployment and serverless project costs by day and SKU, in ECU and money.

use finops_collector::{Collector, Descriptor, Failure, Host, Outcome, Request};

mod api;
mod descriptor;
mod mapping;
mod refusal;
mod reply;
mod run;
mod settings;
mod sku;
#[cfg(test)]
mod tests;

/// The collector.
pub struct Elastic;

impl Collector for Elastic {
    fn describe() -> Descriptor {
        descriptor::descriptor()
    }

    fn collect(host: &dyn Host, request: &Request) -> Result<Outcome, Failure> {
        run::collect(host, request)
    }
}

finops_collector::export!(Elastic);
