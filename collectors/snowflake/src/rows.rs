//! Typed reading of result rows, by column name. Cells are text or null.
//! What must hold: a cell that is not what it should be names its view, column and row; it never becomes a zero.

use finops_collector::{
    Decimal, Failure, Instant, ParseError, Period, excerpt,
    jiff::civil::Date,
    period::{DAY, day_after_epoch, start_of},
};
use serde::Deserialize;

/// A row as the API sends it.
pub(crate) type Cells = Vec<Option<String>>;

/// A column of a result.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Column {
    /// Its name; upper case unless the view says otherwise.
    pub(crate) name: String,
}

/// One row of a result.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row<'a> {
    /// What is read, for messages.
    pub(crate) view: &'a str,
    /// Its number in the result, from 1.
    pub(crate) number: u64,
    /// The result's columns.
    pub(crate) columns: &'a [Column],
    /// Its cells, as many as there are columns.
    pub(crate) cells: &'a [Option<String>],
}

/// Integers above this are seconds since the epoch, others days: the year 2243 as days, the second day of 1970 as seconds.
const MOST_DAYS: i64 = 100_000;

impl Row<'_> {
    fn position(&self, column: &str) -> Option<usize> {
        self.columns
            .iter()
            .position(|known| known.name.eq_ignore_ascii_case(column))
    }

    /// The cell, none if null.
    ///
    /// # Errors
    /// `malformed-reply`, where the column is missing.
    pub(crate) fn optional(&self, column: &str) -> Result<Option<&str>, Failure> {
        let position = self.position(column).ok_or_else(|| {
            Failure::malformed(format_args!(
                "{} gives no column {column}: is it an older layout of the view?",
                self.view
            ))
        })?;
        Ok(self.cells.get(position).and_then(|cell| cell.as_deref()))
    }

    /// The cell, which must not be null.
    ///
    /// # Errors
    /// `malformed-reply`.
    pub(crate) fn text(&self, column: &str) -> Result<&str, Failure> {
        self.optional(column)?
            .ok_or_else(|| self.wrong(column, "null", "no value"))
    }

    /// An exact number, which must not be null.
    ///
    /// # Errors
    /// `malformed-reply`, where it is no number or cannot be held exactly.
    pub(crate) fn exact(&self, column: &str) -> Result<Decimal, Failure> {
        let text = self.text(column)?;
        text.parse()
            .map_err(|error: ParseError| self.wrong(column, text, error))
    }

    /// A number that Snowflake keeps as a float (credits of a query, average bytes): digits beyond the 18th after the
    /// point are cut off; null is 0.
    ///
    /// # Errors
    /// `malformed-reply`, where it is no number or too large.
    pub(crate) fn measured(&self, column: &str) -> Result<Decimal, Failure> {
        let Some(text) = self.optional(column)? else {
            return Ok(Decimal::ZERO);
        };
        match text.parse() {
            Err(ParseError::TooPrecise) => {
                cut_off(text).ok_or_else(|| self.wrong(column, text, ParseError::Syntax))
            }
            read => read.map_err(|error| self.wrong(column, text, error)),
        }
    }

    /// A truth value; null is false.
    ///
    /// # Errors
    /// `malformed-reply`.
    pub(crate) fn truth(&self, column: &str) -> Result<bool, Failure> {
        match self.optional(column)? {
            None => Ok(false),
            Some(text) if text.eq_ignore_ascii_case("true") || text == "1" => Ok(true),
            Some(text) if text.eq_ignore_ascii_case("false") || text == "0" => Ok(false),
            Some(text) => Err(self.wrong(column, text, "neither true nor false")),
        }
    }

    /// A day inside the period.
    ///
    /// # Errors
    /// `malformed-reply`.
    pub(crate) fn day(&self, column: &str, within: Period) -> Result<Date, Failure> {
        let text = self.text(column)?;
        let day = day_of_text(text).ok_or_else(|| self.wrong(column, text, "no day"))?;
        if within.contains(start_of(day)) {
            return Ok(day);
        }
        Err(self.wrong(column, text, "no day of the period that was asked for"))
    }

    /// A point in time inside the period: seconds since the epoch, a day, or ISO text in UTC.
    ///
    /// # Errors
    /// `malformed-reply`.
    pub(crate) fn instant(&self, column: &str, within: Period) -> Result<Instant, Failure> {
        let text = self.text(column)?;
        let instant = instant_of_text(text).ok_or_else(|| self.wrong(column, text, "no point in time"))?;
        if within.contains(instant) {
            return Ok(instant);
        }
        Err(self.wrong(column, text, "no point in time of the period that was asked for"))
    }

    fn wrong(&self, column: &str, text: &str, wrong: impl std::fmt::Display) -> Failure {
        let shown = excerpt(text, 60);
        Failure::malformed(format_args!(
            "{}, column {column}, row {}: `{shown}` is {wrong}",
            self.view, self.number
        ))
    }
}

/// A day as `YYYY-MM-DD` or as days since the epoch.
fn day_of_text(text: &str) -> Option<Date> {
    match text.parse::<i64>() {
        Ok(days) if days.abs() <= MOST_DAYS => day_after_epoch(days),
        Ok(_) => None,
        Err(_) => text.parse().ok(),
    }
}

fn instant_of_text(text: &str) -> Option<Instant> {
    // TIMESTAMP_TZ has its offset behind a space; the seconds are UTC all the same.
    let number = text.split_once(' ').map_or(text, |(number, _)| number);
    let whole = number.split_once('.').map_or(number, |(whole, _)| whole);
    if let Ok(seconds) = whole.parse::<i64>() {
        return Some(if seconds.abs() <= MOST_DAYS {
            seconds * DAY
        } else {
            seconds
        });
    }
    if let Ok(timestamp) = text.parse::<finops_collector::jiff::Timestamp>() {
        return Some(timestamp.as_second());
    }
    let Some((day, time)) = text.split_once([' ', 'T']) else {
        return day_of_text(text).map(start_of);
    };
    let time: finops_collector::jiff::civil::Time = time.split([' ', '+', 'Z']).next()?.parse().ok()?;
    let seconds = i64::from(time.hour()) * 3_600 + i64::from(time.minute()) * 60 + i64::from(time.second());
    Some(start_of(day_of_text(day)?) + seconds)
}

/// A number with more than 18 digits after the point, those cut off.
fn cut_off(text: &str) -> Option<Decimal> {
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let exponent: i32 = exponent.parse().ok()?;
    let (sign, unsigned) = match mantissa.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", mantissa),
    };
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let digits = format!("{whole}{fraction}");
    // Places after the point of the last digit; those beyond the 18th go.
    let places = i32::try_from(fraction.len()).ok()?.checked_sub(exponent)?;
    let surplus = usize::try_from(places.checked_sub(18)?).ok()?;
    match digits.len().checked_sub(surplus) {
        None | Some(0) => Some(Decimal::ZERO),
        Some(kept) => format!("{sign}{}e-18", digits.get(..kept)?).parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use finops_collector::{FailureKind, jiff::civil::date};

    fn with<T>(cell: Option<&str>, read: impl FnOnce(Row<'_>) -> T) -> T {
        let columns = [Column { name: "C".to_owned() }];
        let cells = [cell.map(str::to_owned)];
        read(Row {
            view: "SOME_VIEW",
            number: 7,
            columns: &columns,
            cells: &cells,
        })
    }

    fn august() -> Period {
        Period::of_month(date(2026, 8, 1))
    }

    #[test]
    fn days_come_as_text_or_as_days_since_the_epoch() {
        for text in ["2026-08-03", "20668"] {
            assert_eq!(
                with(Some(text), |row| row.day("c", august())),
                Ok(date(2026, 8, 3)),
                "{text}"
            );
        }
    }

    #[test]
    fn a_day_outside_the_period_is_malformed() {
        for text in ["2026-07-31", "2026-09-01", "9999-12-31", "soon", "1785715200"] {
            let failure = with(Some(text), |row| row.day("C", august())).unwrap_err();
            assert_eq!(failure.kind, FailureKind::MalformedReply);
            assert!(
                failure.message.contains("SOME_VIEW, column C, row 7"),
                "{failure}"
            );
        }
    }

    #[test]
    fn points_in_time_come_in_all_of_snowflakes_forms() {
        let noon = start_of(date(2026, 8, 3)) + 12 * 3_600;
        for text in [
            "1785758400",
            "1785758400.000000000",
            "1785758400.000000000 1440",
            "2026-08-03T12:00:00Z",
            "2026-08-03 12:00:00.000",
            "2026-08-03 12:00:00.000 +0000",
        ] {
            assert_eq!(
                with(Some(text), |row| row.instant("C", august())),
                Ok(noon),
                "{text}"
            );
        }
        assert_eq!(
            with(Some("20668"), |row| row.instant("C", august())),
            Ok(noon - 12 * 3_600)
        );
    }

    #[test]
    fn money_is_exact_or_names_its_place() {
        assert_eq!(
            with(Some("-12.340"), |row| row.exact("C")).unwrap().to_string(),
            "-12.34"
        );
        for text in [
            "abc",
            "",
            "NaN",
            "1234567890123456789012345678901234567890",
            "1e-19",
        ] {
            let failure = with(Some(text), |row| row.exact("C")).unwrap_err();
            assert!(
                failure.message.contains("SOME_VIEW, column C, row 7"),
                "{failure}"
            );
        }
        assert!(
            with(None, |row| row.exact("C"))
                .unwrap_err()
                .message
                .contains("null")
        );
    }

    #[test]
    fn floats_may_be_scientific_and_finer_than_a_decimal() {
        for (text, shown) in [
            ("2.7777777777777779e-05", "0.000027777777777777"),
            ("-1.5E2", "-150"),
            ("1.0e-30", "0"),
            ("0.12345678901234567890", "0.123456789012345678"),
            ("12345678901234567890e-20", "0.123456789012345678"),
        ] {
            assert_eq!(
                with(Some(text), |row| row.measured("C")).unwrap().to_string(),
                shown,
                "{text}"
            );
        }
        assert_eq!(with(None, |row| row.measured("C")), Ok(Decimal::ZERO));
        assert!(with(Some("inf"), |row| row.measured("C")).is_err());
    }

    #[test]
    fn a_missing_column_is_named() {
        let failure = with(None, |row| row.text("D").map(str::to_owned)).unwrap_err();
        assert!(
            failure.message.contains("SOME_VIEW gives no column D"),
            "{failure}"
        );
    }
}
