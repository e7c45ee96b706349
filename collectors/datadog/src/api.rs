//! Calls of Datadog's API: one reply, or pages that name the next by a record's id.
//! What must hold: a limit is waited for as long as Datadog says, where that is short, and pages never go round in a circle.

use crate::{refusal, settings::Settings};
use finops_collector::{Failure, Host, HttpRequest, Response, Warnings, escaped, send_waiting};
use serde::{Deserialize, de::DeserializeOwned};
use std::collections::BTreeSet;

/// The way to Datadog.
pub(crate) struct Api<'h> {
    pub(crate) host: &'h dyn Host,
    pub(crate) settings: &'h Settings,
    pub(crate) warnings: Warnings<'h>,
}

/// One of several pages.
#[derive(Deserialize)]
#[serde(bound = "T: DeserializeOwned")]
struct Page<T> {
    data: Vec<T>,
    #[serde(default)]
    meta: Option<Meta>,
}

#[derive(Deserialize)]
struct Meta {
    #[serde(default)]
    pagination: Option<Pagination>,
}

#[derive(Deserialize)]
struct Pagination {
    #[serde(default)]
    next_record_id: Option<String>,
}

impl<'h> Api<'h> {
    pub(crate) fn new(host: &'h dyn Host, settings: &'h Settings) -> Self {
        Self {
            host,
            settings,
            warnings: Warnings::new(host),
        }
    }

    /// A successful reply; `what` says what was asked, for messages.
    pub(crate) fn get(&self, path_and_query: &str, what: &str) -> Result<Response, Failure> {
        let request = HttpRequest::get(self.settings.url(path_and_query))
            .header("Accept", "application/json;datetime-format=rfc3339");
        send_waiting(self.host, &request, |response, _| refusal::of(response))
            .map_err(|failure| failure.context(what))
    }

    /// Hands on every item of all pages. The next page's id goes into the query as `parameter`.
    pub(crate) fn each<T: DeserializeOwned>(
        &self,
        path_and_query: &str,
        parameter: &str,
        what: &str,
        mut each: impl FnMut(T) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let mut seen = BTreeSet::new();
        let mut asked = path_and_query.to_owned();
        loop {
            let page: Page<T> = self
                .get(&asked, what)?
                .json()
                .map_err(|failure| failure.context(what))?;
            page.data.into_iter().try_for_each(&mut each)?;
            let next = page
                .meta
                .and_then(|meta| meta.pagination)
                .and_then(|pages| pages.next_record_id);
            let Some(next) = next.filter(|id| !id.is_empty()) else {
                return Ok(());
            };
            asked = format!("{path_and_query}&{}={}", escaped(parameter), escaped(&next));
            if !seen.insert(next) {
                return Err(Failure::malformed(format_args!(
                    "{what}: the pages lead in a circle"
                )));
            }
            self.host.sleep(self.settings.pace());
        }
    }
}
