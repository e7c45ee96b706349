//! The first question of a reading: what each account paid by day and record type. It says which cuts there are to be read, and
//! what they must add up to.

use crate::{
    api::Api,
    cost_explorer::{Group, Measures, Question, ask},
    record_type::{Class, class},
};
use finops_collector::{ArithmeticError, Decimal, Failure, Window, jiff::civil::Date, period::day_of};
use std::collections::{BTreeMap, BTreeSet};

/// Billed and effective cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sums {
    pub(crate) billed: Decimal,
    pub(crate) effective: Decimal,
}

impl Sums {
    pub(crate) fn add(&mut self, billed: Decimal, effective: Decimal) -> Result<(), ArithmeticError> {
        self.billed = self.billed.checked_add(billed)?;
        self.effective = self.effective.checked_add(effective)?;
        Ok(())
    }

    /// What is left of these after taking the others away.
    pub(crate) fn less(&self, other: &Self) -> Result<Self, ArithmeticError> {
        Ok(Self {
            billed: self.billed.checked_sub(other.billed)?,
            effective: self.effective.checked_sub(other.effective)?,
        })
    }
}

/// What the accounts paid.
#[derive(Debug, Default)]
pub(crate) struct Overview {
    /// By day, account and class.
    pub(crate) sums: BTreeMap<(Date, String, Class), Sums>,
    /// Names of the accounts.
    pub(crate) names: BTreeMap<String, String>,
    accounts: BTreeMap<Class, BTreeSet<String>>,
    record_types: BTreeMap<Class, BTreeSet<String>>,
}

impl Overview {
    pub(crate) fn read(api: &Api<'_>, window: Window, measures: Measures) -> Result<Self, Failure> {
        let groups = [
            Group::Dimension("LINKED_ACCOUNT"),
            Group::Dimension("RECORD_TYPE"),
        ];
        let question = Question {
            window,
            hourly: false,
            resources: false,
            measures,
            quantity: false,
            groups: &groups,
            filter: None,
        };
        let mut overview = Self::default();
        let said = ask(api, &question, |row| {
            let [account, record_type] = row.keys.as_slice() else {
                return Err(Failure::internal("two groups were asked for"));
            };
            let class = class(record_type);
            let day = day_of(row.period.start);
            overview
                .sums
                .entry((day, account.clone(), class))
                .or_default()
                .add(row.billed, row.effective)
                .map_err(Failure::malformed)?;
            overview
                .accounts
                .entry(class)
                .or_default()
                .insert(account.clone());
            overview
                .record_types
                .entry(class)
                .or_default()
                .insert(record_type.clone());
            Ok(())
        })?;
        overview.names = said.names;
        Ok(overview)
    }

    /// Accounts that have something of a class.
    pub(crate) fn accounts(&self, class: Class) -> Vec<String> {
        self.accounts.get(&class).into_iter().flatten().cloned().collect()
    }

    /// The record types of a class, as AWS spells them here.
    pub(crate) fn record_types(&self, class: Class) -> Vec<String> {
        self.record_types
            .get(&class)
            .into_iter()
            .flatten()
            .cloned()
            .collect()
    }
}
