//! Converting: what a destination that counts in one currency is sent of entries in others.
//!
//! What must hold: an entry keeps its own amount and currency, in which law 2 holds; what is sent of it is the difference of
//! the converted totals before and after it, so that what is sent of a posting key adds up to its converted total exactly.
//! Within an epoch a key is converted at one rate, and nothing of it was sent as it is: what would mix the two is held.

use super::rates::{Rate, Rates, charge_day};
use crate::{
    foreign::Foreign,
    ledger::{
        entries::{self, CARRIED},
        error::damaged,
        store::{LedgerError, amount, checksum},
    },
};
use finops_decimal::Decimal;
use jiff::civil::Date;
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};

/// The table of what was converted, for ledgers of a schema before 3.
pub(in crate::ledger) const TABLE: &str = "CREATE TABLE conversion (
    entry INTEGER PRIMARY KEY REFERENCES entry(id),
    currency TEXT NOT NULL,
    rate TEXT, rate_from TEXT,
    amount TEXT NOT NULL, total_after TEXT NOT NULL,
    checksum TEXT NOT NULL
) STRICT;
CREATE INDEX conversion_carried ON conversion (entry) WHERE rate IS NULL;
CREATE INDEX entry_held ON entry (destination) WHERE state = 'held';";

/// Converts what waits in other currencies, and holds what cannot be converted, with the reason. Entries are posted as
/// held, so each delivery begins with this where the operator says so. The caller holds the delivery lock.
///
/// # Errors
/// Storage, or a damaged row.
pub fn convert_waiting(
    connection: &mut Connection,
    destination: i64,
    rates: &Rates,
) -> Result<(), LedgerError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    convert(&transaction, destination, rates)?;
    transaction.commit()?;
    Ok(())
}

/// [`convert_waiting`] within a transaction of the caller's.
pub(super) fn convert(transaction: &Transaction, destination: i64, rates: &Rates) -> Result<(), LedgerError> {
    let takes: String = transaction.query_row(
        "SELECT currency FROM destination WHERE id = ?",
        [destination],
        |row| row.get(0),
    )?;
    restate_carried(transaction, destination, rates)?;
    for posting in waiting(transaction, destination, &takes)? {
        let chain = Chain::read(transaction, &posting)?;
        match chain.judge(&posting, &takes, rates) {
            Ok(rate) => chain.convert(transaction, &posting, &takes, &rate)?,
            Err(why) => hold(transaction, posting.id, &why)?,
        }
    }
    Ok(())
}

/// How many posting keys of the open epoch were converted at another rate than is now their day's. A table that was found
/// to agree is not compared again before it changes.
///
/// # Errors
/// Storage, or a damaged row.
pub fn converted_otherwise(
    connection: &Connection,
    destination: i64,
    rates: &Rates,
) -> Result<u64, LedgerError> {
    let (name, print) = (format!("rates of destination {destination}"), rates.fingerprint());
    let agreed: Option<String> = connection
        .query_row("SELECT value FROM meta WHERE key = ?", [&name], |row| row.get(0))
        .optional()?;
    if agreed.as_ref() == Some(&print) {
        return Ok(0);
    }
    let otherwise = count_otherwise(connection, destination, rates)?;
    match otherwise {
        0 => connection.execute(
            "INSERT INTO meta (key, value) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET value = excluded.value",
            [&name, &print],
        )?,
        _ => connection.execute("DELETE FROM meta WHERE key = ?", [&name])?,
    };
    Ok(otherwise)
}

fn count_otherwise(connection: &Connection, destination: i64, rates: &Rates) -> Result<u64, LedgerError> {
    let mut statement = connection.prepare_cached(
        "SELECT DISTINCT posting.id, posting.currency, dims, rate
         FROM conversion JOIN entry ON entry.id = conversion.entry
         JOIN posting ON posting.id = entry.posting JOIN epoch ON epoch.id = posting.epoch
         WHERE epoch.destination = ? AND ended IS NULL AND rate IS NOT NULL",
    )?;
    let mut rows = statement.query([destination])?;
    let mut otherwise = 0;
    while let Some(row) = rows.next()? {
        let (currency, dims): (String, String) = (row.get(1)?, row.get(2)?);
        let now = rates.on(&currency, charge_day(&dims)?);
        if now.map(|rate| rate.rate) != Some(amount(&row.get::<_, String>(3)?)?) {
            otherwise += 1;
        }
    }
    Ok(otherwise)
}

/// The currency that entries of the open epoch were converted to, if any were.
pub(super) fn converted_to(connection: &Connection, destination: i64) -> Result<Option<String>, LedgerError> {
    let sql = "SELECT conversion.currency FROM epoch JOIN posting ON posting.epoch = epoch.id
               JOIN entry ON entry.posting = posting.id JOIN conversion ON conversion.entry = entry.id
               WHERE epoch.destination = ? AND ended IS NULL LIMIT 1";
    Ok(connection
        .query_row(sql, [destination], |row| row.get(0))
        .optional()?)
}

/// What of a posting's settled entries was sent converted: currency and sum. `None`: nothing.
pub(super) fn settled(
    connection: &Connection,
    epoch: i64,
    partition: i64,
    key: &str,
) -> Result<Option<(String, Decimal)>, LedgerError> {
    let found: Option<(String, String)> = connection
        .prepare_cached(
            "SELECT conversion.currency, exact_sum(conversion.amount) FROM posting
             JOIN entry ON entry.posting = posting.id JOIN conversion ON conversion.entry = entry.id
             WHERE epoch = ? AND partition = ? AND key = ? AND state = 'settled' GROUP BY conversion.currency",
        )?
        .query_row(params![epoch, partition, key], |row| row.try_into())
        .optional()?;
    found
        .map(|(currency, sum)| Ok((currency, amount(&sum)?)))
        .transpose()
}

/// Notes that the entry which carries a key over into an epoch stands for so much in the destination's currency.
pub(super) fn carry(
    transaction: &Connection,
    epoch: i64,
    partition: i64,
    key: &str,
    (currency, there): (&str, Decimal),
) -> Result<(), LedgerError> {
    let entry: i64 = transaction.query_row(
        "SELECT entry.id FROM entry JOIN posting ON posting.id = entry.posting
         WHERE epoch = ? AND partition = ? AND key = ? AND entry.sequence = 1",
        params![epoch, partition, key],
        |row| row.get(0),
    )?;
    write(transaction, entry, currency, None, (there, there))
}

/// A posting in another currency than the destination's.
struct Waiting {
    id: i64,
    currency: String,
    day: Date,
}

/// The postings that have entries which are neither sent nor sealed, in other currencies.
fn waiting(transaction: &Transaction, destination: i64, takes: &str) -> Result<Vec<Waiting>, LedgerError> {
    let mut statement = transaction.prepare_cached(
        "SELECT posting.id, posting.currency, dims FROM posting JOIN epoch ON epoch.id = posting.epoch
         WHERE ended IS NULL AND posting.currency <> ?2 AND posting.id IN (
             SELECT posting FROM entry WHERE destination = ?1 AND state = 'held'
             UNION SELECT posting FROM entry WHERE destination = ?1 AND state = 'pending' AND batch IS NULL)
         ORDER BY posting.id",
    )?;
    let mut rows = statement.query(params![destination, takes])?;
    let mut waiting = Vec::new();
    while let Some(row) = rows.next()? {
        waiting.push(Waiting {
            id: row.get(0)?,
            currency: row.get(1)?,
            day: charge_day(&row.get::<_, String>(2)?)?,
        });
    }
    Ok(waiting)
}

/// The entries of one posting, as far as converting has come.
#[derive(Default)]
struct Chain {
    /// The converted total so far.
    total: Decimal,
    /// The rate of the entries before; none where they were carried over.
    before: Option<Decimal>,
    /// Whether an entry was sent, or sealed to be sent, as it is.
    as_it_is: bool,
    /// Entries that are not converted yet, each with its own total after it.
    left: Vec<(i64, Decimal)>,
}

impl Chain {
    fn read(transaction: &Transaction, posting: &Waiting) -> Result<Self, LedgerError> {
        let mut statement = transaction.prepare_cached(
            "SELECT entry.id, entry.total_after, batch IS NOT NULL OR (state = 'settled' AND reason = ?2),
                    conversion.total_after, rate
             FROM entry LEFT JOIN conversion ON conversion.entry = entry.id WHERE posting = ?1 ORDER BY sequence",
        )?;
        let mut rows = statement.query(params![posting.id, CARRIED])?;
        let mut chain = Self::default();
        while let Some(row) = rows.next()? {
            match row.get::<_, Option<String>>(3)? {
                Some(total) => {
                    chain.total = amount(&total)?;
                    let rate: Option<String> = row.get(4)?;
                    chain.before = rate.map(|rate| amount(&rate)).transpose()?;
                }
                None if row.get(2)? => chain.as_it_is = true,
                None => chain.left.push((row.get(0)?, amount(&row.get::<_, String>(1)?)?)),
            }
        }
        Ok(chain)
    }

    /// The rate at which it goes on, or why it does not.
    fn judge(&self, posting: &Waiting, takes: &str, rates: &Rates) -> Result<Rate, String> {
        let (currency, day) = (Foreign::new(posting.currency.as_str()), posting.day);
        if self.as_it_is {
            return Err(format!(
                "earlier entries of this key were sent in {currency} as they are, and converted ones cannot follow them: \
                 write other-currencies = \"send\" again"
            ));
        }
        let Some(rate) = rates.on(&posting.currency, day) else {
            return Err(format!(
                "there is no rate of {currency} for {day}: add one under [[openfinops.rates]]"
            ));
        };
        if self.left.iter().any(|(_, total)| rate.convert(*total).is_err()) {
            return Err(format!(
                "at {rate}, the amount is too large to be converted to {takes}"
            ));
        }
        match self.before {
            Some(before) if before != rate.rate => Err(format!(
                "the rate of {currency} for {day} is now {}, and earlier entries of this key were converted at {before}: \
                 put it back, or take the new one over with `finops-host destination rebase`",
                rate.rate
            )),
            _ => Ok(rate),
        }
    }

    fn convert(
        self,
        transaction: &Transaction,
        posting: &Waiting,
        takes: &str,
        rate: &Rate,
    ) -> Result<(), LedgerError> {
        let wide = |error| damaged("converted total", error);
        let mut before = self.total;
        for (entry, total) in self.left {
            let after = rate.convert(total).map_err(wide)?;
            let change = after.checked_sub(before).map_err(wide)?;
            write(transaction, entry, takes, Some(rate), (change, after))?;
            before = after;
        }
        transaction
            .prepare_cached(
                "UPDATE entry SET state = 'pending', reason = NULL WHERE posting = ? AND state = 'held'",
            )?
            .execute([posting.id])?;
        Ok(())
    }
}

fn hold(transaction: &Transaction, posting: i64, why: &str) -> Result<(), LedgerError> {
    transaction
        .prepare_cached(
            "UPDATE entry SET state = 'held', reason = ?2
             WHERE posting = ?1 AND batch IS NULL AND (state = 'pending' OR (state = 'held' AND reason <> ?2))",
        )?
        .execute(params![posting, why])?;
    Ok(())
}

/// Posts a change of nothing on each key that was carried over at another rate than its day's is now: what is sent of it
/// is what the new rate makes of the same money.
fn restate_carried(transaction: &Transaction, destination: i64, rates: &Rates) -> Result<(), LedgerError> {
    let carried: Vec<(i64, i64, String, String, String, String)> = {
        let mut statement = transaction.prepare_cached(
            "SELECT posting.id, partition, posting.currency, dims, total, conversion.total_after
             FROM conversion INDEXED BY conversion_carried JOIN entry ON entry.id = conversion.entry
             JOIN posting ON posting.id = entry.posting JOIN epoch ON epoch.id = posting.epoch
             WHERE epoch.destination = ? AND ended IS NULL AND rate IS NULL AND entry.sequence = posting.sequence",
        )?;
        let rows = statement.query_map([destination], |row| row.try_into())?;
        rows.collect::<Result<_, _>>()?
    };
    for (posting, partition, currency, dims, total, there) in carried {
        let Some(rate) = rates.on(&currency, charge_day(&dims)?) else {
            continue;
        };
        let wanted = rate.convert(amount(&total)?);
        if wanted.map_err(|error| damaged("converted total", error))? != amount(&there)? {
            entries::post_nothing(transaction, posting, partition)?;
        }
    }
    Ok(())
}

fn write(
    transaction: &Connection,
    entry: i64,
    currency: &str,
    rate: Option<&Rate>,
    (change, after): (Decimal, Decimal),
) -> Result<(), LedgerError> {
    let (change, after) = (change.to_string(), after.to_string());
    let (from, rate) = match rate {
        Some(rate) => (Some(rate.from.to_string()), Some(rate.rate.to_string())),
        None => (None, None),
    };
    let sum = conversion_checksum(
        entry,
        currency,
        rate.as_deref(),
        from.as_deref(),
        (&change, &after),
    );
    transaction
        .prepare_cached(
            "INSERT INTO conversion (entry, currency, rate, rate_from, amount, total_after, checksum)
             VALUES (?, ?, ?, ?, ?, ?, ?)",
        )?
        .execute(params![entry, currency, rate, from, change, after, sum])?;
    Ok(())
}

/// The checksum of a conversion's row.
pub(in crate::ledger) fn conversion_checksum(
    entry: i64,
    currency: &str,
    rate: Option<&str>,
    from: Option<&str>,
    (change, after): (&str, &str),
) -> String {
    let entry = entry.to_string();
    let parts = [
        entry.as_str(),
        currency,
        rate.unwrap_or_default(),
        from.unwrap_or_default(),
        change,
        after,
    ];
    checksum(parts.map(str::as_bytes))
}

#[cfg(test)]
mod tests;
