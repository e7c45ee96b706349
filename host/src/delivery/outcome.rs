//! What an answer of the destination means: the table of outcomes as one pure function.
//!
//! What must hold: only a 2xx that says `"status": "success"` settles; whatever may have been stored is ambiguous.

use super::{reply_text::describe, retry_after::retry_after};
use jiff::Timestamp;
use serde_json::Value;
use std::time::Duration;

/// An answer with its headers, as far as they matter here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// `Retry-After`.
    pub retry_after: Option<String>,
    /// `Location`.
    pub location: Option<String>,
    /// `Content-Type`.
    pub content_type: Option<String>,
    /// `Date`: the destination's own clock.
    pub date: Option<String>,
    /// The body, as much of it as was read.
    pub body: Vec<u8>,
    /// How much that is.
    pub extent: Extent,
}

/// How much of a body was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Extent {
    /// All of it.
    #[default]
    Whole,
    /// It is longer than what is looked at.
    Cut,
    /// The connection broke, or the time ran out.
    Lost(String),
}

/// How a request ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Exchange {
    /// The destination answered.
    Answered(Reply),
    /// No byte of the request left: no connection, TLS or DNS error.
    NotConnected(String),
    /// The request began to leave and no status came back.
    Lost(String),
}

/// What to do about a batch, with the reason in words for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Certainly taken.
    Settled,
    /// A 2xx that does not say success: hold and report.
    Unexpected(String),
    /// Certainly not taken: try again, not before that long where the destination says so.
    Retry {
        /// What happened.
        why: String,
        /// The destination's `Retry-After`.
        after: Option<Duration>,
    },
    /// Perhaps taken: look it up.
    Ambiguous(String),
    /// The destination cannot read it: bisect.
    Rejected(String),
    /// A person must change something: pause.
    Configuration(String),
    /// Halve.
    TooLarge(String),
}

impl Outcome {
    /// In a word.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Settled => "settled",
            Self::Unexpected(_) => "unexpected",
            Self::Retry { .. } => "retry",
            Self::Ambiguous(_) => "ambiguous",
            Self::Rejected(_) => "rejected",
            Self::Configuration(_) => "configuration",
            Self::TooLarge(_) => "too-large",
        }
    }
}

/// Classifies the answer to a batch, or to a registration.
#[must_use]
pub fn classify(exchange: &Exchange, now: Timestamp) -> Outcome {
    let reply = match exchange {
        Exchange::NotConnected(why) => {
            return Outcome::Retry {
                why: why.clone(),
                after: None,
            };
        }
        Exchange::Lost(why) => return Outcome::Ambiguous(why.clone()),
        Exchange::Answered(reply) => reply,
    };
    match failure(reply, now) {
        Some(outcome) => outcome,
        None => match &reply.extent {
            Extent::Whole if says_success(&reply.body) => Outcome::Settled,
            Extent::Lost(why) => {
                Outcome::Ambiguous(format!("{}, but the answer was lost: {why}", describe(reply)))
            }
            _ => Outcome::Unexpected(format!(
                "{}, which is not OpenFinOps's {{\"status\": \"success\"}}; is `endpoint` in [openfinops] right?",
                describe(reply)
            )),
        },
    }
}

/// What a status other than 2xx means; `None` for a 2xx.
#[must_use]
pub fn failure(reply: &Reply, now: Timestamp) -> Option<Outcome> {
    let why = || describe(reply);
    Some(match reply.status {
        200..=299 => return None,
        408 | 425 | 429 | 503 => Outcome::Retry {
            why: why(),
            after: reply
                .retry_after
                .as_deref()
                .and_then(|text| retry_after(text, now)),
        },
        400 | 415 | 422 => Outcome::Rejected(why()),
        413 => Outcome::TooLarge(why()),
        300..=399 => Outcome::Configuration(format!(
            "{}; redirects are not followed: set `endpoint` in [openfinops] to the final address",
            why()
        )),
        401 | 403 => Outcome::Configuration(format!(
            "{}; let this host through, then run `finops-host destination resume`",
            why()
        )),
        // 501 and 505 say that the request can never work, 511 is a captive portal.
        400..=499 | 501 | 505 | 511 => Outcome::Configuration(format!(
            "{}; correct `endpoint` in [openfinops], then run `finops-host destination resume`",
            why()
        )),
        _ => Outcome::Ambiguous(why()),
    })
}

fn says_success(body: &[u8]) -> bool {
    serde_json::from_slice::<Value>(body)
        .is_ok_and(|body| body.get("status").and_then(Value::as_str) == Some("success"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::panic)]
    use super::*;

    fn answered(status: u16, body: &str) -> Exchange {
        Exchange::Answered(Reply {
            status,
            body: body.as_bytes().to_vec(),
            ..Reply::default()
        })
    }

    fn name(exchange: &Exchange) -> &'static str {
        classify(exchange, Timestamp::UNIX_EPOCH).name()
    }

    #[test]
    fn every_status_has_its_outcome() {
        let table: &[(&[u16], &str)] = &[
            (&[408, 425, 429, 503], "retry"),
            (&[500, 502, 504, 507, 520, 599, 100, 700], "ambiguous"),
            (&[400, 415, 422], "rejected"),
            (
                &[
                    401, 403, 404, 405, 301, 302, 304, 307, 308, 402, 410, 501, 505, 511,
                ],
                "configuration",
            ),
            (&[413], "too-large"),
        ];
        for (statuses, expected) in table {
            for status in *statuses {
                // A body that says success changes nothing about a failure.
                assert_eq!(
                    name(&answered(*status, r#"{"status":"success"}"#)),
                    *expected,
                    "{status}"
                );
            }
        }
    }

    #[test]
    fn only_a_whole_success_settles() {
        for (status, body, expected) in [
            (200, r#"{"status":"success","message":"x"}"#, "settled"),
            (201, r#"{"status":"success"}"#, "settled"),
            (200, r#"{"status":"error"}"#, "unexpected"),
            (200, r#"{"status":["success"]}"#, "unexpected"),
            (200, r#"["success"]"#, "unexpected"),
            (200, "success", "unexpected"),
            (200, r#"{"status":"success""#, "unexpected"),
            (204, "", "unexpected"),
            (
                200,
                "<html><form><input type=password></form></html>",
                "unexpected",
            ),
        ] {
            assert_eq!(name(&answered(status, body)), expected, "{body}");
        }
        let with = |extent: Extent| {
            Exchange::Answered(Reply {
                status: 200,
                body: br#"{"status":"success"}"#.to_vec(),
                extent,
                ..Reply::default()
            })
        };
        assert_eq!(name(&with(Extent::Lost("reset".to_owned()))), "ambiguous");
        assert_eq!(name(&with(Extent::Cut)), "unexpected");
    }

    #[test]
    fn only_a_missing_connection_is_certain() {
        assert_eq!(name(&Exchange::NotConnected("refused".to_owned())), "retry");
        assert_eq!(name(&Exchange::Lost("reset".to_owned())), "ambiguous");
    }

    #[test]
    fn a_redirect_says_where_to_and_what_to_do() {
        let reply = Exchange::Answered(Reply {
            status: 302,
            location: Some("https://login.example/\u{1b}[2J".to_owned()),
            ..Reply::default()
        });
        let Outcome::Configuration(why) = classify(&reply, Timestamp::UNIX_EPOCH) else {
            panic!("a redirect pauses");
        };
        assert!(
            why.contains("302") && why.contains("https://login.example/"),
            "{why}"
        );
        assert!(why.contains("endpoint") && !why.contains('\u{1b}'), "{why}");
    }
}
