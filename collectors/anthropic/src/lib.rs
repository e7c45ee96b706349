//! Anthropic's Claude API for finops-host: the organization's costs by day, workspace and model, and used tokens as observations.

use finops_collector::{Collector, Descriptor, Failure, Host, Outcome, Request};

mod api;
mod descriptor;
mod line;
mod mapping;
mod money;
mod observe;
mod refusal;
mod run;
mod settings;
#[cfg(test)]
mod tests;
mod usage;
mod workspaces;

/// The collector.
pub struct Anthropic;

impl Collector for Anthropic {
    fn describe() -> Descriptor {
        descriptor::descriptor()
    }

    fn collect(host: &dyn Host, request: &Request) -> Result<Outcome, Failure> {
        run::collect(host, request)
    }
}

finops_collector::export!(Anthropic);
