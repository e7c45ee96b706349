//! What goes wrong on demand, by operation (`ce:GetCostAndUsage`), so many times.

use super::reply::{Dialect, Reply};
use axum::{body::Body, http::Response};
use serde::Deserialize;
use std::sync::{Mutex, PoisonError};

/// What happens.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
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
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    act: Act,
    /// `ce:GetCostAndUsage`; absent: any operation.
    at: Option<String>,
    #[serde(default)]
    skip: u32,
    times: Option<u32>,
}

impl Fault {
    /// A fault that always happens at every operation.
    #[must_use]
    pub fn new(act: Act) -> Self {
        Self {
            act,
            at: None,
            skip: 0,
            times: None,
        }
    }

    /// Only at this operation.
    #[must_use]
    pub fn at(self, operation: &str) -> Self {
        Self {
            at: Some(operation.to_owned()),
            ..self
        }
    }

    /// Only so many times.
    #[must_use]
    pub fn times(self, times: u32) -> Self {
        Self {
            times: Some(times),
            ..self
        }
    }

    /// Only after it was passed so many times.
    #[must_use]
    pub fn after(self, skip: u32) -> Self {
        Self { skip, ..self }
    }

    fn meet(&mut self) -> Option<Act> {
        if self.skip > 0 {
            self.skip -= 1;
            return None;
        }
        match &mut self.times {
            Some(0) => return None,
            Some(times) => *times -= 1,
            None => {}
        }
        Some(self.act.clone())
    }
}

/// The plan of faults.
#[derive(Debug, Default)]
pub struct Faults(Mutex<Vec<Fault>>);

impl Faults {
    /// Adds a fault.
    pub fn add(&self, fault: Fault) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(fault);
    }

    /// Forgets all faults.
    pub fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    pub(crate) fn meet(&self, operation: &str) -> Option<Act> {
        let mut plan = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut here = plan
            .iter_mut()
            .filter(|fault| fault.at.as_deref().is_none_or(|at| at == operation));
        here.find_map(Fault::meet)
    }
}

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
