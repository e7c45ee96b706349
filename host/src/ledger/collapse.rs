//! What sealing does to a writer's records: equal keys become one record, and the control totals are checked.
//! What must hold: identical repeats of a line id count once, differing ones fail; other equal keys are summed.
//! Memory: the contents of two records.

use super::{
    content::{self, Span},
    error::WriteError,
    key, merge,
    record::CostRecord,
    runs::{self, Entry, Ordering},
    stage::{self, ControlTotals},
    store::{LedgerError, amount},
};
use crate::foreign::Foreign;
use finops_decimal::Decimal;
use rusqlite::{Connection, params};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What was written into one partition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Written {
    /// Records as the guest wrote them.
    pub(super) records: u64,
    /// Of these, merged into another of the same key.
    pub(super) merged: u64,
    /// Of the merged, identical repeats of a line id.
    pub(super) repeated: u64,
}

/// Leaves one record of each key, sorts them, and says, per partition start, what was written. Of the partitions that were
/// read as they stand, given with their number of records, no key comes twice, and their order does not matter.
pub(super) fn collapse(
    transaction: &Connection,
    writer: i64,
    same: &[(i64, u64)],
) -> Result<BTreeMap<i64, Written>, WriteError> {
    let as_they_stand = same.iter().map(|&(start, records)| {
        let written = Written {
            records,
            ..Written::default()
        };
        (start, written)
    });
    let mut written: BTreeMap<i64, Written> = as_they_stand.collect();
    let others: bool = transaction
        .prepare_cached("SELECT count(*) > ? FROM temp.staged_print WHERE writer = ?")?
        .query_row(
            params![i64::try_from(same.len()).unwrap_or(i64::MAX), writer],
            |row| row.get(0),
        )?;
    if others {
        sort(transaction, writer, Sorted::AllBut(same), &mut written)?;
    }
    Ok(written)
}

/// Sorts what was staged for a partition that was read as it stood, which it does not any more.
pub(super) fn sort_late(transaction: &Connection, writer: i64, start: i64) -> Result<(), WriteError> {
    // No key came twice: what was written is known.
    let mut written = BTreeMap::new();
    sort(transaction, writer, Sorted::Only(start), &mut written)
}

/// What is sorted of a writer.
#[derive(Clone, Copy, Debug)]
enum Sorted<'a> {
    AllBut(&'a [(i64, u64)]),
    Only(i64),
}

impl Sorted<'_> {
    fn has(self, start: i64) -> bool {
        match self {
            Self::AllBut(same) => same.binary_search_by_key(&start, |(start, _)| *start).is_err(),
            Self::Only(only) => start == only,
        }
    }
}

fn sort(
    transaction: &Connection,
    writer: i64,
    which: Sorted<'_>,
    written: &mut BTreeMap<i64, Written>,
) -> Result<(), WriteError> {
    let mut order = Ordering::begin(transaction, writer)?;
    let mut open: Option<Group> = None;
    for entry in runs::merged(transaction, writer)? {
        let entry = entry?;
        if !which.has(entry.start) {
            continue;
        }
        written.entry(entry.start).or_default().records += 1;
        match &mut open {
            Some(group) if group.first.start == entry.start && group.first.key == entry.key => {
                group.merge(transaction, &entry)?;
            }
            _ => {
                let begun = Group {
                    first: entry,
                    merged: 0,
                    sum: None,
                };
                if let Some(ended) = open.replace(begun) {
                    ended.close(transaction, &mut order, written)?;
                }
            }
        }
    }
    if let Some(ended) = open {
        ended.close(transaction, &mut order, written)?;
    }
    order.end()?;
    Ok(())
}

/// The records of one key, of which the first stands for all.
struct Group {
    first: Entry,
    /// How many were merged into the first.
    merged: u64,
    /// What they are together, once there is a second.
    sum: Option<CostRecord>,
}

impl Group {
    fn merge(&mut self, transaction: &Connection, other: &Entry) -> Result<(), WriteError> {
        let mut read = transaction.prepare_cached("SELECT content FROM temp.staged WHERE id = ?")?;
        let mut record = |id: i64| -> Result<CostRecord, LedgerError> {
            let content: String = read.query_row([id], |row| row.get(0))?;
            key::record(&content)
        };
        let sum = match self.sum.take() {
            Some(sum) => sum,
            None => record(self.first.staged)?,
        };
        let sum = self.sum.insert(sum);
        if let Some(line) = &sum.line_id {
            if self.first.revision != other.revision {
                return Err(WriteError::malformed(format!(
                    "the line id {:?} stands on two records that differ",
                    Foreign::new(line.as_str())
                )));
            }
        } else {
            let of = (sum.service_name.clone(), sum.charge_period.start());
            merge::absorb(sum, record(other.staged)?).map_err(|error| {
                let service = Foreign::new(of.0);
                WriteError::malformed(format!(
                    "records of {service:?} at {} cannot be summed: {error}",
                    of.1
                ))
            })?;
        }
        self.merged += 1;
        transaction
            .prepare_cached("DELETE FROM temp.staged WHERE id = ?")?
            .execute([other.staged])?;
        Ok(())
    }

    /// Puts what is left of the group in its place in the order of keys.
    fn close(
        mut self,
        transaction: &Connection,
        order: &mut Ordering<'_>,
        written: &mut BTreeMap<i64, Written>,
    ) -> Result<(), WriteError> {
        if let Some(sum) = self.sum.take() {
            let written = written.entry(self.first.start).or_default();
            written.merged += self.merged;
            if sum.line_id.is_some() {
                written.repeated += self.merged;
            } else {
                self.restage(transaction, &sum)?;
            }
        }
        order.add(&self.first)?;
        Ok(())
    }

    /// Writes the sum over the first record.
    fn restage(&mut self, transaction: &Connection, sum: &CostRecord) -> Result<(), LedgerError> {
        let mut text = String::new();
        let places = content::write(&mut text, sum)?;
        self.first.revision = key::revision(places.content.of(&text));
        let column = |place: Span| place.of(&text);
        transaction
            .prepare_cached(
                "UPDATE temp.staged SET revision = ?, content = ?, billed = ?, effective = ?, list = ?, contracted = ?
                 WHERE id = ?",
            )?
            .execute(params![
                self.first.revision,
                column(places.content),
                column(places.billed),
                column(places.effective),
                places.list.map(column),
                places.contracted.map(column),
                self.first.staged
            ])?;
        Ok(())
    }
}

/// Compares what the reply says of itself with what was written.
pub(super) fn check_control(
    transaction: &Connection,
    writer: i64,
    written: &BTreeMap<i64, Written>,
    control: &ControlTotals,
) -> Result<(), WriteError> {
    let records: u64 = written.values().map(|written| written.records).sum();
    let repeated: u64 = written.values().map(|written| written.repeated).sum();
    if let Some(rows) = control.rows
        && rows != records
        && rows != records - repeated
    {
        return Err(WriteError::incomplete(format!(
            "the reply tells of {rows} rows, {records} were written"
        )));
    }
    if control.billed_cost.is_empty() {
        return Ok(());
    }
    let mut told: BTreeMap<String, Decimal> = BTreeMap::new();
    for (currency, cost) in &control.billed_cost {
        let sum = told.entry(currency.clone()).or_default();
        *sum = sum
            .checked_add(*cost)
            .map_err(|error| WriteError::incomplete(format!("the reply's totals: {error}")))?;
    }
    let mut found: BTreeMap<String, Decimal> = BTreeMap::new();
    let mut statement = transaction.prepare_cached(
        "SELECT currency, exact_sum(billed) FROM temp.staged WHERE id >= ? AND id < ? GROUP BY currency",
    )?;
    let mut rows = statement.query(stage::bounds(writer))?;
    while let Some(row) = rows.next()? {
        found.insert(row.get(0)?, amount(&row.get::<_, String>(1)?)?);
    }
    let currencies: std::collections::BTreeSet<&String> = told.keys().chain(found.keys()).collect();
    for currency in currencies {
        let of = |sums: &BTreeMap<String, Decimal>| sums.get(currency).copied().unwrap_or_default();
        let (told, found) = (of(&told), of(&found));
        if told != found {
            return Err(WriteError::incomplete(format!(
                "the reply tells of {told} {currency}, the records written add up to {found}",
                currency = Foreign::new(currency.as_str())
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{
        component::descriptor::{Grain, Stream},
        ledger::{Completeness, Seal, record::CostRecord, sample},
    };

    const DAY: &str = "2026-08-01T00:00:00Z";

    fn line(id: &str, cost: &str) -> CostRecord {
        CostRecord {
            line_id: Some(id.to_owned()),
            ..sample::record(DAY, "Compute", cost)
        }
    }

    fn daily() -> Stream {
        sample::stream("daily", Grain::Day)
    }

    #[test]
    fn equal_keys_are_summed_and_counted_as_merged() {
        let bench = sample::Bench::posting();
        let records = ["0.1", "0.2"].map(|cost| sample::record(DAY, "Compute", cost));
        let receipt = bench.commit(&daily(), &[DAY], records.into()).unwrap();
        assert_eq!((receipt.written, receipt.added, receipt.merged), (2, 1, 1));
        assert_eq!(receipt.repeated, 0);
        assert_eq!(bench.rows("SELECT billed FROM record"), ["0.3"]);
        let lines = bench.rows("SELECT json_extract(content, '$.LineCount') FROM record");
        assert_eq!(lines, ["2"]);
        assert_eq!(bench.entries(), ["pending|0.3|0.3"]);
        assert_eq!(bench.findings(), [""; 0]);
    }

    #[test]
    fn identical_lines_count_once_and_differing_ones_fail() {
        let bench = sample::Bench::posting();
        let receipt = bench
            .commit(&daily(), &[DAY], vec![line("a", "1"), line("a", "1")])
            .unwrap();
        assert_eq!((receipt.written, receipt.merged, receipt.repeated), (2, 1, 1));
        assert_eq!(bench.entries(), ["pending|1|1"]);
        let error = bench
            .commit(&daily(), &[DAY], vec![line("a", "1"), line("a", "2")])
            .unwrap_err();
        assert!(error.to_string().contains("two records that differ"), "{error}");
        assert_eq!(bench.entries(), ["pending|1|1"]);
    }

    #[test]
    fn control_totals_that_do_not_agree_are_incomplete() {
        let bench = sample::Bench::posting();
        let total = |currency: &str, cost: &str| (currency.to_owned(), cost.parse().unwrap());
        let attempt = |rows, billed_cost| {
            let seal = Seal {
                control: Some(ControlTotals { rows, billed_cost }),
                ..sample::seal(Completeness::Complete)
            };
            let records = vec![line("a", "1.5"), line("b", "2"), line("b", "2")];
            bench
                .sealed(&daily(), &[DAY], records, seal)
                .map_err(|error| error.to_string())
        };
        assert!(attempt(Some(3), vec![total("USD", "3.50")]).is_ok());
        assert!(attempt(Some(2), Vec::new()).is_ok());
        assert!(attempt(Some(4), Vec::new()).unwrap_err().contains("4 rows"));
        let error = attempt(None, vec![total("USD", "3.51")]).unwrap_err();
        assert!(error.contains("3.51 USD") && error.contains("3.5"), "{error}");
        assert!(attempt(None, vec![total("USD", "3.5"), total("EUR", "1")]).is_err());
        assert!(
            attempt(None, vec![total("EUR", "0")])
                .unwrap_err()
                .contains("USD")
        );
    }

    #[test]
    fn a_record_outside_the_partitions_is_named_and_nothing_is_staged() {
        let bench = sample::Bench::new();
        let records = vec![
            sample::record(DAY, "Compute", "1"),
            sample::record("2026-08-02T00:00:00Z", "Storage", "1"),
        ];
        let error = bench.commit(&daily(), &[DAY], records).unwrap_err().to_string();
        assert!(
            error.contains("Storage") && error.contains("2026-08-02"),
            "{error}"
        );
        assert_eq!(bench.staged(), 0);
    }

    #[test]
    fn a_sealed_writer_takes_no_records_and_an_unaligned_one_does_not_open() {
        let bench = sample::Bench::new();
        let sealed = bench.sealed(&daily(), &[DAY], Vec::new(), sample::seal(Completeness::Complete));
        let writer = sealed.unwrap();
        let error = bench.block(bench.ledger.write(writer, Vec::new())).unwrap_err();
        assert!(error.to_string().contains("sealed"), "{error}");
        let error = bench
            .commit(&daily(), &["2026-08-01T01:00:00Z"], Vec::new())
            .unwrap_err();
        assert!(error.to_string().contains("whole days"), "{error}");
        bench.block(bench.ledger.discard(writer)).unwrap();
        let error = bench.block(bench.ledger.write(writer, Vec::new())).unwrap_err();
        assert!(error.to_string().contains("no such writer"), "{error}");
    }
}
