//! Warnings that a thousand lines give cause for and the operator reads once.

use crate::Host;
use std::{cell::RefCell, collections::BTreeSet};

/// What was warned of in this call.
pub struct Warnings<'h> {
    host: &'h dyn Host,
    said: RefCell<BTreeSet<String>>,
}

impl<'h> Warnings<'h> {
    /// Nothing so far.
    #[must_use]
    pub fn new(host: &'h dyn Host) -> Self {
        Self {
            host,
            said: RefCell::default(),
        }
    }

    /// Warns, unless the same was said before.
    pub fn once(&self, warning: impl std::fmt::Display) {
        let warning = warning.to_string();
        if self.said.borrow_mut().insert(warning.clone()) {
            self.host.warn(warning);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::FakeHost;

    #[test]
    fn the_same_is_said_once() {
        let host = FakeHost::new();
        let warnings = Warnings::new(&host);
        for unit in ["A", "B", "A"] {
            warnings.once(format_args!("the unit {unit} is not known"));
        }
        assert_eq!(host.logs().len(), 2);
    }
}
