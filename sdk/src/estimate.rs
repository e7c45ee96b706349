//! Estimates of days that the bill does not show yet, from what is running now: which days, for how long, at what price.
//! What must hold: an estimate is given up once the bill has anything of its day, so that the two never stand beside each other; a
//! thing without a price has no estimate.

use crate::{
    ArithmeticError, CostRecord, Decimal, Instant, Period, Source, StreamRequest,
    descriptor::{Basis, Grain, LookBack, Stream},
    jiff::{ToSpan, civil::Date},
    period::{DAY, HOUR, day_of, start_of},
    record::{ChargeCategory, ChargeFrequency, Finality, Pricing, Quantity},
};

/// Days for which what is left of an estimate is looked after.
const KEPT: u32 = 3;

/// A stream of estimates. The bill's stream names it in `supersedes`, without a dimension.
#[must_use]
pub fn stream(name: &str, text: &str) -> Stream {
    Stream {
        // Until then one may be given up without asking.
        latency: 5 * DAY.unsigned_abs(),
        cadence: Some(HOUR.unsigned_abs()),
        look_back: LookBack::Days(KEPT),
        ..Stream::new(name, text, Grain::Day, Basis::Estimated)
    }
}

/// What is to be done with a stream of estimates.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OpenDays {
    /// These are estimated, from what is running now: today, and yesterday until it was estimated once since its end.
    pub estimated: Vec<Date>,
    /// Estimates that the bill has taken the place of: they are committed without records.
    pub given_up: Vec<Date>,
}

impl OpenDays {
    /// The days of a stream of estimates, if the bill has something of the days that `billed` says.
    #[must_use]
    pub fn of(wanted: &StreamRequest, source: &Source, billed: impl Fn(Date) -> bool, now: Instant) -> Self {
        let today = day_of(now);
        let held = |day: Date| {
            let of_day =
                |held: &&crate::CommittedPartition| held.start == start_of(day) && held.source == *source;
            wanted.committed.iter().find(of_day)
        };
        let mut days = Self::default();
        for back in 0..=i64::from(KEPT) {
            let Ok(day) = today.checked_sub(back.days()) else {
                break;
            };
            if !wanted.period.contains(start_of(day)) {
                continue;
            }
            let whole = held(day).is_some_and(|held| held.observed_through >= Period::of_day(day).end);
            if billed(day) {
                days.given_up.extend(held(day).map(|_| day));
            } else if back == 0 || (back == 1 && !whole) {
                days.estimated.push(day);
            }
        }
        days
    }

    /// The starts of all partitions that are replaced, in order.
    #[must_use]
    pub fn partitions(&self) -> Vec<Instant> {
        let mut starts: Vec<Instant> = self
            .estimated
            .iter()
            .chain(&self.given_up)
            .map(|day| start_of(*day))
            .collect();
        starts.sort_unstable();
        starts
    }
}

/// For how many seconds of a day, up to now, something has run since then; none: since the day began.
#[must_use]
pub fn seconds_on(day: Date, since: Option<Instant>, now: Instant) -> i64 {
    let whole = Period::of_day(day);
    let start = since.map_or(whole.start, |since| since.max(whole.start));
    (whole.end.min(now) - start).max(0)
}

/// Use of something that is priced by the hour.
#[derive(Clone, Copy, Debug)]
pub struct Hourly<'a> {
    /// How much of it there is: cores, GiB, or one of it.
    pub size: Decimal,
    /// For how many seconds.
    pub seconds: i64,
    /// The public price of one for an hour.
    pub price: Decimal,
    /// The unit of size and hours together: `Hours`, `GiB-Hours`.
    pub unit: &'a str,
}

impl Hourly<'_> {
    /// Hours times size, to 18 places.
    ///
    /// # Errors
    /// Where it is too large.
    pub fn quantity(&self) -> Result<Decimal, ArithmeticError> {
        self.over_an_hour(self.size)
    }

    /// What it costs, to 18 places.
    ///
    /// # Errors
    /// Where it is too large.
    pub fn cost(&self) -> Result<Decimal, ArithmeticError> {
        self.over_an_hour(self.price.checked_mul(self.size)?)
    }

    fn over_an_hour(&self, of_an_hour: Decimal) -> Result<Decimal, ArithmeticError> {
        let seconds = of_an_hour.checked_mul(Decimal::from(self.seconds))?;
        seconds.div_rounded(Decimal::from(HOUR), crate::PLACES)
    }

    /// The record with this use and its estimated cost: open, and never more than an estimate.
    ///
    /// # Errors
    /// Where it is too large.
    pub fn charge(&self, record: CostRecord) -> Result<CostRecord, ArithmeticError> {
        let (quantity, cost) = (self.quantity()?, self.cost()?);
        Ok(CostRecord {
            category: ChargeCategory::Usage,
            frequency: Some(ChargeFrequency::UsageBased),
            finality: Finality::Open,
            basis: Some(Basis::Estimated),
            list_cost: Some(cost),
            consumed: Some(Quantity::new(quantity, self.unit)),
            pricing: Some(Pricing {
                quantity: Some(Quantity::new(quantity, self.unit)),
                list_unit_price: Some(self.price),
                ..Pricing::default()
            }),
            ..record.cost(cost)
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{CommittedPartition, Completeness};

    const NOON: Instant = 100 * DAY + 12 * HOUR;

    fn day(back: i64) -> Date {
        day_of(NOON - back * DAY)
    }

    fn source() -> Source {
        Source::new("p", "a", "")
    }

    /// With estimates of so many days ago, made so long after the day began.
    fn wanted(held: &[(i64, i64)]) -> StreamRequest {
        let committed = |(back, after): &(i64, i64)| CommittedPartition {
            source: source(),
            start: start_of(day(*back)),
            completeness: Completeness::Partial,
            observed_through: start_of(day(*back)) + after,
        };
        StreamRequest {
            period: Period {
                start: start_of(day(3)),
                end: start_of(day(0)) + DAY,
            },
            committed: held.iter().map(committed).collect(),
            ..StreamRequest::default()
        }
    }

    #[test]
    fn today_is_estimated_always_and_yesterday_until_it_was_after_its_end() {
        let of = |held: &[(i64, i64)]| OpenDays::of(&wanted(held), &source(), |_| false, NOON).estimated;
        assert_eq!(of(&[]), [day(0), day(1)]);
        assert_eq!(of(&[(0, 5 * HOUR), (1, 23 * HOUR)]), [day(0), day(1)]);
        assert_eq!(of(&[(1, DAY)]), [day(0)]);
        // What ran the day before yesterday is not known any more.
        assert_eq!(of(&[(2, HOUR)]), [day(0), day(1)]);
    }

    #[test]
    fn an_estimate_is_given_up_once_the_bill_has_its_day_and_none_is_made() {
        let stream = wanted(&[(0, HOUR), (2, DAY)]);
        let days = OpenDays::of(&stream, &source(), |of| of != day(1), NOON);
        assert_eq!(
            (days.estimated.clone(), days.given_up.clone()),
            (vec![day(1)], vec![day(0), day(2)])
        );
        assert_eq!(days.partitions(), [day(2), day(1), day(0)].map(start_of));
        let other = OpenDays::of(&stream, &Source::new("p", "b", ""), |_| true, NOON);
        assert_eq!(other, OpenDays::default());
    }

    #[test]
    fn time_counts_within_the_day_and_up_to_now() {
        assert_eq!(seconds_on(day(0), None, NOON), 12 * HOUR);
        assert_eq!(seconds_on(day(0), Some(NOON - 90), NOON), 90);
        assert_eq!(seconds_on(day(1), Some(NOON - 30 * HOUR), NOON), 18 * HOUR);
        assert_eq!(seconds_on(day(1), Some(NOON), NOON), 0);
        assert_eq!(seconds_on(day(0), Some(NOON + 5), NOON), 0);
    }

    #[test]
    fn a_cost_is_size_by_time_by_price_rounded_once() {
        let use_ = Hourly {
            size: "7.5".parse().unwrap(),
            seconds: 100,
            price: "0.004237".parse().unwrap(),
            unit: "GiB-Hours",
        };
        // 7.5 * 100 / 3600, and that times 0.004237, by hand.
        assert_eq!(use_.quantity().unwrap().to_string(), "0.208333333333333333");
        assert_eq!(use_.cost().unwrap().to_string(), "0.000882708333333333");
        let record = CostRecord::new(
            Period::of_day(day(0)),
            "a",
            "P",
            ("S", "Compute"),
            (Decimal::ONE, "USD"),
        );
        let record = use_.charge(record).unwrap();
        assert_eq!(
            (record.billed_cost, record.effective_cost),
            (use_.cost().unwrap(), use_.cost().unwrap())
        );
        assert_eq!(record.basis, Some(Basis::Estimated));
    }
}
