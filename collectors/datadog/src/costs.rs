//! What a cost reply says of one month: running totals of each day by organization, product and type. They become days here.
//! What must hold: a day's cost is its total less the one before, however much that goes down; the days of a month add up to its
//! newest total.

use crate::{
    api::Api,
    charges::{Charge, NOISE, Parts},
};
use finops_collector::{
    ArithmeticError, Decimal, Double, Failure, excerpt,
    jiff::civil::{Date, date},
    json::each_in,
};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// Days of the longest month.
const DAYS: usize = 31;

#[derive(Deserialize)]
struct Row {
    attributes: Attributes,
}

#[derive(Deserialize)]
struct Attributes {
    #[serde(default)]
    org_name: Option<String>,
    #[serde(default)]
    public_id: Option<String>,
    #[serde(default)]
    account_name: Option<String>,
    #[serde(default)]
    account_public_id: Option<String>,
    #[serde(default)]
    region: Option<String>,
    date: String,
    #[serde(default)]
    total_cost: Option<Double>,
    charges: Vec<Charge>,
}

/// What is known of an organization beside its public id.
#[derive(Clone, Debug, Default)]
pub(crate) struct Org {
    pub(crate) name: Option<String>,
    pub(crate) region: Option<String>,
    pub(crate) account_id: Option<String>,
    pub(crate) account_name: Option<String>,
    /// The days that were reported for it.
    reported: [bool; DAYS],
}

/// Public id of the organization, product, type of charge.
pub(crate) type SeriesKey = (String, String, String);

/// The costs of a month.
#[derive(Debug, Default)]
pub(crate) struct Costs {
    /// By public id.
    pub(crate) orgs: BTreeMap<String, Org>,
    /// Running totals by day.
    totals: BTreeMap<SeriesKey, [Option<Decimal>; DAYS]>,
    /// Whether what was read does not add up to what Datadog says it adds up to.
    pub(crate) uneven: bool,
}

impl Costs {
    /// Reads a reply for the days of the month, the last among them included.
    ///
    /// # Errors
    /// The host's; `malformed-reply` for another month's rows.
    pub(crate) fn read(
        api: &Api<'_>,
        path_and_query: &str,
        month: Date,
        what: &str,
    ) -> Result<Self, Failure> {
        let mut costs = Self::default();
        let response = api.get(path_and_query, what)?;
        each_in(response.reader(), "data", |row: Row| {
            costs.add(api, row.attributes, month)
        })
        .map_err(|failure| failure.context(what))?;
        Ok(costs)
    }

    fn add(&mut self, api: &Api<'_>, row: Attributes, month: Date) -> Result<(), Failure> {
        let day = row.date.get(..10).and_then(|text| text.parse::<Date>().ok());
        let Some(day) = day.filter(|day| day.first_of_month() == month.first_of_month()) else {
            return Err(Failure::malformed(format_args!(
                "a row is dated `{}`, which is not in {}",
                excerpt(&row.date, 40),
                month_name(month)
            )));
        };
        let index = usize::from(day.day().unsigned_abs()).saturating_sub(1);
        let id = row.public_id.filter(|id| !id.is_empty());
        let key = id.or_else(|| row.org_name.clone()).unwrap_or_default();
        let parts = Parts::of(row.charges).map_err(Failure::malformed)?;
        self.check(api, &parts, row.total_cost, &key)?;
        let org = self.orgs.entry(key.clone()).or_default();
        if let Some(reported) = org.reported.get_mut(index) {
            *reported = true;
        }
        org.name = row.org_name.or(org.name.take());
        org.region = row
            .region
            .filter(|region| !region.is_empty())
            .or(org.region.take());
        org.account_id = row
            .account_public_id
            .filter(|id| !id.is_empty())
            .or(org.account_id.take());
        org.account_name = row.account_name.or(org.account_name.take());
        for ((product, kind), cost) in parts.costs {
            let days = self.totals.entry((key.clone(), product, kind)).or_default();
            if let Some(total) = days.get_mut(index) {
                let sum = total.unwrap_or(Decimal::ZERO).checked_add(cost);
                *total = Some(sum.map_err(Failure::malformed)?);
            }
        }
        Ok(())
    }

    /// Warns where the row's charges are not its total.
    fn check(
        &mut self,
        api: &Api<'_>,
        parts: &Parts,
        told: Option<Double>,
        org: &str,
    ) -> Result<(), Failure> {
        for product in &parts.uneven {
            api.warnings.once(format_args!(
                "the charges of `{}` are not its total: the difference is booked as x_ChargeType unattributed",
                excerpt(product, 80)
            ));
        }
        let Some(told) = told else { return Ok(()) };
        let off = parts.sum().and_then(|sum| sum.checked_sub(told.0));
        if off.map_err(Failure::malformed)?.abs() > NOISE {
            self.uneven = true;
            api.warnings.once(format_args!(
                "the charges of the organization `{}` do not add up to its total_cost: the month is kept as partial",
                excerpt(org, 60)
            ));
        }
        Ok(())
    }

    /// Whether nothing was said.
    pub(crate) fn is_empty(&self) -> bool {
        self.orgs.is_empty()
    }

    /// Everybody's ids: the organizations' and their accounts'.
    pub(crate) fn ids(&self) -> BTreeSet<&str> {
        let accounts = self.orgs.values().filter_map(|org| org.account_id.as_deref());
        let orgs = self.orgs.keys().map(String::as_str);
        accounts.chain(orgs).collect()
    }

    /// Whether the last day of the month was reported for all that were reported at all.
    pub(crate) fn reaches(&self, last: Date) -> bool {
        let index = usize::from(last.day().unsigned_abs()).saturating_sub(1);
        self.orgs
            .values()
            .all(|org| org.reported.get(index) == Some(&true))
    }

    /// Whether a day between two reported ones is missing.
    pub(crate) fn has_gap(&self) -> bool {
        self.orgs.values().any(|org| {
            let inner = org.reported.iter().skip_while(|there| !**there);
            inner
                .map(|there| u8::from(!there))
                .collect::<Vec<_>>()
                .windows(2)
                .any(|pair| pair == [1, 0])
        })
    }

    /// The days of each series whose total changed, with the change; the month began with nothing.
    ///
    /// A product that a reported day lacks has the total zero on it; a day that is not reported says nothing, and what was spent
    /// on it lies in the next one.
    pub(crate) fn days(&self, month: Date) -> Result<Vec<(&SeriesKey, Date, Decimal)>, ArithmeticError> {
        let mut days = Vec::new();
        for (key, totals) in &self.totals {
            let Some(org) = self.orgs.get(&key.0) else {
                continue;
            };
            let mut before = Decimal::ZERO;
            for (number, (total, reported)) in (1_i8..).zip(totals.iter().zip(org.reported)) {
                if !reported {
                    continue;
                }
                let total = total.unwrap_or(Decimal::ZERO);
                let change = total.checked_sub(before)?;
                if !change.is_zero() {
                    days.push((key, date(month.year(), month.month(), number), change));
                }
                before = total;
            }
        }
        Ok(days)
    }

    /// What each organization's product comes to, by the newest totals.
    pub(crate) fn products(&self) -> Result<BTreeMap<(&str, &str), Decimal>, ArithmeticError> {
        let mut products: BTreeMap<(&str, &str), Decimal> = BTreeMap::new();
        for ((org, product, _), totals) in &self.totals {
            let newest = self
                .orgs
                .get(org)
                .and_then(|org| org.reported.iter().rposition(|there| *there));
            let total = newest.and_then(|index| totals.get(index).copied().flatten());
            let sum = products.entry((org, product)).or_default();
            *sum = sum.checked_add(total.unwrap_or(Decimal::ZERO))?;
        }
        Ok(products)
    }

    /// The only total of each series, where a month is told by one row.
    pub(crate) fn whole(&self) -> impl Iterator<Item = (&SeriesKey, Decimal)> {
        let told = self.totals.iter();
        told.filter_map(|(key, totals)| Some((key, totals.iter().flatten().next().copied()?)))
    }
}

/// `2026-08`.
pub(crate) fn month_name(month: Date) -> String {
    format!("{:04}-{:02}", month.year(), month.month())
}
