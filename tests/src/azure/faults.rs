//! What goes wrong on demand, by operation (`query`, `graph`, `token`, `blob`), so many times.

use super::reply::Reply;
use axum::{body::Body, http::Response};
use std::sync::{Mutex, PoisonError};

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
#[derive(Clone, Debug)]
pub struct Fault {
    act: Act,
    at: Option<String>,
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
    /// Plans one more.
    pub fn add(&self, fault: Fault) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(fault);
    }

    /// Plans none any more.
    pub fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    pub(crate) fn meet(&self, operation: &str) -> Option<Act> {
        let mut faults = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut here = faults
            .iter_mut()
            .filter(|fault| fault.at.as_deref().is_none_or(|at| at == operation));
        here.find_map(Fault::meet)
    }
}

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
