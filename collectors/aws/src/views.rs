//! The same money in other cuts, where the operator asked for them: by the hour, by a tag, by a cost category, by resource.
//! What must hold: each view says what it does not attribute, so that it adds up to the counted stream of the same days.

use crate::{
    api::Api,
    cost_explorer::{Group, Question, Row, all, among, ask},
    descriptor::{BY_COST_CATEGORY, BY_RESOURCE, BY_TAG, HOURLY},
    mapping,
    overview::Sums,
    settings::Settings,
    spend::Reading,
};
use finops_collector::{
    Book, CostRecord, Failure, Period, Request, Source, Window, commit,
    descriptor::Grain,
    jiff::civil::Date,
    period::{DAY, day_of},
    record::{Resource, Sku},
};
use std::collections::{BTreeMap, BTreeSet};

/// Days for which AWS keeps hours and resources.
const DETAILED: i64 = 14;

/// One view.
#[derive(Clone, Copy)]
enum View<'a> {
    Hourly,
    Tag(&'a str),
    CostCategory(&'a str),
    Resource(&'a [String]),
}

/// Reads and commits the views that are switched on, for the days that were just read.
pub(crate) fn read(
    api: &Api<'_>,
    request: &Request,
    settings: &Settings,
    source: &Source,
    reading: &Reading,
) -> Result<(), Failure> {
    let mut views = Vec::new();
    views.extend(settings.hourly.then_some(View::Hourly));
    views.extend(settings.tag.as_deref().map(View::Tag));
    views.extend(settings.cost_category.as_deref().map(View::CostCategory));
    if !settings.resource_services.is_empty() {
        views.push(View::Resource(&settings.resource_services));
    }
    for view in views {
        let Some(window) = view.window(request, reading)? else {
            continue;
        };
        view.read(api, request, settings, source, reading, window)
            .map_err(|failure| failure.context(view.stream()))?;
    }
    Ok(())
}

impl View<'_> {
    fn stream(&self) -> &'static str {
        match self {
            Self::Hourly => HOURLY,
            Self::Tag(_) => BY_TAG,
            Self::CostCategory(_) => BY_COST_CATEGORY,
            Self::Resource(_) => BY_RESOURCE,
        }
    }

    /// The days to read; the detailed ones are short, since AWS keeps them for two weeks and they have many pages.
    fn window(&self, request: &Request, reading: &Reading) -> Result<Option<Window>, Failure> {
        if request.wanted(self.stream())?.is_none() {
            return Ok(None);
        }
        let detailed = matches!(self, Self::Hourly | Self::Resource(_));
        if !detailed {
            return Ok(Some(reading.window));
        }
        let oldest = Period::of_day(day_of(request.now - (DETAILED - 1) * DAY)).start;
        let window = reading.window.since(oldest);
        Ok(match request.backfill {
            true => window,
            false => window.map(|window| window.recent()),
        })
    }

    /// What it groups by, and its questions: each the services that it is about (none: all) and its filter.
    fn groups(&self) -> [Group; 2] {
        let service = Group::Dimension("SERVICE");
        match self {
            Self::Hourly => [service, Group::Dimension("USAGE_TYPE")],
            Self::Tag(key) => [Group::Tag((*key).to_owned()), service],
            Self::CostCategory(name) => [Group::CostCategory((*name).to_owned()), service],
            Self::Resource(_) => [Group::Dimension("RESOURCE_ID"), Group::Dimension("USAGE_TYPE")],
        }
    }

    fn read(
        &self,
        api: &Api<'_>,
        request: &Request,
        settings: &Settings,
        source: &Source,
        reading: &Reading,
        window: Window,
    ) -> Result<(), Failure> {
        let grain = match self {
            Self::Hourly => Grain::Hour,
            _ => Grain::Day,
        };
        let mut book = Book::open(api.host, self.stream(), source, grain, window.partitions(grain))?;
        let mut told: BTreeMap<(Date, String, String), Sums> = BTreeMap::new();
        let questions: Vec<Option<String>> = match self {
            Self::Resource(services) => services.iter().cloned().map(Some).collect(),
            _ => vec![None],
        };
        let groups = self.groups();
        for service in questions {
            let of_service = service
                .as_ref()
                .map(|service| among("SERVICE", std::slice::from_ref(service)));
            let question = Question {
                window,
                hourly: grain == Grain::Hour,
                resources: matches!(self, Self::Resource(_)),
                measures: reading.measures,
                quantity: !matches!(self, Self::Tag(_) | Self::CostCategory(_)),
                groups: &groups,
                filter: of_service.and_then(|filter| all(vec![filter])),
            };
            ask(api, &question, |row| {
                let service = match (self, row.keys.as_slice()) {
                    (Self::Resource(_), _) => service.clone(),
                    (Self::Hourly, [service, _]) | (_, [_, service]) => Some(service.clone()),
                    _ => None,
                };
                let service = service.ok_or_else(|| Failure::internal("a view lacks its service"))?;
                told.entry((day_of(row.period.start), service.clone(), row.currency.clone()))
                    .or_default()
                    .add(row.billed, row.effective)
                    .map_err(Failure::malformed)?;
                let record = self.record(api, settings, &row, &service);
                match row.billed.is_zero() && row.effective.is_zero() && record.consumed.is_none() {
                    true => Ok(()),
                    false => book.write(record),
                }
            })?;
        }
        let services: Option<BTreeSet<&String>> = match self {
            Self::Resource(services) => Some(services.iter().collect()),
            _ => None,
        };
        for ((day, service, currency), (sums, estimated)) in &reading.sums {
            let shown = services
                .as_ref()
                .is_none_or(|services| services.contains(service));
            if !shown || !window.period().contains(Period::of_day(*day).start) {
                continue;
            }
            let key = (*day, service.clone(), currency.clone());
            let attributed = told.get(&key).copied().unwrap_or_default();
            let left = sums.less(&attributed).map_err(Failure::malformed)?;
            if left == Sums::default() {
                continue;
            }
            let start = Period::of_day(*day).start;
            let row = Row {
                period: Period::around(start, grain),
                estimated: *estimated,
                keys: Vec::new(),
                billed: left.billed,
                effective: left.effective,
                currency: currency.clone(),
                quantity: None,
            };
            let record = mapping::base(api, settings, &row, service);
            book.write(record.extra("x_Attribution", "unattributed"))?;
        }
        commit(api.host, book.seal(request.now, &[])?)?;
        Ok(())
    }

    fn record(&self, api: &Api<'_>, settings: &Settings, row: &Row, service: &str) -> CostRecord {
        let mut record = mapping::base(api, settings, row, service);
        let [first, second] = row.keys.as_slice() else {
            return record;
        };
        match self {
            Self::Hourly => measured(record, row, second),
            Self::Tag(key) => {
                if !first.is_empty() {
                    record = record.tag(key, first);
                }
                record.extra("x_TagKey", key).extra("x_TagValue", first)
            }
            Self::CostCategory(name) => record
                .extra("x_CostCategory", name)
                .extra("x_CostCategoryValue", first),
            Self::Resource(_) => {
                if first != "NoResourceId" && !first.is_empty() {
                    record.resource = Some(Resource {
                        id: first.clone(),
                        ..Resource::default()
                    });
                }
                measured(record, row, second)
            }
        }
    }
}

/// With its usage type and how much of it was used.
fn measured(mut record: CostRecord, row: &Row, usage_type: &str) -> CostRecord {
    record.consumed = mapping::consumed(row);
    record.sku = Some(Sku {
        meter: Some(usage_type.to_owned()),
        ..Sku::default()
    });
    record.extra("x_UsageType", usage_type)
}
