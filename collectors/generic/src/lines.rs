//! Lines of a file: read once to see which days it tells of, and once more to write them.
//! What must hold: a day of which the file says nothing yet is left alone; days before its newest are what it says they are.

use crate::{
    category::category,
    descriptor::{LINES, LINES_LATENCY},
    fields::Field,
    labels::{Labels, identity},
    rows::{self, Row},
    settings::Settings,
};
use finops_collector::{
    Book, CostRecord, Failure, Host, HttpRequest, Instant, Outcome, Partitions, Period, Request, Response,
    StreamRequest, amount, commit,
    descriptor::Grain,
    excerpt,
    jiff::{Timestamp, civil::Date, civil::DateTime},
    period::{day_of, start_of},
    record::{ChargeCategory, Location, Pricing, Quantity, Resource, Sku, SubAccount},
};
use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
};

/// Reads and commits what is wanted.
pub(crate) fn collect(host: &dyn Host, request: &Request, settings: &Settings) -> Result<Outcome, Failure> {
    let Some(stream) = request.wanted(LINES)? else {
        return Ok(Outcome::done());
    };
    let file = File {
        host,
        settings,
        now: request.now,
        warned: RefCell::default(),
    };
    let mut notes = Vec::new();
    for (path, period) in paths(settings, stream, request.now) {
        let read = file
            .read(&path, period)
            .map_err(|failure| failure.context(&path))?;
        notes.push(format!("{read} days of {path}"));
    }
    Ok(Outcome::done().note(notes.join(", ")))
}

/// The files to read, and which days are taken from each.
fn paths(settings: &Settings, stream: &StreamRequest, now: Instant) -> Vec<(String, Period)> {
    let end = stream.period.end.min(now + 1);
    let asked = Period { end, ..stream.period };
    let grain = match () {
        () if settings.path.contains("{day}") => Grain::Day,
        () if settings.path.contains("{month}") => Grain::Month,
        () => return vec![(settings.path.clone(), asked)],
    };
    let of = |start: Instant| {
        let day = day_of(start);
        let month = format!("{:04}-{:02}", day.year(), day.month());
        let path = settings
            .path
            .replace("{day}", &day.to_string())
            .replace("{month}", &month);
        Some((path, Period::around(start, grain).intersect(&asked)?))
    };
    asked.partitions(grain).into_iter().filter_map(of).collect()
}

/// A file at the operator's URL.
struct File<'a> {
    host: &'a dyn Host,
    settings: &'a Settings,
    now: Instant,
    warned: RefCell<BTreeSet<String>>,
}

impl File<'_> {
    /// Commits the days of a period that the file tells of, and gives how many these were.
    fn read(&self, path: &str, period: Period) -> Result<usize, Failure> {
        let Some(response) = self.fetch(path)? else {
            self.host.warn(format_args!(
                "{path} is not there (yet): its days are left as they are"
            ));
            return Ok(0);
        };
        let mut counts: BTreeMap<Date, u64> = BTreeMap::new();
        rows::each(self.settings, response, |row| {
            *counts.entry(self.record(row)?.0).or_default() += 1;
            Ok(())
        })?;
        let Some(newest) = counts.keys().next_back().copied() else {
            self.host
                .warn(format_args!("{path} has no line: its days are left as they are"));
            return Ok(0);
        };
        let latency = i64::try_from(LINES_LATENCY).unwrap_or_default();
        let mut partitions = Partitions::default();
        for day in period.days() {
            let told = counts.contains_key(&day);
            let settled = Period::of_day(day).end + latency <= self.now;
            match (told || day < newest, settled) {
                (true, true) => partitions.complete.push(start_of(day)),
                (true, false) if told => partitions.partial.push(start_of(day)),
                _ => {}
            }
        }
        let taken: BTreeSet<Date> = partitions
            .complete
            .iter()
            .chain(&partitions.partial)
            .map(|start| day_of(*start))
            .collect();
        if taken.is_empty() {
            return Ok(0);
        }
        let source = self.settings.source();
        let mut book = Book::open(self.host, LINES, &source, Grain::Day, partitions)?;
        let changed = || Failure::incomplete("the file changed while it was read: run again");
        let again = self.fetch(path)?.ok_or_else(changed)?;
        rows::each(self.settings, again, |row| {
            let (day, record) = self.record(row)?;
            if let Some(left) = counts.get_mut(&day) {
                *left = left.checked_sub(1).ok_or_else(changed)?;
            } else {
                return Err(changed());
            }
            match taken.contains(&day) {
                true => book.write(record),
                false => Ok(()),
            }
        })?;
        if counts.values().any(|left| *left > 0) {
            return Err(changed());
        }
        commit(self.host, book.seal(self.now, &[])?)?;
        Ok(taken.len())
    }

    /// The file; none where a file of a day or month is not there.
    fn fetch(&self, path: &str) -> Result<Option<Response>, Failure> {
        let response = self
            .host
            .send(&HttpRequest::get(format!("{}{path}", self.settings.origin)))?;
        if response.status == 404 && path != self.settings.path {
            return Ok(None);
        }
        response.success().map(Some)
    }

    fn record(&self, row: &Row<'_>) -> Result<(Date, CostRecord), Failure> {
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
        if record.line_id.is_none() && !record.tags.is_empty() {
            record.line_id = Some(told_apart(&record));
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

/// An id of all that tells a line from others, tags too: lines of equal ids are added up.
fn told_apart(record: &CostRecord) -> String {
    let mut labels: Labels = record
        .tags
        .iter()
        .map(|(name, value)| (format!("tag {name}"), value.clone()))
        .collect();
    let mut add = |name: &str, value: Option<&str>| {
        if let Some(value) = value {
            labels.insert(name.to_owned(), value.to_owned());
        }
    };
    add("charge", Some(&format!("{:?}", record.category)));
    add("currency", Some(&record.currency));
    add("service", Some(&record.service_name));
    add("category", Some(&record.service_category));
    add(
        "sub-account",
        record.sub_account.as_ref().map(|it| it.id.as_str()),
    );
    add("resource", record.resource.as_ref().map(|it| it.id.as_str()));
    add("region", record.region.as_ref().map(|it| it.id.as_str()));
    add("sku", record.sku.as_ref().and_then(|it| it.id.as_deref()));
    add("unit", record.consumed.as_ref().map(|it| it.unit.as_str()));
    for (name, value) in &record.extra {
        add(name, Some(value));
    }
    identity("line", &labels)
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
