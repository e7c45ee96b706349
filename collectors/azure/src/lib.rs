//! Azure for finops-host: the bill by day, subscription, charge type, service and meter from Cost Management, or line by line
//! from a FOCUS export in blob storage, views of the same money, and what is running as observations.

use finops_collector::{Collector, Descriptor, Failure, Host, Outcome, Request};

mod api;
mod category;
mod charge_type;
mod checking;
mod cuts;
mod descriptor;
mod estimate;
mod export;
mod inventory;
mod mapping;
mod measures;
mod query;
mod refusal;
mod retail;
mod run;
mod scope;
mod settings;
mod spend;
#[cfg(test)]
mod tests;
mod views;

/// The collector.
pub struct Azure;

impl Collector for Azure {
    fn describe() -> Descriptor {
        descriptor::descriptor()
    }

    fn collect(host: &dyn Host, request: &Request) -> Result<Outcome, Failure> {
        run::collect(host, request)
    }
}

finops_collector::export!(Azure);
