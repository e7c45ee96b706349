//! The operator's settings, as the descriptor describes them.

use finops_collector::{Failure, Request, Source};
use serde::Deserialize;
use std::time::Duration;

/// Datadog's sites.
pub(crate) const SITES: [&str; 9] = [
    "datadoghq.com",
    "us3.datadoghq.com",
    "us5.datadoghq.com",
    "ap1.datadoghq.com",
    "ap2.datadoghq.com",
    "uk1.datadoghq.com",
    "datadoghq.eu",
    "ddog-gov.com",
    "us2.ddog-gov.com",
];

/// The longest pause between two pages.
const LONGEST_PACE: u64 = 60;

/// What the operator set.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Settings {
    pub(crate) account: String,
    #[serde(default = "site")]
    site: String,
    #[serde(default = "currency")]
    pub(crate) currency: String,
    #[serde(default)]
    pub(crate) tag: Option<String>,
    #[serde(default = "usage")]
    pub(crate) usage: Vec<String>,
    #[serde(default = "pace")]
    pace: u64,
}

fn site() -> String {
    "datadoghq.com".to_owned()
}

fn currency() -> String {
    "USD".to_owned()
}

fn usage() -> Vec<String> {
    vec!["infra_hosts".to_owned()]
}

fn pace() -> u64 {
    5
}

impl Settings {
    /// The settings of a request.
    ///
    /// # Errors
    /// `settings`.
    pub(crate) fn of(request: &Request) -> Result<Self, Failure> {
        let settings: Self = request.settings()?;
        let refuse = |text: &str| Err(Failure::settings(format_args!("[settings] {text}")));
        if settings.account.is_empty() || settings.account.len() > 200 {
            return refuse("account: give the public id of the account or its parent organization");
        }
        if !SITES.contains(&settings.site.as_str()) {
            return refuse(&format!("site: give one of {}", SITES.join(", ")));
        }
        if settings.currency.len() != 3 || !settings.currency.bytes().all(|byte| byte.is_ascii_uppercase()) {
            return refuse("currency: give an ISO 4217 code such as USD");
        }
        if settings
            .tag
            .as_ref()
            .is_some_and(|tag| tag.is_empty() || tag.len() > 200 || tag.contains(','))
        {
            return refuse("tag: give one tag key");
        }
        if settings.tag.is_some() && settings.site == "ddog-gov.com" {
            return refuse("tag: Datadog has no cost attribution on ddog-gov.com; remove it");
        }
        let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        if settings
            .usage
            .iter()
            .any(|family| family.is_empty() || !family.bytes().all(fits))
        {
            return refuse("usage: give product families such as infra_hosts");
        }
        if settings.pace > LONGEST_PACE {
            return refuse("pace: give at most 60 seconds");
        }
        Ok(settings)
    }

    /// Whose money it is.
    pub(crate) fn source(&self) -> Source {
        Source::new("datadog", &self.account, "")
    }

    /// The URL of a path on the site.
    pub(crate) fn url(&self, path_and_query: &str) -> String {
        format!("https://api.{}{path_and_query}", self.site)
    }

    /// Between two pages.
    pub(crate) fn pace(&self) -> Duration {
        Duration::from_secs(self.pace)
    }
}
