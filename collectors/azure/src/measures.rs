//! Actual and amortized costs as two measures of one record: two questions, joined by day, groups and currency. What stands in
//! one of them only is zero in the other: a purchase that is spread, or a commitment that was not used.
//! What must hold: one bill without an answer is never taken for zeros beside the other.

use crate::query::{Metric, Question, Questions, Said};
use finops_collector::{ArithmeticError, Decimal, Failure, jiff::civil::Date};
use std::{
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
};

/// Billed and effective cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Costs {
    pub(crate) billed: Decimal,
    pub(crate) effective: Decimal,
}

impl Costs {
    pub(crate) fn add(&mut self, other: &Self) -> Result<(), ArithmeticError> {
        self.billed = self.billed.checked_add(other.billed)?;
        self.effective = self.effective.checked_add(other.effective)?;
        Ok(())
    }

    /// What is left of these after taking the others away.
    pub(crate) fn less(&self, other: &Self) -> Result<Self, ArithmeticError> {
        Ok(Self {
            billed: self.billed.checked_sub(other.billed)?,
            effective: self.effective.checked_sub(other.effective)?,
        })
    }

    pub(crate) fn are_zero(&self) -> bool {
        *self == Self::default()
    }
}

/// Rows of both bills. Each combination of groups and currency is kept once, whatever the number of its days.
#[derive(Debug, Default)]
pub(crate) struct Measures {
    keys: Vec<Rc<[String]>>,
    numbers: BTreeMap<Rc<[String]>, u32>,
    costs: BTreeMap<(Date, u32), Costs>,
    days: BTreeSet<Date>,
}

/// One record's day, groups, currency and costs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Measured<'a> {
    pub(crate) day: Date,
    pub(crate) keys: &'a [String],
    pub(crate) currency: &'a str,
    pub(crate) costs: Costs,
}

impl Measures {
    /// Asks for both bills. None where neither has content.
    ///
    /// # Errors
    /// `incomplete`, where one has content and the other has not, unless `filtered` says that this may be.
    pub(crate) fn read(
        questions: &Questions<'_>,
        question: &Question<'_>,
        filtered: bool,
    ) -> Result<Option<Self>, Failure> {
        let mut measures = Self::default();
        let mut silent = Vec::new();
        for metric in [Metric::Actual, Metric::Amortized] {
            let said = questions.ask(metric, question, |row| {
                let mut costs = Costs::default();
                match metric {
                    Metric::Actual => costs.billed = row.cost,
                    Metric::Amortized => costs.effective = row.cost,
                }
                let mut keys = row.keys;
                keys.push(row.currency);
                measures.add(row.day, keys, &costs)
            })?;
            if said == Said::NoContent {
                silent.push(metric);
            }
        }
        match silent.as_slice() {
            [] => Ok(Some(measures)),
            [_] if filtered => Ok(Some(measures)),
            [metric] => Err(Failure::incomplete(format_args!(
                "{} to {}: Azure has no content for {metric:?} costs but for the other ones; nothing was committed",
                question.first, question.last
            ))),
            _ => Ok(None),
        }
    }

    fn add(&mut self, day: Date, keys: Vec<String>, costs: &Costs) -> Result<(), Failure> {
        let number = match self.numbers.get(keys.as_slice()) {
            Some(number) => *number,
            None => {
                let number = u32::try_from(self.keys.len()).map_err(Failure::internal)?;
                let keys: Rc<[String]> = keys.into();
                self.keys.push(Rc::clone(&keys));
                self.numbers.insert(keys, number);
                number
            }
        };
        self.days.insert(day);
        let sum = self.costs.entry((day, number)).or_default();
        sum.add(costs).map_err(Failure::malformed)
    }

    /// The records, by day.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Measured<'_>> {
        self.costs.iter().filter_map(|((day, number), costs)| {
            let keys = self.keys.get(usize::try_from(*number).ok()?)?;
            let (currency, keys) = keys.split_last()?;
            Some(Measured {
                day: *day,
                keys,
                currency,
                costs: *costs,
            })
        })
    }

    /// Days that have a row, be it of zero.
    pub(crate) fn days(&self) -> &BTreeSet<Date> {
        &self.days
    }
}
