//! Elastic's costs by instance, one UTC day a call.
//! What must hold: a reply is one total for its window, so that windows never overlap.

use crate::{
    refusal,
    reply::{Instance, Total},
};
use finops_collector::{Failure, Host, HttpRequest, jiff::civil::Date, json};
use std::{cell::Cell, time::Duration};

/// The way to Elastic.
pub(crate) struct Api<'h> {
    pub(crate) host: &'h dyn Host,
    organization: &'h str,
    pause: Duration,
    /// Whether a call was made, so that the next one waits.
    asked: Cell<bool>,
}

impl<'h> Api<'h> {
    pub(crate) fn new(host: &'h dyn Host, organization: &'h str, pause: Duration) -> Self {
        Self {
            host,
            organization,
            pause,
            asked: Cell::new(false),
        }
    }

    /// Calls `each` with every instance that used something on a day. Gives what the reply says of all of them.
    ///
    /// # Errors
    /// What `each` returns; the host's and Elastic's.
    pub(crate) fn day(
        &self,
        day: Date,
        each: impl FnMut(Instance) -> Result<(), Failure>,
    ) -> Result<Total, Failure> {
        if self.asked.replace(true) {
            self.host.sleep(self.pause);
        }
        let next = day.tomorrow().map_err(Failure::internal)?;
        let request = HttpRequest::get(format!(
            "https://cloud.elastic.co/api/v2/billing/organizations/{}/costs/instances?from={day}T00:00:00Z&to={next}T00:00:00Z\
             &include_names=true",
            self.organization
        ))
        .header("Accept", "application/json");
        let read = || {
            let response = self.host.send(&request)?;
            match response.status {
                200..=299 => json::listing(response.reader(), "instances", each),
                _ => Err(refusal::of(response)),
            }
        };
        read().map_err(|failure| failure.context(format_args!("costs of {day}")))
    }
}
