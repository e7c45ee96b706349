//! The operator's settings, as the descriptor describes them.

use finops_collector::{DatedPrice, DatedPrices, Decimal, Failure, Request, jiff::civil::Date};
use serde::Deserialize;
use std::time::Duration;

/// The setting that prices come from.
pub(crate) const CARD: &str = "ecu-price";

/// What the operator set.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Settings {
    /// Whose costs.
    pub(crate) organization: String,
    #[serde(default)]
    ecu_price: Option<DatedPrices>,
    /// Currency of the prices.
    #[serde(default = "dollars")]
    pub(crate) currency: String,
    #[serde(default = "second")]
    pause: u16,
}

fn dollars() -> String {
    "USD".to_owned()
}

fn second() -> u16 {
    1
}

impl Settings {
    /// The settings of a request.
    ///
    /// # Errors
    /// `settings`.
    pub(crate) fn of(request: &Request) -> Result<Self, Failure> {
        let settings: Self = request.settings()?;
        let id = &settings.organization;
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if !(1..=64).contains(&id.len()) || !id.bytes().all(fits) {
            return Err(Failure::settings(
                "[settings] organization: give the id of the organization (Elastic Cloud console, Organization), such as 3166899605",
            ));
        }
        let currency = &settings.currency;
        if currency.len() != 3 || !currency.bytes().all(|byte| byte.is_ascii_uppercase()) {
            return Err(Failure::settings(
                "[settings] currency: give an ISO 4217 code, such as EUR",
            ));
        }
        Ok(settings)
    }

    /// Whether amounts are dollars, in which an ECU has a list price: one.
    pub(crate) fn in_dollars(&self) -> bool {
        self.currency == "USD"
    }

    /// What an ECU costs on a day.
    ///
    /// # Errors
    /// `settings`, where no price covers the day and none is known in the currency.
    pub(crate) fn price(&self, day: Date) -> Result<DatedPrice, Failure> {
        let set = self.ecu_price.as_ref().and_then(|prices| prices.at(day));
        let nominal = self.in_dollars().then_some(DatedPrice {
            from: None,
            price: Decimal::ONE,
        });
        set.or(nominal).ok_or_else(|| {
            Failure::settings(format_args!(
                "[settings] {CARD}: no price of an ECU in {} begins by {day}, and none is known but one dollar",
                self.currency
            ))
        })
    }

    /// How long is waited between two calls.
    pub(crate) fn pause(&self) -> Duration {
        Duration::from_secs(self.pause.into())
    }
}
