//! What goes wrong on demand, by operation (`query`, `graph`, `token`, `blob`), so many times.

use super::reply::Reply;
use crate::plan;
use axum::{body::Body, http::Response};

/// What happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// 429 with these waits in seconds, each in the header of one of Azure's counts.
    Throttle {
        /// `...-qpu-retry-after`.
        qpu: u32,
        /// `...-entity-retry-after`.
        entity: u32,
        /// `...-tenant-retry-after`.
        tenant: u32,
    },
    /// That status with that error.
    Error {
        /// The HTTP status.
        status: u16,
        /// Azure's code.
        code: String,
        /// Azure's message.
        message: String,
    },
    /// 204.
    NoContent,
    /// 200 with a page of HTML.
    Html,
    /// The right answer, cut in the middle, as a complete response.
    Truncated,
    /// The right answer, the connection lost in the middle of its body.
    Reset,
    /// The query is answered for a period so many days earlier, without a word.
    Shift(i64),
    /// The next link leads to another host.
    Elsewhere,
}

/// A fault in the plan.
pub type Fault = plan::Fault<Act>;
/// The plan of faults.
pub type Faults = plan::Plan<Act>;

/// What is answered where a fault happens.
pub(crate) fn answered(act: &Act, right: impl FnOnce() -> Reply) -> Response<Body> {
    let reply = match act {
        Act::Throttle { qpu, entity, tenant } => {
            let count = |name: &str| format!("x-ms-ratelimit-microsoft.costmanagement-{name}-retry-after");
            Reply::error(429, "429", "Too many requests. Please retry.")
                .header(&count("qpu"), &qpu.to_string())
                .header(&count("entity"), &entity.to_string())
                .header(&count("tenant"), &tenant.to_string())
        }
        Act::Error {
            status,
            code,
            message,
        } => Reply::error(*status, code, message),
        Act::NoContent => Reply::no_content(),
        Act::Html => Reply::html(200),
        Act::Truncated => right().cut(),
        Act::Reset => return right().reset(),
        // These two change the answer itself.
        Act::Shift(_) | Act::Elsewhere => right(),
    };
    reply.whole()
}
