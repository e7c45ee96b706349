//! What goes wrong on demand, by operation (`jobs.query`), so many times.

use super::reply::Reply;
use axum::{body::Body, http::Response};
use std::sync::{Mutex, PoisonError};

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
#[derive(Clone, Debug)]
pub struct Fault {
    act: Act,
    at: &'static str,
    skip: u32,
    times: Option<u32>,
}

impl Fault {
    /// A fault that always happens at this operation.
    #[must_use]
    pub fn new(act: Act, at: &'static str) -> Self {
        Self {
            act,
            at,
            skip: 0,
            times: None,
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
        let mut here = plan.iter_mut().filter(|fault| fault.at == operation);
        here.find_map(Fault::meet)
    }
}

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
