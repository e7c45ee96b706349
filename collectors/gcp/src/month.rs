//! Invoice months. They begin at midnight in Los Angeles, whatever the day in UTC.

use finops_collector::{
    Instant, Period,
    jiff::{ToSpan, civil::Date},
    period::{DAY, HOUR, start_of},
    record::Finality,
};

/// Days of the next month after which Google is taken to have closed a month.
const CLOSED: i64 = 10 * DAY;

/// The billing period of an invoice month, `202608`; none where it is no month.
pub(crate) fn billing_period(month: &str) -> Option<Period> {
    let digits = month.len() == 6 && month.bytes().all(|byte| byte.is_ascii_digit());
    let (year, month) = month.split_at_checked(4).filter(|_| digits)?;
    let first = Date::new(year.parse().ok()?, month.parse().ok()?, 1).ok()?;
    Some(Period {
        start: midnight(first),
        end: midnight(first.saturating_add(1.month())),
    })
}

/// Midnight of a month's first day in Los Angeles. Summer time there lasts from the second Sunday of March to the first of
/// November, and begins and ends at two in the morning: so it is on at this hour from April to November.
fn midnight(first: Date) -> Instant {
    let behind = if (4..=11).contains(&first.month()) { 7 } else { 8 };
    start_of(first) + behind * HOUR
}

/// Whether an invoice month may still change.
pub(crate) fn finality(billing: Option<Period>, now: Instant) -> Finality {
    match billing.is_some_and(|period| now >= period.end + CLOSED) {
        true => Finality::Final,
        false => Finality::Open,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use finops_collector::jiff::Timestamp;

    #[test]
    fn an_invoice_month_runs_from_midnight_to_midnight_in_los_angeles() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap().as_second();
        for (month, start, end) in [
            ("202607", "2026-07-01T07:00:00Z", "2026-08-01T07:00:00Z"),
            ("202603", "2026-03-01T08:00:00Z", "2026-04-01T07:00:00Z"),
            ("202611", "2026-11-01T07:00:00Z", "2026-12-01T08:00:00Z"),
            ("202612", "2026-12-01T08:00:00Z", "2027-01-01T08:00:00Z"),
        ] {
            let period = billing_period(month).unwrap();
            assert_eq!((period.start, period.end), (at(start), at(end)), "{month}");
        }
        for odd in ["", "202613", "2026-7", "20267", "2026070", "abcdef", "２０２６"] {
            assert_eq!(billing_period(odd), None, "{odd}");
        }
    }
}
