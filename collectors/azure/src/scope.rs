//! What part of Azure is billed here: a subscription, a resource group, a management group, or a billing account or part of it.
//! What must hold: a scope names the same source however it is written.

use finops_collector::{Failure, Source, excerpt};

/// A scope of Cost Management.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Scope {
    /// As it stands in a URL, without slashes around it.
    path: String,
    kind: Kind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    Subscription(String),
    ResourceGroup { subscription: String, group: String },
    ManagementGroup(String),
    Billing { account: String, part: String },
}

impl Scope {
    /// A scope as the operator writes it: `subscriptions/GUID`, with or without a leading slash.
    ///
    /// # Errors
    /// `settings`, where it is none.
    pub(crate) fn of(text: &str) -> Result<Self, Failure> {
        let path = text.trim_matches('/');
        let parts: Vec<&str> = path.split('/').collect();
        let fits = |part: &&str| {
            let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:()".contains(&byte);
            !part.is_empty() && part.bytes().all(fits) && !matches!(*part, "." | "..")
        };
        let lower: Vec<String> = parts.iter().map(|part| part.to_ascii_lowercase()).collect();
        let lower: Vec<&str> = lower.iter().map(String::as_str).collect();
        let kind = match lower.as_slice() {
            ["subscriptions", id] => Kind::Subscription((*id).to_owned()),
            ["subscriptions", id, "resourcegroups", group] => Kind::ResourceGroup {
                subscription: (*id).to_owned(),
                group: (*group).to_owned(),
            },
            ["providers", "microsoft.management", "managementgroups", id] => {
                Kind::ManagementGroup((*id).to_owned())
            }
            ["providers", "microsoft.billing", "billingaccounts", id, part @ ..] if part.len() % 2 == 0 => {
                Kind::Billing {
                    account: (*id).to_owned(),
                    part: part.join("/"),
                }
            }
            _ => return Err(wrong(text)),
        };
        if !parts.iter().all(fits) {
            return Err(wrong(text));
        }
        Ok(Self {
            path: path.to_owned(),
            kind,
        })
    }

    /// As it stands in a URL.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// Whose money it is.
    pub(crate) fn source(&self) -> Source {
        match &self.kind {
            Kind::Subscription(id) => Source::new("azure", id, ""),
            Kind::ResourceGroup { subscription, group } => {
                Source::new("azure", subscription, &format!("resourcegroups/{group}"))
            }
            Kind::ManagementGroup(id) => Source::new("azure", &format!("managementgroups/{id}"), ""),
            Kind::Billing { account, part } => Source::new("azure", account, part),
        }
    }

    /// The one subscription that it lies in.
    pub(crate) fn subscription(&self) -> Option<&str> {
        match &self.kind {
            Kind::Subscription(id) => Some(id),
            Kind::ResourceGroup { subscription, .. } => Some(subscription),
            _ => None,
        }
    }

    /// The resource group that it is.
    pub(crate) fn resource_group(&self) -> Option<&str> {
        match &self.kind {
            Kind::ResourceGroup { group, .. } => Some(group),
            _ => None,
        }
    }
}

fn wrong(text: &str) -> Failure {
    Failure::settings(format_args!(
        "[settings] scope: `{}` is no scope; give subscriptions/ID, subscriptions/ID/resourceGroups/NAME, \
         providers/Microsoft.Management/managementGroups/ID or providers/Microsoft.Billing/billingAccounts/ID (and what lies \
         below it)",
        excerpt(text, 120)
    ))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_scope_names_one_source_however_it_is_written() {
        let one = Scope::of("/subscriptions/AB-1/resourceGroups/RG-Web").unwrap();
        let same = Scope::of("subscriptions/ab-1/resourcegroups/rg-web/").unwrap();
        assert_eq!(one.source(), same.source());
        assert_eq!(
            (one.subscription(), one.resource_group()),
            (Some("ab-1"), Some("rg-web"))
        );
        let billing =
            Scope::of("providers/Microsoft.Billing/billingAccounts/12:34_2019-05-31/billingProfiles/P-1")
                .unwrap();
        assert_eq!(
            billing.source(),
            Source::new("azure", "12:34_2019-05-31", "billingprofiles/p-1")
        );
        assert_eq!(billing.subscription(), None);
        for text in [
            "",
            "subscriptions",
            "subscriptions/a b",
            "subscriptions/../x",
            "subscriptions/a/b",
            "a/b/c/d",
        ] {
            assert!(Scope::of(text).is_err(), "{text}");
        }
    }
}
