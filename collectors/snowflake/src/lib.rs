//! Snowflake's bill for finops-host: money by service and day from the organization's currency view, before that an
//! estimate from credits, split over warehouses, users and databases, with the residuals as records of their own.

use finops_collector::{Collector, Descriptor, Failure, Host, Outcome, Request};

mod billed;
mod cuts;
mod descriptor;
mod estimated;
#[cfg(test)]
mod fake;
mod focus;
mod mapping;
mod observe;
mod plan;
mod prices;
mod refusal;
mod rows;
mod run;
mod settings;
mod split;
mod statement;
#[cfg(test)]
mod statement_tests;
#[cfg(test)]
mod tests;
mod usage;
mod views;
mod writing;

/// The collector.
pub struct Snowflake;

impl Collector for Snowflake {
    fn describe() -> Descriptor {
        descriptor::descriptor()
    }

    fn collect(host: &dyn Host, request: &Request) -> Result<Outcome, Failure> {
        run::collect(host, request)
    }
}

finops_collector::export!(Snowflake);
