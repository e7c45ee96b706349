//! Whether a run would work, for nothing: the table's description, what BigQuery says each query of a first run would read, and
//! the lists of what is running. No query is run.

use crate::{
    api::Api,
    bigquery::BigQuery,
    cut::{Cut, Dialect},
    inventory,
    overview::Overview,
    run::{MICROS, cuts, table},
    settings::Settings,
    table::{Table, TableName},
};
use finops_collector::{
    Failure, Host, Outcome, Request, Source, descriptor::Grain, jiff::civil::Date, period::day_of,
};
use std::collections::BTreeMap;

/// What the queries of one kind would read.
#[derive(Clone, Copy, Debug, Default)]
struct Size {
    queries: u64,
    bytes: u64,
}

/// Tries everything but the queries themselves.
pub(crate) fn probe(host: &dyn Host, request: &Request) -> Result<Outcome, Failure> {
    let settings = Settings::of(request)?;
    let name = settings.table()?;
    let api = Api::new(host);
    let found = table(&api, &name)?;
    let bigquery = BigQuery::new(&api, &settings, &name, &found);
    let overview = Overview::statement(&name, Dialect::of(&name));
    let mut sizes: BTreeMap<&str, Size> = BTreeMap::new();
    let mut unsaid = 0_u32;
    let mut statements = vec![("days", overview)];
    for cut in cuts(&settings, &name) {
        let months = months(request, cut)?.into_values();
        statements.extend(months.map(|days| (cut.stream(), statement(request, cut, (&name, &found), &days))));
    }
    for (stream, statement) in &statements {
        match bigquery.look(statement)? {
            Some(bytes) => {
                let size = sizes.entry(*stream).or_default();
                size.queries += 1;
                size.bytes = size.bytes.saturating_add(bytes);
            }
            None => unsaid += 1,
        }
    }
    let source = Source::new("gcp", &name.account, "");
    inventory::observe(&api, request, &settings, &source)?;
    Ok(Outcome::done().note(note(&sizes, unsaid, settings.max_bytes_billed)))
}

/// The days of a stream that a first run would read, month by month as its queries are.
fn months(request: &Request, cut: Cut<'_>) -> Result<BTreeMap<Date, Vec<Date>>, Failure> {
    let stream = request.stream(cut.stream())?;
    let mut months: BTreeMap<Date, Vec<Date>> = BTreeMap::new();
    for start in stream.begun(Grain::Day, request.now) {
        let day = day_of(start);
        months.entry(day.first_of_month()).or_default().push(day);
    }
    Ok(months)
}

fn statement(
    request: &Request,
    cut: Cut<'_>,
    (name, table): (&TableName, &Table),
    days: &[Date],
) -> crate::statement::Statement {
    cut.statement(name, table, days, request.now.saturating_mul(MICROS))
}

/// What the operator is told.
fn note(sizes: &BTreeMap<&str, Size>, unsaid: u32, most: u64) -> String {
    let whole = sizes
        .values()
        .fold(0_u64, |sum, size| sum.saturating_add(size.bytes));
    let parts: Vec<String> = sizes
        .iter()
        .map(|(stream, size)| format!("{stream} {} in {}", size.bytes, size.queries))
        .collect();
    let mut note = format!(
        "queries of a first run would read {whole} bytes ({}); max-bytes-billed allows {most} to each",
        parts.join(", ")
    );
    if unsaid > 0 {
        note.push_str(&format!("; of {unsaid} queries BigQuery does not say it"));
    }
    note
}
