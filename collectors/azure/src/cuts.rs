//! Which questions give the bill by subscription, charge type, service and meter when each groups by two: an overview first, and
//! one question for every value of what does not fit.
//! What must hold: the overview's own records and the filters of all questions are disjoint and together hold all of the bill;
//! and there are as few questions as there can be, since Azure takes four a minute.

use crate::{
    charge_type::is_usage,
    measures::Measures,
    query::{Group, among},
    settings::Detail,
};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Something by which records are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Dimension {
    Subscription,
    ChargeType,
    Service,
    Meter,
}

impl Dimension {
    fn name(self) -> &'static str {
        match self {
            Self::Subscription => "SubscriptionId",
            Self::ChargeType => "ChargeType",
            Self::Service => "ServiceName",
            Self::Meter => "Meter",
        }
    }
}

/// What one record is about; what its question does not tell is empty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Subject<'a> {
    pub(crate) subscription: &'a str,
    pub(crate) charge_type: &'a str,
    pub(crate) service: &'a str,
    pub(crate) meter: &'a str,
}

/// One question of the counted stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cut {
    /// What it groups by.
    dimensions: Vec<Dimension>,
    /// Dimensions that have one value here.
    fixed: Vec<(Dimension, String)>,
    filter: Option<Value>,
}

impl Cut {
    fn new(dimensions: &[Dimension]) -> Self {
        Self {
            dimensions: dimensions.to_vec(),
            fixed: Vec::new(),
            filter: None,
        }
    }

    /// The first question of a reading; it tells what the others must add up to.
    pub(crate) fn overview(subscription: Option<&str>) -> Self {
        let mut cut = match subscription {
            Some(_) => Self::new(&[Dimension::ChargeType, Dimension::Service]),
            None => Self::new(&[Dimension::Subscription, Dimension::ChargeType]),
        };
        let fixed = subscription.map(|id| (Dimension::Subscription, id.to_owned()));
        cut.fixed.extend(fixed);
        cut
    }

    pub(crate) fn groups(&self) -> Vec<Group> {
        self.dimensions
            .iter()
            .map(|dimension| Group::Dimension(dimension.name()))
            .collect()
    }

    pub(crate) fn filter(&self) -> Option<Value> {
        self.filter.clone()
    }

    /// What a row is about.
    pub(crate) fn subject<'a>(&'a self, keys: &'a [String]) -> Subject<'a> {
        let value = |dimension: Dimension| {
            let fixed = self.fixed.iter().find(|(fixed, _)| *fixed == dimension);
            let at = || self.dimensions.iter().position(|group| *group == dimension);
            let value = fixed.map(|(_, value)| value).or_else(|| keys.get(at()?));
            value.map(String::as_str).unwrap_or_default()
        };
        Subject {
            subscription: value(Dimension::Subscription),
            charge_type: value(Dimension::ChargeType),
            service: value(Dimension::Service),
            meter: value(Dimension::Meter),
        }
    }

    /// With only these values.
    fn only(mut self, filters: Vec<(Dimension, Vec<String>)>) -> Self {
        let mut parts = Vec::new();
        for (dimension, values) in filters {
            parts.push(among(dimension.name(), &values));
            if let [value] = values.as_slice() {
                self.fixed.push((dimension, value.clone()));
            }
        }
        self.filter = match parts.len() {
            0 | 1 => parts.pop(),
            _ => Some(json!({ "and": parts })),
        };
        self
    }
}

/// What is still to be asked, and what of the overview is told as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) cuts: Vec<Cut>,
    /// Whether the overview's rows of use are records: nothing tells more of them.
    pub(crate) usage_as_is: bool,
    /// Whether its other rows are.
    pub(crate) rest_as_is: bool,
}

/// The questions that give all that the overview tells.
pub(crate) fn plan(overview: &Cut, told: &Measures, detail: Detail, groupings: usize) -> Plan {
    use Dimension::{ChargeType, Meter, Service, Subscription};
    let mut usage = BTreeSet::new();
    let mut rest = BTreeSet::new();
    let mut subscriptions = BTreeSet::new();
    for row in told.iter() {
        let Subject {
            subscription,
            charge_type,
            ..
        } = overview.subject(row.keys);
        match is_usage(charge_type) {
            true => {
                usage.insert(charge_type.to_owned());
                subscriptions.insert(subscription.to_owned());
            }
            false => {
                rest.insert(charge_type.to_owned());
            }
        }
    }
    let usage: Vec<String> = usage.into_iter().collect();
    let of_usage = (ChargeType, usage.clone());
    let narrow = overview.fixed.first().cloned();
    let mut plan = Plan::default();
    if let Some(subscription) = narrow {
        plan.rest_as_is = true;
        plan.usage_as_is = detail == Detail::Service;
        if detail == Detail::Meter && !usage.is_empty() {
            let mut cut = Cut::new(&[Service, Meter]).only(vec![of_usage]);
            cut.fixed.push(subscription);
            plan.cuts.push(cut);
        }
        return plan;
    }
    if detail == Detail::Meter && groupings >= 4 {
        plan.cuts
            .push(Cut::new(&[Subscription, ChargeType, Service, Meter]));
        return plan;
    }
    if !usage.is_empty() {
        match detail {
            Detail::Service => plan
                .cuts
                .push(Cut::new(&[Subscription, Service]).only(vec![of_usage])),
            Detail::Meter => {
                for id in subscriptions.into_iter().filter(|id| !id.is_empty()) {
                    let of_subscription = (Subscription, vec![id]);
                    plan.cuts
                        .push(Cut::new(&[Service, Meter]).only(vec![of_usage.clone(), of_subscription]));
                }
            }
        }
    }
    for charge_type in rest {
        let of_type = (ChargeType, vec![charge_type]);
        plan.cuts
            .push(Cut::new(&[Subscription, Service]).only(vec![of_type]));
    }
    plan
}
