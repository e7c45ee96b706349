//! One call of `collect`: the bill first, then its views, then what is running, and estimates of it. What is committed stays, whatever fails after it.

use crate::{
    api::Api,
    bigquery::BigQuery,
    cut::{Cut, Dialect},
    estimate, focus, inventory,
    overview::Overview,
    reading::Call,
    settings::Settings,
    table::{Table, TableName},
};
use finops_collector::{
    Failure, Host, Outcome, Request, Source,
    period::{DAY, day_of},
};

/// Google exports several times a day; after so many seconds without anything new something is wrong.
const STALE: i64 = 3 * DAY;
/// Microseconds of a second.
pub(crate) const MICROS: i64 = 1_000_000;

/// Reads and commits what is wanted.
pub(crate) fn collect(host: &dyn Host, request: &Request) -> Result<Outcome, Failure> {
    let settings = Settings::of(request)?;
    let name = settings.table()?;
    let api = Api::new(host);
    let source = Source::new("gcp", &name.account, "");
    let mut outcome = Outcome::done();
    let mut wanted = Vec::new();
    for cut in cuts(&settings, &name) {
        wanted.extend(request.wanted(cut.stream())?.map(|_| cut));
    }
    let mut seen = None;
    if !wanted.is_empty() {
        let table = table(&api, &name)?;
        let dialect = Dialect::of(&name);
        let bigquery = BigQuery::new(&api, &settings, &name, &table);
        let overview = Overview::read(&bigquery, &name, dialect)?;
        if overview.days.is_empty() {
            host.warn("the export's table is empty: a new export takes a day or more to arrive; nothing was committed");
        }
        if let Some(through) = overview.through().filter(|at| at / MICROS + STALE < request.now) {
            let day = day_of(through / MICROS);
            host.warn(format_args!(
                "nothing was exported since {day}: is the billing export still switched on, and its dataset not expired?"
            ));
        }
        let call = Call {
            api: &api,
            request,
            source: &source,
            bigquery: &bigquery,
            name: &name,
            table: &table,
            overview: &overview,
        };
        let mut days = Vec::new();
        for cut in wanted {
            days.push(format!("{} {}", cut.stream(), call.read(cut)?));
        }
        outcome = outcome.note(format_args!(
            "days read: {}; bytes read by queries: {}",
            days.join(", "),
            bigquery.bytes_read()
        ));
        seen = Some(overview);
    }
    inventory::observe(&api, request, &settings, &source)?;
    if settings.estimates {
        estimate::read(&api, request, &settings, &source, seen.as_ref())?;
    }
    Ok(outcome)
}

/// The ways in which the settings want the lines added up.
pub(crate) fn cuts<'s>(settings: &'s Settings, name: &TableName) -> Vec<Cut<'s>> {
    if name.is_focus() {
        return vec![Cut::Focus];
    }
    let mut cuts = vec![Cut::Spend];
    cuts.extend(settings.label.as_deref().map(Cut::ByLabel));
    cuts.extend(settings.resources.then_some(Cut::ByResource));
    cuts
}

/// The export's table, with all columns that no bill can do without.
pub(crate) fn table(api: &Api<'_>, name: &TableName) -> Result<Table, Failure> {
    let table = Table::read(api, name)?;
    table.require(&Dialect::of(name).columns())?;
    table.require(match name.is_focus() {
        true => &focus::REQUIRED,
        false => &["cost", "credits", "currency", "invoice", "service", "usage"],
    })?;
    Ok(table)
}
