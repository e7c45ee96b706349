//! Warnings of a run, each said once: a bill repeats what is unknown on thousands of lines.
//! What must hold: they never fill the run's log, and where some are left out that is said too.

use crate::Host;
use std::{cell::RefCell, collections::BTreeSet, fmt::Display};

/// How many different ones are said.
const MOST: usize = 200;

/// What was warned of so far.
pub struct Warnings<'h> {
    host: &'h dyn Host,
    said: RefCell<BTreeSet<String>>,
}

impl<'h> Warnings<'h> {
    /// None so far.
    #[must_use]
    pub fn new(host: &'h dyn Host) -> Self {
        Self {
            host,
            said: RefCell::default(),
        }
    }

    /// Warns, unless the same was said before.
    pub fn once(&self, warning: impl Display) {
        let mut said = self.said.borrow_mut();
        if said.len() > MOST {
            return;
        }
        let warning = warning.to_string();
        if said.contains(&warning) {
            return;
        }
        match said.len() == MOST {
            true => self.host.warn("further warnings are left out"),
            false => self.host.warn(&warning),
        }
        said.insert(warning);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::FakeHost;

    #[test]
    fn each_warning_is_said_once_and_many_end_with_a_word() {
        let host = FakeHost::new();
        let warnings = Warnings::new(&host);
        for _ in 0..3 {
            warnings.once("the unit `parsecs` is not known");
        }
        assert_eq!(host.logs().len(), 1);
        for number in 0..2 * MOST {
            warnings.once(number);
        }
        assert_eq!(host.logs().len(), MOST + 1);
        let last = host.logs().pop().map(|(_, text)| text);
        assert_eq!(last.as_deref(), Some("further warnings are left out"));
    }
}
