//! Calls of Google's APIs: JSON over HTTPS, with Google's own kind of patience.
//! What must hold: a short-term limit that Google writes as HTTP 403 is waited for, and never taken for an answer.

use crate::refusal::{self, Refusal};
use finops_collector::{Failure, Host, HttpRequest, Response, Warnings};
use serde::de::DeserializeOwned;
use std::time::Duration;

/// How often a call is sent that Google asks to repeat.
const ATTEMPTS: u32 = 5;

/// The way to Google.
pub(crate) struct Api<'h> {
    pub(crate) host: &'h dyn Host,
    warned: Warnings<'h>,
}

impl<'h> Api<'h> {
    pub(crate) fn new(host: &'h dyn Host) -> Self {
        Self {
            host,
            warned: Warnings::new(host),
        }
    }

    /// Warns, unless the same was said before.
    pub(crate) fn warn_once(&self, warning: String) {
        self.warned.once(warning);
    }

    /// The answer as JSON; `what` says what was asked, for messages.
    pub(crate) fn json<T: DeserializeOwned>(&self, request: &HttpRequest, what: &str) -> Result<T, Refusal> {
        let response = self.send(request, what)?;
        response
            .json()
            .map_err(|failure| Refusal::from(failure.context(what)))
    }

    fn send(&self, request: &HttpRequest, what: &str) -> Result<Response, Refusal> {
        let mut attempt = 1;
        loop {
            let response = self.host.send(request).map_err(|failure| failure.context(what))?;
            if (200..300).contains(&response.status) {
                return Ok(response);
            }
            let refusal = refusal::of(response, what);
            // The host itself has tried 429, 502, 503 and 504 again.
            if !refusal.passes() || attempt == ATTEMPTS {
                return Err(refusal);
            }
            self.host.sleep(self.delay(attempt)?);
            attempt += 1;
        }
    }

    /// Between half and all of 1, 2, 4, 8 seconds.
    fn delay(&self, attempt: u32) -> Result<Duration, Failure> {
        let most = 1_000_u64 << (attempt - 1).min(4);
        let [first, second, ..] = self.host.random()?;
        let part = u64::from(u16::from_be_bytes([first, second])) * (most / 2) / u64::from(u16::MAX);
        Ok(Duration::from_millis(most / 2 + part))
    }
}
