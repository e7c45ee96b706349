//! The operator's settings, as the descriptor describes them.

use finops_collector::{Failure, Request};
use serde::Deserialize;

/// What the operator set.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Settings {
    /// The account that is billed.
    pub(crate) account: String,
    /// Who sends the invoice, where it is not Redis.
    #[serde(default)]
    pub(crate) invoice_issuer: Option<String>,
    /// Whether subscriptions and databases are observed.
    #[serde(default = "yes")]
    pub(crate) inventory: bool,
    /// Seconds for which a report is waited for.
    #[serde(default = "five_minutes")]
    pub(crate) report_timeout: u32,
    /// Seconds between two calls.
    #[serde(default = "one")]
    pub(crate) pause: u32,
}

fn yes() -> bool {
    true
}

fn five_minutes() -> u32 {
    300
}

fn one() -> u32 {
    1
}

impl Settings {
    /// The settings of a request.
    ///
    /// # Errors
    /// `settings`.
    pub(crate) fn of(request: &Request) -> Result<Self, Failure> {
        let settings: Self = request.settings()?;
        match settings.account.trim().is_empty() {
            true => Err(Failure::settings("[settings] account: give the account's id")),
            false => Ok(settings),
        }
    }
}
