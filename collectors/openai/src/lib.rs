//! OpenAI's API platform for finops-host: the organization's costs by day, project and line item, and used tokens as observations.

use finops_collector::{Collector, Descriptor, Failure, Host, Outcome, Request};

mod api;
mod descriptor;
mod line;
mod mapping;
mod projects;
mod refusal;
mod run;
mod settings;
#[cfg(test)]
mod tests;
mod usage;

/// The collector.
pub struct OpenAi;

impl Collector for OpenAi {
    fn describe() -> Descriptor {
        descriptor::descriptor()
    }

    fn collect(host: &dyn Host, request: &Request) -> Result<Outcome, Failure> {
        run::collect(host, request)
    }
}

finops_collector::export!(OpenAi);
