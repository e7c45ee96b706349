//! Dated exchange rates of the operator's, and the one way in which an amount is converted. Pure.
//! What must hold: a charge is converted at the rate of its day (UTC); a total is converted, never a difference, so that
//! differences of converted totals add up to the converted total, to the last digit.

use crate::ledger::{error::damaged, store::LedgerError};
use finops_decimal::{ArithmeticError, Decimal};
use jiff::{Timestamp, civil::Date, tz::Offset};
use std::{collections::BTreeMap, fmt};

/// Fractional digits of a converted total, rounded half to even.
pub const CONVERTED_PLACES: u32 = 9;

/// What one unit of a currency is worth in the destination's, and since when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rate {
    /// The first day of which it is the rate.
    pub from: Date,
    /// Units of the destination's currency for one unit; above zero.
    pub rate: Decimal,
}

impl Rate {
    /// An amount in the destination's currency, rounded half to even to [`CONVERTED_PLACES`].
    ///
    /// # Errors
    /// Where the result is too large.
    pub fn convert(&self, total: Decimal) -> Result<Decimal, ArithmeticError> {
        total.mul_rounded(self.rate, CONVERTED_PLACES)
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (from {})", self.rate, self.from)
    }
}

/// Why a rate is not taken into the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RateError {
    /// It is zero or below.
    #[error("a rate is above zero")]
    NotPositive,
    /// The currency has another rate from that day on.
    #[error("this currency has a rate from that day on already")]
    Twice,
}

/// The rates of an operator's file, by currency and first day.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rates(BTreeMap<String, BTreeMap<Date, Decimal>>);

impl Rates {
    /// Takes in one more.
    ///
    /// # Errors
    /// See [`RateError`].
    pub fn add(&mut self, currency: &str, rate: &Rate) -> Result<(), RateError> {
        if rate.rate <= Decimal::ZERO {
            return Err(RateError::NotPositive);
        }
        let dated = self.0.entry(currency.to_owned()).or_default();
        match dated.insert(rate.from, rate.rate) {
            None => Ok(()),
            Some(_) => Err(RateError::Twice),
        }
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A text that no other table has.
    pub(super) fn fingerprint(&self) -> String {
        let lines = self.0.iter().flat_map(|(currency, dated)| {
            dated
                .iter()
                .map(move |(from, rate)| format!("{currency} {from} {rate}"))
        });
        lines.collect::<Vec<_>>().join(", ")
    }

    /// The rate of a day: the last that began by then.
    #[must_use]
    pub fn on(&self, currency: &str, day: Date) -> Option<Rate> {
        let (from, rate) = self.0.get(currency)?.range(..=day).next_back()?;
        Some(Rate {
            from: *from,
            rate: *rate,
        })
    }
}

/// The day of a charge, which decides its rate.
///
/// # Errors
/// A posting whose dimensions have no beginning of the charge.
pub(super) fn charge_day(dims: &str) -> Result<Date, LedgerError> {
    #[derive(serde::Deserialize)]
    struct Charge {
        charge_start: Timestamp,
    }
    let charge: Charge = serde_json::from_str(dims).map_err(|error| damaged("posting", error))?;
    Ok(Offset::UTC.to_datetime(charge.charge_start).date())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn day(text: &str) -> Date {
        text.parse().unwrap()
    }

    fn rates(list: &[(&str, &str)]) -> Rates {
        let mut rates = Rates::default();
        for (from, rate) in list {
            let rate = Rate {
                from: day(from),
                rate: rate.parse().unwrap(),
            };
            rates.add("EUR", &rate).unwrap();
        }
        rates
    }

    #[test]
    fn the_rate_of_a_day_is_the_last_that_began_by_then() {
        let rates = rates(&[("2026-01-01", "1.1"), ("2026-02-01", "1.2")]);
        let on = |text: &str| rates.on("EUR", day(text)).map(|rate| rate.rate.to_string());
        assert_eq!(on("2025-12-31"), None);
        assert_eq!(on("2026-01-01").unwrap(), "1.1");
        assert_eq!(on("2026-01-31").unwrap(), "1.1");
        assert_eq!(on("2026-02-01").unwrap(), "1.2");
        assert_eq!(rates.on("GBP", day("2026-02-01")), None);
    }

    #[test]
    fn a_rate_that_is_not_above_zero_or_given_twice_is_not_taken() {
        let mut rates = rates(&[("2026-01-01", "1.1")]);
        let rate = |text: &str| Rate {
            from: day("2026-01-01"),
            rate: text.parse().unwrap(),
        };
        assert_eq!(rates.add("GBP", &rate("0")), Err(RateError::NotPositive));
        assert_eq!(rates.add("GBP", &rate("-1")), Err(RateError::NotPositive));
        assert_eq!(rates.add("EUR", &rate("1.2")), Err(RateError::Twice));
    }

    #[test]
    fn a_half_goes_to_the_even_digit() {
        let half = Rate {
            from: day("2026-01-01"),
            rate: "0.5".parse().unwrap(),
        };
        for (total, converted) in [
            ("0.000000001", "0"),
            ("0.000000003", "0.000000002"),
            ("-0.000000001", "0"),
        ] {
            assert_eq!(
                half.convert(total.parse().unwrap()).unwrap().to_string(),
                converted
            );
        }
    }

    proptest! {
        #[test]
        fn differences_of_converted_totals_add_up_to_the_converted_total(
            changes in prop::collection::vec(-1_000_000_000_000_000_000_000_i128..1_000_000_000_000_000_000_000, 0..20),
            rate in 1_i128..10_000_000_000_000_000_000,
        ) {
            let rate = Rate { from: day("2026-01-01"), rate: Decimal::from_units(rate) };
            let (mut total, mut sent) = (Decimal::ZERO, Decimal::ZERO);
            for change in changes {
                let before = rate.convert(total).unwrap();
                total = total.checked_add(Decimal::from_units(change)).unwrap();
                let amount = rate.convert(total).unwrap().checked_sub(before).unwrap();
                sent = sent.checked_add(amount).unwrap();
            }
            prop_assert_eq!(sent, rate.convert(total).unwrap());
        }
    }
}
