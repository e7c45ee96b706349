//! The grant as a whole: what an operator's file allows. `config` asks for its conflicts and warnings when it reads the file.

mod conflicts;
#[cfg(test)]
mod tests;
mod warnings;

use super::{credential::CredentialSpec, request::Target, rule::Rule};
use std::fmt;

/// All that one operator's file allows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grant {
    /// The `[[allow]]` rules, in the file's order.
    pub rules: Vec<Rule>,
    /// The `[credentials.NAME]` tables.
    pub credentials: Vec<CredentialSpec>,
}

/// Something about a grant that the operator must change or should know, with the line it stands on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
    /// Line in the operator's file.
    pub line: usize,
    /// What is wrong, and what to do.
    pub message: String,
}

impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.message)
    }
}

impl Grant {
    /// The credential of a rule.
    pub(super) fn credential_of(&self, rule: &Rule) -> Option<&CredentialSpec> {
        let name = rule.credential.as_ref()?;
        self.credentials.iter().find(|spec| spec.name == *name)
    }

    /// The credential whose token URL that target is. No rule allows it.
    pub(super) fn mints_at(&self, target: &Target) -> Option<&CredentialSpec> {
        self.credentials.iter().find(|spec| {
            let mut places = spec.scheme.places().into_iter();
            places.any(|place| place.is_reached_by(target))
        })
    }
}
