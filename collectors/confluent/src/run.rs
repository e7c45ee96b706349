//! One call of `collect`: month after month, each read whole and committed whole.
//! What must hold: a month that is not over is never emptied by a reply without rows.

use crate::{
    api::{Api, Window},
    descriptor::{LATENCY, SPEND},
    mapping::Mapping,
    settings::{Settings, Windows},
};
use finops_collector::{
    Book, Failure, Host, Instant, Outcome, Partitions, Period, Request, Source, Warnings, commit,
    descriptor::Grain,
    jiff::{ToSpan, civil::Date},
    period::day_of,
};

/// Reads and commits what is wanted.
pub(crate) fn collect(host: &dyn Host, request: &Request) -> Result<Outcome, Failure> {
    let settings = Settings::of(request)?;
    let Some(spend) = request.wanted(SPEND)? else {
        return Ok(Outcome::done());
    };
    let warnings = Warnings::new(host);
    let reading = Reading {
        api: Api::new(host, settings.pause()),
        source: Source::new("confluent", &settings.organization, ""),
        mapping: Mapping {
            settings: &settings,
            warnings: &warnings,
            now: request.now,
        },
    };
    let today = day_of(request.now);
    let oldest = today.saturating_sub(1.year());
    let mut read = Vec::new();
    for start in spend.begun(Grain::Month, request.now) {
        let month = Period::around(start, Grain::Month);
        let (first, end) = (day_of(month.start), day_of(month.end).min(today));
        let name = first.strftime("%Y-%m");
        if first < oldest {
            warnings.once(format!(
                "Confluent answers for one year: {name} begins before {oldest} and is not read"
            ));
        } else if first < end {
            let rows = reading.month(month, Window { first, end })?;
            read.push(format!("{name} ({rows} rows)"));
        }
    }
    Ok(match read.is_empty() {
        true => Outcome::done(),
        false => Outcome::done().note(format_args!("read: {}", read.join(", "))),
    })
}

struct Reading<'a> {
    api: Api<'a>,
    source: Source,
    mapping: Mapping<'a>,
}

impl Reading<'_> {
    /// Reads and commits the days of a month. Gives the number of rows.
    fn month(&self, month: Period, asked: Window) -> Result<u64, Failure> {
        let host = self.api.host;
        let partitions = partitions(month, self.mapping.now);
        let mut book = Book::open(host, SPEND, &self.source, Grain::Month, partitions)?;
        let mut rows = 0;
        for window in windows(asked, self.mapping.settings.windows) {
            rows += self.api.rows(window, |row| {
                let record = self.mapping.record(&row, window)?;
                record.map_or(Ok(()), |record| book.write(record))
            })?;
        }
        let name = asked.first.strftime("%Y-%m");
        if rows == 0 {
            self.mapping
                .warnings
                .once(format!("Confluent has no costs of {name}"));
        }
        let receipts = commit(host, book.seal(self.mapping.now, &[])?)?;
        if receipts.iter().any(|receipt| receipt.held) {
            host.warn(format_args!(
                "the costs of {name} changed in a way that is held for review"
            ));
        }
        Ok(rows)
    }
}

/// A month is whole once Confluent's latency has passed since its end; before, a reply without rows changes nothing.
fn partitions(month: Period, now: Instant) -> Partitions {
    let mut partitions = Partitions::default();
    match now >= month.end + LATENCY {
        true => partitions.complete.push(month.start),
        false => partitions.if_seen.push(month.start),
    }
    partitions
}

/// What is asked for, call by call.
fn windows(asked: Window, windows: Windows) -> Vec<Window> {
    match windows {
        Windows::Month => vec![asked],
        Windows::Day => {
            let days = std::iter::successors(Some(asked.first), |day: &Date| day.tomorrow().ok());
            days.take_while(|day| *day < asked.end)
                .map(|first| Window {
                    first,
                    end: first.saturating_add(1.day()),
                })
                .collect()
        }
    }
}
