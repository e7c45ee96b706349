//! The charges of one row: what of them is money, and what only repeats it. Pure.
//! What must hold: a `total` line is never added to its parts, and never lost where it has none or they do not add up to it.

use finops_collector::{ArithmeticError, Decimal, Double};
use serde::Deserialize;
use std::collections::BTreeMap;

/// What Datadog's floats can be off by: 10⁻⁶.
pub(crate) const NOISE: Decimal = Decimal::from_units(1_000_000_000_000);
/// The type of what a total holds beyond its parts.
pub(crate) const UNATTRIBUTED: &str = "unattributed";
const TOTAL: &str = "total";

/// A charge as it stands in a reply.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Charge {
    product_name: String,
    charge_type: String,
    cost: Double,
}

/// What a row's charges come to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Parts {
    /// By product and type.
    pub(crate) costs: BTreeMap<(String, String), Decimal>,
    /// Products whose total is not the sum of their parts.
    pub(crate) uneven: Vec<String>,
}

impl Parts {
    /// Takes charges apart.
    ///
    /// # Errors
    /// Where a sum does not fit.
    pub(crate) fn of(charges: Vec<Charge>) -> Result<Self, ArithmeticError> {
        let mut parts = Self::default();
        let mut totals: BTreeMap<String, Decimal> = BTreeMap::new();
        let mut sums: BTreeMap<String, Decimal> = BTreeMap::new();
        for charge in charges {
            let cost = charge.cost.0;
            let add = |sum: &mut Decimal| -> Result<(), ArithmeticError> {
                *sum = sum.checked_add(cost)?;
                Ok(())
            };
            if charge.charge_type == TOTAL {
                add(totals.entry(charge.product_name).or_default())?;
                continue;
            }
            add(sums.entry(charge.product_name.clone()).or_default())?;
            add(parts
                .costs
                .entry((charge.product_name, charge.charge_type))
                .or_default())?;
        }
        for (product, total) in totals {
            let Some(sum) = sums.get(&product) else {
                parts.costs.insert((product, TOTAL.to_owned()), total);
                continue;
            };
            let beyond = total.checked_sub(*sum)?;
            if beyond.abs() > NOISE {
                parts
                    .costs
                    .insert((product.clone(), UNATTRIBUTED.to_owned()), beyond);
                parts.uneven.push(product);
            }
        }
        Ok(parts)
    }

    /// All of it.
    ///
    /// # Errors
    /// Where the sum does not fit.
    pub(crate) fn sum(&self) -> Result<Decimal, ArithmeticError> {
        Decimal::sum(self.costs.values().copied())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    fn parts(charges: &[(&str, &str, &str)]) -> Parts {
        let charges = charges.iter().map(|(product, kind, cost)| {
            serde_json::from_value(json!({"product_name": product, "charge_type": kind, "cost": cost}))
                .unwrap()
        });
        Parts::of(charges.collect()).unwrap()
    }

    fn shown(parts: &Parts) -> Vec<String> {
        let line =
            |((product, kind), cost): (&(String, String), &Decimal)| format!("{product} {kind} {cost}");
        parts.costs.iter().map(line).collect()
    }

    #[test]
    fn a_total_of_its_parts_is_left_out() {
        let read = parts(&[
            ("a", "committed", "1.17"),
            ("a", "on_demand", "0.5"),
            ("a", "total", "1.67"),
            ("b", "on_demand", "72"),
        ]);
        assert_eq!(
            shown(&read),
            ["a committed 1.17", "a on_demand 0.5", "b on_demand 72"]
        );
        assert_eq!(read.sum().unwrap(), "73.67".parse().unwrap());
        let noise = parts(&[("a", "committed", "0.1"), ("a", "total", "0.10000000000000003")]);
        assert_eq!(shown(&noise), ["a committed 0.1"]);
    }

    #[test]
    fn a_total_without_parts_is_money_and_what_it_holds_beyond_them_too() {
        assert_eq!(shown(&parts(&[("a", "total", "3")])), ["a total 3"]);
        let uneven = parts(&[
            ("a", "on_demand", "1"),
            ("a", "new_kind", "9"),
            ("a", "total", "3"),
        ]);
        assert_eq!(
            shown(&uneven),
            ["a new_kind 9", "a on_demand 1", "a unattributed -7"]
        );
        assert_eq!(
            (uneven.sum().unwrap(), uneven.uneven),
            ("3".parse().unwrap(), vec!["a".to_owned()])
        );
    }
}
