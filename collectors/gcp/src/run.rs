//! One call of `collect`: the bill first, then its views, then what is running. What is committed stays, whatever fails after it.

use crate::{
    api::Api,
    bigquery::BigQuery,
    cut::{Cut, Dialect},
    descriptor::{BY_LABEL, BY_RESOURCE, FOCUS, SPEND},
    focus, inventory,
    overview::Overview,
    reading::Call,
    settings::Settings,
    table::Table,
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
    let mut cuts = Vec::new();
    if name.is_focus() {
        cuts.push((FOCUS, Cut::Focus));
    } else {
        cuts.push((SPEND, Cut::Spend));
        cuts.extend(
            settings
                .label
                .as_deref()
                .map(|label| (BY_LABEL, Cut::ByLabel(label))),
        );
        cuts.extend(settings.resources.then_some((BY_RESOURCE, Cut::ByResource)));
    }
    let mut wanted = Vec::new();
    for (stream, cut) in cuts {
        wanted.extend(request.wanted(stream)?.map(|_| cut));
    }
    if !wanted.is_empty() {
        let table = Table::read(&api, &name)?;
        let dialect = Dialect::of(&name);
        table.require(&dialect.columns())?;
        table.require(match name.is_focus() {
            true => &focus::REQUIRED,
            false => &["cost", "credits", "currency", "invoice", "service", "usage"],
        })?;
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
    }
    inventory::observe(&api, request, &settings, &source)?;
    Ok(outcome)
}
