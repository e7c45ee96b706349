//! Pages of time buckets: `{"data": [{"start_time": …, "results": […]}], "has_more": true, "next_page": "…"}`.
//! What must hold: a page that says there is more and does not name it is no end, and one bucket at a time stands in memory.

use crate::{Failure, Instant, Response, excerpt, json::each_beside, tokens::turn_pages};
use jiff::Timestamp;
use serde::{Deserialize, Deserializer, de::Error as _};
use serde_json::Value;

/// One bucket.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Bucket<R> {
    /// When it begins, from `start_time` (Unix seconds) or `starting_at` (RFC 3339).
    #[serde(alias = "start_time", alias = "starting_at", deserialize_with = "instant")]
    pub start: Instant,
    /// What it holds.
    pub results: Vec<R>,
}

#[derive(Deserialize)]
struct Onward {
    has_more: bool,
    #[serde(default)]
    next_page: Option<String>,
}

/// Hands on every bucket of all pages that begins before `until`. `send` fetches one page; it is asked for no more pages
/// once all of one begin later.
///
/// # Errors
/// Those of `send` and `each`; `malformed-reply` where a page is not as above; `incomplete` where it does not name the next.
pub fn each_bucket<R: for<'de> Deserialize<'de>>(
    url: &str,
    until: Instant,
    mut send: impl FnMut(&str) -> Result<Response, Failure>,
    mut each: impl FnMut(Bucket<R>) -> Result<(), Failure>,
) -> Result<(), Failure> {
    turn_pages(url, "page", |url| {
        let response = send(url)?.success()?;
        let (mut early, mut late) = (0_u32, 0_u32);
        let onward: Onward = each_beside(response.reader(), "data", |bucket: Bucket<R>| {
            if bucket.start >= until {
                late = late.saturating_add(1);
                return Ok(());
            }
            early = early.saturating_add(1);
            each(bucket)
        })?;
        match onward {
            Onward { has_more: false, .. } => Ok(None),
            _ if early == 0 && late > 0 => Ok(None),
            Onward {
                next_page: Some(next),
                ..
            } if !next.is_empty() => Ok(Some(next)),
            Onward { .. } => Err(Failure::incomplete(
                "the page says that there are more, and does not name the next",
            )),
        }
    })
}

fn instant<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Instant, D::Error> {
    let value = Value::deserialize(deserializer)?;
    let instant = match &value {
        Value::Number(seconds) => seconds.as_i64(),
        Value::String(text) => text.parse::<Timestamp>().ok().map(Timestamp::as_second),
        _ => None,
    };
    instant.ok_or_else(|| D::Error::custom(format_args!("`{}` is no time", excerpt(&value.to_string(), 40))))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{FailureKind, period::DAY, testing::reply};

    type Found = Vec<(Instant, Vec<u8>)>;

    fn read(pages: &[&str], until: Instant) -> (Result<(), Failure>, Found, usize) {
        let (mut found, mut sent) = (Vec::new(), 0);
        let mut pages = pages.iter();
        let read = each_bucket(
            "https://api.example/costs",
            until,
            |_| {
                sent += 1;
                Ok(reply(200, pages.next().unwrap()))
            },
            |bucket: Bucket<u8>| {
                found.push((bucket.start, bucket.results));
                Ok(())
            },
        );
        (read, found, sent)
    }

    #[test]
    fn both_ways_of_writing_times_are_read_over_all_pages() {
        let (read, found, _) = read(
            &[
                r#"{"object":"page","data":[{"start_time":0,"results":[1,2]}],"has_more":true,"next_page":"b"}"#,
                r#"{"data":[{"results":[],"starting_at":"1970-01-02T00:00:00Z"}],"has_more":false,"next_page":null}"#,
            ],
            9 * DAY,
        );
        assert_eq!(read, Ok(()));
        assert_eq!(found, [(0, vec![1, 2]), (DAY, vec![])]);
    }

    #[test]
    fn what_begins_later_is_left_out_and_not_paged_through() {
        let page = |start: Instant| {
            format!(
                r#"{{"data":[{{"start_time":{start},"results":[]}}],"has_more":true,"next_page":"{start}"}}"#
            )
        };
        let pages = [page(0), page(DAY), page(2 * DAY)];
        let (read, found, sent) = read(&pages.each_ref().map(String::as_str), DAY);
        assert_eq!((read, found.len(), sent), (Ok(()), 1, 2));
    }

    #[test]
    fn an_end_that_is_none_is_said() {
        let (failed, ..) = read(&[r#"{"data":[],"has_more":true,"next_page":null}"#], DAY);
        assert_eq!(failed.unwrap_err().kind, FailureKind::Incomplete);
        for body in [
            r#"{"data":[]}"#,
            r#"{"data":[{"start_time":"soon","results":[]}],"has_more":false}"#,
            r#"{"data":[{"start_time":0}],"has_more":false}"#,
            "<html>",
        ] {
            let (failed, ..) = read(&[body], DAY);
            assert_eq!(failed.unwrap_err().kind, FailureKind::MalformedReply, "{body}");
        }
    }
}
