//! One row of a result: cells that are text or nothing, found by the name of their column.

use finops_collector::{Decimal, Failure, excerpt, jiff::civil::Date};

/// A row with the names of its columns.
pub(crate) struct Row<'a> {
    /// What was asked, for messages.
    pub(crate) what: &'a str,
    pub(crate) names: &'a [String],
    pub(crate) cells: &'a [Option<String>],
}

impl<'a> Row<'a> {
    /// A cell that may be empty.
    pub(crate) fn text(&self, name: &str) -> Result<Option<&'a str>, Failure> {
        let place = self.names.iter().position(|known| known == name);
        let cell = place.and_then(|place| self.cells.get(place));
        let cell = cell.ok_or_else(|| self.wrong(name, "is missing"))?;
        Ok(cell.as_deref())
    }

    /// Whether there is such a column.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.names.iter().any(|known| known == name)
    }

    /// A cell that may be empty, as text of its own; an empty text is nothing.
    pub(crate) fn own(&self, name: &str) -> Result<Option<String>, Failure> {
        Ok(self
            .text(name)?
            .filter(|text| !text.is_empty())
            .map(str::to_owned))
    }

    /// A cell that must hold something.
    pub(crate) fn must(&self, name: &str) -> Result<&'a str, Failure> {
        self.text(name)?.ok_or_else(|| self.wrong(name, "is empty"))
    }

    /// A day.
    pub(crate) fn day(&self, name: &str) -> Result<Date, Failure> {
        let text = self.must(name)?;
        text.parse()
            .map_err(|_| self.wrong(name, &format!("is `{}` and no day", excerpt(text, 30))))
    }

    /// A whole number.
    pub(crate) fn integer(&self, name: &str) -> Result<i64, Failure> {
        let text = self.must(name)?;
        text.parse()
            .map_err(|_| self.wrong(name, &format!("is `{}` and no whole number", excerpt(text, 30))))
    }

    /// `true` or `false`.
    pub(crate) fn flag(&self, name: &str) -> Result<bool, Failure> {
        match self.must(name)? {
            "true" => Ok(true),
            "false" => Ok(false),
            text => Err(self.wrong(
                name,
                &format!("is `{}`, neither true nor false", excerpt(text, 30)),
            )),
        }
    }

    /// An amount of money.
    pub(crate) fn money(&self, name: &str) -> Result<Decimal, Failure> {
        let text = self.must(name)?;
        text.parse()
            .map_err(|error| self.wrong(name, &format!("is `{}`: {error}", excerpt(text, 60))))
    }

    /// An amount of money that may be absent.
    pub(crate) fn optional_money(&self, name: &str) -> Result<Option<Decimal>, Failure> {
        self.text(name)?.map(|_| self.money(name)).transpose()
    }

    fn wrong(&self, name: &str, how: &str) -> Failure {
        Failure::malformed(format_args!("{}: the column `{name}` {how}", self.what))
    }
}
