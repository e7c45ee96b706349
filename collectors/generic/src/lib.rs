//! What has no bill of its own, for finops-host: usage from Prometheus at the operator's rates, and lines of cost from a JSON or
//! CSV file.

use finops_collector::{Collector, Descriptor, Failure, Host, Outcome, Request};

mod card;
mod category;
mod descriptor;
mod fields;
mod hours;
mod labels;
mod line;
mod lines;
mod mapping;
mod meter;
mod prometheus;
mod refusal;
mod rows;
mod series;
mod settings;
#[cfg(test)]
mod tests;
mod usage;
mod words;

/// The collector.
pub struct Generic;

impl Collector for Generic {
    fn describe() -> Descriptor {
        descriptor::descriptor()
    }

    fn collect(host: &dyn Host, request: &Request) -> Result<Outcome, Failure> {
        let settings = settings::Settings::of(request)?;
        match settings.kind {
            settings::Kind::Prometheus => usage::collect(host, request, &settings),
            settings::Kind::Csv | settings::Kind::Json => lines::collect(host, request, &settings),
        }
    }
}

finops_collector::export!(Generic);
