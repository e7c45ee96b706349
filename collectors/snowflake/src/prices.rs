//! The price of a credit and of a stored byte on a day: the account's rate sheet, else the card of the settings.

use crate::{
    refusal::Refusal,
    settings::{Money, Settings},
    split::STORAGE,
    statement::Session,
    usage::add,
    views::{self, Identity, RateRow},
};
use finops_collector::{Decimal, Failure, Host, Period, jiff::civil::Date};
use std::collections::{BTreeMap, BTreeSet};

/// A price, its currency, and the card that gave it, if it was one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Price {
    pub(crate) amount: Decimal,
    pub(crate) currency: String,
    pub(crate) card: Option<String>,
}

impl Price {
    /// So many credits in money, rounded half to even.
    pub(crate) fn of(&self, credits: Decimal, places: u32) -> Result<Decimal, Failure> {
        let product = credits.mul_rounded(self.amount, places);
        product.map_err(|error| {
            Failure::malformed(format_args!("{credits} credits at {}: {error}", self.amount))
        })
    }
}

/// The prices of some days.
pub(crate) struct Prices<'s> {
    settings: &'s Settings,
    rates: BTreeSet<RateRow>,
}

impl<'s> Prices<'s> {
    /// The rate sheet of some days, empty where it cannot be read.
    pub(crate) fn read(
        host: &dyn Host,
        session: &Session<'_>,
        settings: &'s Settings,
        identity: &Identity,
        days: Period,
    ) -> Result<Self, Failure> {
        let rates = match views::rates(session, days, &identity.locator) {
            Ok(rows) => rows.into_iter().collect(),
            Err(Refusal::Unreadable(failure)) => {
                let message = format!("prices come from the settings: {failure}");
                match settings.money {
                    Money::Estimate => host.info(message),
                    _ => host.warn(message),
                }
                BTreeSet::new()
            }
            Err(Refusal::Failed(failure)) => return Err(failure),
        };
        Ok(Self { settings, rates })
    }

    /// The price of a credit: the service's own rate, else any compute rate of the day, else the card.
    pub(crate) fn credit(&self, day: Date, service: &str) -> Price {
        self.rate(day, "compute", service).unwrap_or_else(|| {
            let card = self.settings.credit_card(day);
            self.carded(card.price, card.card("credit-price"))
        })
    }

    /// The price of a TB and month.
    pub(crate) fn terabyte_month(&self, day: Date) -> Price {
        self.rate(day, "storage", STORAGE).unwrap_or_else(|| {
            let card = self.settings.storage_card(day);
            self.carded(card.price, card.card("storage-price"))
        })
    }

    fn carded(&self, amount: Decimal, card: String) -> Price {
        Price {
            amount,
            currency: self.settings.currency.clone(),
            card: Some(card),
        }
    }

    fn rate(&self, day: Date, rating: &str, service: &str) -> Option<Price> {
        let mut of_day = self
            .rates
            .iter()
            .filter(|rate| rate.day == day && rate.rating == rating);
        let own = of_day.clone().find(|rate| rate.service == service);
        let rate = own.or_else(|| of_day.next())?;
        Some(Price {
            amount: rate.rate,
            currency: rate.currency.clone(),
            card: None,
        })
    }
}

/// Sums of money by currency, each with the card of its first price.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sums(BTreeMap<String, (Decimal, Option<String>)>);

impl Sums {
    /// Adds credits at a price, exactly.
    pub(crate) fn add(&mut self, credits: Decimal, price: &Price) -> Result<(), Failure> {
        let sum = self
            .0
            .entry(price.currency.clone())
            .or_insert_with(|| (Decimal::ZERO, price.card.clone()));
        add(&mut sum.0, price.of(credits, 18)?)
    }

    /// The sums, rounded half to even, without those of zero.
    pub(crate) fn rounded(self, places: u32) -> Result<Vec<(Price, Decimal)>, Failure> {
        let mut sums = Vec::new();
        for (currency, (sum, card)) in self.0 {
            let sum = sum.round(places).map_err(Failure::malformed)?;
            if !sum.is_zero() {
                sums.push((
                    Price {
                        amount: Decimal::ZERO,
                        currency,
                        card,
                    },
                    sum,
                ));
            }
        }
        Ok(sums)
    }
}
