//! OpenAI's errors, and who is let in.

use super::{ADMIN_KEY, ORGANIZATION};
use crate::provider::{Asked, Reply};
use axum::http::Method;
use serde_json::{Value, json};

/// An error of OpenAI's.
#[must_use]
pub fn refused(status: u16, kind: &str, parameter: Option<&str>, says: &str) -> Reply {
    error(status, (kind, None), parameter, says)
}

/// 429; without a time to wait the organization has to do something.
#[must_use]
pub fn throttled(retry_after: Option<u32>) -> Reply {
    let reply = error(
        429,
        ("requests", Some("rate_limit_exceeded")),
        None,
        "Rate limit reached for the admin API.",
    );
    match retry_after {
        Some(seconds) => reply.with("retry-after", &seconds.to_string()),
        None => reply,
    }
}

fn error(status: u16, (kind, code): (&str, Option<&str>), parameter: Option<&str>, says: &str) -> Reply {
    let body: Value = json!({"error": {"message": says, "type": kind, "param": parameter, "code": code}});
    Reply::json(status, &body).with("x-request-id", "req_simulated")
}

/// Why somebody is not answered.
pub(super) fn unwelcome(asked: &Asked) -> Option<Reply> {
    let kind = "invalid_request_error";
    if asked.method != Method::GET {
        return Some(refused(
            405,
            kind,
            None,
            "Not allowed to do that on this endpoint.",
        ));
    }
    let Some(key) = asked.header("authorization").strip_prefix("Bearer ") else {
        return Some(refused(401, kind, None, "You didn't provide an API key."));
    };
    if key != ADMIN_KEY {
        // As OpenAI does, the message shows the ends of the key and stars between.
        let says = "Incorrect API key provided: sk-p****cdef.";
        return Some(error(401, (kind, Some("invalid_api_key")), None, says));
    }
    let organization = asked.header("openai-organization");
    if !organization.is_empty() && organization != ORGANIZATION {
        let says = "OpenAI-Organization header should match organization for API key.";
        return Some(error(401, (kind, Some("mismatched_organization")), None, says));
    }
    None
}
