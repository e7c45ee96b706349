//! Calendar months in UTC, as billing periods are sorted by.

use super::{error::damaged, period::partition_of, record::Period, store::LedgerError};
use crate::component::descriptor::Grain;
use jiff::Timestamp;
use std::{fmt, str::FromStr};

/// A calendar month. Its text is `2026-08`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month(Period);

impl Month {
    /// The month that holds an instant; `None` only at the ends of representable time.
    #[must_use]
    pub fn of(at: Timestamp) -> Option<Self> {
        partition_of(Grain::Month, at).map(Self)
    }

    /// From its first instant to that of the next.
    #[must_use]
    pub fn period(self) -> Period {
        self.0
    }

    /// The month after it.
    #[must_use]
    pub fn next(self) -> Option<Self> {
        Self::of(self.0.end())
    }

    /// A month as the database has it.
    pub(super) fn read(text: &str) -> Result<Self, LedgerError> {
        text.parse().map_err(|error| damaged("month", error))
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.start().strftime("%Y-%m").to_string())
    }
}

/// A text that is no month.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no month; write one such as 2026-08")]
pub struct NoMonth(String);

impl FromStr for Month {
    type Err = NoMonth;

    fn from_str(text: &str) -> Result<Self, NoMonth> {
        let shaped = text.len() == 7 && text.as_bytes().get(4) == Some(&b'-');
        shaped
            .then(|| format!("{text}-01T00:00:00Z").parse().ok().and_then(Self::of))
            .flatten()
            .ok_or_else(|| NoMonth(text.to_owned()))
    }
}

impl serde::Serialize for Month {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn months_read_as_they_are_written_and_follow_each_other_over_the_year() {
        let month: Month = "2026-12".parse().unwrap();
        assert_eq!(month.to_string(), "2026-12");
        assert_eq!(month.next().unwrap().to_string(), "2027-01");
        assert_eq!(month.period().end().to_string(), "2027-01-01T00:00:00Z");
        for text in ["2026-13", "2026-8", "2026/08", "", "2026-08-01", "八月2026"] {
            assert!(text.parse::<Month>().is_err(), "{text}");
        }
    }
}
