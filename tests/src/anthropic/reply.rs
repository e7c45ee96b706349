//! Anthropic's errors, and who is let in.

use super::ADMIN_KEY;
use crate::provider::{Asked, Reply};
use axum::http::Method;
use serde_json::json;

/// An error of Anthropic's.
#[must_use]
pub fn refused(status: u16, kind: &str, says: &str) -> Reply {
    let error = json!({"type": kind, "message": says});
    Reply::json(
        status,
        &json!({"type": "error", "error": error, "request_id": "req_simulated"}),
    )
}

/// 429 with a time to wait.
#[must_use]
pub fn throttled(retry_after: u32) -> Reply {
    refused(
        429,
        "rate_limit_error",
        "Number of requests has exceeded your rate limit",
    )
    .with("retry-after", &retry_after.to_string())
}

/// Why somebody is not answered.
pub(super) fn unwelcome(asked: &Asked) -> Option<Reply> {
    if asked.header("x-api-key") != ADMIN_KEY {
        return Some(refused(401, "authentication_error", "invalid x-api-key"));
    }
    if asked.header("anthropic-version") != "2023-06-01" {
        return Some(refused(
            400,
            "invalid_request_error",
            "anthropic-version: header is required",
        ));
    }
    if asked.method != Method::GET {
        return Some(refused(405, "invalid_request_error", "Method not allowed"));
    }
    None
}
