//! One call of `collect`: day after day, each read whole and committed whole. What is committed stays, whatever fails after it.
//! What must hold: a young day is never emptied by a reply without usage.

use crate::{
    api::Api,
    descriptor::{REREADING, SPEND},
    mapping::Mapping,
    settings::Settings,
};
use finops_collector::{
    Book, Decimal, Failure, Host, Outcome, Partitions, Request, Source, Warnings, Window, commit,
    descriptor::Grain,
    jiff::civil::Date,
    period::{day_of, start_of},
};

/// Reads and commits what is wanted.
pub(crate) fn collect(host: &dyn Host, request: &Request) -> Result<Outcome, Failure> {
    let settings = Settings::of(request)?;
    let Some(spend) = request.wanted(SPEND)? else {
        return Ok(Outcome::done());
    };
    let source = Source::new("elastic", &settings.organization, "");
    let window = Window::of(spend, &source, request.backfill, request.now, REREADING);
    let Some(mut window) = window else {
        return Ok(Outcome::done());
    };
    // Today is not over.
    window.end = window.end.min(day_of(request.now));
    let days = window.period().days();
    let warnings = Warnings::new(host);
    let reading = Reading {
        api: Api::new(host, &settings.organization, settings.pause()),
        source: &source,
        settings: &settings,
        warnings: &warnings,
        now: request.now,
    };
    // The last day that is committed for certain carries the checkpoint; the younger ones are read on every run.
    let last = days.iter().rfind(|day| window.is_whole(**day)).copied();
    for day in &days {
        let checkpoint = match Some(*day) == last {
            true => window.checkpoint()?,
            false => Vec::new(),
        };
        reading.day(*day, window.is_whole(*day), &checkpoint)?;
    }
    Ok(Outcome::done().note(format_args!("days read: {}", days.len())))
}

struct Reading<'a> {
    api: Api<'a>,
    source: &'a Source,
    settings: &'a Settings,
    warnings: &'a Warnings<'a>,
    now: i64,
}

impl Reading<'_> {
    /// Reads and commits a day.
    fn day(&self, day: Date, whole: bool, checkpoint: &[u8]) -> Result<(), Failure> {
        let mut partitions = Partitions::default();
        match whole {
            true => partitions.complete.push(start_of(day)),
            false => partitions.if_seen.push(start_of(day)),
        }
        let mapping = Mapping {
            settings: self.settings,
            warnings: self.warnings,
            day,
            price: self.settings.price(day)?,
            now: self.now,
        };
        let mut book = Book::open(self.api.host, SPEND, self.source, Grain::Day, partitions)?;
        let mut booked = Decimal::ZERO;
        let mut lines: u32 = 0;
        let total = self.api.day(day, |instance| {
            let mut itemised = Decimal::ZERO;
            let mut of_instance: u32 = 0;
            for line in instance.lines() {
                of_instance = of_instance.saturating_add(1);
                itemised = itemised
                    .checked_add(line.total_ecu.0)
                    .map_err(Failure::malformed)?;
                if let Some(record) = mapping.line(&instance, line)? {
                    book.write(record)?;
                }
            }
            let total = instance.total_ecu.map_or(itemised, |double| double.0);
            if let Some(record) = mapping.residual(Some(&instance), total, itemised, of_instance)? {
                book.write(record)?;
                itemised = total;
            }
            lines = lines.saturating_add(of_instance);
            booked = booked.checked_add(itemised).map_err(Failure::malformed)?;
            Ok(())
        })?;
        if let Some(record) = mapping.residual(None, total.total_ecu.0, booked, lines)? {
            book.write(record)?;
        }
        let receipts = commit(self.api.host, book.seal(self.now, checkpoint)?)?;
        if receipts.iter().any(|receipt| receipt.held) {
            self.api.host.warn(format_args!(
                "the costs of {day} changed in a way that is held for review"
            ));
        }
        Ok(())
    }
}
