//! What sealing does to a writer's records: equal keys become one record, and the control totals are checked.
//! What must hold: identical repeats of a line id count once, differing ones fail; other equal keys are summed.
//! Memory: the numbers of the records that share a key; contents are read one key at a time.

use super::{
    error::WriteError,
    key, merge,
    stage::{ControlTotals, Writer},
    store::amount,
};
use crate::foreign::Foreign;
use finops_decimal::Decimal;
use rusqlite::{Transaction, params};
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

/// Leaves one record of each key and says, per partition start, what was written.
pub(super) fn collapse(
    transaction: &Transaction,
    writer: &Writer,
) -> Result<BTreeMap<i64, Written>, WriteError> {
    let mut written: BTreeMap<i64, Written> = BTreeMap::new();
    let mut shared: Vec<(i64, Vec<i64>)> = Vec::new();
    {
        let mut statement = transaction.prepare_cached(
            "SELECT start, key, seq FROM staged_record WHERE writer = ? ORDER BY start, key, seq",
        )?;
        let mut rows = statement.query([writer.id])?;
        let mut open: Option<(i64, String, Vec<i64>)> = None;
        while let Some(row) = rows.next()? {
            let (start, key, seq): (i64, String, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
            written.entry(start).or_default().records += 1;
            match &mut open {
                Some((at, of, group)) if *at == start && *of == key => group.push(seq),
                _ => {
                    let ended = open.replace((start, key, vec![seq]));
                    shared.extend(ended.and_then(more_than_one));
                }
            }
        }
        shared.extend(open.and_then(more_than_one));
    }
    for (start, group) in shared {
        let repeated = merge_group(transaction, writer.id, &group)?;
        let written = written.entry(start).or_default();
        let merged = group.len() as u64 - 1;
        written.merged += merged;
        written.repeated += if repeated { merged } else { 0 };
    }
    Ok(written)
}

fn more_than_one((start, _, group): (i64, String, Vec<i64>)) -> Option<(i64, Vec<i64>)> {
    (group.len() > 1).then_some((start, group))
}

/// Makes one record of a group. Says whether they were repeats of a line id.
fn merge_group(transaction: &Transaction, writer: i64, group: &[i64]) -> Result<bool, WriteError> {
    let mut read =
        transaction.prepare_cached("SELECT content FROM staged_record WHERE writer = ? AND seq = ?")?;
    let mut delete = transaction.prepare_cached("DELETE FROM staged_record WHERE writer = ? AND seq = ?")?;
    let mut sum: Option<(i64, String, super::record::CostRecord)> = None;
    for &seq in group {
        let content: String = read.query_row(params![writer, seq], |row| row.get(0))?;
        let Some((_, first, record)) = &mut sum else {
            let record = key::record(&content)?;
            sum = Some((seq, content, record));
            continue;
        };
        if let Some(line) = &record.line_id {
            if *first != content {
                return Err(WriteError::malformed(format!(
                    "the line id {:?} stands on two records that differ",
                    Foreign::new(line.as_str())
                )));
            }
        } else {
            let of = (record.service_name.clone(), record.charge_period.start());
            merge::absorb(record, key::record(&content)?).map_err(|error| {
                let service = Foreign::new(of.0);
                WriteError::malformed(format!(
                    "records of {service:?} at {} cannot be summed: {error}",
                    of.1
                ))
            })?;
        }
        delete.execute(params![writer, seq])?;
    }
    let Some((seq, first, record)) = sum else {
        return Ok(false);
    };
    if record.line_id.is_some() {
        return Ok(true);
    }
    let content = key::content(&record)?;
    if content != first {
        transaction
            .prepare_cached(
                "UPDATE staged_record SET revision = ?, content = ? WHERE writer = ? AND seq = ?",
            )?
            .execute(params![key::revision(&content), content, writer, seq])?;
    }
    Ok(false)
}

/// Compares what the reply says of itself with what was written.
pub(super) fn check_control(
    transaction: &Transaction,
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
        "SELECT json_extract(content, '$.BillingCurrency'), exact_sum(json_extract(content, '$.BilledCost'))
         FROM staged_record WHERE writer = ? GROUP BY 1",
    )?;
    let mut rows = statement.query([writer])?;
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
        assert_eq!(bench.rows("SELECT count(*) FROM staged_record"), ["0"]);
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
