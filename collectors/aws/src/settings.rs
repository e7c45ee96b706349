//! The operator's settings, as the descriptor describes them.

use finops_collector::{Failure, Request};
use serde::Deserialize;
use std::time::Duration;

/// What the operator set.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Settings {
    /// The account that pays.
    pub(crate) account: String,
    /// Whether costs are taken after private discounts.
    #[serde(default = "yes")]
    pub(crate) net: bool,
    /// Milliseconds between two paid calls.
    #[serde(default = "second")]
    pace: u32,
    /// Whether the hourly view is read.
    #[serde(default)]
    pub(crate) hourly: bool,
    /// Key of the tag of the view by tag.
    #[serde(default)]
    pub(crate) tag: Option<String>,
    /// Name of the cost category of the view by cost category.
    #[serde(default)]
    pub(crate) cost_category: Option<String>,
    /// Services of the view by resource.
    #[serde(default)]
    pub(crate) resource_services: Vec<String>,
}

fn yes() -> bool {
    true
}

fn second() -> u32 {
    1_000
}

impl Settings {
    /// The settings of a request.
    ///
    /// # Errors
    /// `settings`.
    pub(crate) fn of(request: &Request) -> Result<Self, Failure> {
        let settings: Self = request.settings()?;
        let account = &settings.account;
        if account.len() != 12 || !account.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(Failure::settings(
                "[settings] account: give the 12 digits of the account that pays (of the organization's management account)",
            ));
        }
        Ok(settings)
    }

    /// Time between two paid calls.
    pub(crate) fn pace(&self) -> Duration {
        Duration::from_millis(self.pace.into())
    }
}
