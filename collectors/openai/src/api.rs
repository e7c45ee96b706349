//! Calls of OpenAI's API, with OpenAI's two ways of writing a list into a query.

use crate::refusal;
use finops_collector::{
    Bucket, Failure, FailureKind, Host, HttpRequest, Instant, Period, Response, Warnings, each_bucket,
    period::HOUR, send_patiently,
};
use serde::Deserialize;
use std::cell::Cell;

/// Where everything lies.
pub(crate) const BASE: &str = "https://api.openai.com/v1/organization";
/// Days on one page, as many as all endpoints give.
const DAYS: u32 = 31;

/// How a query names a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lists {
    /// `group_by=a&group_by=b`, as the specification says.
    Plain,
    /// `group_by[]=a&group_by[]=b`, as it was before.
    Bracketed,
}

/// The way to OpenAI.
pub(crate) struct Api<'h> {
    pub(crate) host: &'h dyn Host,
    pub(crate) warnings: Warnings<'h>,
    /// Ends later than this are not asked for.
    past: Instant,
    lists: Cell<Lists>,
}

impl<'h> Api<'h> {
    pub(crate) fn new(host: &'h dyn Host, now: Instant) -> Self {
        Self {
            host,
            warnings: Warnings::new(host),
            past: now - HOUR,
            lists: Cell::new(Lists::Plain),
        }
    }

    /// A successful reply; `what` says what was asked, for messages.
    pub(crate) fn get(&self, url: &str, what: &str) -> Result<Response, Failure> {
        let request = HttpRequest::get(url).header("Accept", "application/json");
        // The host itself has tried 429, 502, 503 and 504 again.
        let response = send_patiently(self.host, &request, |status| status == 500)
            .map_err(|failure| failure.context(what))?;
        match (200..300).contains(&response.status) {
            true => Ok(response),
            false => Err(refusal::of(response, what)),
        }
    }

    /// Every day of a report that begins in the period. OpenAI refuses an end in the future by its own clock: one that is not
    /// surely past is not asked for.
    pub(crate) fn days<R: for<'de> Deserialize<'de>>(
        &self,
        what: &str,
        report: &str,
        groups: &[&str],
        period: Period,
        mut each: impl FnMut(Bucket<R>) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let end = (period.end <= self.past).then_some(period.end);
        let mut begun = false;
        loop {
            let lists = self.lists.get();
            let url = url(report, groups, (period.start, end), lists);
            let read = each_bucket(
                &url,
                period.end,
                |url| self.get(url, what),
                |bucket| {
                    begun = true;
                    each(bucket)
                },
            );
            match read {
                // No page has come: the list may have been written in the way that this server does not know.
                Err(failure) if !begun && lists == Lists::Plain && is_about_groups(&failure) => {
                    self.lists.set(Lists::Bracketed);
                }
                read => return read.map_err(|failure| at(failure, what)),
            }
        }
    }
}

/// What a page itself is wrong with is said with what was asked; a refusal says it already.
fn at(failure: Failure, what: &str) -> Failure {
    match failure.kind {
        FailureKind::MalformedReply | FailureKind::Incomplete => failure.context(what),
        _ => failure,
    }
}

fn is_about_groups(failure: &Failure) -> bool {
    failure.status == Some(400) && failure.message.contains("group_by")
}

fn url(report: &str, groups: &[&str], (start, end): (Instant, Option<Instant>), lists: Lists) -> String {
    let mut url = format!("{BASE}/{report}?start_time={start}&bucket_width=1d&limit={DAYS}");
    if let Some(end) = end {
        url.push_str(&format!("&end_time={end}"));
    }
    let name = match lists {
        Lists::Plain => "group_by",
        Lists::Bracketed => "group_by%5B%5D",
    };
    for group in groups {
        url.push_str(&format!("&{name}={group}"));
    }
    url
}
