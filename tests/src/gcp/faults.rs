//! What goes wrong on demand, by operation (`jobs.query`), so many times.

use super::reply::Reply;
use crate::plan;
use axum::{body::Body, http::Response};

/// What happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// An error with that status and reason.
    Refuse(u16, &'static str),
    /// 200 with a page of HTML.
    Html,
    /// The right answer, cut in the middle, as a complete response.
    Truncated,
    /// The right answer, the connection lost in the middle of its body.
    Reset,
}

/// A fault in the plan.
pub type Fault = plan::Fault<Act>;
/// The plan of faults.
pub type Faults = plan::Plan<Act>;

/// What is answered where a fault happens.
pub(crate) fn answered(act: &Act, right: impl FnOnce() -> Reply) -> Response<Body> {
    let reply = match act {
        Act::Refuse(status, reason) => Reply::error(
            *status,
            reason,
            &format!("The simulator was told to answer {reason}."),
        ),
        Act::Html => Reply::html(),
        Act::Truncated => right().cut(),
        Act::Reset => return right().reset(),
    };
    reply.whole()
}
