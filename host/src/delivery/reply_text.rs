//! An answer in words for people. Its text is the destination's and hostile: it is shown through [`Foreign`] only.

use super::outcome::Reply;
use crate::foreign::Foreign;

/// Bytes of a body that are looked at for words.
const LOOKED_AT: usize = 16 * 1024;
/// Characters of a body that are shown.
const SHOWN: usize = 120;

/// One clause: which status came, and what came with it.
#[must_use]
pub(super) fn describe(reply: &Reply) -> String {
    let status = reply.status;
    if (300..=399).contains(&status)
        && let Some(location) = &reply.location
    {
        return format!(
            "the destination answered {status}, a redirect to {}",
            shown(location)
        );
    }
    let text = String::from_utf8_lossy(reply.body.get(..LOOKED_AT).unwrap_or(&reply.body)).into_owned();
    if is_page(reply, &text) {
        let page = if is_login(&text) {
            "a login page"
        } else {
            "a web page"
        };
        return match title(&text) {
            Some(title) => format!(
                "the destination answered {status} with {page} titled \"{}\"",
                shown(title)
            ),
            None => format!("the destination answered {status} with {page}"),
        };
    }
    match text.trim() {
        "" => format!("the destination answered {status}"),
        text => format!("the destination answered {status}: {}", shown(text)),
    }
}

fn shown(text: &str) -> Foreign {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => Foreign::new(format!("{}…", text.get(..end).unwrap_or_default())),
        None => Foreign::new(text),
    }
}

fn is_page(reply: &Reply, text: &str) -> bool {
    let declared = reply
        .content_type
        .as_deref()
        .is_some_and(|kind| kind.to_ascii_lowercase().starts_with("text/html"));
    let start = text.trim_start().to_ascii_lowercase();
    declared || start.starts_with("<!doctype html") || start.starts_with("<html")
}

fn is_login(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    [
        "password", "log in", "login", "sign in", "signin", "saml", "oauth",
    ]
    .iter()
    .any(|word| text.contains(word))
}

fn title(text: &str) -> Option<&str> {
    // ASCII lower-casing keeps byte positions.
    let lower = text.to_ascii_lowercase();
    let start = lower.find("<title>")? + "<title>".len();
    let end = start + lower.get(start..)?.find("</title>")?;
    text.get(start..end)
        .map(str::trim)
        .filter(|title| !title.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(body: &str) -> Reply {
        Reply {
            status: 200,
            body: body.as_bytes().to_vec(),
            ..Reply::default()
        }
    }

    #[test]
    fn a_login_page_is_named_as_one() {
        let text = describe(&reply(
            "<!DOCTYPE html><html><head><title>Sign in to Corp</title></head><body>...</body></html>",
        ));
        assert_eq!(
            text,
            "the destination answered 200 with a login page titled \"Sign in to Corp\""
        );
    }

    #[test]
    fn other_answers_are_quoted_short_and_harmless() {
        let text = describe(&reply(&format!("\u{1b}[31m{}", "x".repeat(5_000))));
        assert!(
            text.starts_with("the destination answered 200: \\u{1b}[31mxxx"),
            "{text}"
        );
        assert!(text.chars().count() < 200, "{text}");
        assert_eq!(describe(&reply("")), "the destination answered 200");
        assert_eq!(
            describe(&Reply {
                content_type: Some("Text/HTML; charset=x".to_owned()),
                ..reply("hello")
            }),
            "the destination answered 200 with a web page"
        );
    }
}
