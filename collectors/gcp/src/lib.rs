//! Google Cloud for finops-host: the bill from the BigQuery billing export, views of the same money, and what is running as
//! observations.

use finops_collector::{Collector, Descriptor, Failure, Host, Outcome, Request};

mod api;
mod bigquery;
mod catalog;
mod cut;
mod descriptor;
mod estimate;
mod focus;
mod inventory;
mod mapping;
mod month;
mod overview;
mod probe;
mod reading;
mod refusal;
mod row;
mod run;
mod service;
mod settings;
mod statement;
mod table;
#[cfg(test)]
mod tests;
mod window;

/// The collector.
pub struct Gcp;

impl Collector for Gcp {
    fn describe() -> Descriptor {
        descriptor::descriptor()
    }

    fn collect(host: &dyn Host, request: &Request) -> Result<Outcome, Failure> {
        run::collect(host, request)
    }

    fn probe(host: &dyn Host, request: &Request) -> Result<Outcome, Failure> {
        probe::probe(host, request)
    }
}

finops_collector::export!(Gcp);
