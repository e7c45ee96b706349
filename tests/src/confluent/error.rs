//! Confluent's errors: JSON:API-like, with an id of the request.

use crate::provider::Reply;
use serde_json::{Value, json};

/// Id of every request.
const REQUEST: &str = "ed42afdd-f0d5-4c0d-8428-9fc6e1a3bd31";

/// An error; `parameter` names what of the query is wrong.
pub(super) fn reply(status: u16, code: &str, detail: &str, parameter: &str) -> Reply {
    let source = match parameter.is_empty() {
        true => Value::Null,
        false => json!({"parameter": parameter}),
    };
    let error = json!({"id": REQUEST, "status": status.to_string(), "code": code, "title": code.replace('_', " "),
        "detail": detail, "source": source});
    Reply::json(status, &json!({"errors": [error]})).with("x-request-id", REQUEST)
}

/// The shorter error of the rate limit.
pub(super) fn throttled() -> Reply {
    let error = json!({"status": "429", "detail": "Exceeded rate limit"});
    Reply::json(429, &json!({"errors": [error]}))
}
