//! Calls of GitHub's API, with GitHub's own kind of patience.
//! What must hold: a limit that GitHub writes as HTTP 403 is waited for where that is short, and never taken for a refusal; all
//! pages are read, none of them elsewhere.

use crate::{mapping::Line, refusal, settings::Settings};
use finops_collector::{
    Failure, Host, HttpRequest, Response, excerpt, jiff::civil::Date, json::each_in, onward, send_waiting,
};
use std::collections::BTreeSet;

/// The API's version that all this is written for.
const VERSION: &str = "2022-11-28";

/// The way to GitHub.
pub(crate) struct Api<'h> {
    pub(crate) host: &'h dyn Host,
    settings: &'h Settings,
}

impl<'h> Api<'h> {
    pub(crate) fn new(host: &'h dyn Host, settings: &'h Settings) -> Self {
        Self { host, settings }
    }

    /// Hands on every line of a day's report. GitHub documents no pages for it; where a reply names a next one, it is read.
    pub(crate) fn each_line(
        &self,
        day: Date,
        mut each: impl FnMut(Line) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let first = self.settings.report(day);
        let mut seen = BTreeSet::new();
        let mut page = Some(first.clone());
        while let Some(url) = page {
            if !seen.insert(url.clone()) {
                return Err(Failure::malformed(format_args!(
                    "the pages lead in a circle, back to {}",
                    excerpt(&url, 120)
                )));
            }
            let response = self.send(&url)?;
            let next = response.header("link").and_then(next_link);
            page = next.map(|link| onward(&first, &link)).transpose()?;
            each_in(response.reader(), "usageItems", &mut each)?;
        }
        Ok(())
    }

    fn send(&self, url: &str) -> Result<Response, Failure> {
        let request = HttpRequest::get(url)
            .header("Accept", "application/vnd.github+json")
            .header("X-GitHub-Api-Version", VERSION);
        send_waiting(self.host, &request, |response, attempt| {
            refusal::of(response, self.host.now(), attempt)
        })
    }
}

/// The URL of `<URL>; rel="next"` in a Link header.
fn next_link(header: &str) -> Option<String> {
    header.split(',').find_map(|link| {
        let (url, relation) = link.split_once(';')?;
        let next = relation
            .split(';')
            .any(|part| part.trim().replace('"', "") == "rel=next");
        let url = url.trim().strip_prefix('<')?.strip_suffix('>')?;
        next.then(|| url.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::next_link;

    #[test]
    fn only_the_next_page_of_a_link_header_is_taken() {
        let header =
            r#"<https://api.github.com/a?page=1>; rel="prev", <https://api.github.com/a?page=3>; rel="next""#;
        assert_eq!(
            next_link(header).as_deref(),
            Some("https://api.github.com/a?page=3")
        );
        assert_eq!(
            next_link(r#"<https://api.github.com/a?page=9>; rel="last""#),
            None
        );
        assert_eq!(next_link(""), None);
    }
}
