//! Calls of Azure's APIs: one at a time, at the operator's pace, waiting as long as Azure asks.
//! What must hold: a throttle is waited for in full, and never taken for an answer.

use crate::refusal::{self, Refusal};
use finops_collector::{Failure, FailureKind, Host, HttpRequest, Response, Warnings};
use std::{cell::Cell, time::Duration};

/// How often a throttled call is sent.
const ATTEMPTS: u32 = 5;
/// Longest that a throttle is waited for; what asks for more ends the run.
const LONGEST: Duration = Duration::from_secs(240);

/// The way to Azure.
pub(crate) struct Api<'h> {
    pub(crate) host: &'h dyn Host,
    pace: Duration,
    begun: Cell<bool>,
    warned: Warnings<'h>,
}

impl<'h> Api<'h> {
    pub(crate) fn new(host: &'h dyn Host, pace: Duration) -> Self {
        Self {
            host,
            pace,
            begun: Cell::new(false),
            warned: Warnings::new(host),
        }
    }

    /// Warns, unless the same was said before.
    pub(crate) fn warn_once(&self, warning: String) {
        self.warned.once(warning);
    }

    /// Waits until the next question may be asked: 4 a minute for a scope.
    pub(crate) fn pace(&self) {
        if self.begun.replace(true) && !self.pace.is_zero() {
            self.host.sleep(self.pace);
        }
    }

    /// Sends until Azure no longer asks to slow down; a success, or why there is none.
    pub(crate) fn send(&self, request: &HttpRequest, operation: &str) -> Result<Response, Refusal> {
        let mut attempt = 1;
        loop {
            let response = self
                .host
                .send(request)
                .map_err(|failure| failure.context(operation))?;
            if (200..300).contains(&response.status) {
                return Ok(response);
            }
            let mut refusal = refusal::of(response, operation);
            if refusal.failure.kind != FailureKind::Throttled || attempt == ATTEMPTS {
                return Err(refusal);
            }
            // Who comes back too early is kept out longer.
            let wait = refusal
                .wait
                .unwrap_or(Duration::from_secs(15 << (attempt - 1).min(4)));
            if wait > LONGEST {
                let seconds = wait.as_secs();
                refusal
                    .failure
                    .message
                    .push_str(&format!("; it asks to wait {seconds} s: run again after that"));
                return Err(refusal);
            }
            self.host.info(format_args!(
                "{operation}: throttled, waiting {} s",
                wait.as_secs()
            ));
            self.host.sleep(wait + self.jitter()?);
            attempt += 1;
        }
    }

    /// Up to a second, so that several hosts do not come back together.
    fn jitter(&self) -> Result<Duration, Failure> {
        let [first, second, ..] = self.host.random()?;
        Ok(Duration::from_millis(
            u64::from(u16::from_be_bytes([first, second])) / 66,
        ))
    }
}
