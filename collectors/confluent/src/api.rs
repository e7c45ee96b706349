//! Confluent's cost list, page by page and one call after the other.
//! What must hold: the next page is asked for at the same place, whatever its link says, and a list counts only when it is whole.

use crate::{count::Count, refusal, row::Row};
use finops_collector::{Failure, Host, HttpRequest, Response, excerpt, jiff::civil::Date, json, onward};
use serde::Deserialize;
use std::{cell::Cell, collections::BTreeSet, time::Duration};

const COSTS: &str = "https://api.confluent.cloud/billing/v1/costs";
/// Rows asked for on a page: the most, since calls are few.
const PAGE: u32 = 10_000;

/// Days that one list covers; the end is not among them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    pub(crate) first: Date,
    pub(crate) end: Date,
}

/// The way to Confluent.
pub(crate) struct Api<'h> {
    pub(crate) host: &'h dyn Host,
    pause: Duration,
    /// Whether a call was made, so that the next one waits.
    asked: Cell<bool>,
}

/// What a page says beside its rows.
#[derive(Deserialize)]
struct Page {
    metadata: Metadata,
}

#[derive(Deserialize)]
struct Metadata {
    next: Option<String>,
    total_size: Option<u64>,
}

impl<'h> Api<'h> {
    pub(crate) fn new(host: &'h dyn Host, pause: Duration) -> Self {
        Self {
            host,
            pause,
            asked: Cell::new(false),
        }
    }

    /// Calls `each` with every row of a window. Gives the number of rows.
    ///
    /// # Errors
    /// What `each` returns; the host's and Confluent's; `incomplete` where rows are missing.
    pub(crate) fn rows(
        &self,
        window: Window,
        mut each: impl FnMut(Row) -> Result<(), Failure>,
    ) -> Result<u64, Failure> {
        let what = format!("costs from {} to before {}", window.first, window.end);
        let first = format!(
            "{COSTS}?start_date={}&end_date={}&page_size={PAGE}",
            window.first, window.end
        );
        let mut seen = BTreeSet::new();
        let mut count = Count::default();
        let mut url = first.clone();
        loop {
            let response = self.send(&url).map_err(|failure| failure.context(&what))?;
            let mut rows = 0;
            let page: Page = json::listing(response.reader(), "data", |row| {
                rows += 1;
                each(row)
            })
            .map_err(|failure| failure.context(&what))?;
            count.page(rows, page.metadata.total_size);
            let Some(next) = page.metadata.next.filter(|next| !next.is_empty()) else {
                count.check().map_err(|failure| failure.context(&what))?;
                return Ok(count.rows);
            };
            let token = token(&next).map_err(|failure| failure.context(&what))?;
            url = format!("{first}&page_token={token}");
            if !seen.insert(token) {
                return Err(Failure::malformed(format_args!(
                    "{what}: the pages lead in a circle"
                )));
            }
        }
    }

    /// A reply that is a success. The host has tried 429, 502, 503 and 504 again.
    fn send(&self, url: &str) -> Result<Response, Failure> {
        let mut patience = Some(self.pause.saturating_mul(6));
        loop {
            if self.asked.replace(true) {
                self.host.sleep(self.pause);
            }
            let request = HttpRequest::get(url).header("Accept", "application/json");
            let response = self.host.send(&request)?;
            if (200..300).contains(&response.status) {
                return Ok(response);
            }
            let refusal = refusal::of(response);
            match patience.take().filter(|_| refusal.passes) {
                Some(patience) => self.host.sleep(patience),
                None => return Err(refusal.failure),
            }
        }
    }
}

/// The page token of a link, as it is written there.
///
/// # Errors
/// `malformed-reply` for a link to another host, or one without a token.
fn token(link: &str) -> Result<String, Failure> {
    let url = onward(COSTS, link)?;
    let query = url.split_once('?').map_or("", |(_, query)| query);
    let query = query.split('#').next().unwrap_or_default();
    let token = query.split('&').find_map(|pair| pair.strip_prefix("page_token="));
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~%+=/:,".contains(&byte);
    let fits = |token: &&str| !token.is_empty() && token.len() <= 4_096 && token.bytes().all(plain);
    match token.filter(fits) {
        Some(token) => Ok(token.to_owned()),
        None => Err(Failure::malformed(format_args!(
            "the link to the next page has no page_token that could be followed: {}",
            excerpt(&url, 120)
        ))),
    }
}
