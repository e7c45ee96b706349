//! Lines of a file: read once to see which days it tells of, and once more to write them.
//! What must hold: a day of which the file says nothing yet is left alone; days before its newest are what it says they are.

use crate::{
    descriptor::{LINES, LINES_LATENCY},
    line::Line,
    rows,
    settings::Settings,
};
use finops_collector::{
    Book, Failure, Host, HttpRequest, Instant, Outcome, Partitions, Period, Request, Response, StreamRequest,
    commit,
    descriptor::Grain,
    jiff::civil::Date,
    period::{day_of, start_of},
};
use std::collections::{BTreeMap, BTreeSet};

/// Reads and commits what is wanted.
pub(crate) fn collect(host: &dyn Host, request: &Request, settings: &Settings) -> Result<Outcome, Failure> {
    let Some(stream) = request.wanted(LINES)? else {
        return Ok(Outcome::done());
    };
    let file = File {
        host,
        settings,
        now: request.now,
        line: Line::new(host, settings),
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
    line: Line<'a>,
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
            *counts.entry(self.line.record(row)?.0).or_default() += 1;
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
            let (day, record) = self.line.record(row)?;
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
}
