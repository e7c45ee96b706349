//! Unit prices that belong to their cost.

use crate::Decimal;

/// The price, if price times quantity is the cost to the last digit and it is not negative: FOCUS wants it so, and providers round
/// prices for show.
#[must_use]
pub fn unit_price(price: Decimal, quantity: Decimal, cost: Decimal) -> Option<Decimal> {
    let fits = price.checked_mul(quantity).is_ok_and(|product| product == cost);
    (fits && !price.is_negative()).then_some(price)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_rounded_price_is_left_out() {
        let price = |price: &str, quantity: &str, cost: &str| {
            unit_price(
                price.parse().unwrap(),
                quantity.parse().unwrap(),
                cost.parse().unwrap(),
            )
        };
        assert_eq!(price("1.5", "24", "36"), Some("1.5".parse().unwrap()));
        assert_eq!(price("0.3333", "3", "1"), None);
        assert_eq!(price("-2", "1", "-2"), None);
        assert_eq!(price("0.0000000001", "0.0000000001", "0"), None);
    }
}
