//! Calls of Anthropic's Admin API.

use crate::refusal;
use finops_collector::{
    Bucket, Failure, FailureKind, Host, HttpRequest, Period, Response, Warnings, each_bucket, escaped,
    jiff::Timestamp, send_patiently,
};
use serde::Deserialize;

/// Where everything lies.
pub(crate) const BASE: &str = "https://api.anthropic.com/v1/organizations";
/// The header that names the API's version.
pub(crate) const VERSION_HEADER: &str = "anthropic-version";
const VERSION: &str = "2023-06-01";
/// Days on one page: the most that there are.
const DAYS: u32 = 31;

/// The way to Anthropic.
pub(crate) struct Api<'h> {
    pub(crate) host: &'h dyn Host,
    pub(crate) warnings: Warnings<'h>,
}

impl<'h> Api<'h> {
    pub(crate) fn new(host: &'h dyn Host) -> Self {
        Self {
            host,
            warnings: Warnings::new(host),
        }
    }

    /// A successful reply; `what` says what was asked, for messages.
    pub(crate) fn get(&self, url: &str, what: &str) -> Result<Response, Failure> {
        let request = HttpRequest::get(url)
            .header("Accept", "application/json")
            .header(VERSION_HEADER, VERSION);
        // The host itself has tried 429, 502, 503 and 504 again.
        let response = send_patiently(self.host, &request, |status| matches!(status, 500 | 529))
            .map_err(|failure| failure.context(what))?;
        match (200..300).contains(&response.status) {
            true => Ok(response),
            false => Err(refusal::of(response, what)),
        }
    }

    /// Every day of a report that begins in the period. The end is not asked for: whether the day that ends there
    /// would come, and today's, is not documented.
    pub(crate) fn days<R: for<'de> Deserialize<'de>>(
        &self,
        what: &str,
        report: &str,
        groups: &[&str],
        period: Period,
        each: impl FnMut(Bucket<R>) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let from = Timestamp::from_second(period.start)
            .map_err(Failure::internal)?
            .to_string();
        let mut url = format!(
            "{BASE}/{report}?starting_at={}&bucket_width=1d&limit={DAYS}",
            escaped(&from)
        );
        for group in groups {
            url.push_str(&format!("&group_by%5B%5D={group}"));
        }
        let read = each_bucket(&url, period.end, |url| self.get(url, what), each);
        // A refusal says already what was asked.
        read.map_err(|failure| match failure.kind {
            FailureKind::MalformedReply | FailureKind::Incomplete => failure.context(what),
            _ => failure,
        })
    }
}
