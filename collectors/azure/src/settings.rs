//! The operator's settings, as the descriptor describes them.

use crate::scope::Scope;
use finops_collector::{Failure, Request};
use serde::Deserialize;
use std::time::Duration;

/// What the operator set.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Settings {
    scope: String,
    /// How much is told of use.
    #[serde(default)]
    pub(crate) detail: Detail,
    /// Most groupings of one question.
    #[serde(default = "two")]
    groupings: u32,
    /// The column that costs are summed of; none: the one that this agreement has.
    #[serde(default)]
    pub(crate) cost_column: Option<CostColumn>,
    /// Seconds between two questions.
    #[serde(default = "quarter_minute")]
    pace: u32,
    /// Version of the query API.
    #[serde(default = "query_version")]
    pub(crate) api_version: String,
    #[serde(default = "public_cloud")]
    management_host: String,
    /// Whether the view by resource is read.
    #[serde(default)]
    pub(crate) resources: bool,
    /// Whether the view by resource group is read.
    #[serde(default)]
    pub(crate) resource_groups: bool,
    /// Key of the tag of the view by tag.
    #[serde(default)]
    pub(crate) tag: Option<String>,
    /// Subscriptions whose inventory is observed; absent: the scope's own.
    #[serde(default)]
    pub(crate) inventory_subscriptions: Vec<String>,
    /// Whether what is running is observed.
    #[serde(default)]
    pub(crate) inventory: bool,
    /// Whether running machines are estimated until the bill shows their day.
    #[serde(default)]
    pub(crate) estimates: bool,
    /// The currency of the public prices that are asked for.
    #[serde(default = "dollars")]
    pub(crate) estimate_currency: String,
    #[serde(default)]
    export_account: Option<String>,
    #[serde(default)]
    export_container: Option<String>,
    #[serde(default)]
    export_path: String,
    #[serde(default)]
    export_name: Option<String>,
}

/// How much is told of use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Detail {
    /// By service and meter.
    #[default]
    Meter,
    /// By service.
    Service,
}

/// What costs are called: it depends on the agreement with Microsoft.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub(crate) enum CostColumn {
    /// Microsoft Customer Agreement.
    Cost,
    /// Enterprise Agreement and pay-as-you-go.
    PreTaxCost,
}

impl CostColumn {
    /// Its name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Cost => "Cost",
            Self::PreTaxCost => "PreTaxCost",
        }
    }
}

/// Where Azure delivers an export.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Delivery {
    /// The storage account.
    pub(crate) account: String,
    /// The container in it.
    pub(crate) container: String,
    /// The export's folder in the container, without slashes around it.
    pub(crate) folder: String,
}

impl Delivery {
    /// The address of the container.
    pub(crate) fn container_url(&self) -> String {
        format!(
            "https://{}.blob.core.windows.net/{}",
            self.account, self.container
        )
    }

    /// The address of a blob.
    pub(crate) fn url(&self, name: &str) -> String {
        format!("{}/{}", self.container_url(), encoded(name))
    }
}

/// A blob's name in a URL.
pub(crate) fn encoded(name: &str) -> String {
    let mut url = String::new();
    for byte in name.bytes() {
        match byte {
            b'-' | b'.' | b'_' | b'~' | b'/' => url.push(char::from(byte)),
            _ if byte.is_ascii_alphanumeric() => url.push(char::from(byte)),
            _ => url.push_str(&format!("%{byte:02X}")),
        }
    }
    url
}

fn dollars() -> String {
    "USD".to_owned()
}

fn two() -> u32 {
    2
}

fn quarter_minute() -> u32 {
    15
}

fn query_version() -> String {
    "2025-03-01".to_owned()
}

fn public_cloud() -> String {
    "management.azure.com".to_owned()
}

impl Settings {
    /// The settings of a request.
    ///
    /// # Errors
    /// `settings`.
    pub(crate) fn of(request: &Request) -> Result<Self, Failure> {
        let settings: Self = request.settings()?;
        let host_fits =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte);
        if settings.management_host.is_empty() || !settings.management_host.bytes().all(host_fits) {
            return Err(Failure::settings(
                "[settings] management-host: give a host name such as management.azure.com",
            ));
        }
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        if settings.api_version.is_empty() || !settings.api_version.bytes().all(fits) {
            return Err(Failure::settings(
                "[settings] api-version: give a version such as 2025-03-01",
            ));
        }
        let code = settings.estimate_currency.as_bytes();
        if code.len() != 3 || !code.iter().all(u8::is_ascii_uppercase) {
            return Err(Failure::settings(
                "[settings] estimate-currency: give an ISO 4217 code such as USD",
            ));
        }
        if settings.groupings < 2 {
            return Err(Failure::settings(
                "[settings] groupings: Azure takes 2 in every question; give 2 or more",
            ));
        }
        let guid = |id: &String| !id.is_empty() && id.bytes().all(fits);
        if !settings.inventory_subscriptions.iter().all(guid) {
            return Err(Failure::settings(
                "[settings] inventory-subscriptions: give the ids of subscriptions",
            ));
        }
        Ok(settings)
    }

    /// What is billed.
    ///
    /// # Errors
    /// `settings`, where it is no scope, or has no resources by name.
    pub(crate) fn scope(&self) -> Result<Scope, Failure> {
        let scope = Scope::of(&self.scope)?;
        if self.resources && scope.subscription().is_none() {
            return Err(Failure::settings(
                "[settings] resources: Azure groups by resource for a subscription or resource group only",
            ));
        }
        Ok(scope)
    }

    /// Where an API of Azure's management is.
    pub(crate) fn management_url(&self, path: &str) -> String {
        format!("https://{}/{path}", self.management_host)
    }

    /// Most groupings of one question.
    pub(crate) fn groupings(&self) -> usize {
        usize::try_from(self.groupings).unwrap_or(usize::MAX)
    }

    /// Where the export lies; none where the bill comes from Cost Management's queries.
    ///
    /// # Errors
    /// `settings`, where the account or the container cannot stand in a URL, or the export has no name.
    pub(crate) fn delivery(&self) -> Result<Option<Delivery>, Failure> {
        let Some(account) = &self.export_account else {
            return Ok(None);
        };
        let letters = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        if !(3..=24).contains(&account.len()) || !account.bytes().all(letters) {
            return Err(Failure::settings(
                "[settings] export-account: 3 to 24 lower-case letters and digits",
            ));
        }
        let named = |byte: u8| letters(byte) || b"-$".contains(&byte);
        let container = self.export_container.clone().unwrap_or_default();
        if container.is_empty() || !container.bytes().all(named) {
            return Err(Failure::settings(
                "[settings] export-container: give the name of the export's container",
            ));
        }
        let name = self.export_name.as_deref().unwrap_or_default().trim_matches('/');
        let folder = format!("{}/{name}", self.export_path.trim_matches('/'));
        let folder = folder.trim_matches('/').to_owned();
        if name.is_empty() || folder.split('/').any(|part| matches!(part, "" | "." | "..")) {
            return Err(Failure::settings(
                "[settings] export-name: give the name of the export, and its folder in export-path",
            ));
        }
        Ok(Some(Delivery {
            account: account.clone(),
            container,
            folder,
        }))
    }

    /// Time between two questions.
    pub(crate) fn pace(&self) -> Duration {
        Duration::from_secs(self.pace.into())
    }
}
