//! Which questions give the bill by three dimensions when each groups by two: one question for every value of the third.
//! What must hold: the filters of all questions are disjoint and together hold all that the overview names; and there are
//! as few of them as there can be, since each page costs money.

use crate::{
    api::Api,
    cost_explorer::{Group, Measures, Question, all, among, ask},
    overview::Overview,
    record_type::Class,
};
use finops_collector::{Failure, Window};
use serde_json::Value;
use std::collections::BTreeSet;

/// From so many accounts on, asking which services there are may save more questions than the one it costs.
const MANY_ACCOUNTS: usize = 12;

/// Something by which records are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Dimension {
    Account,
    RecordType,
    Service,
    UsageType,
}

impl Dimension {
    fn name(self) -> &'static str {
        match self {
            Self::Account => "LINKED_ACCOUNT",
            Self::RecordType => "RECORD_TYPE",
            Self::Service => "SERVICE",
            Self::UsageType => "USAGE_TYPE",
        }
    }
}

/// One question of the counted stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cut {
    pub(crate) class: Class,
    /// The dimension that has one value here.
    fixed: (Dimension, String),
    groups: [Dimension; 2],
    filter: Option<Value>,
}

impl Cut {
    /// What it groups by.
    pub(crate) fn groups(&self) -> [Group; 2] {
        self.groups.map(|dimension| Group::Dimension(dimension.name()))
    }

    /// Its filter.
    pub(crate) fn filter(&self) -> Option<Value> {
        self.filter.clone()
    }

    /// A row's value of a dimension.
    pub(crate) fn value<'a>(&'a self, dimension: Dimension, keys: &'a [String]) -> Option<&'a str> {
        if self.fixed.0 == dimension {
            return Some(&self.fixed.1);
        }
        let at = self.groups.iter().position(|group| *group == dimension)?;
        keys.get(at).map(String::as_str)
    }
}

/// The questions that give all that the overview names.
pub(crate) fn plan(
    api: &Api<'_>,
    overview: &Overview,
    window: Window,
    measures: Measures,
) -> Result<Vec<Cut>, Failure> {
    let mut cuts = Vec::new();
    for class in [Class::Usage, Class::Other] {
        let record_types = overview.record_types(class);
        if record_types.is_empty() {
            continue;
        }
        let accounts = overview.accounts(class);
        let of_class = among(Dimension::RecordType.name(), &record_types);
        let (fixed, values) = match class {
            Class::Usage if accounts.len() >= MANY_ACCOUNTS => {
                let services = services(api, window, measures, &of_class)?;
                fewest((Dimension::Account, accounts), (Dimension::Service, services))
            }
            Class::Usage => (Dimension::Account, accounts),
            Class::Other => fewest(
                (Dimension::Account, accounts),
                (Dimension::RecordType, record_types),
            ),
        };
        let dimensions = match class {
            Class::Usage => [Dimension::Account, Dimension::Service, Dimension::UsageType],
            Class::Other => [Dimension::Account, Dimension::RecordType, Dimension::Service],
        };
        let mut groups = dimensions.into_iter().filter(|dimension| *dimension != fixed);
        let (Some(first), Some(second)) = (groups.next(), groups.next()) else {
            return Err(Failure::internal("a cut has two groups"));
        };
        for value in values {
            let of_value = among(fixed.name(), std::slice::from_ref(&value));
            let filter = match fixed {
                Dimension::RecordType => Some(of_value),
                _ => all(vec![of_class.clone(), of_value]),
            };
            cuts.push(Cut {
                class,
                fixed: (fixed, value),
                groups: [first, second],
                filter,
            });
        }
    }
    Ok(cuts)
}

fn fewest(one: (Dimension, Vec<String>), other: (Dimension, Vec<String>)) -> (Dimension, Vec<String>) {
    if other.1.len() < one.1.len() { other } else { one }
}

fn services(
    api: &Api<'_>,
    window: Window,
    measures: Measures,
    filter: &Value,
) -> Result<Vec<String>, Failure> {
    let question = Question {
        window,
        hourly: false,
        resources: false,
        measures,
        quantity: false,
        groups: &[Group::Dimension(Dimension::Service.name())],
        filter: Some(filter.clone()),
    };
    let mut services = BTreeSet::new();
    ask(api, &question, |row| {
        services.extend(row.keys);
        Ok(())
    })?;
    Ok(services.into_iter().collect())
}
