//! What an operator should know of a grant that works.

use super::{Grant, Remark};
use crate::egress::rule::PathPrefix;

impl Grant {
    /// What is allowed but wider than it needs to be.
    #[must_use]
    pub fn warnings(&self) -> Vec<Remark> {
        let mut found = Vec::new();
        for rule in &self.rules {
            let has_matcher = [&rule.query, &rule.form, &rule.json]
                .iter()
                .any(|matchers| !matchers.is_empty())
                || rule.headers.iter().any(|matcher| matcher.values.is_some());
            if rule.credential.is_some() && rule.paths.contains(&PathPrefix::root()) && !has_matcher {
                found.push(Remark {
                    line: rule.line,
                    message: format!(
                        "the credential may be used for every path of `{}`: narrow `paths`, or add `headers`, `query`, \
                         `form` or `json`",
                        rule.host
                    ),
                });
            }
        }
        for spec in &self.credentials {
            let keys = [
                ("connect-to", spec.connect_to.is_some()),
                ("ca", spec.ca.is_some()),
                ("addresses", !spec.addresses.is_empty()),
            ];
            let idle = keys
                .into_iter()
                .filter(|(_, given)| *given && spec.scheme.token_urls().next().is_none());
            for (key, _) in idle {
                found.push(Remark {
                    line: spec.line,
                    message: format!(
                        "`{key}` of `{}` has no effect: its scheme has no token URL; where the provider is dialled, the rule says",
                        spec.name
                    ),
                });
            }
        }
        for spec in self.credentials.iter().filter(|spec| spec.reveal) {
            found.push(Remark {
                line: spec.line,
                message: format!(
                    "`reveal = true`: the collector can read the secret of `{}`",
                    spec.name
                ),
            });
        }
        found
    }
}
