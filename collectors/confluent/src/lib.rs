//! Confluent Cloud for finops-host: the costs of an organization by day, product, line type and resource.

use finops_collector::{Collector, Descriptor, Failure, Host, Outcome, Request};

mod api;
mod count;
mod descriptor;
mod mapping;
mod product;
mod refusal;
mod row;
mod run;
mod settings;
#[cfg(test)]
mod tests;

/// The collector.
pub struct Confluent;

impl Collector for Confluent {
    fn describe() -> Descriptor {
        descriptor::descriptor()
    }

    fn collect(host: &dyn Host, request: &Request) -> Result<Outcome, Failure> {
        run::collect(host, request)
    }
}

finops_collector::export!(Confluent);
