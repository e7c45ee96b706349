//! The books of a billing month against the totals that providers gave themselves: by source, stream and currency. Reads only.
//! What must hold: agreement is told only where a total was compared with records that are read here and now; of everything
//! else it is said why it was not compared.

use super::{
    control::{self, Standing},
    error::damaged,
    key,
    month::Month,
    record::{CostRecord, Finality, Source},
    store::LedgerError,
};
use crate::component::descriptor::Basis;
use finops_decimal::Decimal;
use jiff::Timestamp;
use rusqlite::{Connection, params};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// How books and total compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// All of the month's books were compared with a total, and are equal to it.
    Agrees,
    /// A total is another than the records that it was of.
    Differs,
    /// What totals cover agrees; the books of the month are not just that, or a part of the month has no total.
    PartlyCovered,
    /// The total is of partitions that the collector committed as partial: it is no total of the month.
    Incomplete,
    /// The provider, or its collector, gives no total.
    NoTotal,
}

/// The books of a month of a stream in a currency, and what they were compared with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reconciled {
    /// Whose money.
    pub source: Source,
    /// Which instance collects it.
    pub instance: String,
    /// Name of the stream.
    pub stream: String,
    /// BillingCurrency.
    pub currency: String,
    /// Sum of BilledCost of the counted records of billed basis whose billing period begins in the month.
    pub books: Decimal,
    /// How many these are.
    pub records: u64,
    /// Of these, how many may still change at the provider.
    pub open: u64,
    /// The invoices that they name.
    pub invoices: BTreeSet<String>,
    /// The same sum of counted records that stand on another basis: on no invoice yet.
    pub not_billed: Decimal,
    /// What the provider told; `None`: nothing.
    pub told: Option<Decimal>,
    /// When it last did.
    pub told_at: Option<Timestamp>,
    /// BilledCost of the current records that the total is of.
    pub compared: Option<Decimal>,
    /// Those less the total.
    pub difference: Option<Decimal>,
    /// How they compare.
    pub verdict: Verdict,
}

/// Compares the books of a month. A stream without records and totals of the month is left out.
///
/// # Errors
/// See [`LedgerError`].
pub fn reconcile(
    connection: &Connection,
    month: Month,
    provider: Option<&str>,
) -> Result<Vec<Reconciled>, LedgerError> {
    let view = connection.unchecked_transaction()?;
    let streams = streams(&view, provider)?;
    let mut reconciled = Vec::new();
    for stream in streams {
        let mut totals = Vec::new();
        for standing in control::standing(&view, stream.id)? {
            totals.extend(Total::of(&view, standing, month)?);
        }
        let books = read(&view, &stream, month, &mut totals)?;
        reconciled.extend(compared((&stream, month), books, &totals)?);
    }
    Ok(reconciled)
}

/// A stream that counts.
struct Counted {
    id: i64,
    name: String,
    instance: String,
    source: Source,
}

fn streams(connection: &Connection, provider: Option<&str>) -> Result<Vec<Counted>, LedgerError> {
    let mut statement = connection.prepare(
        "SELECT stream.id, name, instance, provider, billing_account, scope
         FROM stream JOIN source ON source.id = stream.source
         WHERE source.counts = 1 AND view_of IS NULL AND (?1 IS NULL OR provider = ?1)
         ORDER BY provider, billing_account, scope, name",
    )?;
    let rows = statement.query_map(params![provider], |row| {
        Ok(Counted {
            id: row.get(0)?,
            name: row.get(1)?,
            instance: row.get(2)?,
            source: Source {
                provider: row.get(3)?,
                billing_account: row.get(4)?,
                scope: row.get(5)?,
            },
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// A total of partitions that all lie in the month, and what their records come to now.
struct Total {
    told: Standing,
    starts: BTreeSet<i64>,
    found: BTreeMap<String, Decimal>,
    partial: bool,
    /// Seconds that its partitions last.
    lasts: i64,
}

impl Total {
    /// None where it is of other months, too, tells no money, or is not of the partitions as they stand.
    fn of(connection: &Connection, told: Standing, month: Month) -> Result<Option<Self>, LedgerError> {
        let within = told
            .partitions
            .iter()
            .all(|start| month.period().contains(*start));
        if told.billed.is_empty() || !within {
            return Ok(None);
        }
        let starts: BTreeSet<i64> = told.partitions.iter().map(|start| start.as_second()).collect();
        let list = serde_json::to_string(&starts).map_err(|error| damaged("partitions", error))?;
        let (there, partial, lasts): (i64, i64, i64) = connection
            .prepare_cached(
                "SELECT count(*), COALESCE(sum(completeness = 'partial'), 0), COALESCE(sum(stop - start), 0)
                 FROM partition
                 WHERE stream = ? AND commit_id = ? AND start IN (SELECT value FROM json_each(?))",
            )?
            .query_row(params![told.stream, told.commit, list], |row| row.try_into())?;
        Ok((usize::try_from(there) == Ok(starts.len())).then_some(Self {
            told,
            starts,
            found: BTreeMap::new(),
            partial: partial > 0,
            lasts,
        }))
    }

    /// Whether it is another than the records that it is of, in a currency.
    fn differs(&self, currency: &str) -> bool {
        let of = |sums: &BTreeMap<String, Decimal>| sums.get(currency).copied().unwrap_or_default();
        of(&self.told.billed) != of(&self.found)
    }
}

/// The books of a stream in a currency.
#[derive(Default)]
struct Books {
    billed: Decimal,
    /// Of these, those in partitions of a total.
    covered: Decimal,
    not_billed: Decimal,
    records: u64,
    open: u64,
    invoices: BTreeSet<String>,
}

impl Books {
    fn add(&mut self, record: &CostRecord, covered: bool) -> Result<(), LedgerError> {
        if record.basis != Basis::Billed {
            return add(&mut self.not_billed, record.billed_cost);
        }
        self.records += 1;
        self.open += u64::from(record.finality == Finality::Open);
        self.invoices.extend(record.invoice_id.clone());
        if covered {
            add(&mut self.covered, record.billed_cost)?;
        }
        add(&mut self.billed, record.billed_cost)
    }
}

/// Reads a stream's records once, into the books of the month and beside the totals.
fn read(
    connection: &Connection,
    stream: &Counted,
    month: Month,
    totals: &mut [Total],
) -> Result<BTreeMap<String, Books>, LedgerError> {
    // Which partition holds a billing period's records is the provider's affair: charges of another month may be on this bill.
    let mut statement = connection.prepare_cached(
        "SELECT content, start, record.counts FROM whole_record AS record JOIN partition ON partition.id = record.partition
         WHERE stream = ? AND until_commit IS NULL",
    )?;
    let mut books: BTreeMap<String, Books> = BTreeMap::new();
    let mut rows = statement.query([stream.id])?;
    while let Some(row) = rows.next()? {
        let record = key::record(row.get_ref(0)?.as_str().map_err(rusqlite::Error::from)?)?;
        let start: i64 = row.get(1)?;
        let currency = &record.billing_currency;
        let mut covered = false;
        for total in totals.iter_mut().filter(|total| total.starts.contains(&start)) {
            covered = true;
            add(
                total.found.entry(currency.clone()).or_default(),
                record.billed_cost,
            )?;
        }
        if Month::of(record.billing_period.start()) == Some(month) && row.get::<_, bool>(2)? {
            books.entry(currency.clone()).or_default().add(&record, covered)?;
        }
    }
    Ok(books)
}

fn compared(
    (stream, month): (&Counted, Month),
    mut books: BTreeMap<String, Books>,
    totals: &[Total],
) -> Result<Vec<Reconciled>, LedgerError> {
    for currency in totals
        .iter()
        .flat_map(|total| total.told.billed.keys().chain(total.found.keys()))
    {
        books.entry(currency.clone()).or_default();
    }
    let partial = totals.iter().any(|total| total.partial);
    let told_at = totals.iter().map(|total| total.told.at).max();
    let period = month.period();
    let lasts: i64 = totals.iter().map(|total| total.lasts).sum();
    // Two totals are never of one partition.
    let whole = lasts == period.end().as_second() - period.start().as_second();
    let row = |(currency, books): (String, Books)| -> Result<Reconciled, LedgerError> {
        let mut sums = (Decimal::ZERO, Decimal::ZERO);
        for total in totals {
            add(
                &mut sums.0,
                total.told.billed.get(&currency).copied().unwrap_or_default(),
            )?;
            add(
                &mut sums.1,
                total.found.get(&currency).copied().unwrap_or_default(),
            )?;
        }
        let (told, found) = sums;
        let difference = found.checked_sub(told).map_err(too_large)?;
        // Each for itself: differences that cancel each other are differences.
        let verdict = if totals.is_empty() {
            Verdict::NoTotal
        } else if totals.iter().any(|total| total.differs(&currency)) {
            Verdict::Differs
        } else if partial {
            Verdict::Incomplete
        } else if !whole || found != books.billed || books.covered != books.billed {
            Verdict::PartlyCovered
        } else {
            Verdict::Agrees
        };
        Ok(Reconciled {
            source: stream.source.clone(),
            instance: stream.instance.clone(),
            stream: stream.name.clone(),
            currency,
            books: books.billed,
            records: books.records,
            open: books.open,
            invoices: books.invoices,
            not_billed: books.not_billed,
            told: told_at.map(|_| told),
            told_at,
            compared: told_at.map(|_| found),
            difference: told_at.map(|_| difference),
            verdict,
        })
    };
    books.into_iter().map(row).collect()
}

fn add(sum: &mut Decimal, amount: Decimal) -> Result<(), LedgerError> {
    *sum = sum.checked_add(amount).map_err(too_large)?;
    Ok(())
}

fn too_large(error: finops_decimal::ArithmeticError) -> LedgerError {
    LedgerError::TooLarge(format!("books of a month: {error}"))
}

#[cfg(test)]
mod tests;
