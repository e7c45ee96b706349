//! The days of a plan read, checked against what the table holds, and committed with the bookmark.
//! What must hold: nothing is committed of which lines are missing or were priced twice, and a day with usage that has no price is
//! never complete.

use crate::{
    bill::{self, Part, Width},
    bookmark::Bookmark,
    descriptor::{BY_RUN, SPEND},
    mapping::Mapping,
    overview::Overview,
    plan::{Day, Plan},
    refusal::Refusal,
    settings::Settings,
    warehouse::Warehouse,
};
use finops_collector::{
    Book, Decimal, Failure, Host, Instant, Observation, Partitions, Row, Source, commit,
    descriptor::Grain,
    jiff::{ToSpan, civil::Date},
    period::start_of,
};
use std::{
    cell::Cell,
    collections::{BTreeMap, BTreeSet},
};

/// Parts that one day's lines are read in at most.
const MOST_PARTS: u32 = 256;

/// Usage without a price: its quantity by day, SKU and unit.
pub(crate) type Unpriced = BTreeMap<(Date, String, String), Decimal>;

/// What stays the same in a reading.
pub(crate) struct Reading<'a> {
    pub(crate) host: &'a dyn Host,
    pub(crate) settings: &'a Settings,
    pub(crate) source: &'a Source,
    pub(crate) warehouse: &'a Warehouse<'a>,
    pub(crate) overview: &'a Overview,
    pub(crate) mapping: Mapping<'a>,
    pub(crate) now: Instant,
    /// Which columns the usage table has, as far as is known.
    pub(crate) width: Cell<Width>,
}

/// How an attempt at a piece ended.
enum Attempt {
    Committed(Unpriced),
    /// These days have usage without a price: not committed, since they were taken for complete.
    Unpriced(BTreeSet<Date>),
}

impl Reading<'_> {
    /// Reads and commits all of the plan. Gives the usage without a price.
    ///
    /// # Errors
    /// What was committed before stays.
    pub(crate) fn read(&self, plan: &Plan, mut bookmark: Bookmark) -> Result<Unpriced, Failure> {
        let mut unpriced = Unpriced::new();
        let last = plan.pieces.len().saturating_sub(1);
        for (place, piece) in plan.pieces.iter().enumerate() {
            let ends = (place == last).then_some(plan.full);
            unpriced.extend(self.piece(piece, &mut bookmark, ends)?);
        }
        Ok(unpriced)
    }

    /// Reads days in a row, in halves where that is too much for one reply. `ends`: this is the last piece, and whether of everything.
    fn piece(&self, days: &[Day], bookmark: &mut Bookmark, ends: Option<bool>) -> Result<Unpriced, Failure> {
        let mut days = days.to_vec();
        let mut parts = 1;
        loop {
            match self.attempt(&days, parts, bookmark, ends) {
                Ok(Attempt::Committed(unpriced)) => return Ok(unpriced),
                Ok(Attempt::Unpriced(open)) => {
                    for day in &mut days {
                        day.complete &= !open.contains(&day.day);
                    }
                }
                Err(Refusal::TooLarge(failure)) => {
                    let (first, second) = days.split_at(days.len() / 2);
                    if !first.is_empty() {
                        let mut unpriced = self.piece(first, bookmark, None)?;
                        unpriced.extend(self.piece(second, bookmark, ends)?);
                        return Ok(unpriced);
                    }
                    parts *= 2;
                    if parts > MOST_PARTS {
                        return Err(failure);
                    }
                    self.host
                        .info(format_args!("the bill: a day's lines are read in {parts} parts"));
                }
                Err(Refusal::OtherColumns(failure)) if self.width.get() == Width::Wide => {
                    self.width.set(Width::Narrow);
                    self.host.warn(format_args!(
                        "apps, database instances and creators are not told apart: {failure}"
                    ));
                }
                Err(refusal) => return Err(refusal.into()),
            }
        }
    }

    fn attempt(
        &self,
        days: &[Day],
        parts: u32,
        bookmark: &mut Bookmark,
        ends: Option<bool>,
    ) -> Result<Attempt, Refusal> {
        let open = |stream| Book::open(self.host, stream, self.source, Grain::Day, partitions(days));
        let mut spend = open(SPEND)?;
        let mut by_run = self.settings.job_runs.then(|| open(BY_RUN)).transpose()?;
        let mut unpriced = Unpriced::new();
        let with_lines = days.iter().filter(|day| day.lines > 0);
        let range = with_lines.clone().next().zip(with_lines.clone().next_back());
        if let Some((first, last)) = range {
            let range = (first.day, last.day.saturating_add(1.day()));
            let mut lines: BTreeMap<Date, u64> = BTreeMap::new();
            for part in 0..parts {
                let part = Part { part, of: parts };
                self.part(range, part, days, &mut lines, |row, day| {
                    let Some(mapped) = self.mapping.of(row, day)? else {
                        return Ok(());
                    };
                    if let Some((sku, quantity)) = mapped.unpriced {
                        let sum = unpriced.entry((day, sku, quantity.unit)).or_default();
                        *sum = sum.checked_add(quantity.amount).map_err(Failure::malformed)?;
                    }
                    spend.write(mapped.spend)?;
                    by_run.as_mut().map_or(Ok(()), |book| book.write(mapped.by_run))
                })?;
            }
            self.check(with_lines, &lines)?;
        }
        let without: BTreeSet<Date> = unpriced.keys().map(|(day, _, _)| *day).collect();
        if days.iter().any(|day| day.complete && without.contains(&day.day)) {
            return Ok(Attempt::Unpriced(without));
        }
        let mut after = bookmark.clone();
        after.take(days.iter().map(|day| day.day), self.overview, self.now);
        if let Some(full) = ends {
            after.ingested = self.overview.ingested.map(start_of).max(after.ingested);
            if full {
                after.full_at = self.now;
            }
        }
        let mut sealed = spend.seal(self.now, &after.bytes()?)?;
        if let Some(book) = by_run {
            sealed.extend(book.seal(self.now, &[])?);
        }
        let receipts = commit(self.host, sealed)?;
        match receipts.iter().any(|receipt| receipt.held) {
            // Held, its bookmark is held, too.
            true => self.host.warn(format_args!(
                "{SPEND}: the days from {} on changed in a way that is held for review",
                days.first().map(|day| day.day).unwrap_or_default()
            )),
            false => *bookmark = after,
        }
        Ok(Attempt::Committed(unpriced))
    }

    /// Reads one statement's rows and counts the lines behind them.
    fn part(
        &self,
        range: (Date, Date),
        part: Part,
        days: &[Day],
        lines: &mut BTreeMap<Date, u64>,
        mut each: impl FnMut(&Row<'_>, Date) -> Result<(), Failure>,
    ) -> Result<(), Refusal> {
        let statement = bill::statement(self.mapping.prices, range, part, self.width.get());
        let (mut all, mut here) = (None, 0_u64);
        self.warehouse.read(&statement, |row| {
            let day = row.day("day")?;
            if days.binary_search_by_key(&day, |day| day.day).is_err() {
                return Err(Failure::malformed(format_args!(
                    "{}: the reply has the day {day}, which was not asked for",
                    row.what
                )));
            }
            let count = row.count("line_count")?;
            here = here.saturating_add(count);
            all = Some(row.count("all_lines")?);
            *lines.entry(day).or_default() += count;
            each(&row, day)
        })?;
        match all {
            Some(all) if all != here => Err(Failure::incomplete(format_args!(
                "the bill: {all} lines met {here} prices: prices of one SKU overlap in time; nothing of it was committed"
            ))
            .into()),
            _ => Ok(()),
        }
    }

    /// That no day's lines are fewer than the table holds.
    fn check<'d>(
        &self,
        days: impl Iterator<Item = &'d Day>,
        lines: &BTreeMap<Date, u64>,
    ) -> Result<(), Failure> {
        for Day {
            day, lines: expected, ..
        } in days
        {
            let came = lines.get(day).copied().unwrap_or_default();
            if came < *expected {
                return Err(Failure::incomplete(format_args!(
                    "{SPEND}: {came} lines of {day} came where the table holds {expected}; nothing of it was committed"
                )));
            }
        }
        Ok(())
    }
}

fn partitions(days: &[Day]) -> Partitions {
    let (complete, partial): (Vec<&Day>, Vec<&Day>) = days.iter().partition(|day| day.complete);
    let starts = |days: Vec<&Day>| days.into_iter().map(|day| start_of(day.day)).collect();
    Partitions {
        complete: starts(complete),
        partial: starts(partial),
        ..Partitions::default()
    }
}

/// What has no price, as observations; and a warning for each SKU.
pub(crate) fn report(
    host: &dyn Host,
    source: &Source,
    unpriced: &Unpriced,
    now: Instant,
) -> Result<(), Failure> {
    let skus: BTreeSet<&String> = unpriced.keys().map(|(_, sku, _)| sku).collect();
    for sku in skus {
        let shown = finops_collector::excerpt(sku, 80);
        host.warn(format_args!(
            "the SKU `{shown}` has no price: its usage is booked without cost, labelled x_Unpriced, and its days stay incomplete"
        ));
    }
    let observations: Vec<Observation> = unpriced
        .iter()
        .map(|((day, sku, unit), quantity)| Observation {
            name: "unpriced-usage".to_owned(),
            source: source.clone(),
            at: now,
            dimensions: [("day", &day.to_string()), ("sku", sku), ("unit", unit)]
                .map(|(name, value)| (name.to_owned(), value.clone()))
                .into(),
            value: *quantity,
            unit: "Units".to_owned(),
        })
        .collect();
    match observations.is_empty() {
        true => Ok(()),
        false => host.observe(&observations),
    }
}
