//! The checker's part for converted entries: what is sent of a posting key adds up to its converted total. That the totals
//! themselves are those of the records is law 2, in their own currency.

use super::{Report, Rule};
use crate::ledger::{
    destination::{convert::conversion_checksum, rates::Rate},
    error::damaged,
    store::{LedgerError, amount},
};
use finops_decimal::Decimal;
use jiff::civil::Date;
use rusqlite::{Connection, Row};

/// Each conversion's checksum, its rate applied anew, and the chain of each posting.
pub(super) fn check(connection: &Connection, report: &mut Report) -> Result<(), LedgerError> {
    let mut statement = connection.prepare(
        "SELECT entry.posting, entry.id, entry.total_after, conversion.currency, rate, rate_from, conversion.amount,
                conversion.total_after, conversion.checksum
         FROM entry LEFT JOIN conversion ON conversion.entry = entry.id
         WHERE posting IN (SELECT posting FROM conversion JOIN entry ON entry.id = conversion.entry)
         ORDER BY entry.posting, entry.sequence",
    )?;
    let mut rows = statement.query([])?;
    let mut chain = Chain::default();
    while let Some(row) = rows.next()? {
        let posting = row.get(0)?;
        if chain.posting != posting {
            chain = Chain {
                posting,
                ..Chain::default()
            };
        }
        chain.add(report, row)?;
    }
    Ok(())
}

/// The converted entries of one posting, in order.
#[derive(Default)]
struct Chain {
    posting: i64,
    sum: Decimal,
    rate: Option<Decimal>,
    /// An entry that is not converted.
    bare: Option<i64>,
}

impl Chain {
    fn add(&mut self, report: &mut Report, row: &Row<'_>) -> Result<(), LedgerError> {
        let entry: i64 = row.get(1)?;
        let Some(currency) = row.get::<_, Option<String>>(3)? else {
            self.bare.get_or_insert(entry);
            return Ok(());
        };
        if let Some(bare) = self.bare.take() {
            report.found(
                Rule::Conversion,
                format!("entry {bare} is not converted, and later entries of its key are"),
            );
        }
        let (rate, from): (Option<String>, Option<String>) = (row.get(4)?, row.get(5)?);
        let (change, after): (String, String) = (row.get(6)?, row.get(7)?);
        let sum = conversion_checksum(
            entry,
            &currency,
            rate.as_deref(),
            from.as_deref(),
            (&change, &after),
        );
        if row.get::<_, String>(8)? != sum {
            report.found(
                Rule::Row,
                format!("the checksum of the conversion of entry {entry} is not that of its row"),
            );
        }
        let (change, after) = (amount(&change)?, amount(&after)?);
        self.sum = self
            .sum
            .checked_add(change)
            .map_err(|error| damaged("sum of conversions", error))?;
        if self.sum != after {
            let what = format!(
                "what is sent up to entry {entry} adds up to {} in {currency}, not to {after}",
                self.sum
            );
            report.found(Rule::Conversion, what);
            self.sum = after;
        }
        if let (Some(rate), Some(from)) = (rate, from) {
            self.applied(report, entry, (&currency, after), row, (&rate, &from))?;
        }
        Ok(())
    }

    /// The rate of a key is one, and gives what the entry comes to.
    fn applied(
        &mut self,
        report: &mut Report,
        entry: i64,
        (currency, after): (&str, Decimal),
        row: &Row<'_>,
        (rate, from): (&str, &str),
    ) -> Result<(), LedgerError> {
        let rate = Rate {
            from: from
                .parse::<Date>()
                .map_err(|error| damaged("day of a rate", error))?,
            rate: amount(rate)?,
        };
        let total = amount(&row.get::<_, String>(2)?)?;
        let wanted = rate.convert(total);
        if wanted.ok() != Some(after) {
            let is = wanted.map_or_else(|error| error.to_string(), |wanted| format!("is {wanted}"));
            let what = format!(
                "entry {entry} comes to {after} in {currency}, {total} at {} {is}",
                rate.rate
            );
            report.found(Rule::Conversion, what);
        }
        if self.rate.is_some_and(|before| before != rate.rate) {
            let what = format!(
                "entry {entry} is converted at {}, earlier ones of its key are not",
                rate.rate
            );
            report.found(Rule::Conversion, what);
        }
        self.rate = Some(rate.rate);
        Ok(())
    }
}
