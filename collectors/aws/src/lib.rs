//! AWS for finops-host: the bill by day, account, service and usage type from Cost Explorer, or line by line from a FOCUS
//! export in S3, views of the same money, and what is running as observations.

use finops_collector::{Collector, Descriptor, Failure, Host, Outcome, Request};

mod api;
mod checking;
mod cost_explorer;
mod cuts;
mod descriptor;
mod export;
mod inventory;
mod mapping;
mod overview;
mod percent;
mod record_type;
mod refusal;
mod run;
mod settings;
mod spend;
#[cfg(test)]
mod tests;
mod views;

/// The collector.
pub struct Aws;

impl Collector for Aws {
    fn describe() -> Descriptor {
        descriptor::descriptor()
    }

    fn collect(host: &dyn Host, request: &Request) -> Result<Outcome, Failure> {
        run::collect(host, request)
    }
}

finops_collector::export!(Aws);
