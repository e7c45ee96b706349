//! The operator's settings, as the descriptor describes them.

use finops_collector::{Failure, Request, Source, jiff::civil::Date};
use serde::Deserialize;

/// Where GitHub's API is.
pub(crate) const API_HOST: &str = "api.github.com";

/// Whose bill it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum AccountKind {
    #[default]
    Organization,
    Enterprise,
}

/// What the operator set.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Settings {
    /// In lower case: GitHub's names are the same however they are written.
    pub(crate) account: String,
    #[serde(default)]
    pub(crate) account_kind: AccountKind,
    #[serde(default)]
    cost_center: Option<String>,
    #[serde(default = "api_host")]
    api_host: String,
}

fn api_host() -> String {
    API_HOST.to_owned()
}

impl Settings {
    /// The settings of a request.
    ///
    /// # Errors
    /// `settings`.
    pub(crate) fn of(request: &Request) -> Result<Self, Failure> {
        let mut settings: Self = request.settings()?;
        if !is_name(&settings.account) {
            return Err(Failure::settings(
                "[settings] account: give the organization's login (the name in github.com/NAME), or the enterprise's slug",
            ));
        }
        settings.account.make_ascii_lowercase();
        if let Some(center) = &settings.cost_center
            && (settings.account_kind != AccountKind::Enterprise || !is_name(center))
        {
            return Err(Failure::settings(
                "[settings] cost-center: give the id of a cost center, with account-kind = \"enterprise\"",
            ));
        }
        let resident = settings
            .api_host
            .strip_prefix("api.")
            .and_then(|rest| rest.strip_suffix(".ghe.com"));
        if settings.api_host != API_HOST && !resident.is_some_and(is_name) {
            return Err(Failure::settings(
                "[settings] api-host: give api.github.com, or api.NAME.ghe.com; GitHub Enterprise Server has no such bill",
            ));
        }
        Ok(settings)
    }

    /// Whose money it is.
    pub(crate) fn source(&self) -> Source {
        let account = match self.account_kind {
            AccountKind::Organization => self.account.clone(),
            AccountKind::Enterprise => format!("enterprises/{}", self.account),
        };
        Source::new(
            "github",
            &account,
            self.cost_center.as_deref().unwrap_or_default(),
        )
    }

    /// The URL of a day's report.
    pub(crate) fn report(&self, day: Date) -> String {
        let (host, account) = (&self.api_host, &self.account);
        let kind = match self.account_kind {
            AccountKind::Organization => "organizations",
            AccountKind::Enterprise => "enterprises",
        };
        let (year, month, day) = (day.year(), day.month(), day.day());
        let mut url = format!(
            "https://{host}/{kind}/{account}/settings/billing/usage?year={year}&month={month}&day={day}"
        );
        if let Some(center) = &self.cost_center {
            url.push_str("&cost_center_id=");
            url.push_str(center);
        }
        url
    }
}

/// Whether it can be a login, a slug or an id: what needs no escaping in a URL.
fn is_name(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    (1..=100).contains(&text.len()) && text.bytes().all(fits)
}
