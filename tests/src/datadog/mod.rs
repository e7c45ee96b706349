//! A simulated Datadog account over HTTPS, written from the fact sheet: a parent organization and one below it on the EU site.
//!
//! It checks both keys, tells estimates as running totals two days late, historical cost from the 16th and attribution from the
//! 19th of the next month, pages, and writes its errors as Datadog does. Its data lies in tests/data/datadog, the golden records
//! made from it in tests/golden/datadog.

mod account;
mod cost;
pub mod stage;
mod usage;

use crate::{
    Error,
    provider::{Api, Asked, Reply},
};
use account::Account;
use finops_decimal::Decimal;
use serde_json::json;

/// The host of its site.
pub const HOST: &str = "api.datadoghq.eu";
/// The account's public id.
pub const ACCOUNT: &str = "p-acme";
/// The API key.
pub const API_KEY: &str = "5ecre7a91key0000000000000000abcd";
/// The application key.
pub const APP_KEY: &str = "ddapp_5ecre7a99licati0nkey0000000000ef";

/// How a simulator is set up.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Rows on a page of attribution.
    pub page: usize,
    /// Further products of every day, each of 0.0001 a day.
    pub large: usize,
    /// Whether the tag is configured for usage attribution.
    pub tagged: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            page: 500,
            large: 0,
            tagged: true,
        }
    }
}

/// The simulated account.
pub struct Datadog {
    options: Options,
    account: Account,
}

impl Datadog {
    /// With the data of the account.
    ///
    /// # Errors
    /// Where it is damaged.
    pub fn new(options: Options) -> Result<Self, Error> {
        Ok(Self {
            options,
            account: Account::load()?,
        })
    }

    /// What a month (`2026-07`) is invoiced.
    ///
    /// # Errors
    /// Where the sum does not fit.
    pub fn invoice(&self, month: &str) -> Result<Decimal, Error> {
        self.account.invoice(month)
    }
}

impl Api for Datadog {
    fn hosts(&self) -> Vec<String> {
        vec![HOST.to_owned()]
    }

    fn secrets(&self) -> Vec<(&'static str, String)> {
        vec![
            ("api-key.txt", API_KEY.to_owned()),
            ("app-key.txt", APP_KEY.to_owned()),
        ]
    }

    fn operation(&self, asked: &Asked) -> String {
        match asked.path.as_str() {
            "/api/v2/usage/estimated_cost" => "estimated",
            "/api/v2/usage/historical_cost" => "historical",
            "/api/v2/usage/hourly_usage" => "usage",
            "/api/v2/cost_by_tag/monthly_cost_attribution" => "attribution",
            _ => "other",
        }
        .to_owned()
    }

    fn answer(&self, asked: &Asked) -> Reply {
        if asked.header("dd-api-key") != API_KEY {
            return error(401, "Unauthorized");
        }
        if asked.header("dd-application-key") != APP_KEY {
            return error(403, "Forbidden");
        }
        match self.operation(asked).as_str() {
            "estimated" => cost::estimated(&self.account, &self.options, asked),
            "historical" => cost::historical(&self.account, asked),
            "attribution" => cost::attribution(&self.account, &self.options, asked),
            "usage" => usage::answer(asked),
            _ => error(404, "Not found"),
        }
    }
}

/// An error as Datadog writes it.
#[must_use]
pub fn error(status: u16, message: &str) -> Reply {
    Reply::json(status, &json!({"errors": [message]}))
}

/// Too many calls; there are new ones after so many seconds.
#[must_use]
pub fn throttled(seconds: u32) -> Reply {
    error(
        429,
        "Rate limit of 20 requests in 10 seconds reached. Please try again later.",
    )
    .with("x-ratelimit-limit", "20")
    .with("x-ratelimit-period", "10")
    .with("x-ratelimit-remaining", "0")
    .with("x-ratelimit-name", "usage_metering")
    .with("x-ratelimit-reset", &seconds.to_string())
}
