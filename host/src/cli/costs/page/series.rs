//! What a chart shows: a currency's amounts by day or month, of the largest groups one by one and of the rest together.
//! What must hold: the amounts of all groups and moments add up to the currency's total.

use crate::ledger::{destination::Measure, query::CostRow, record::Period};
use finops_decimal::{ArithmeticError, Decimal};
use jiff::{Span, civil::Date, tz::Offset};
use std::{cmp::Reverse, collections::BTreeMap};

/// Groups that are shown one by one; one more stands for the rest.
pub(super) const LARGEST: usize = 7;
/// Days that a chart by day shows at most, unless days were asked for.
const DAYS: i64 = 93;
/// Days that a chart by day shows at most.
const MOST_DAYS: i64 = 400;
/// Moments that a chart shows at most: beyond them only those that have amounts.
const MOMENTS: usize = 1_200;

/// The length of a chart's moments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli::costs) enum Step {
    Day,
    Month,
}

impl Step {
    /// The step for a period, as the question names it or the period's length asks for it.
    pub(in crate::cli::costs) fn of(by: &[String], period: Period) -> Self {
        let asked = |name: &str| by.iter().any(|one| one == name);
        let days = (period.end().as_second() - period.start().as_second()) / 86_400;
        if asked("day") && days <= MOST_DAYS || !asked("month") && days <= DAYS {
            Self::Day
        } else {
            Self::Month
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Month => "month",
        }
    }

    /// The name of the moment that a day is in, as the dimension of the same name has it.
    fn moment(self, date: Date) -> String {
        let format = match self {
            Self::Day => "%Y-%m-%d",
            Self::Month => "%Y-%m",
        };
        date.strftime(format).to_string()
    }

    /// All moments of a period in order.
    fn moments(self, period: Period) -> Vec<String> {
        let date = |at| Offset::UTC.to_datetime(at).date();
        let span = match self {
            Self::Day => Span::new().days(1),
            Self::Month => Span::new().months(1),
        };
        let mut at = match self {
            Self::Day => date(period.start()),
            Self::Month => date(period.start()).first_of_month(),
        };
        let mut moments = Vec::new();
        while Offset::UTC
            .to_timestamp(at.at(0, 0, 0, 0))
            .is_ok_and(|at| at < period.end())
        {
            moments.push(self.moment(at));
            match at.checked_add(span) {
                Ok(next) if moments.len() < MOMENTS => at = next,
                _ => return Vec::new(),
            }
        }
        moments
    }
}

/// Which group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Name {
    /// The one with these values of the dimensions.
    One(Vec<String>),
    /// So many small ones together.
    Rest(usize),
}

/// A group of rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Group {
    pub(super) name: Name,
    /// What it comes to.
    pub(super) total: Decimal,
    /// By moment.
    pub(super) amounts: Vec<Decimal>,
}

/// A currency's chart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Series {
    pub(super) currency: String,
    pub(super) step: Step,
    pub(super) moments: Vec<String>,
    /// The largest first, the rest last.
    pub(super) groups: Vec<Group>,
}

/// The charts of rows whose last dimension is the moment.
///
/// # Errors
/// Where a sum does not fit.
pub(super) fn series(
    rows: &[CostRow],
    measure: Measure,
    step: Step,
    period: Period,
) -> Result<Vec<Series>, ArithmeticError> {
    let mut currencies: BTreeMap<&str, BTreeMap<&[String], BTreeMap<&str, Decimal>>> = BTreeMap::new();
    for row in rows {
        let Some((moment, name)) = row.dims.split_last() else {
            continue;
        };
        let groups = currencies.entry(&row.currency).or_default();
        let sum = groups.entry(name).or_default().entry(moment).or_default();
        *sum = sum.checked_add(row.of(measure))?;
    }
    let of = |(currency, groups)| one(currency, groups, step, period);
    currencies.into_iter().map(of).collect()
}

fn one(
    currency: &str,
    groups: BTreeMap<&[String], BTreeMap<&str, Decimal>>,
    step: Step,
    period: Period,
) -> Result<Series, ArithmeticError> {
    let mut moments = step.moments(period);
    let known = moments.clone();
    let others = groups.values().flat_map(BTreeMap::keys).copied();
    moments.extend(
        others
            .filter(|moment| known.binary_search_by(|one| one.as_str().cmp(moment)).is_err())
            .map(str::to_owned),
    );
    moments.sort_unstable();
    moments.dedup();
    let mut all = Vec::new();
    for (name, sums) in groups {
        let amounts: Vec<Decimal> = moments
            .iter()
            .map(|moment| sums.get(moment.as_str()).copied().unwrap_or_default())
            .collect();
        all.push(Group {
            name: Name::One(name.to_vec()),
            total: Decimal::sum(amounts.iter().copied())?,
            amounts,
        });
    }
    // By what moves most money, so that a large credit is seen, too.
    all.sort_by_key(|group| Reverse(group.total.abs()));
    // A rest of one group is that group.
    if all.len() > LARGEST + 1 {
        let small = all.split_off(LARGEST);
        let mut rest = Group {
            name: Name::Rest(small.len()),
            total: Decimal::ZERO,
            amounts: vec![Decimal::ZERO; moments.len()],
        };
        for group in small {
            rest.total = rest.total.checked_add(group.total)?;
            for (sum, amount) in rest.amounts.iter_mut().zip(group.amounts) {
                *sum = sum.checked_add(amount)?;
            }
        }
        all.push(rest);
    }
    Ok(Series {
        currency: currency.to_owned(),
        step,
        moments,
        groups: all,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;

    fn period(from: &str, to: &str) -> Period {
        let at = |day: &str| format!("{day}T00:00:00Z").parse().unwrap();
        Period::new(at(from), at(to)).unwrap()
    }

    fn row(name: &str, moment: &str, amount: &str) -> CostRow {
        CostRow {
            dims: vec![name.to_owned(), moment.to_owned()],
            currency: "USD".to_owned(),
            effective: amount.parse().unwrap(),
            ..CostRow::default()
        }
    }

    #[test]
    fn a_period_is_cut_into_days_or_months_as_asked_or_as_it_is_long() {
        let by = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let (short, long) = (
            period("2026-06-01", "2026-08-03"),
            period("2024-06-01", "2026-08-03"),
        );
        assert_eq!(Step::of(&by(&["service"]), short), Step::Day);
        assert_eq!(Step::of(&by(&["month", "service"]), short), Step::Month);
        assert_eq!(Step::of(&by(&["service"]), long), Step::Month);
        assert_eq!(
            Step::of(&by(&["day"]), long),
            Step::Month,
            "too many days for one chart"
        );
        assert_eq!(
            Step::of(&by(&["day"]), period("2026-01-01", "2026-12-01")),
            Step::Day
        );
        let months = Step::Month.moments(period("2025-11-15", "2026-02-01"));
        assert_eq!(months, ["2025-11", "2025-12", "2026-01"]);
        assert_eq!(Step::Day.moments(period("2026-02-27", "2026-03-02")).len(), 3);
    }

    #[test]
    fn the_largest_groups_stand_alone_and_the_rest_is_one_and_all_adds_up() {
        let mut rows: Vec<CostRow> = (1..=10)
            .map(|number| row(&format!("g{number}"), "2026-08-01", &number.to_string()))
            .collect();
        rows.push(row("credit", "2026-08-02", "-50"));
        let [series] = series(
            &rows,
            Measure::Effective,
            Step::Day,
            period("2026-08-01", "2026-08-04"),
        )
        .unwrap()
        .try_into()
        .unwrap();
        assert_eq!(series.moments.len(), 3, "days without costs are there, too");
        let names = series.groups.iter().map(|group| match &group.name {
            Name::One(dims) => dims.join("/"),
            Name::Rest(count) => format!("+{count}"),
        });
        let names: Vec<String> = names.collect();
        assert_eq!(names, ["credit", "g10", "g9", "g8", "g7", "g6", "g5", "+4"]);
        assert_eq!(series.groups[7].total.to_string(), "10");
        let all = Decimal::sum(series.groups.iter().flat_map(|group| group.amounts.clone())).unwrap();
        assert_eq!(all.to_string(), "5");
    }

    #[test]
    fn a_rest_of_one_group_is_that_group() {
        let rows: Vec<CostRow> = (1..=8)
            .map(|number| row(&format!("g{number}"), "2026-08-01", "1"))
            .collect();
        let series = series(
            &rows,
            Measure::Effective,
            Step::Day,
            period("2026-08-01", "2026-08-02"),
        )
        .unwrap();
        let ones = series[0]
            .groups
            .iter()
            .filter(|group| matches!(group.name, Name::One(_)));
        assert_eq!((ones.count(), series[0].groups.len()), (8, 8));
    }
}
