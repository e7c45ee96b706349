//! A plan of faults for a provider's simulator: what goes wrong on demand, by operation, so many times. What a fault does is the
//! provider's own.

use std::sync::{Mutex, PoisonError};

/// A fault in the plan.
#[derive(Clone, Debug)]
pub struct Fault<A> {
    act: A,
    /// Absent: any operation.
    at: Option<String>,
    skip: u32,
    times: Option<u32>,
}

impl<A: Clone> Fault<A> {
    /// A fault that always happens at every operation.
    #[must_use]
    pub fn new(act: A) -> Self {
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

    fn meet(&mut self) -> Option<A> {
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
#[derive(Debug)]
pub struct Plan<A>(Mutex<Vec<Fault<A>>>);

impl<A> Default for Plan<A> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<A: Clone> Plan<A> {
    /// Adds a fault.
    pub fn add(&self, fault: Fault<A>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(fault);
    }

    /// Forgets all faults.
    pub fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    pub(crate) fn meet(&self, operation: &str) -> Option<A> {
        let mut plan = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut here = plan
            .iter_mut()
            .filter(|fault| fault.at.as_deref().is_none_or(|at| at == operation));
        here.find_map(Fault::meet)
    }
}
