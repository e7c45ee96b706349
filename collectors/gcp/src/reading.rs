//! One stream: its days read again, counted against the overview, and committed with the watermark.
//! What must hold: nothing is committed of which fewer lines came than the overview counted.

use crate::{
    api::Api,
    bigquery::BigQuery,
    cut::Cut,
    focus, mapping,
    overview::Overview,
    run::MICROS,
    table::{Table, TableName},
    window::{self, Chunk},
};
use finops_collector::{Book, Failure, Request, Source, commit, descriptor::Grain, jiff::civil::Date};
use std::collections::BTreeMap;

/// What stays the same in a call.
pub(crate) struct Call<'a> {
    pub(crate) api: &'a Api<'a>,
    pub(crate) request: &'a Request,
    pub(crate) source: &'a Source,
    pub(crate) bigquery: &'a BigQuery<'a>,
    pub(crate) name: &'a TableName,
    pub(crate) table: &'a Table,
    pub(crate) overview: &'a Overview,
}

impl Call<'_> {
    /// Reads and commits what is wanted of a stream. Gives the number of days.
    pub(crate) fn read(&self, cut: Cut<'_>) -> Result<usize, Failure> {
        let Some(wanted) = self.request.wanted(cut.stream())? else {
            return Ok(0);
        };
        let when = (self.request.backfill, self.request.now);
        let chunks = window::plan(self.api, cut, wanted, self.source, self.overview, when)?;
        let mut days = 0;
        for chunk in &chunks {
            days += chunk.days.len();
            self.chunk(cut, chunk)?;
        }
        Ok(days)
    }

    fn chunk(&self, cut: Cut<'_>, chunk: &Chunk) -> Result<(), Failure> {
        let host = self.api.host;
        let through = self.overview.through().unwrap_or_default();
        let mut book = Book::open(
            host,
            cut.stream(),
            self.source,
            Grain::Day,
            chunk.partitions.clone(),
        )?;
        let mut lines: BTreeMap<Date, u64> = BTreeMap::new();
        if !chunk.days.is_empty() {
            let statement = cut.statement(self.name, self.table, &chunk.days, through);
            self.bigquery.read(&statement, |row| {
                let day = row.day("day")?;
                if chunk.days.binary_search(&day).is_err() {
                    return Err(Failure::malformed(format_args!(
                        "{}: the reply has the day {day}, which was not asked for",
                        row.what
                    )));
                }
                let count = u64::try_from(row.integer("line_count")?).map_err(Failure::malformed)?;
                *lines.entry(day).or_default() += count;
                let record = match cut {
                    Cut::Focus => focus::record(self, &row, day)?,
                    Cut::ByLabel(label) => mapping::by_label(self, &row, day, label)?,
                    Cut::Spend | Cut::ByResource => mapping::record(self, &row, day)?,
                };
                record.map_or(Ok(()), |record| book.write(record))
            })?;
        }
        for day in &chunk.days {
            let expected = self.overview.days.get(day).map_or(0, |seen| seen.lines);
            let came = lines.get(day).copied().unwrap_or_default();
            if came < expected {
                return Err(Failure::incomplete(format_args!(
                    "{}: {came} lines of {day} came where the table holds {expected}; nothing of it was committed",
                    cut.stream()
                )));
            }
        }
        let observed = (through / MICROS).min(self.request.now);
        let receipts = commit(host, book.seal(observed, &chunk.checkpoint)?)?;
        if let (true, Some(first)) = (receipts.iter().any(|receipt| receipt.held), chunk.days.first()) {
            host.warn(format_args!(
                "{}: the days from {first} on changed in a way that is held for review",
                cut.stream()
            ));
        }
        Ok(())
    }
}
