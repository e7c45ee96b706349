//! Metrics at the rates of the card: day by day all meters are read, then the hours of the day are judged and written.
//! What must hold: an hour that lacks something is never committed as whole, never takes the place of one that is, and is left
//! alone where there is nothing for it at all.

use crate::{
    descriptor::{SETTLING, UNPRICED, USAGE},
    hours::{Metered, lacking},
    mapping::record,
    prometheus::ask,
    series::Sample,
    settings::Settings,
};
use finops_collector::{
    Book, Completeness, Decimal, Failure, Host, Instant, Observation, Outcome, Partitions, Request, Source,
    commit,
    descriptor::Grain,
    jiff::{Timestamp, civil::Date},
    period::{DAY, HOUR, day_of, start_of},
};
use std::collections::{BTreeMap, BTreeSet};

/// Series without a rate of which a run tells one by one.
const TOLD: usize = 1_000;

/// What became of the hours.
#[derive(Default)]
struct Tally {
    whole: usize,
    partial: usize,
    left: usize,
    unpriced: usize,
    /// By reason the hours, in order.
    reasons: BTreeMap<String, Vec<Instant>>,
}

/// One call.
struct Call<'a> {
    host: &'a dyn Host,
    settings: &'a Settings,
    source: Source,
    now: Instant,
    /// Hours that the ledger holds as whole.
    whole: BTreeSet<Instant>,
}

/// Reads and commits what is wanted.
pub(crate) fn collect(host: &dyn Host, request: &Request, settings: &Settings) -> Result<Outcome, Failure> {
    let Some(stream) = request.wanted(USAGE)? else {
        return Ok(Outcome::done());
    };
    let (source, now) = (settings.source(), request.now);
    let whole = stream
        .committed
        .iter()
        .filter(|held| held.source == source && held.completeness == Completeness::Complete);
    let call = Call {
        host,
        settings,
        whole: whole.map(|held| held.start).collect(),
        source,
        now,
    };
    let settled = now - i64::try_from(SETTLING).unwrap_or_default();
    let mut days: BTreeMap<Date, Vec<Instant>> = BTreeMap::new();
    for start in stream.begun(Grain::Hour, now) {
        // What Prometheus has of a whole hour changes for a day at most: blocks that come late, remote writes.
        let wanted = request.backfill || start >= now - DAY || !call.whole.contains(&start);
        if wanted && start + HOUR <= settled {
            days.entry(day_of(start)).or_default().push(start);
        }
    }
    let mut tally = Tally::default();
    for (day, hours) in &days {
        call.read(*day, hours, &mut tally)?;
    }
    Ok(Outcome::done().note(tally.told(host)))
}

impl Call<'_> {
    fn read(&self, day: Date, hours: &[Instant], tally: &mut Tally) -> Result<(), Failure> {
        let midnight = start_of(day);
        let ask = |what: &str, query: &str| ask(self.host, self.settings, (what, query), midnight, self.now);
        let mut metered = Vec::new();
        for meter in &self.settings.meters {
            let answer = ask(&format!("meter `{}`", meter.name), &meter.query)?;
            metered.push(Metered { meter, answer });
        }
        let health = self
            .settings
            .health
            .as_deref()
            .map(|query| ask("health", query))
            .transpose()?;
        let mut reasons = lacking(&metered, health.as_ref());
        self.unpriced(day, &metered, &mut reasons, tally)?;
        let partitions = self.judged(hours, &metered, &mut reasons, tally);
        self.write(day, &metered, partitions)
    }

    /// Tells of use that no rate fits; its hours lack it.
    fn unpriced(
        &self,
        day: Date,
        metered: &[Metered<'_>],
        reasons: &mut [Option<String>],
        tally: &mut Tally,
    ) -> Result<(), Failure> {
        let mut told = Vec::new();
        for Metered { meter, answer } in metered {
            for series in &answer.series {
                if self
                    .settings
                    .card
                    .price(&meter.name, &series.labels, day)
                    .is_some()
                {
                    continue;
                }
                let mut used = Vec::new();
                for (reason, sample) in reasons.iter_mut().zip(&series.samples) {
                    if let Sample::Is(amount) = sample {
                        used.push(*amount);
                        reason.get_or_insert_with(|| format!("no rate fits a series of `{}`", meter.name));
                    }
                }
                if used.is_empty() {
                    continue;
                }
                tally.unpriced += 1;
                if tally.unpriced <= TOLD {
                    let mut dimensions = series.labels.clone();
                    dimensions.insert("meter".to_owned(), meter.name.clone());
                    told.push(Observation {
                        name: UNPRICED.to_owned(),
                        source: self.source.clone(),
                        at: start_of(day),
                        dimensions: dimensions.into_iter().collect(),
                        value: Decimal::sum(used).map_err(Failure::malformed)?,
                        unit: meter.unit.clone(),
                    });
                }
            }
        }
        match told.is_empty() {
            true => Ok(()),
            false => self.host.observe(&told),
        }
    }

    /// Which hours are replaced, and as what.
    fn judged(
        &self,
        hours: &[Instant],
        metered: &[Metered<'_>],
        reasons: &mut [Option<String>],
        tally: &mut Tally,
    ) -> Partitions {
        let mut partitions = Partitions::default();
        for start in hours {
            let hour = hour_of(*start);
            let Some(reason) = reasons.get_mut(hour).and_then(Option::take) else {
                partitions.complete.push(*start);
                continue;
            };
            tally.reasons.entry(reason).or_default().push(*start);
            let spoke = metered.iter().flat_map(|metered| &metered.answer.series);
            let spoke = spoke
                .map(|series| series.at(hour))
                .any(|sample| matches!(sample, Sample::Is(_)));
            if spoke && !self.whole.contains(start) {
                partitions.partial.push(*start);
            } else {
                tally.left += 1;
            }
        }
        tally.whole += partitions.complete.len();
        tally.partial += partitions.partial.len();
        partitions
    }

    fn write(&self, day: Date, metered: &[Metered<'_>], partitions: Partitions) -> Result<(), Failure> {
        let mut starts = [partitions.complete.clone(), partitions.partial.clone()].concat();
        if starts.is_empty() {
            return Ok(());
        }
        starts.sort_unstable();
        let mut book = Book::open(self.host, USAGE, &self.source, Grain::Hour, partitions)?;
        for Metered { meter, answer } in metered {
            for series in &answer.series {
                let Some(price) = self.settings.card.price(&meter.name, &series.labels, day) else {
                    continue;
                };
                for start in &starts {
                    if let Sample::Is(used) = series.at(hour_of(*start)) {
                        book.write(record(
                            self.settings,
                            meter,
                            &series.labels,
                            (*start, *used),
                            &price,
                        )?)?;
                    }
                }
            }
        }
        commit(self.host, book.seal(self.now, &[])?)?;
        Ok(())
    }
}

/// An hour of its day, counted from 0.
fn hour_of(start: Instant) -> usize {
    usize::try_from(start.rem_euclid(DAY) / HOUR).unwrap_or_default()
}

impl Tally {
    /// Warns of what hours lack, and sums up.
    fn told(&self, host: &dyn Host) -> String {
        let shown =
            |at: &Instant| Timestamp::from_second(*at).map_or_else(|_| at.to_string(), |at| at.to_string());
        for (reason, hours) in &self.reasons {
            let hours = match hours.as_slice() {
                [] => continue,
                [one] => shown(one),
                [first, .., last] => format!(
                    "{} and {} more until {}",
                    shown(first),
                    hours.len() - 1,
                    shown(last)
                ),
            };
            host.warn(format_args!(
                "incomplete, and not taken for less use: the hour of {hours}: {reason}"
            ));
        }
        if self.unpriced > 0 {
            host.warn(format_args!(
                "{} series have no rate and are in no cost: see the observations `{UNPRICED}`, and add a line to rates",
                self.unpriced
            ));
        }
        format!(
            "hours read: {} whole, {} incomplete, {} left as they were",
            self.whole, self.partial, self.left
        )
    }
}
