//! Calls of the Atlas Admin API: GETs with a versioned media type, and lists page by page.
//! What must hold: a list is whole or a failure; pages that repeat themselves end the reading.

use crate::refusal;
use finops_collector::{Failure, Host, HttpRequest, Response, Warnings};
use serde::{Deserialize, de::DeserializeOwned};
use std::collections::BTreeSet;

/// Most items on a page.
const PAGE: usize = 500;

/// A version of the API's resources. Each resource has its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    /// Invoices and projects.
    V20230101,
    /// Clusters.
    V20240805,
}

impl Version {
    fn media_type(self) -> &'static str {
        match self {
            Self::V20230101 => "application/vnd.atlas.2023-01-01+json",
            Self::V20240805 => "application/vnd.atlas.2024-08-05+json",
        }
    }
}

/// The way to Atlas.
pub(crate) struct Api<'h> {
    pub(crate) host: &'h dyn Host,
    base: String,
    warned: Warnings<'h>,
}

#[derive(Deserialize)]
struct Page<T> {
    results: Vec<T>,
}

impl<'h> Api<'h> {
    pub(crate) fn new(host: &'h dyn Host, name: &str) -> Self {
        Self {
            host,
            base: format!("https://{name}/api/atlas/v2"),
            warned: Warnings::new(host),
        }
    }

    /// Warns, unless the same was said before.
    pub(crate) fn warn_once(&self, warning: String) {
        self.warned.once(warning);
    }

    /// A successful reply; `what` says what was asked, for messages.
    pub(crate) fn get(&self, path: &str, version: Version, what: &str) -> Result<Response, Failure> {
        let request = HttpRequest::get(format!("{}{path}", self.base)).header("Accept", version.media_type());
        // The host itself has tried 429, 502, 503 and 504 again.
        let response = self
            .host
            .send(&request)
            .map_err(|failure| failure.context(what))?;
        match response.status {
            200..300 => Ok(response),
            _ => Err(refusal::of(response, what)),
        }
    }

    /// All items of a list; `query` begins with `&` if there is any. `key` tells them apart.
    pub(crate) fn list<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &str,
        version: Version,
        what: &str,
        key: impl Fn(&T) -> Option<String>,
    ) -> Result<Vec<T>, Failure> {
        let mut seen = BTreeSet::new();
        let mut items: Vec<T> = Vec::new();
        for number in 1_u32.. {
            let path = format!("{path}?itemsPerPage={PAGE}&pageNum={number}{query}");
            let response = self.get(&path, version, what)?;
            let page: Page<T> = response.json().map_err(|failure| failure.context(what))?;
            let count = page.results.len();
            let before = items.len();
            // An item that moved to the next page while the list was read comes twice.
            let new = |item: &T| key(item).is_none_or(|key| seen.insert(key));
            items.extend(page.results.into_iter().filter(new));
            if count < PAGE {
                break;
            }
            if items.len() == before {
                return Err(Failure::malformed(format_args!(
                    "{what}: page {number} is the one before again"
                )));
            }
        }
        Ok(items)
    }
}
