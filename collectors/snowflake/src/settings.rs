//! The operator's settings, as the descriptor describes them.

use finops_collector::{DatedPrice, DatedPrices, Decimal, Failure, Request, jiff::civil::Date};
use serde::Deserialize;

/// What the operator set.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Settings {
    /// `ORG-ACCOUNT`, or the legacy locator with its region.
    pub(crate) account: String,
    /// The warehouse that runs the statements.
    pub(crate) warehouse: String,
    /// The role that reads the views.
    pub(crate) role: String,
    /// Decides the default price of a credit.
    #[serde(default)]
    pub(crate) edition: Edition,
    /// Whose bill.
    #[serde(default)]
    pub(crate) accounts: Accounts,
    /// Where the money comes from.
    #[serde(default)]
    pub(crate) money: Money,
    /// Price of a credit, where no rate sheet gives one.
    #[serde(default)]
    pub(crate) credit_price: Option<DatedPrices>,
    /// Price of a TB and month, where no rate sheet gives one.
    #[serde(default)]
    pub(crate) storage_price: Option<DatedPrices>,
    /// Currency of those prices.
    #[serde(default = "dollars")]
    pub(crate) currency: String,
    /// Whether the query history is read.
    #[serde(default = "yes")]
    pub(crate) query_patterns: bool,
    /// Seconds after which Snowflake ends a statement.
    #[serde(default = "two_minutes")]
    pub(crate) statement_timeout: u32,
}

fn dollars() -> String {
    "USD".to_owned()
}

fn yes() -> bool {
    true
}

fn two_minutes() -> u32 {
    120
}

/// Snowflake's editions, as far as they differ in price.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Edition {
    /// 2 a credit.
    Standard,
    /// 3 a credit.
    #[default]
    Enterprise,
    /// 4 a credit.
    BusinessCritical,
}

/// Whose bill is read from the organization's views.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Accounts {
    /// The account that the collector signs in to.
    #[default]
    This,
    /// All accounts of the organization.
    All,
}

/// Where the money comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Money {
    /// The currency view, or the estimate where that cannot be read.
    #[default]
    Auto,
    /// The currency view, or a failure.
    CurrencyView,
    /// The FOCUS view, or a failure.
    FocusView,
    /// Credits times price alone.
    Estimate,
}

impl Settings {
    /// The settings of a request.
    ///
    /// # Errors
    /// `settings`.
    pub(crate) fn of(request: &Request) -> Result<Self, Failure> {
        let settings: Self = request.settings()?;
        settings.host_name()?;
        if settings.statement_timeout == 0 {
            return Err(Failure::settings(
                "[settings] statement-timeout: give a number of seconds above 0",
            ));
        }
        Ok(settings)
    }

    /// The account's host: lower case, and a hyphen for every underscore.
    ///
    /// # Errors
    /// `settings`, where the account cannot stand in a host name.
    pub(crate) fn host_name(&self) -> Result<String, Failure> {
        let label = self.account.to_ascii_lowercase().replace('_', "-");
        let label = label.strip_suffix(".snowflakecomputing.com").unwrap_or(&label);
        let fits = |part: &str| {
            !part.is_empty()
                && part
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        };
        if !label.split('.').all(fits) {
            return Err(Failure::settings(
                "[settings] account: give it as ORG-ACCOUNT (SELECT CURRENT_ORGANIZATION_NAME() || '-' || CURRENT_ACCOUNT_NAME())",
            ));
        }
        Ok(format!("{label}.snowflakecomputing.com"))
    }

    /// The card price of a credit on a day.
    #[must_use]
    pub(crate) fn credit_card(&self, day: Date) -> DatedPrice {
        let default: u32 = match self.edition {
            Edition::Standard => 2,
            Edition::Enterprise => 3,
            Edition::BusinessCritical => 4,
        };
        card(self.credit_price.as_ref(), day, default.into())
    }

    /// The card price of a TB and month on a day.
    #[must_use]
    pub(crate) fn storage_card(&self, day: Date) -> DatedPrice {
        card(self.storage_price.as_ref(), day, 40_u32.into())
    }
}

fn card(prices: Option<&DatedPrices>, day: Date, default: Decimal) -> DatedPrice {
    let found = prices.and_then(|prices| prices.at(day));
    found.unwrap_or(DatedPrice {
        from: None,
        price: default,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use finops_collector::jiff::civil::date;
    use serde_json::json;

    fn settings(more: serde_json::Value) -> Result<Settings, Failure> {
        let mut value = json!({"account": "MYORG-MY_ACCT", "warehouse": "W", "role": "R"});
        value
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        Settings::of(&Request {
            settings: value.to_string(),
            ..Request::default()
        })
    }

    #[test]
    fn the_host_is_the_account_in_lower_case_with_hyphens() {
        let settings = settings(json!({})).unwrap();
        assert_eq!(
            settings.host_name().unwrap(),
            "myorg-my-acct.snowflakecomputing.com"
        );
    }

    #[test]
    fn an_account_that_is_no_host_name_is_refused() {
        for account in ["", "a/b", "evil.example/", "a..b", "https://x", "a b"] {
            let failure = settings(json!({"account": account})).unwrap_err();
            assert!(failure.message.contains("ORG-ACCOUNT"), "{account}: {failure}");
        }
    }

    #[test]
    fn prices_come_from_the_list_and_before_it_from_the_edition() {
        let settings = settings(json!({
            "edition": "business-critical",
            "credit-price": [{"from": "2026-07-01", "price": "2.50"}],
            "storage-price": "23",
        }));
        let settings = settings.unwrap();
        assert_eq!(
            settings.credit_card(date(2026, 6, 30)).price,
            Decimal::from(4_u32)
        );
        assert_eq!(
            settings.credit_card(date(2026, 7, 1)).card("credit-price"),
            "credit-price@2026-07-01"
        );
        assert_eq!(
            settings.storage_card(date(2026, 7, 1)).price,
            Decimal::from(23_u32)
        );
    }
}
