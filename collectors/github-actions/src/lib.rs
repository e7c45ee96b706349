//! GitHub for finops-host: what Actions and all other products cost by day, SKU and repository, from the usage report of the
//! enhanced billing platform, and the minutes of Actions as observations.

use finops_collector::{Collector, Descriptor, Failure, Host, Outcome, Request};

mod api;
mod descriptor;
mod mapping;
mod minutes;
mod refusal;
mod run;
mod settings;
#[cfg(test)]
mod tests;

/// The collector.
pub struct GitHub;

impl Collector for GitHub {
    fn describe() -> Descriptor {
        descriptor::descriptor()
    }

    fn collect(host: &dyn Host, request: &Request) -> Result<Outcome, Failure> {
        run::collect(host, request)
    }
}

finops_collector::export!(GitHub);
