//! Pages that are named by a token in the query.
//! What must hold: a token never leads to another host, and one that comes back ends the reading.

use crate::{Failure, escaped, excerpt};
use std::collections::BTreeSet;

/// Calls `page` with the first URL and then with it and each token that `page` names, until it names none.
///
/// # Errors
/// Those of `page`; `malformed-reply` for a token that came before, or that is a link.
pub fn turn_pages(
    url: &str,
    parameter: &str,
    mut page: impl FnMut(&str) -> Result<Option<String>, Failure>,
) -> Result<(), Failure> {
    let mut seen = BTreeSet::new();
    let mut next = page(url)?;
    while let Some(token) = next {
        if token.contains("://") || token.starts_with("//") {
            return Err(Failure::malformed(format_args!(
                "the next page is named by a link where a token was expected, and is not followed: {}",
                excerpt(&token, 120)
            )));
        }
        let joint = if url.contains('?') { '&' } else { '?' };
        let onward = format!("{url}{joint}{parameter}={}", escaped(&token));
        if !seen.insert(token) {
            return Err(Failure::malformed("the pages lead in a circle"));
        }
        next = page(&onward)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pages(tokens: &[&str]) -> (Result<(), Failure>, Vec<String>) {
        let mut asked = Vec::new();
        let mut tokens = tokens.iter();
        let turned = turn_pages("https://api.example/v1?limit=2", "page", |url| {
            asked.push(url.to_owned());
            Ok(tokens.next().map(ToString::to_string))
        });
        (turned, asked)
    }

    #[test]
    fn every_token_is_asked_for_escaped() {
        let (turned, asked) = pages(&["page_1==", "b&limit=9"]);
        assert_eq!(turned, Ok(()));
        assert_eq!(
            asked,
            [
                "https://api.example/v1?limit=2",
                "https://api.example/v1?limit=2&page=page_1%3D%3D",
                "https://api.example/v1?limit=2&page=b%26limit%3D9"
            ]
        );
    }

    #[test]
    fn circles_and_links_are_refused() {
        for (tokens, says, asked) in [
            (["a", "b", "a"].as_slice(), "circle", 3),
            (&["https://evil.example/"], "link", 1),
            (&["//evil.example/"], "link", 1),
        ] {
            let (turned, urls) = pages(tokens);
            assert!(
                turned.is_err_and(|failure| failure.message.contains(says)),
                "{tokens:?}"
            );
            assert_eq!(urls.len(), asked, "{tokens:?}");
        }
    }
}
