//! The first look at the rows of a file, before anything is written: what they come to, which columns they fill, and
//! whether they are what the specification says.

use super::{
    Column, ExportError, Finding, FocusVersion, Kind,
    columns::{Presence, record_columns},
    row::{Row, Value},
    validate::Findings,
};
use crate::ledger::record::Finality;
use finops_decimal::Decimal;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// What the rows of one currency add up to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, serde::Deserialize)]
pub struct Sums {
    /// BilledCost.
    pub billed: Decimal,
    /// EffectiveCost.
    pub effective: Decimal,
    /// ListCost, filled where it is missing.
    pub list: Decimal,
    /// ContractedCost, filled where it is missing.
    pub contracted: Decimal,
}

/// What a look at rows found.
#[derive(Debug)]
pub struct Survey {
    /// Rows.
    pub rows: u64,
    /// Of these, how many may still change at the provider.
    pub open: u64,
    /// What they add up to, by currency.
    pub sums: BTreeMap<String, Sums>,
    version: FocusVersion,
    candidates: Vec<Candidate>,
    extras: BTreeSet<String>,
    findings: Findings,
}

#[derive(Debug)]
struct Candidate {
    column: Column,
    used: bool,
    wide: bool,
}

/// One above the largest number of units that `DECIMAL(38, 18)` holds.
const TOO_WIDE: u128 = 10_u128.pow(38);

impl Survey {
    /// Of no rows yet, for a file of this version.
    #[must_use]
    pub fn new(version: FocusVersion) -> Self {
        let columns = record_columns(version, &BTreeSet::new());
        let candidate = |column| Candidate {
            column,
            used: false,
            wide: false,
        };
        Self {
            rows: 0,
            open: 0,
            sums: BTreeMap::new(),
            version,
            candidates: columns.into_iter().map(candidate).collect(),
            extras: BTreeSet::new(),
            findings: Findings::default(),
        }
    }

    /// Looks at a row.
    ///
    /// # Errors
    /// [`ExportError::Overflow`] where a sum does not fit.
    pub fn add(&mut self, row: &Row<'_>) -> Result<(), ExportError> {
        self.rows += 1;
        self.open += u64::from(row.record.finality == Finality::Open);
        for candidate in &mut self.candidates {
            match candidate.column.value(row) {
                Value::Null => {}
                Value::Decimal(number) => {
                    candidate.used = true;
                    candidate.wide |= number.units().unsigned_abs() >= TOO_WIDE;
                }
                _ => candidate.used = true,
            }
        }
        for (name, value) in &row.record.extra {
            if !value.is_empty() && !self.extras.contains(name) {
                self.extras.insert(name.clone());
            }
        }
        let record = row.record;
        let sums = match self.sums.get_mut(&record.billing_currency) {
            Some(sums) => sums,
            None => self.sums.entry(record.billing_currency.clone()).or_default(),
        };
        for (sum, cost) in [
            (&mut sums.billed, row.signed(record.billed_cost)),
            (&mut sums.effective, row.signed(record.effective_cost)),
            (&mut sums.list, row.list_cost()),
            (&mut sums.contracted, row.contracted_cost()),
        ] {
            *sum = sum.checked_add(cost).map_err(|_| ExportError::Overflow)?;
        }
        self.findings.judge(row);
        Ok(())
    }

    /// The columns of the file.
    #[must_use]
    pub fn columns(&self) -> Vec<Column> {
        let mut columns = record_columns(self.version, &self.extras);
        columns.retain(|column| {
            let known = self.candidate(&column.name);
            column.presence != Presence::Used || known.is_none_or(|candidate| candidate.used)
        });
        columns
    }

    /// Decimal columns with a value that `DECIMAL(38, 18)` does not hold: Parquet has them as text.
    #[must_use]
    pub fn wide(&self) -> Vec<String> {
        let wide = self.candidates.iter().filter(|candidate| candidate.wide);
        wide.map(|candidate| candidate.column.name.to_string()).collect()
    }

    fn candidate(&self, name: &str) -> Option<&Candidate> {
        self.candidates
            .iter()
            .find(|candidate| candidate.column.name == name)
    }

    /// What is not as the specification says.
    #[must_use]
    pub fn findings(&self) -> Vec<Finding> {
        self.findings.list()
    }

    /// The type that a column has in a file which knows decimals of 38 digits only.
    pub(super) fn narrow_kind(&self, column: &Column) -> Kind {
        match self.candidate(&column.name) {
            Some(candidate) if candidate.wide => Kind::Text,
            _ => column.kind,
        }
    }
}
