//! Summing records of equal key into one. Pure; the result does not depend on the order of the records.
//! What must hold: sums are exact; a list or contracted cost that one line lacks is missing in the sum; units agree.

use super::record::{CostRecord, Finality};
use finops_decimal::{ArithmeticError, Decimal};

/// Why records of equal key cannot be one.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum MergeError {
    /// A quantity is given in two units.
    #[error("{column} is given in two units, {one:?} and {other:?}; make the unit part of a dimension")]
    Units {
        column: &'static str,
        one: String,
        other: String,
    },
    /// A sum does not fit.
    #[error(transparent)]
    Arithmetic(#[from] ArithmeticError),
}

/// Adds another record of the same key to one. Measures and quantities are summed; of names and descriptions the
/// first in order stays; tags, prices and price cards stay where both agree; one open line makes the sum open.
pub(super) fn absorb(sum: &mut CostRecord, other: CostRecord) -> Result<(), MergeError> {
    sum.billed_cost = sum.billed_cost.checked_add(other.billed_cost)?;
    sum.effective_cost = sum.effective_cost.checked_add(other.effective_cost)?;
    sum.list_cost = known_sum(sum.list_cost, other.list_cost)?;
    sum.contracted_cost = known_sum(sum.contracted_cost, other.contracted_cost)?;
    add_quantity(
        "ConsumedQuantity",
        (&mut sum.consumed_quantity, &mut sum.consumed_unit),
        (other.consumed_quantity, other.consumed_unit),
    )?;
    add_quantity(
        "PricingQuantity",
        (&mut sum.pricing_quantity, &mut sum.pricing_unit),
        (other.pricing_quantity, other.pricing_unit),
    )?;
    add_quantity(
        "CommitmentDiscountQuantity",
        (
            &mut sum.commitment_discount_quantity,
            &mut sum.commitment_discount_unit,
        ),
        (other.commitment_discount_quantity, other.commitment_discount_unit),
    )?;
    agreed(&mut sum.list_unit_price, &other.list_unit_price);
    agreed(&mut sum.contracted_unit_price, &other.contracted_unit_price);
    agreed(&mut sum.price_card, &other.price_card);
    first(&mut sum.charge_description, other.charge_description);
    first(&mut sum.billing_account_name, other.billing_account_name);
    first(&mut sum.sub_account_name, other.sub_account_name);
    first(&mut sum.region_name, other.region_name);
    first(&mut sum.resource_name, other.resource_name);
    first(&mut sum.commitment_discount_name, other.commitment_discount_name);
    sum.tags.retain(|name, value| other.tags.get(name) == Some(value));
    if other.finality == Finality::Open {
        sum.finality = Finality::Open;
    }
    sum.line_count = sum
        .line_count
        .checked_add(other.line_count)
        .ok_or(ArithmeticError::Overflow)?;
    Ok(())
}

/// A sum is known only where both parts are.
fn known_sum(one: Option<Decimal>, other: Option<Decimal>) -> Result<Option<Decimal>, ArithmeticError> {
    match (one, other) {
        (Some(one), Some(other)) => one.checked_add(other).map(Some),
        _ => Ok(None),
    }
}

/// A line without a quantity adds none.
fn add_quantity(
    column: &'static str,
    sum: (&mut Option<Decimal>, &mut Option<String>),
    other: (Option<Decimal>, Option<String>),
) -> Result<(), MergeError> {
    match (&sum.1, &other.1) {
        (Some(one), Some(other)) if one != other => {
            return Err(MergeError::Units {
                column,
                one: one.clone(),
                other: other.clone(),
            });
        }
        (None, Some(_)) => *sum.1 = other.1,
        _ => {}
    }
    if let Some(more) = other.0 {
        *sum.0 = Some(sum.0.unwrap_or(Decimal::ZERO).checked_add(more)?);
    }
    Ok(())
}

fn agreed<T: PartialEq>(one: &mut Option<T>, other: &Option<T>) {
    if one != other {
        *one = None;
    }
}

fn first(one: &mut Option<String>, other: Option<String>) {
    *one = match (one.take(), other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    };
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::ledger::sample;
    use proptest::prelude::*;

    fn line(cost: &str) -> CostRecord {
        sample::record("2026-08-01T00:00:00Z", "Compute", cost)
    }

    #[test]
    fn measures_and_quantities_are_summed_and_lines_counted() {
        let mut sum = line("0.1");
        sum.consumed_quantity = Some("2".parse().unwrap());
        sum.consumed_unit = Some("Hours".to_owned());
        sum.list_cost = Some("1".parse().unwrap());
        let mut other = line("0.2");
        other.consumed_quantity = Some("3".parse().unwrap());
        other.consumed_unit = Some("Hours".to_owned());
        absorb(&mut sum, other).unwrap();
        assert_eq!(sum.billed_cost.to_string(), "0.3");
        assert_eq!(sum.consumed_quantity.unwrap().to_string(), "5");
        assert_eq!(sum.list_cost, None);
        assert_eq!(sum.line_count, 2);
    }

    #[test]
    fn two_units_are_refused() {
        let mut sum = line("1");
        sum.pricing_unit = Some("GB".to_owned());
        let mut other = line("1");
        other.pricing_unit = Some("Hours".to_owned());
        let error = absorb(&mut sum, other).unwrap_err().to_string();
        assert!(
            error.contains("PricingQuantity") && error.contains("Hours"),
            "{error}"
        );
    }

    prop_compose! {
        fn any_line()(
            cost in -1000_i64..1000,
            list in prop::option::of(0_i64..1000),
            price in prop::option::of(0_i64..3),
            name in prop::option::of("[ab]"),
            tag in prop::option::of("[ab]"),
            open in any::<bool>(),
            quantity in prop::option::of(0_i64..9),
        ) -> CostRecord {
            let mut record = line(&cost.to_string());
            record.list_cost = list.map(Decimal::from);
            record.list_unit_price = price.map(Decimal::from);
            record.resource_name = name;
            record.tags = tag.map(|value| ("team".to_owned(), value)).into_iter().collect();
            record.finality = if open { Finality::Open } else { Finality::Final };
            record.consumed_unit = quantity.map(|_| "Hours".to_owned());
            record.consumed_quantity = quantity.map(Decimal::from);
            record
        }
    }

    fn merged(lines: &[CostRecord]) -> CostRecord {
        lines
            .iter()
            .cloned()
            .reduce(|mut sum, other| {
                absorb(&mut sum, other).unwrap();
                sum
            })
            .unwrap()
    }

    proptest! {
        #[test]
        fn the_order_of_lines_does_not_matter(lines in prop::collection::vec(any_line(), 2..6)) {
            let mut backwards = lines.clone();
            backwards.reverse();
            prop_assert_eq!(merged(&lines), merged(&backwards));
        }
    }
}
