//! Databricks for finops-host: billed usage times price from the account's system tables, the same money by job run, and what is
//! running as observations.

use finops_collector::{Collector, Descriptor, Failure, Host, Outcome, Request};

mod api;
mod bill;
mod bookmark;
mod descriptor;
mod inventory;
mod mapping;
mod overview;
mod plan;
mod prices;
mod product;
mod reading;
mod refusal;
mod resource;
mod run;
mod settings;
mod statement;
#[cfg(test)]
mod tests;
mod warehouse;

/// The collector.
pub struct Databricks;

impl Collector for Databricks {
    fn describe() -> Descriptor {
        descriptor::descriptor()
    }

    fn collect(host: &dyn Host, request: &Request) -> Result<Outcome, Failure> {
        run::collect(host, request)
    }
}

finops_collector::export!(Databricks);
