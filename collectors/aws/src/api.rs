//! Calls of AWS's APIs. The host signs them; here they get their headers, their pace and AWS's own kind of patience.
//! What must hold: a throttle that AWS writes as HTTP 400 is waited for, and never taken for an answer.

use crate::refusal::{self, Refusal};
use finops_collector::{Failure, FailureKind, Host, HttpRequest, Response, Warnings};
use serde::{Serialize, de::DeserializeOwned};
use std::time::Duration;

/// How often a throttled call is sent.
const ATTEMPTS: u32 = 5;

/// AWS's two versions of JSON with a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Json {
    /// CloudWatch.
    Version10,
    /// Cost Explorer.
    Version11,
}

/// The way to AWS.
pub(crate) struct Api<'h> {
    pub(crate) host: &'h dyn Host,
    /// Time between two paid calls.
    pace: Duration,
    warned: Warnings<'h>,
}

impl<'h> Api<'h> {
    pub(crate) fn new(host: &'h dyn Host, pace: Duration) -> Self {
        Self {
            host,
            pace,
            warned: Warnings::new(host),
        }
    }

    /// Warns, unless the same was said before.
    pub(crate) fn warn_once(&self, warning: String) {
        self.warned.once(warning);
    }

    /// Waits until the next paid call may go.
    pub(crate) fn pace(&self) {
        if !self.pace.is_zero() {
            self.host.sleep(self.pace);
        }
    }

    /// An operation of a service that takes JSON with a target: `AWSInsightsIndexService.GetCostAndUsage`.
    pub(crate) fn json<T: DeserializeOwned>(
        &self,
        version: Json,
        endpoint: &str,
        target: &str,
        body: &impl Serialize,
    ) -> Result<T, Refusal> {
        let mut request = HttpRequest::post(endpoint).json(body)?.repeatable();
        let content = match version {
            Json::Version10 => "application/x-amz-json-1.0",
            Json::Version11 => "application/x-amz-json-1.1",
        };
        request.headers = Vec::new();
        let request = request
            .header("Content-Type", content)
            .header("X-Amz-Target", target);
        let (_, operation) = target.split_once('.').unwrap_or(("", target));
        let response = self.send(&request, operation)?;
        response
            .json()
            .map_err(|failure| Refusal::from(failure.context(operation)))
    }

    /// Sends until AWS no longer asks to slow down; a success, or why there is none.
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
            let refusal = refusal::of(response, operation);
            // The host itself has tried 429, 502, 503 and 504 again.
            let status = refusal.failure.status;
            let throttled = refusal.failure.kind == FailureKind::Throttled && status == Some(400);
            let again = throttled || status == Some(500);
            if !again || attempt == ATTEMPTS {
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
