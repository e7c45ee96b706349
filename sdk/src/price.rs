//! Prices from the operator's settings that change with time.
//! What must hold: a day's price never depends on the order in which they were written.

use crate::{Decimal, Failure};
use jiff::civil::Date;
use serde::{Deserialize, Deserializer, de};

/// A price and the first day on which it holds; none: always.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DatedPrice {
    /// The first day.
    pub from: Option<Date>,
    /// The price.
    pub price: Decimal,
}

impl DatedPrice {
    /// The id of this price for a record's `pricing.card`: `credit-price@2026-01-01`, or `credit-price@default` without a day.
    #[must_use]
    pub fn card(&self, setting: &str) -> String {
        match self.from {
            Some(day) => format!("{setting}@{day}"),
            None => format!("{setting}@default"),
        }
    }
}

/// A setting of kind `dated-decimal`: one price, or a list of `{ from = "2026-01-01", price = "3.00" }`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DatedPrices(Vec<DatedPrice>);

impl DatedPrices {
    /// One price for all days.
    #[must_use]
    pub fn always(price: Decimal) -> Self {
        Self(vec![DatedPrice { from: None, price }])
    }

    /// A price list in any order.
    ///
    /// # Errors
    /// `settings`, where two begin on the same day or a price is negative.
    pub fn new(mut prices: Vec<DatedPrice>) -> Result<Self, Failure> {
        prices.sort_by_key(|price| price.from);
        if let Some(price) = prices.iter().find(|price| price.price.is_negative()) {
            return Err(Failure::settings(format_args!(
                "the price {} is negative",
                price.price
            )));
        }
        let mut previous = None;
        for price in &prices {
            if previous == Some(price.from) {
                let day = price
                    .from
                    .map_or_else(|| "no day".to_owned(), |day| day.to_string());
                return Err(Failure::settings(format_args!(
                    "two prices begin on {day}: keep one of them"
                )));
            }
            previous = Some(price.from);
        }
        Ok(Self(prices))
    }

    /// The price of the day: the newest that has begun; none before the first.
    #[must_use]
    pub fn at(&self, day: Date) -> Option<DatedPrice> {
        self.0
            .iter()
            .rev()
            .find(|price| price.from.is_none_or(|from| from <= day))
            .copied()
    }

    /// The same list with a price for the days before its first.
    #[must_use]
    pub fn or_before(mut self, price: Decimal) -> Self {
        if self.0.first().is_none_or(|first| first.from.is_some()) {
            self.0.insert(0, DatedPrice { from: None, price });
        }
        self
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    /// None: from the beginning, as the host passes a single price on.
    #[serde(default)]
    from: Option<String>,
    price: Decimal,
}

impl<'de> Deserialize<'de> for DatedPrices {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = serde_json::Value::deserialize(deserializer)?;
        if !value.is_array() {
            let price = serde_json::from_value(value).map_err(de::Error::custom)?;
            return Self::new(vec![DatedPrice { from: None, price }]).map_err(de::Error::custom);
        }
        let entries: Vec<Entry> = serde_json::from_value(value).map_err(de::Error::custom)?;
        let mut prices = Vec::with_capacity(entries.len());
        for Entry { from, price } in entries {
            let day = |text: String| {
                text.parse()
                    .map_err(|_| de::Error::custom(format_args!("`{text}` is not a day like 2026-01-01")))
            };
            let from = from.map(day).transpose()?;
            prices.push(DatedPrice { from, price });
        }
        Self::new(prices).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use jiff::civil::date;

    fn prices(json: &str) -> Result<DatedPrices, String> {
        serde_json::from_str(json).map_err(|error| error.to_string())
    }

    #[test]
    fn one_price_reads_the_same_as_the_list_that_the_host_makes_of_it() {
        assert_eq!(
            prices(r#""3.00""#),
            prices(r#"[{"from": null, "price": "3.00"}]"#)
        );
    }

    #[test]
    fn the_newest_price_that_has_begun_is_the_days_price() {
        let prices =
            prices(r#"[{"from":"2026-03-01","price":"2.50"},{"from":"2026-01-01","price":3.00}]"#).unwrap();
        assert_eq!(prices.at(date(2025, 12, 31)), None);
        let price = prices.at(date(2026, 2, 28)).unwrap();
        assert_eq!(
            (price.price, price.card("credit-price")),
            (Decimal::from(3_u32), "credit-price@2026-01-01".to_owned())
        );
        assert_eq!(prices.at(date(2026, 3, 1)).unwrap().price.to_string(), "2.5");
        let filled = prices.or_before(Decimal::from(4_u32));
        assert_eq!(
            filled.at(date(2025, 12, 31)).unwrap().card("credit-price"),
            "credit-price@default"
        );
    }

    #[test]
    fn one_price_holds_always() {
        assert_eq!(
            prices(r#""40""#).unwrap(),
            DatedPrices::always(Decimal::from(40_u32))
        );
    }

    #[test]
    fn a_list_that_says_two_things_is_refused() {
        let twice = r#"[{"from":"2026-01-01","price":"1"},{"from":"2026-01-01","price":"2"}]"#;
        assert!(
            prices(twice)
                .unwrap_err()
                .contains("two prices begin on 2026-01-01")
        );
        assert!(prices(r#""-1""#).unwrap_err().contains("negative"));
        assert!(
            prices(r#"[{"from":"soon","price":"1"}]"#)
                .unwrap_err()
                .contains("not a day")
        );
    }
}
