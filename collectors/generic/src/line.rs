//! From a row of a file to a cost record.
//! What must hold: a cell that is empty where one is needed, and one that cannot be read, is an error and never a zero.

use crate::{category::category, fields::Field, labels::identity, rows::Row, settings::Settings};
use finops_collector::{
    CostRecord, Failure, Host, Period, amount, excerpt,
    jiff::{Timestamp, civil::Date, civil::DateTime},
    period::day_of,
    record::{ChargeCategory, Location, Pricing, Quantity, Resource, Sku, SubAccount},
};
use std::{cell::RefCell, collections::BTreeSet};

/// How rows become records.
pub(crate) struct Line<'a> {
    host: &'a dyn Host,
    settings: &'a Settings,
    warned: RefCell<BTreeSet<String>>,
}

impl<'a> Line<'a> {
    pub(crate) fn new(host: &'a dyn Host, settings: &'a Settings) -> Self {
        Self {
            host,
            settings,
            warned: RefCell::default(),
        }
    }

    /// The day and the record of a row.
    ///
    /// # Errors
    /// `malformed-reply`, saying which cell is empty or makes no sense.
    pub(crate) fn record(&self, row: &Row<'_>) -> Result<(Date, CostRecord), Failure> {
        let settings = self.settings;
        let text = |field: Field| match settings.fields.of(field) {
            Some(from) => row.text(from),
            None => Ok(None),
        };
        let must = |field: Field, name: &str| {
            text(field)?.ok_or_else(|| Failure::malformed(format_args!("the {name} is empty")))
        };
        let day = day(&must(Field::Day, "day")?)?;
        let cost = amount(&must(Field::Cost, "cost")?)?.unwrap_or_default();
        let service = must(Field::Service, "service")?;
        let currency = text(Field::Currency)?.unwrap_or_else(|| settings.currency.clone());
        let named = text(Field::Category)?;
        let known = named.as_deref().map_or_else(|| category(&service), category);
        let period = Period::of_day(day);
        let mut record = CostRecord::new(
            period,
            &settings.account,
            &settings.provider,
            (&service, known.unwrap_or("Other")),
            (cost, &currency),
        );
        if let (Some(name), None) = (&named, known) {
            self.warn_once(format!(
                "FOCUS has no service category `{}`: it is booked as Other",
                excerpt(name, 60)
            ));
            record = record.extra("x_Category", name);
        }
        if let Some(name) = text(Field::Charge)? {
            record = self.charge(record, &name);
        }
        record.basis = Some(settings.basis);
        record.description = text(Field::Description)?;
        record.line_id = text(Field::Id)?;
        record.sub_account = text(Field::SubAccount)?
            .map(|id| {
                Ok::<_, Failure>(SubAccount {
                    id,
                    name: text(Field::SubAccountName)?,
                    kind: None,
                })
            })
            .transpose()?;
        record.resource = text(Field::Resource)?
            .map(|id| {
                Ok::<_, Failure>(Resource {
                    id,
                    name: text(Field::ResourceName)?,
                    kind: None,
                })
            })
            .transpose()?;
        record.region = text(Field::Region)?.map(|id| Location {
            id,
            ..Location::default()
        });
        record.sku = text(Field::Sku)?.map(|id| Sku {
            id: Some(id),
            ..Sku::default()
        });
        if let Some(used) = text(Field::Quantity)?
            .map(|used| amount(&used))
            .transpose()?
            .flatten()
        {
            let unit = text(Field::Unit)?.unwrap_or_else(|| "Units".to_owned());
            record.consumed = Some(Quantity::new(used, &unit));
            record.pricing = Some(Pricing {
                quantity: Some(Quantity::new(used, &unit)),
                ..Pricing::default()
            });
        }
        for (name, from) in &settings.fields.tags {
            if let Some(value) = row.text(from)? {
                record = record.tag(name, &value);
            }
        }
        if record.line_id.is_none() {
            record = told_apart(record);
        }
        Ok((day, record))
    }

    fn charge(&self, mut record: CostRecord, name: &str) -> CostRecord {
        use ChargeCategory::{Adjustment, Credit, Purchase, Tax, Usage};
        let known = [
            ("usage", Usage),
            ("purchase", Purchase),
            ("tax", Tax),
            ("credit", Credit),
            ("adjustment", Adjustment),
        ];
        match known
            .into_iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
        {
            Some((_, category)) => record.category = category,
            None => {
                self.warn_once(format!(
                    "no charge is called `{}`: it is booked as an adjustment",
                    excerpt(name, 60)
                ));
                record.category = Adjustment;
                record = record.extra("x_Charge", name);
            }
        }
        record
    }

    fn warn_once(&self, warning: String) {
        if self.warned.borrow_mut().insert(warning.clone()) {
            self.host.warn(warning);
        }
    }
}

/// With its tags and its unit as dimensions: the ledger adds up lines of equal dimensions, and tags alone are none.
fn told_apart(mut record: CostRecord) -> CostRecord {
    if !record.tags.is_empty() {
        let tags = identity("", &record.tags.iter().cloned().collect());
        record = record.extra("x_Tags", &tags);
    }
    match record.consumed.clone() {
        Some(used) => record.extra("x_Unit", &used.unit),
        None => record,
    }
}

/// A day, or the day in UTC of an instant; a time without an offset is taken to be in UTC.
fn day(text: &str) -> Result<Date, Failure> {
    let plain = || {
        text.parse::<Date>()
            .ok()
            .filter(|_| text.len() == "2026-08-31".len())
    };
    let instant = || text.parse::<Timestamp>().ok().map(|at| day_of(at.as_second()));
    let local = || text.parse::<DateTime>().ok().map(|at| at.date());
    plain().or_else(instant).or_else(local).ok_or_else(|| {
        Failure::malformed(format_args!(
            "`{}` is no day such as 2026-08-31 and no time such as 2026-08-31T12:00:00Z",
            excerpt(text, 60)
        ))
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use finops_collector::jiff::civil::date;

    #[test]
    fn days_are_those_of_utc() {
        for (text, read) in [
            ("2026-08-31", date(2026, 8, 31)),
            ("2026-08-31T23:30:00-05:00", date(2026, 9, 1)),
            ("2026-08-31T23:30:00Z", date(2026, 8, 31)),
            ("2026-08-31 12:00:00", date(2026, 8, 31)),
        ] {
            assert_eq!(day(text).unwrap(), read, "{text}");
        }
        for text in ["31.08.2026", "", "yesterday", "2026-13-01"] {
            assert!(day(text).is_err(), "{text}");
        }
    }
}
