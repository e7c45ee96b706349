//! Confluent's errors: JSON:API-like, with an id of the request.

use crate::provider::Reply;
use serde_json::json;

/// An error; `parameter` names what of the query is wrong.
pub(super) fn reply(status: u16, code: &str, detail: &str, parameter: &str) -> Reply {
    let mut error = json!({"id": "ed42afdd-f0d5-4c0d-8428-9fc6e1a3bd31", "status": status.to_string(), "code": code,
        "title": code.replace('_', " "), "detail": detail});
    if !parameter.is_empty() {
        error["source"] = json!({"parameter": parameter});
    }
    Reply::json(status, &json!({"errors": [error]}))
        .with("x-request-id", "ed42afdd-f0d5-4c0d-8428-9fc6e1a3bd31")
}

/// The shorter error of the rate limit.
pub(super) fn throttled() -> Reply {
    let error = json!({"status": "429", "detail": "Exceeded rate limit"});
    Reply::json(429, &json!({"errors": [error]}))
}
