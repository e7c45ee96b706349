//! The settings of the operator's file.

use finops_collector::{Failure, Request};
use serde::Deserialize;

/// The settings.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Settings {
    /// The billed organization.
    pub(crate) organization: String,
    /// Whether used tokens are observed.
    #[serde(default = "yes")]
    pub(crate) usage: bool,
}

fn yes() -> bool {
    true
}

impl Settings {
    /// The settings of a request.
    ///
    /// # Errors
    /// `settings`.
    pub(crate) fn of(request: &Request) -> Result<Self, Failure> {
        let settings: Self = request.settings()?;
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if settings.organization.is_empty() || !settings.organization.bytes().all(plain) {
            return Err(Failure::settings(
                "[settings] organization: give the organization's id, such as org-AbC123 (platform.openai.com, Settings > \
                 Organization > General)",
            ));
        }
        Ok(settings)
    }
}
