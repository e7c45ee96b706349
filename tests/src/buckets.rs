//! What the simulated providers of models share: lines that come and go with the clock, and reports in buckets of a day, on pages.

use super::Error;
use base64::{Engine, prelude::BASE64_STANDARD};
use finops_collector::period;
use finops_decimal::Decimal;
use jiff::{Timestamp, civil::Date};
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// When a provider tells a line.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Told {
    /// From then on.
    pub from: Timestamp,
    /// Until then.
    pub until: Option<Timestamp>,
}

impl Told {
    /// Whether it is told at that time.
    #[must_use]
    pub fn at(&self, now: Timestamp) -> bool {
        self.from <= now && self.until.is_none_or(|until| now < until)
    }
}

/// The days from that of `start` to the last that begins before `end`.
#[must_use]
pub fn days(start: Timestamp, end: Timestamp) -> Vec<Date> {
    let mut days = Vec::new();
    let mut day = day_of(start);
    while midnight(day) < end {
        days.push(day);
        day = day.saturating_add(jiff::SignedDuration::from_hours(24));
    }
    days
}

/// The UTC day of an instant.
#[must_use]
pub fn day_of(instant: Timestamp) -> Date {
    period::day_of(instant.as_second())
}

/// The first instant of a UTC day.
#[must_use]
pub fn midnight(day: Date) -> Timestamp {
    Timestamp::from_second(period::start_of(day)).unwrap_or(Timestamp::MAX)
}

/// The days of one page, and the token of the next; none where the token does not belong to this query.
#[must_use]
pub fn page(
    query: &str,
    token: Option<&str>,
    days: &[Date],
    limit: usize,
) -> Option<(Vec<Date>, Option<String>)> {
    let first = match token {
        None => 0,
        Some(token) => days.iter().position(|day| token_of(query, *day) == token)?,
    };
    let rest = days.get(first..).unwrap_or_default();
    let next = rest.get(limit).map(|day| token_of(query, *day));
    Some((rest.iter().take(limit).copied().collect(), next))
}

/// A page belongs to a day and to the query that it was first asked by.
fn token_of(query: &str, day: Date) -> String {
    let same: Vec<_> = query
        .split('&')
        .filter(|pair| !pair.starts_with("page="))
        .collect();
    let sum = Sha256::digest(same.join("&").as_bytes());
    let sum: String = sum.iter().take(3).map(|byte| format!("{byte:02x}")).collect();
    format!("page_{}", BASE64_STANDARD.encode(format!("{day}/{sum}")))
}

/// A decimal's text as a JSON number with all its digits.
///
/// # Errors
/// Where it is no JSON number.
pub fn json_number(text: &str) -> Result<Value, Error> {
    Ok(serde_json::from_str(text)?)
}

/// Adds to one of several sums.
///
/// # Errors
/// Where the sum does not fit.
pub fn add<K: Ord>(sums: &mut BTreeMap<K, Decimal>, key: K, amount: Decimal) -> Result<(), Error> {
    let sum = sums.entry(key).or_default();
    *sum = sum.checked_add(amount)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;

    #[test]
    fn pages_follow_each_other_and_belong_to_their_query() {
        let days = days(
            "2026-07-30T05:00:00Z".parse().unwrap(),
            "2026-08-02T00:00:00Z".parse().unwrap(),
        );
        assert_eq!(days.len(), 3);
        let (first, next) = page("limit=2&a=1", None, &days, 2).unwrap();
        assert_eq!(first, days[..2]);
        let next = next.unwrap();
        assert_eq!(
            page(&format!("limit=2&a=1&page={next}"), Some(&next), &days, 2).unwrap(),
            (days[2..].to_vec(), None)
        );
        assert_eq!(page("limit=2&a=2", Some(&next), &days, 2), None);
        assert_eq!(page("limit=2&a=1", Some("page_?"), &days, 2), None);
    }
}
