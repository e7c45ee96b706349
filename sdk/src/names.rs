//! Names by id, from lists `{"data": [{"id": "…", "name": "…"}], "has_more": true, "last_id": "…"}`.

use crate::{Failure, Response, json::each_beside, tokens::turn_pages};
use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Deserialize)]
struct Named {
    id: String,
    #[serde(default)]
    name: Option<String>,
}

#[derive(Deserialize)]
struct Onward {
    #[serde(default)]
    has_more: bool,
    #[serde(default)]
    last_id: Option<String>,
}

/// The names of all pages; the query parameter `after` takes the last id of the page before. `send` fetches one page.
///
/// # Errors
/// Those of `send`; `malformed-reply` where a page is not as above.
pub fn names_by_id(
    url: &str,
    after: &str,
    mut send: impl FnMut(&str) -> Result<Response, Failure>,
) -> Result<BTreeMap<String, String>, Failure> {
    let mut names = BTreeMap::new();
    turn_pages(url, after, |url| {
        let onward: Onward = each_beside(send(url)?.success()?.reader(), "data", |named: Named| {
            names.extend(named.name.map(|name| (named.id, name)));
            Ok(())
        })?;
        Ok(onward.last_id.filter(|_| onward.has_more))
    })?;
    Ok(names)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::testing::reply;

    #[test]
    fn names_of_all_pages_are_found_and_things_without_one_are_left_out() {
        let mut asked = Vec::new();
        let names = names_by_id("https://api.example/things?limit=2", "after_id", |url| {
            asked.push(url.to_owned());
            Ok(match asked.len() {
                1 => reply(
                    200,
                    r#"{"data":[{"id":"a","name":"A","x":1},{"id":"b","name":null}],"has_more":true,"last_id":"b"}"#,
                ),
                _ => reply(200, r#"{"data":[{"id":"c","name":"C"}],"has_more":false,"last_id":"c"}"#),
            })
        })
        .unwrap();
        let expected = [("a", "A"), ("c", "C")].map(|(id, name)| (id.to_owned(), name.to_owned()));
        assert_eq!(names, BTreeMap::from(expected));
        assert_eq!(
            asked.last().unwrap(),
            "https://api.example/things?limit=2&after_id=b"
        );
        assert!(names_by_id("https://api.example/", "after", |_| Ok(reply(403, ""))).is_err());
    }
}
