//! A cron expression of five fields, in UTC, as `[collector] cron` has it.

use cronexpr::{Crontab, FallbackTimezoneOption, MakeTimestamp, ParseOptions};
use jiff::Timestamp;
use std::{fmt, str::FromStr};

/// A cron expression that some day of the next four years fits.
#[derive(Clone)]
pub struct Cron {
    text: String,
    table: Crontab,
}

/// Why a text is no such expression.
#[derive(Debug, thiserror::Error)]
pub enum CronError {
    /// It has another number of fields.
    #[error("it has {0} fields, not five")]
    Fields(usize),
    /// A field says nothing that cron knows.
    #[error("{0}")]
    Syntax(String),
    /// No such day comes within four years.
    #[error("no such day comes within four years")]
    Never,
}

impl Cron {
    /// The first instant after `at` that it names; `None` beyond the calendar.
    #[must_use]
    pub fn next_after(&self, at: Timestamp) -> Option<Timestamp> {
        // The library tells time by another version of the date library: seconds are what both know.
        let at = MakeTimestamp::from_second(at.as_second()).ok()?;
        let next = self.table.find_next(at).ok()?;
        Timestamp::from_second(next.timestamp().as_second()).ok()
    }
}

impl FromStr for Cron {
    type Err = CronError;

    fn from_str(text: &str) -> Result<Self, CronError> {
        let fields = text.split_whitespace().count();
        if fields != 5 {
            return Err(CronError::Fields(fields));
        }
        let mut options = ParseOptions::default();
        options.fallback_timezone_option = FallbackTimezoneOption::UTC;
        let table = cronexpr::parse_crontab_with(text, options).map_err(|error| {
            // Its first line says what, those below point into the expression.
            let said = error.to_string();
            let first = said.lines().next().unwrap_or_default();
            CronError::Syntax(first.trim_end_matches(':').to_owned())
        })?;
        let cron = Self {
            text: text.to_owned(),
            table,
        };
        match cron.next_after(Timestamp::UNIX_EPOCH) {
            Some(_) => Ok(cron),
            None => Err(CronError::Never),
        }
    }
}

impl fmt::Debug for Cron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Cron").field(&self.text).finish()
    }
}

impl fmt::Display for Cron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn next(cron: &str, after: &str) -> String {
        let cron: Cron = cron.parse().unwrap();
        cron.next_after(after.parse().unwrap()).unwrap().to_string()
    }

    #[test]
    fn the_next_time_is_after_the_given_one_and_in_utc() {
        assert_eq!(next("30 6 * * *", "2026-08-03T06:29:59Z"), "2026-08-03T06:30:00Z");
        assert_eq!(next("30 6 * * *", "2026-08-03T06:30:00Z"), "2026-08-04T06:30:00Z");
        assert_eq!(
            next("*/15 * * * *", "2026-12-31T23:50:00Z"),
            "2027-01-01T00:00:00Z"
        );
        assert_eq!(
            next("0 5 * * MON-FRI", "2026-08-01T00:00:00Z"),
            "2026-08-03T05:00:00Z"
        );
        assert_eq!(next("0 0 29 2 *", "2026-08-01T00:00:00Z"), "2028-02-29T00:00:00Z");
    }

    #[test]
    fn what_is_no_expression_of_five_fields_or_never_comes_is_refused() {
        for (text, said) in [
            ("0 * * *", "it has 4 fields, not five"),
            ("0 0 * * * UTC", "it has 6 fields, not five"),
            ("@daily", "it has 1 fields, not five"),
            ("", "it has 0 fields, not five"),
            ("0 0 31 2 *", "no such day"),
            ("61 * * * *", ""),
            ("a b c d e", ""),
        ] {
            let error = text.parse::<Cron>().unwrap_err().to_string();
            assert!(error.contains(said) && !error.contains('\n'), "{text}: {error}");
        }
    }
}
