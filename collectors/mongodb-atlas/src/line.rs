//! A line of an invoice as Atlas writes it, and what the lines of an invoice add up to. All fields are optional there.

use crate::{
    invoice::{dollars, number},
    sku::{self, Charge},
};
use finops_collector::{ArithmeticError, Decimal, Failure};
use serde::Deserialize;
use serde_json::{Number, Value};
use std::collections::BTreeMap;

/// A line.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Line {
    pub(crate) cloud_provider: Option<String>,
    pub(crate) cluster_name: Option<String>,
    pub(crate) start_date: Option<String>,
    pub(crate) end_date: Option<String>,
    pub(crate) group_id: Option<String>,
    pub(crate) group_name: Option<String>,
    pub(crate) note: Option<String>,
    pub(crate) sku: Option<String>,
    pub(crate) stitch_app_name: Option<String>,
    /// Values are texts or arrays of them.
    pub(crate) tags: Option<BTreeMap<String, Value>>,
    pub(crate) unit: Option<String>,
    quantity: Option<Number>,
    unit_price_dollars: Option<Number>,
    tier_lower_bound: Option<Number>,
    total_price_cents: Option<Number>,
    discount_cents: Option<Number>,
}

impl Line {
    /// The SKU; empty where there is none.
    pub(crate) fn sku(&self) -> &str {
        self.sku.as_deref().unwrap_or_default()
    }

    /// What it costs before its discount, as documented.
    pub(crate) fn total(&self) -> Result<Decimal, Failure> {
        dollars(self.total_price_cents.as_ref())?
            .ok_or_else(|| Failure::malformed("a line has no totalPriceCents, so its cost is not known"))
    }

    /// Its discount; zero where there is none.
    pub(crate) fn discount(&self) -> Result<Decimal, Failure> {
        Ok(dollars(self.discount_cents.as_ref())?.unwrap_or_default())
    }

    pub(crate) fn quantity(&self) -> Result<Option<Decimal>, Failure> {
        number(self.quantity.as_ref())
    }

    pub(crate) fn unit_price(&self) -> Result<Option<Decimal>, Failure> {
        number(self.unit_price_dollars.as_ref())
    }

    pub(crate) fn tier(&self) -> Result<Option<Decimal>, Failure> {
        number(self.tier_lower_bound.as_ref())
    }
}

/// What the lines of an invoice add up to, in dollars.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    pub(crate) lines: u64,
    /// Of all lines.
    pub(crate) total: Decimal,
    /// Of all discounts.
    pub(crate) discount: Decimal,
    /// Of the lines below zero.
    pub(crate) negative: Decimal,
    /// Of the lines whose SKU says credit.
    pub(crate) credit: Decimal,
    /// Of the lines whose SKU says tax.
    pub(crate) tax: Decimal,
}

impl Totals {
    /// Adds a line.
    ///
    /// # Errors
    /// `malformed-reply`, where the line has no cost or a sum does not fit.
    pub(crate) fn add(&mut self, line: &Line) -> Result<(), Failure> {
        let (total, discount) = (line.total()?, line.discount()?);
        let charge = sku::class(line.sku()).charge;
        self.add_amounts(total, discount, charge)
            .map_err(Failure::malformed)
    }

    fn add_amounts(
        &mut self,
        total: Decimal,
        discount: Decimal,
        charge: Charge,
    ) -> Result<(), ArithmeticError> {
        self.lines += 1;
        self.total = self.total.checked_add(total)?;
        self.discount = self.discount.checked_add(discount)?;
        if total.is_negative() {
            self.negative = self.negative.checked_add(total)?;
        }
        match charge {
            Charge::Credit => self.credit = self.credit.checked_add(total)?,
            Charge::Tax => self.tax = self.tax.checked_add(total)?,
            Charge::Usage | Charge::Purchase => {}
        }
        Ok(())
    }
}
