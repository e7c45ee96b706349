//! Warnings about a provider's data, each given once.
//! What must hold: a bill of a million unknown things fills neither the log nor the memory.

use crate::Host;
use std::{cell::RefCell, collections::BTreeSet};

/// How many different warnings are given.
const MOST: usize = 100;

/// The warnings of a run.
pub struct Warnings<'h> {
    host: &'h dyn Host,
    given: RefCell<BTreeSet<String>>,
}

impl<'h> Warnings<'h> {
    /// None given yet.
    #[must_use]
    pub fn new(host: &'h dyn Host) -> Self {
        Self {
            host,
            given: RefCell::default(),
        }
    }

    /// Warns, unless the same was said before. After a hundred different ones it says once that no more are shown.
    pub fn once(&self, warning: impl Into<String>) {
        let warning = warning.into();
        let mut given = self.given.borrow_mut();
        if given.len() > MOST || given.contains(&warning) {
            return;
        }
        match given.len() == MOST {
            true => self
                .host
                .warn("there are more warnings of this kind than are shown"),
            false => self.host.warn(&warning),
        }
        given.insert(warning);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::testing::FakeHost;

    #[test]
    fn the_same_is_said_once_and_a_flood_ends() {
        let host = FakeHost::new();
        let warnings = Warnings::new(&host);
        for _ in 0..3 {
            warnings.once("a");
        }
        assert_eq!(host.logs().len(), 1);
        for number in 0..500 {
            warnings.once(format!("the unit `{number}` is not known"));
        }
        assert_eq!(host.logs().len(), MOST + 1);
        assert!(host.logs().last().unwrap().1.contains("more warnings"));
    }
}
