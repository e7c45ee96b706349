//! The operator's settings, as the descriptor describes them.

use finops_collector::{Failure, Request};
use serde::Deserialize;

/// Which prices the usage is multiplied by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum PriceChoice {
    /// The account's own where they can be read, else list prices.
    Auto,
    /// List prices alone.
    List,
    /// The account's own; where they cannot be read, nothing is.
    Account,
}

/// What the operator set.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Settings {
    host: String,
    /// The Databricks account, which is the source's billed account.
    pub(crate) account_id: String,
    warehouse_id: String,
    #[serde(default = "auto")]
    pub(crate) prices: PriceChoice,
    /// The currency of the prices, where there are several.
    #[serde(default)]
    pub(crate) currency: Option<String>,
    /// Whether the view by job run is written.
    #[serde(default = "yes")]
    pub(crate) job_runs: bool,
    /// Whether clusters, warehouses, pipelines and job runs are observed.
    #[serde(default = "yes")]
    pub(crate) inventory: bool,
    /// Seconds for which a statement is waited for.
    #[serde(default = "patience")]
    pub(crate) statement_timeout: u32,
}

fn auto() -> PriceChoice {
    PriceChoice::Auto
}

fn yes() -> bool {
    true
}

fn patience() -> u32 {
    400
}

impl Settings {
    /// The settings of a request.
    ///
    /// # Errors
    /// `settings`.
    pub(crate) fn of(request: &Request) -> Result<Self, Failure> {
        let settings: Self = request.settings()?;
        settings.origin()?;
        settings.warehouse()?;
        if settings.account_id.is_empty() {
            return Err(Failure::settings("[settings] account-id: give the account's id"));
        }
        if let Some(code) = settings.currency.as_deref().filter(|code| !is_currency(code)) {
            let shown = finops_collector::excerpt(code, 20);
            return Err(Failure::settings(format_args!(
                "[settings] currency: `{shown}` is no ISO 4217 code such as USD"
            )));
        }
        Ok(settings)
    }

    /// `https://HOST`. The scheme may stand before the host's name, as in DATABRICKS_HOST.
    ///
    /// # Errors
    /// `settings`.
    pub(crate) fn origin(&self) -> Result<String, Failure> {
        let name = self.host.strip_prefix("https://").unwrap_or(&self.host);
        let name = name.strip_suffix('/').unwrap_or(name).to_ascii_lowercase();
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
        if name.is_empty() || name.len() > 253 || !name.bytes().all(fits) {
            return Err(Failure::settings(
                "[settings] host: give the workspace's host name, such as dbc-a1b2c3d4-e5f6.cloud.databricks.com",
            ));
        }
        Ok(format!("https://{name}"))
    }

    /// The id of the SQL warehouse.
    ///
    /// # Errors
    /// `settings`.
    pub(crate) fn warehouse(&self) -> Result<&str, Failure> {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        if self.warehouse_id.is_empty() || !self.warehouse_id.bytes().all(fits) {
            return Err(Failure::settings(
                "[settings] warehouse-id: give the warehouse's id, which stands behind its name in the workspace",
            ));
        }
        Ok(&self.warehouse_id)
    }
}

/// Whether the ledger takes it as a currency's code.
pub(crate) fn is_currency(code: &str) -> bool {
    code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_uppercase())
}
