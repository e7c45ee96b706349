//! What goes wrong on demand, by operation (`ce:GetCostAndUsage`), so many times.

use super::reply::{Dialect, Reply};
use crate::plan;
use axum::{body::Body, http::Response};

/// What happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// 400 with LimitExceededException, AWS's own throttle of Cost Explorer.
    Throttle,
    /// That exception with that status.
    Exception {
        /// The HTTP status.
        status: u16,
        /// AWS's code.
        code: String,
        /// AWS's message.
        message: String,
    },
    /// 403 or 400, as for a role without the permission.
    Deny,
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
pub(crate) fn answered(
    act: &Act,
    operation: &str,
    dialect: Dialect,
    right: impl FnOnce() -> Reply,
) -> Response<Body> {
    let reply = match act {
        Act::Throttle => Reply::error(dialect, 400, "LimitExceededException", "Rate exceeded"),
        Act::Exception {
            status,
            code,
            message,
        } => Reply::error(dialect, *status, code, message),
        Act::Deny => denied(operation, dialect),
        Act::Html => Reply::html(200),
        Act::Truncated => right().cut(),
        Act::Reset => return right().reset(),
    };
    reply.whole()
}

/// What a role without the permission is told.
pub(crate) fn denied(operation: &str, dialect: Dialect) -> Reply {
    let who = "User: arn:aws:sts::123456789012:assumed-role/finops/host";
    let message = format!("{who} is not authorized to perform: {operation} on resource: *");
    match dialect {
        Dialect::Json => Reply::error(dialect, 400, "AccessDeniedException", &message),
        Dialect::Ec2 => Reply::error(
            dialect,
            403,
            "UnauthorizedOperation",
            &format!("You are not authorized to perform this operation. {message}"),
        ),
        Dialect::Query | Dialect::S3 => Reply::error(dialect, 403, "AccessDenied", &message),
        Dialect::Rest => Reply::error(dialect, 403, "AccessDeniedException", &message),
    }
}
