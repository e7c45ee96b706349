//! Sums, products and quotients: exact or an error; rounding only where the name says so.

use crate::{ArithmeticError, Decimal, ONE, PLACES};
use num_bigint::BigInt;
use std::ops::Neg;

impl Decimal {
    /// The exact sum.
    ///
    /// # Errors
    /// [`ArithmeticError::Overflow`] where it does not fit.
    pub fn checked_add(self, other: Self) -> Result<Self, ArithmeticError> {
        self.0
            .checked_add(other.0)
            .map(Self)
            .ok_or(ArithmeticError::Overflow)
    }

    /// The exact difference.
    ///
    /// # Errors
    /// [`ArithmeticError::Overflow`] where it does not fit.
    pub fn checked_sub(self, other: Self) -> Result<Self, ArithmeticError> {
        self.0
            .checked_sub(other.0)
            .map(Self)
            .ok_or(ArithmeticError::Overflow)
    }

    /// The exact product.
    ///
    /// # Errors
    /// [`ArithmeticError::Overflow`], or [`ArithmeticError::Inexact`] where it needs more than 18 fractional digits:
    /// then round on purpose with [`Decimal::mul_rounded`].
    pub fn checked_mul(self, other: Self) -> Result<Self, ArithmeticError> {
        let product = BigInt::from(self.0) * other.0;
        let one = BigInt::from(ONE);
        if &product % &one != BigInt::ZERO {
            return Err(ArithmeticError::Inexact);
        }
        narrow(&(product / one))
    }

    /// The product, rounded half to even to `places` fractional digits (at most 18).
    ///
    /// # Errors
    /// [`ArithmeticError::Overflow`] where it does not fit.
    pub fn mul_rounded(self, other: Self, places: u32) -> Result<Self, ArithmeticError> {
        ratio_rounded(&(BigInt::from(self.0) * other.0), &BigInt::from(ONE), places)
    }

    /// The quotient, rounded half to even to `places` fractional digits (at most 18).
    ///
    /// # Errors
    /// [`ArithmeticError::DivisionByZero`] or [`ArithmeticError::Overflow`].
    pub fn div_rounded(self, divisor: Self, places: u32) -> Result<Self, ArithmeticError> {
        if divisor.is_zero() {
            return Err(ArithmeticError::DivisionByZero);
        }
        ratio_rounded(&(BigInt::from(self.0) * ONE), &BigInt::from(divisor.0), places)
    }

    /// The number rounded half to even to `places` fractional digits (at most 18).
    ///
    /// # Errors
    /// [`ArithmeticError::Overflow`] where the rounded number does not fit.
    pub fn round(self, places: u32) -> Result<Self, ArithmeticError> {
        ratio_rounded(&BigInt::from(self.0), &BigInt::from(1), places)
    }

    /// The exact sum of all.
    ///
    /// # Errors
    /// [`ArithmeticError::Overflow`] where it does not fit.
    pub fn sum(numbers: impl IntoIterator<Item = Self>) -> Result<Self, ArithmeticError> {
        numbers.into_iter().try_fold(Self::ZERO, Self::checked_add)
    }

    /// The number without its sign.
    #[must_use]
    pub fn abs(self) -> Self {
        if self.is_negative() { -self } else { self }
    }
}

impl Neg for Decimal {
    type Output = Self;

    /// The number with the other sign. The one value without a counterpart is never made by parsing; it stays as it is near the bound.
    fn neg(self) -> Self {
        Self(self.0.saturating_neg())
    }
}

/// `numerator / denominator` units, rounded half to even to whole multiples of 10^(18 - places).
fn ratio_rounded(numerator: &BigInt, denominator: &BigInt, places: u32) -> Result<Decimal, ArithmeticError> {
    let step = BigInt::from(10_i128.pow(PLACES.saturating_sub(places)));
    let divisor = denominator * &step;
    let (quotient, remainder) = div_floor(numerator, &divisor);
    let twice: BigInt = &remainder * 2;
    let up = match twice.cmp(&abs(&divisor)) {
        std::cmp::Ordering::Less => false,
        std::cmp::Ordering::Greater => true,
        std::cmp::Ordering::Equal => &quotient % 2 != BigInt::ZERO,
    };
    let rounded = if up { quotient + 1 } else { quotient };
    narrow(&(rounded * step))
}

/// Quotient towards minus infinity and a remainder that is never negative.
fn div_floor(numerator: &BigInt, divisor: &BigInt) -> (BigInt, BigInt) {
    let (numerator, divisor) = if *divisor < BigInt::ZERO {
        (-numerator, -divisor)
    } else {
        (numerator.clone(), divisor.clone())
    };
    let quotient = &numerator / &divisor;
    let remainder = &numerator % &divisor;
    if remainder < BigInt::ZERO {
        (quotient - 1, remainder + divisor)
    } else {
        (quotient, remainder)
    }
}

fn abs(number: &BigInt) -> BigInt {
    if *number < BigInt::ZERO {
        -number
    } else {
        number.clone()
    }
}

fn narrow(number: &BigInt) -> Result<Decimal, ArithmeticError> {
    i128::try_from(number)
        .map(Decimal)
        .map_err(|_| ArithmeticError::Overflow)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn decimal(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    #[test]
    fn products_are_exact_or_refused() {
        assert_eq!(
            decimal("1.234567891").checked_mul(decimal("3.01")).unwrap(),
            decimal("3.71604935191")
        );
        assert_eq!(
            decimal("0.0000000001").checked_mul(decimal("0.000000001")),
            Err(ArithmeticError::Inexact)
        );
        assert_eq!(
            decimal("99999999999").checked_mul(decimal("99999999999")),
            Err(ArithmeticError::Overflow)
        );
    }

    #[test]
    fn rounding_is_half_to_even_on_both_sides_of_zero() {
        for (text, rounded) in [
            ("0.125", "0.12"),
            ("0.135", "0.14"),
            ("-0.125", "-0.12"),
            ("-0.135", "-0.14"),
            ("0.1251", "0.13"),
        ] {
            assert_eq!(decimal(text).round(2).unwrap(), decimal(rounded), "{text}");
        }
        assert_eq!(
            decimal("1").div_rounded(decimal("-3"), 4).unwrap(),
            decimal("-0.3333")
        );
        assert_eq!(
            decimal("2").div_rounded(decimal("3"), 18).unwrap(),
            decimal("0.666666666666666667")
        );
        assert_eq!(
            decimal("1").div_rounded(Decimal::ZERO, 2),
            Err(ArithmeticError::DivisionByZero)
        );
    }

    proptest! {
        #[test]
        fn sums_agree_with_wide_integers(a in any::<i64>(), b in any::<i64>()) {
            let sum = Decimal::from(a).checked_add(Decimal::from(b)).unwrap();
            prop_assert_eq!(sum.to_string(), (i128::from(a) + i128::from(b)).to_string());
            prop_assert_eq!(sum.checked_sub(Decimal::from(b)).unwrap(), Decimal::from(a));
        }
    }
}
