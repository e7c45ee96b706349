//! One row of a result whose cells are text or nothing, as SQL over HTTP gives them, found by the name of their column.
//! What must hold: a cell that is not what it should be is named, and never becomes a zero.

use crate::{Decimal, Failure, excerpt};
use jiff::civil::Date;

/// A row with the names of its columns.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    /// What was asked, for messages.
    pub what: &'a str,
    /// The columns' names.
    pub names: &'a [String],
    /// The cells, as many as there are names.
    pub cells: &'a [Option<String>],
}

impl<'a> Row<'a> {
    /// A cell that may be null.
    ///
    /// # Errors
    /// `malformed-reply`, where there is no such column.
    pub fn text(&self, name: &str) -> Result<Option<&'a str>, Failure> {
        let place = self.names.iter().position(|known| known == name);
        let cell = place.and_then(|place| self.cells.get(place));
        let cell = cell.ok_or_else(|| self.wrong(name, "is missing"))?;
        Ok(cell.as_deref())
    }

    /// A cell that may be null, as text of its own; an empty text is nothing.
    ///
    /// # Errors
    /// As [`Row::text`].
    pub fn own(&self, name: &str) -> Result<Option<String>, Failure> {
        let text = self.text(name)?.filter(|text| !text.is_empty());
        Ok(text.map(str::to_owned))
    }

    /// A cell that must hold something.
    ///
    /// # Errors
    /// `malformed-reply`.
    pub fn must(&self, name: &str) -> Result<&'a str, Failure> {
        let text = self.text(name)?.filter(|text| !text.is_empty());
        text.ok_or_else(|| self.wrong(name, "is empty"))
    }

    /// A day.
    ///
    /// # Errors
    /// `malformed-reply`.
    pub fn day(&self, name: &str) -> Result<Date, Failure> {
        let text = self.must(name)?;
        text.parse()
            .map_err(|_| self.wrong(name, &format!("is `{}` and no day", excerpt(text, 30))))
    }

    /// A count.
    ///
    /// # Errors
    /// `malformed-reply`.
    pub fn count(&self, name: &str) -> Result<u64, Failure> {
        let text = self.must(name)?;
        text.parse()
            .map_err(|_| self.wrong(name, &format!("is `{}` and no count", excerpt(text, 30))))
    }

    /// A truth value; null is false.
    ///
    /// # Errors
    /// `malformed-reply`.
    pub fn flag(&self, name: &str) -> Result<bool, Failure> {
        match self.text(name)? {
            None => Ok(false),
            Some(text) if text.eq_ignore_ascii_case("true") => Ok(true),
            Some(text) if text.eq_ignore_ascii_case("false") => Ok(false),
            Some(text) => {
                let how = format!("is `{}`, neither true nor false", excerpt(text, 30));
                Err(self.wrong(name, &how))
            }
        }
    }

    /// An exact number.
    ///
    /// # Errors
    /// `malformed-reply`, where there is none, or it cannot be held exactly.
    pub fn number(&self, name: &str) -> Result<Decimal, Failure> {
        let text = self.must(name)?;
        text.parse()
            .map_err(|error| self.wrong(name, &format!("is `{}`: {error}", excerpt(text, 60))))
    }

    /// An exact number that may be null.
    ///
    /// # Errors
    /// `malformed-reply`.
    pub fn optional_number(&self, name: &str) -> Result<Option<Decimal>, Failure> {
        self.text(name)?.map(|_| self.number(name)).transpose()
    }

    fn wrong(&self, name: &str, how: &str) -> Failure {
        Failure::malformed(format_args!("{}: the column `{name}` {how}", self.what))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::FailureKind;

    #[test]
    fn cells_are_read_by_name_and_what_does_not_fit_is_named() {
        let names = ["day", "cost", "lines", "flag", "none"].map(str::to_owned);
        let cells = ["2026-08-03", "1.50", "7", "TRUE"].map(|text| Some(text.to_owned()));
        let cells: Vec<_> = cells.into_iter().chain([None]).collect();
        let row = Row {
            what: "the bill",
            names: &names,
            cells: &cells,
        };
        assert_eq!(row.day("day").unwrap().to_string(), "2026-08-03");
        assert_eq!(row.number("cost").unwrap().to_string(), "1.5");
        assert_eq!((row.count("lines"), row.flag("flag")), (Ok(7), Ok(true)));
        assert_eq!((row.own("none"), row.flag("none")), (Ok(None), Ok(false)));
        assert_eq!(row.optional_number("none"), Ok(None));
        for failure in [
            row.day("cost").unwrap_err(),
            row.number("none").unwrap_err(),
            row.number("day").unwrap_err(),
            row.count("cost").unwrap_err(),
            row.flag("lines").unwrap_err(),
            row.text("other").unwrap_err(),
        ] {
            assert_eq!(failure.kind, FailureKind::MalformedReply);
            assert!(failure.message.starts_with("the bill: the column `"), "{failure}");
        }
    }
}
