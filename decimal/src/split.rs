//! Splitting one sum over many receivers so that the parts add up to it exactly: the method of the largest remainder.

use crate::{ArithmeticError, Decimal, PLACES};
use num_bigint::BigInt;

/// Why a sum cannot be split.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SplitError {
    /// A weight is negative.
    #[error("a weight is negative")]
    NegativeWeight,
    /// No weight is above zero.
    #[error("no weight is above zero")]
    NoWeight,
    /// A part does not fit.
    #[error(transparent)]
    Arithmetic(#[from] ArithmeticError),
}

impl Decimal {
    /// Splits the number in proportion to the weights, in steps of 10^-`places`. The parts add up to it exactly:
    /// what rounding leaves goes, a step each, to the largest remainders, the earlier of equals first; digits finer
    /// than a step go to the heaviest.
    ///
    /// # Errors
    /// See [`SplitError`].
    pub fn split(self, weights: &[Self], places: u32) -> Result<Vec<Self>, SplitError> {
        if weights.iter().any(|weight| weight.is_negative()) {
            return Err(SplitError::NegativeWeight);
        }
        let total: BigInt = weights.iter().map(|weight| BigInt::from(weight.units())).sum();
        if total == BigInt::ZERO {
            return Err(SplitError::NoWeight);
        }
        let step = 10_i128.pow(PLACES.saturating_sub(places));
        let steps = self.units() / step;
        let finer = self.units() % step;
        let (sign, steps) = (steps.signum(), BigInt::from(steps.unsigned_abs()));

        let mut parts = Vec::with_capacity(weights.len());
        let mut remainders = Vec::with_capacity(weights.len());
        let mut given = BigInt::ZERO;
        for (index, weight) in weights.iter().enumerate() {
            let share = &steps * weight.units();
            let whole = &share / &total;
            remainders.push((&share % &total, index));
            given += &whole;
            parts.push(i128::try_from(&whole).map_err(|_| ArithmeticError::Overflow)?);
        }
        remainders.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
        let left = usize::try_from(&(steps - given)).map_err(|_| ArithmeticError::Overflow)?;
        for (_, index) in remainders.iter().take(left) {
            if let Some(part) = parts.get_mut(*index) {
                *part += 1;
            }
        }
        let heaviest = weights
            .iter()
            .enumerate()
            .max_by(|a, b| a.1.cmp(b.1).then(b.0.cmp(&a.0)))
            .map(|(index, _)| index);
        parts
            .iter()
            .enumerate()
            .map(|(index, part)| {
                let extra = if Some(index) == heaviest { finer } else { 0 };
                part.checked_mul(step * sign)
                    .and_then(|units| units.checked_add(extra))
                    .map(Self::from_units)
                    .ok_or(SplitError::Arithmetic(ArithmeticError::Overflow))
            })
            .collect()
    }
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
    fn a_cent_left_over_goes_to_the_largest_remainder() {
        let parts = decimal("10.00")
            .split(&[decimal("1"), decimal("1"), decimal("1")], 2)
            .unwrap();
        assert_eq!(parts, [decimal("3.34"), decimal("3.33"), decimal("3.33")]);
        let credit = decimal("-0.05").split(&[decimal("1"), decimal("3")], 2).unwrap();
        assert_eq!(credit, [decimal("-0.01"), decimal("-0.04")]);
    }

    #[test]
    fn weights_must_say_something() {
        assert_eq!(decimal("1").split(&[], 2), Err(SplitError::NoWeight));
        assert_eq!(decimal("1").split(&[Decimal::ZERO], 2), Err(SplitError::NoWeight));
        assert_eq!(
            decimal("1").split(&[decimal("-1")], 2),
            Err(SplitError::NegativeWeight)
        );
    }

    proptest! {
        #[test]
        fn the_parts_are_the_whole(
            sum in -1_000_000_000_000_000_000_000_000_i128..1_000_000_000_000_000_000_000_000,
            weights in prop::collection::vec(0_u32..1_000_000, 1..20),
            places in 0_u32..=18,
        ) {
            let sum = Decimal::from_units(sum);
            let weights: Vec<Decimal> = weights.into_iter().map(Decimal::from).collect();
            match sum.split(&weights, places) {
                Ok(parts) => prop_assert_eq!(Decimal::sum(parts).unwrap(), sum),
                Err(error) => prop_assert_eq!(error, SplitError::NoWeight),
            }
        }
    }
}
