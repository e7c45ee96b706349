//! How the lines of an invoice and its own figures belong together. The documentation leaves open whether a line's total is before
//! its discount, whether credits and tax are lines too, and what amountBilledCents contains; the sums themselves tell.
//! What must hold: credits and tax count once; an invoice that balances in no way is said so.

use crate::{invoice::Invoice, line::Totals};
use finops_collector::{ArithmeticError, Decimal};

/// Whether discounts are still to be taken off the lines' totals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Discount {
    /// Totals are before them, as documented.
    Deducted,
    /// Totals are after them.
    Included,
}

/// How an invoice is booked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reading {
    pub(crate) discount: Discount,
    /// The credit that is no line, above zero.
    pub(crate) credit: Decimal,
    /// The tax that is no line.
    pub(crate) tax: Decimal,
    /// All records together.
    pub(crate) sum: Decimal,
    /// Whether that fits what the invoice says of itself; none: it says nothing.
    pub(crate) balances: Option<bool>,
}

impl Reading {
    /// How this invoice is to be booked.
    ///
    /// # Errors
    /// Where a sum does not fit.
    pub(crate) fn of(invoice: &Invoice, totals: &Totals) -> Result<Self, ArithmeticError> {
        let in_lines = [totals.negative.abs(), totals.credit.abs()].contains(&invoice.credits);
        let credit = if in_lines { Decimal::ZERO } else { invoice.credits };
        let tax = if totals.tax == invoice.tax {
            Decimal::ZERO
        } else {
            invoice.tax
        };
        let book = |discount| -> Result<Self, ArithmeticError> {
            let lines = match discount {
                Discount::Deducted => totals.total.checked_sub(totals.discount)?,
                Discount::Included => totals.total,
            };
            let sum = lines.checked_add(tax)?.checked_sub(credit)?;
            Ok(Self {
                discount,
                credit,
                tax,
                sum,
                balances: balances(invoice, lines, sum)?,
            })
        };
        let documented = book(Discount::Deducted)?;
        if documented.balances != Some(false) || totals.discount.is_zero() {
            return Ok(documented);
        }
        let other = book(Discount::Included)?;
        Ok(match other.balances {
            Some(true) => other,
            _ => documented,
        })
    }
}

/// Whether the records' sum is what was billed. That may be before credits, without tax, and less or more by what was owed before.
fn balances(invoice: &Invoice, lines: Decimal, sum: Decimal) -> Result<Option<bool>, ArithmeticError> {
    let Some(billed) = invoice.billed else {
        return Ok(invoice.subtotal.map(|subtotal| subtotal == lines));
    };
    let owed = invoice.starting_balance;
    let told = [billed, billed.checked_add(owed)?, billed.checked_sub(owed)?];
    let gross = sum.checked_add(invoice.credits)?;
    let ours = [
        sum,
        gross,
        sum.checked_sub(invoice.tax)?,
        gross.checked_sub(invoice.tax)?,
    ];
    Ok(Some(ours.iter().any(|sum| told.contains(sum))))
}
