//! The scale of a chart: round amounts between which all columns fit.

use finops_decimal::{ArithmeticError, Decimal};

/// Steps between ticks, at least; about twice as many at most.
const STEPS: i128 = 4;

/// From the largest tick down to the smallest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Scale {
    /// Exact, largest first; zero is one of them.
    pub(super) ticks: Vec<Decimal>,
    most: Decimal,
    range: Decimal,
}

impl Scale {
    /// The scale of stacks, each with its sums above and below zero.
    ///
    /// # Errors
    /// Where they are too large to be told apart.
    pub(super) fn of(stacks: &[(Decimal, Decimal)]) -> Result<Self, ArithmeticError> {
        let above = stacks
            .iter()
            .map(|stack| stack.0)
            .max()
            .unwrap_or_default()
            .units();
        let below = stacks
            .iter()
            .map(|stack| stack.1)
            .min()
            .unwrap_or_default()
            .units();
        let range = above.checked_sub(below).ok_or(ArithmeticError::Overflow)?;
        let step = round_step(range / STEPS)?;
        let up = |units: i128| units / step + i128::from(units % step != 0);
        let (most, least) = (up(above), -up(-below));
        // Nothing at all, or nothing above zero, still has a field to stand in.
        let most = if most == 0 && least == 0 { 1 } else { most };
        let tick = |number: i128| {
            let units = number.checked_mul(step).ok_or(ArithmeticError::Overflow)?;
            Ok(Decimal::from_units(units))
        };
        let ticks: Vec<Decimal> = (least..=most)
            .rev()
            .map(tick)
            .collect::<Result<_, ArithmeticError>>()?;
        let (most, least) = (tick(most)?, tick(least)?);
        Ok(Self {
            ticks,
            most,
            range: most.checked_sub(least)?,
        })
    }

    /// How far an amount lies below the top, as a part of the whole.
    ///
    /// # Errors
    /// Where it is too large.
    pub(super) fn below_top(&self, amount: Decimal) -> Result<Decimal, ArithmeticError> {
        self.most.checked_sub(amount)?.div_rounded(self.range, 6)
    }
}

/// The least of 1, 2, 2.5 and 5 times a power of ten that is not less, in units; one where there is nothing.
fn round_step(units: i128) -> Result<i128, ArithmeticError> {
    if units <= 0 {
        return Ok(Decimal::ONE.units());
    }
    let mut power: i128 = 1;
    while power.checked_mul(10).is_some_and(|next| next <= units) {
        power *= 10;
    }
    let candidates = [(1, 1), (2, 1), (5, 2), (5, 1), (10, 1)];
    let steps = candidates
        .into_iter()
        .filter(|(_, part)| power % part == 0)
        .filter_map(|(times, part)| Some(power.checked_mul(times)? / part));
    steps
        .into_iter()
        .find(|step| *step >= units)
        .ok_or(ArithmeticError::Overflow)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn ticks(stacks: &[(&str, &str)]) -> Vec<String> {
        let stacks: Vec<(Decimal, Decimal)> = stacks
            .iter()
            .map(|(above, below)| (above.parse().unwrap(), below.parse().unwrap()))
            .collect();
        let scale = Scale::of(&stacks).unwrap();
        for (above, below) in &stacks {
            for amount in [above, below] {
                let part = scale.below_top(*amount).unwrap();
                assert!(
                    !part.is_negative() && part <= Decimal::ONE,
                    "{amount} lies outside: {part}"
                );
            }
        }
        scale.ticks.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn ticks_are_round_and_hold_everything() {
        assert_eq!(
            ticks(&[("93.7", "0"), ("12", "0")]),
            ["100", "75", "50", "25", "0"]
        );
        assert_eq!(
            ticks(&[("0.0123", "-0.004")]),
            ["0.015", "0.01", "0.005", "0", "-0.005"]
        );
        assert_eq!(ticks(&[("0", "-8")]), ["0", "-2", "-4", "-6", "-8"]);
        assert_eq!(ticks(&[]), ["1", "0"]);
        assert_eq!(ticks(&[("0", "0")]), ["1", "0"]);
        assert_eq!(
            ticks(&[("0.000000000000000001", "0")]),
            ["1", "0"],
            "less than any step is a line at zero"
        );
        assert_eq!(ticks(&[("100000000000000000000", "0")]).len(), 5);
    }
}
