//! Lists that come in pages, with a token in the query.

use crate::{api::Api, refusal::Refusal};
use finops_collector::{Failure, HttpRequest, escaped, excerpt};
use std::collections::BTreeSet;

/// Pages of one list after which something must be wrong.
const PAGES: usize = 10_000;

/// A page of a list.
pub(super) trait Page {
    /// What the token is called in the query.
    const TOKEN: &str = "pageToken";

    /// The token of the next one.
    fn next(&mut self) -> Option<String>;
    /// Places that did not answer.
    fn unreachable(&self) -> &[String];
}

/// All pages of a list, with a token in the query. A place that does not answer makes the list incomplete.
pub(super) fn pages<P: Page + serde::de::DeserializeOwned>(
    api: &Api<'_>,
    url: &str,
    what: &str,
) -> Result<Vec<P>, Refusal> {
    let (mut found, mut tokens) = (Vec::new(), BTreeSet::new());
    let mut token: Option<String> = None;
    loop {
        let url = match &token {
            None => url.to_owned(),
            Some(token) => format!("{url}&{}={}", P::TOKEN, escaped(token)),
        };
        let mut page: P = api.json(&HttpRequest::get(url), what)?;
        if let Some(place) = page.unreachable().first() {
            let place = excerpt(place, 60);
            return Err(Failure::incomplete(format_args!("{what}: {place} did not answer")).into());
        }
        token = page.next().filter(|token| !token.is_empty());
        found.push(page);
        match &token {
            None => return Ok(found),
            Some(token) if tokens.insert(token.clone()) && found.len() < PAGES => {}
            Some(_) => {
                return Err(Failure::malformed(format_args!("{what}: the pages lead in a circle")).into());
            }
        }
    }
}
