//! The counted stream: the bill by day, account, service and usage type, and by record type what is no usage.
//! What must hold: nothing is committed before all cuts are read and add up.

use crate::{
    api::Api,
    checking::Told,
    cost_explorer::{Measures, Question, ask},
    cuts::{self, Dimension},
    descriptor::SPEND,
    mapping,
    overview::{Overview, Sums},
    settings::Settings,
};
use finops_collector::{
    Book, Failure, Request, Rereading, Source, Window, commit,
    descriptor::Grain,
    jiff::civil::Date,
    period::{DAY, HOUR, day_of},
};
use std::collections::BTreeMap;

/// What was read: views are checked against it.
pub(crate) struct Reading {
    pub(crate) window: Window,
    pub(crate) measures: Measures,
    /// By day, service and currency.
    pub(crate) sums: BTreeMap<(Date, String, String), (Sums, bool)>,
}

/// AWS's figures of a day are there a day after its end; every page costs, so all that is asked for is read once a day.
const REREADING: Rereading = Rereading {
    latency: DAY,
    everything: 20 * HOUR,
    every_run: 3,
};

/// Reads and commits what is wanted of the stream; none where nothing is.
pub(crate) fn read(
    api: &Api<'_>,
    request: &Request,
    settings: &Settings,
    source: &Source,
) -> Result<Option<Reading>, Failure> {
    let Some(wanted) = request.wanted(SPEND)? else {
        return Ok(None);
    };
    let now = request.now;
    let Some(window) = Window::of(wanted, source, request.backfill, now, REREADING) else {
        return Ok(None);
    };
    let measures = Measures::of(settings.net);
    let overview = Overview::read(api, window, measures)?;
    let mut book = Book::open(api.host, SPEND, source, Grain::Day, window.partitions(Grain::Day))?;
    let mut told = Told::default();
    let mut sums: BTreeMap<(Date, String, String), (Sums, bool)> = BTreeMap::new();
    for cut in cuts::plan(api, &overview, window, measures)? {
        let groups = cut.groups();
        let question = Question {
            window,
            hourly: false,
            resources: false,
            measures,
            quantity: cut.class == crate::record_type::Class::Usage,
            groups: &groups,
            filter: cut.filter(),
        };
        ask(api, &question, |row| {
            let lacking = || Failure::internal("a cut lacks a dimension");
            let day = day_of(row.period.start);
            let account = cut.value(Dimension::Account, &row.keys).ok_or_else(lacking)?;
            let service = cut.value(Dimension::Service, &row.keys).ok_or_else(lacking)?;
            told.add((day, account, cut.class), row.billed, row.effective)?;
            let (of_service, estimated) = sums
                .entry((day, service.to_owned(), row.currency.clone()))
                .or_default();
            *estimated |= row.estimated;
            of_service
                .add(row.billed, row.effective)
                .map_err(Failure::malformed)?;
            match mapping::record(api, settings, &overview, &cut, &row) {
                Some(record) => book.write(record),
                None => Ok(()),
            }
        })?;
    }
    told.check(&overview)?;
    commit(api.host, book.seal(now, &window.checkpoint()?)?)?;
    Ok(Some(Reading {
        window,
        measures,
        sums,
    }))
}
