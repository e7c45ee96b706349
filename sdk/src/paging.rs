//! Pages that name the next one.
//! What must hold: a next link never leaves the host of the first page, and a link that comes back ends the reading.

use crate::{Failure, Host, HttpRequest, Response, excerpt};
use std::collections::BTreeSet;

/// Sends the first request and then GETs each next page that `page` names, with the same headers, until it names none.
/// A link that starts with `/` is taken as a path on the same host.
///
/// # Errors
/// Those of the host and of `page`; `malformed-reply` for a link to another host or one already followed.
pub fn follow(
    host: &dyn Host,
    first: HttpRequest,
    mut page: impl FnMut(Response) -> Result<Option<String>, Failure>,
) -> Result<(), Failure> {
    let first_url = first.url.clone();
    let mut seen = BTreeSet::from([first_url.clone()]);
    let mut request = first;
    while let Some(next) = page(host.send(&request)?)? {
        let url = onward(&first_url, &next)?;
        if !seen.insert(url.clone()) {
            return Err(Failure::malformed(format_args!(
                "the pages lead in a circle, back to {}",
                excerpt(&url, 120)
            )));
        }
        request = HttpRequest {
            headers: request.headers,
            ..HttpRequest::get(url)
        };
    }
    Ok(())
}

/// The URL of a page that another page names: one on the same host. A link that starts with `/` is taken as a path there.
///
/// # Errors
/// `malformed-reply` for a link to another host; `internal` where `from` is not https.
pub fn onward(from: &str, link: &str) -> Result<String, Failure> {
    let origin = origin(from).ok_or_else(|| Failure::internal("the first page's URL is not https"))?;
    let url = match link.starts_with('/') && !link.starts_with("//") {
        true => format!("{origin}{link}"),
        false => link.to_owned(),
    };
    let plain = |origin: &str| origin.strip_suffix(":443").unwrap_or(origin).to_ascii_lowercase();
    match self::origin(&url).is_some_and(|other| plain(other) == plain(origin)) {
        true => Ok(url),
        false => Err(Failure::malformed(format_args!(
            "the next page lies on another host and is not followed: {}",
            excerpt(&url, 120)
        ))),
    }
}

/// `https://authority` of a URL; none where it is not plain https or could be read in two ways.
fn origin(url: &str) -> Option<&str> {
    let rest = url.strip_prefix("https://")?;
    let length = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let authority = rest.get(..length)?;
    let plain =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b':' | b'_' | b'[' | b']');
    let odd = authority.is_empty() || !authority.bytes().all(plain) || url.contains(['\\', '\t', '\n', '\r']);
    if odd {
        None
    } else {
        url.get(.."https://".len() + length)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::testing::{FakeHost, reply};
    use serde::Deserialize;

    #[derive(Deserialize)]
    struct Page {
        items: Vec<u8>,
        next: Option<String>,
    }

    fn read(
        answer: impl Fn(&HttpRequest) -> Result<Response, Failure> + 'static,
    ) -> Result<Vec<u8>, Failure> {
        let host = FakeHost::answering(answer);
        let mut items = Vec::new();
        let first = HttpRequest::get("https://api.example/v1?page=1").header("Accept", "application/json");
        follow(&host, first, |response| {
            let page: Page = response.json()?;
            items.extend(page.items);
            Ok(page.next)
        })?;
        assert!(host.requests().iter().all(|request| request.headers.len() == 1));
        Ok(items)
    }

    #[test]
    fn pages_are_followed_until_none_is_next() {
        let items = read(|request| {
            Ok(match request.url.as_str() {
                "https://api.example/v1?page=1" => reply(200, r#"{"items":[1],"next":"/v1?page=2"}"#),
                "https://api.example/v1?page=2" => {
                    reply(200, r#"{"items":[2],"next":"https://API.example/v1?page=3"}"#)
                }
                _ => reply(200, r#"{"items":[3]}"#),
            })
        });
        assert_eq!(items.unwrap(), [1, 2, 3]);
    }

    #[test]
    fn a_link_to_another_host_is_refused() {
        for link in [
            "https://evil.example/v1",
            "http://api.example/v1",
            "//evil.example/v1",
            "https://api.example@evil.example/v1",
            "https://api.example\\\\@evil.example/",
            "https://api.example.evil.example/",
        ] {
            let failure =
                read(move |_| Ok(reply(200, &format!(r#"{{"items":[],"next":"{link}"}}"#)))).unwrap_err();
            assert!(failure.message.contains("another host"), "{link}: {failure}");
        }
    }

    #[test]
    fn a_circle_of_pages_is_refused() {
        let failure = read(|_| Ok(reply(200, r#"{"items":[1],"next":"/v1?page=2"}"#))).unwrap_err();
        assert!(failure.message.contains("circle"), "{failure}");
    }
}
