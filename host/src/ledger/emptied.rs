//! Empty replies of a better stream: a lost role answers a bill of nothing, and nothing would replace the estimate.
//! What must hold: a partition that arrives empty and old takes no money of other streams out of the books unasked.

use super::{
    hold::{Expected, HoldPolicy},
    moves,
    period::seconds,
    record::Period,
    store::LedgerError,
};
use crate::{component::descriptor::Stream, foreign::Foreign};
use rusqlite::{Connection, params};

/// A partition that was written without a record and held none before.
pub(super) struct Emptied<'a> {
    pub(super) stream: &'a Stream,
    pub(super) stream_row: i64,
    pub(super) period: Period,
    pub(super) expected: Expected,
}

/// Why empty partitions are not believed: each that is older than its source's latency, and for which records of other
/// streams leave the books.
pub(super) fn doubts(
    transaction: &Connection,
    policy: HoldPolicy,
    emptied: &[Emptied<'_>],
) -> Result<Vec<String>, LedgerError> {
    let mut doubts = Vec::new();
    if policy == HoldPolicy::Trust || emptied.is_empty() {
        return Ok(doubts);
    }
    let mut of_another = transaction.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM partition WHERE id = ? AND stream <> ? AND start < ? AND stop > ?)",
    )?;
    let moved = moves::partitions(transaction)?;
    for one in emptied {
        let Emptied { expected, period, .. } = one;
        if expected.now.duration_since(period.end()) <= seconds(one.stream.latency) {
            continue;
        }
        let (start, end) = (period.start().as_second(), period.end().as_second());
        let mut records = 0;
        for &partition in &moved {
            if of_another.query_row(params![partition, one.stream_row, end, start], |row| row.get(0))? {
                records += moves::leaving(transaction, partition)?;
            }
        }
        if records > 0 {
            doubts.push(format!(
                "the partition {} of the stream {} is empty and would take {records} records of streams that it \
                 supersedes out of the books",
                period.start(),
                Foreign::new(one.stream.name.as_str())
            ));
        }
    }
    Ok(doubts)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use crate::{
        component::descriptor::Grain,
        ledger::{CommitOptions, Completeness, held::review, sample, store::open_read_only},
    };

    const OLD: &str = "2026-08-01T00:00:00Z";
    const YOUNG: &str = "2026-08-10T00:00:00Z";

    #[test]
    fn a_bill_of_nothing_does_not_erase_an_old_estimate_unasked() {
        let bench = sample::Bench::posting();
        let estimate = sample::stream("estimate", Grain::Day);
        let bill = sample::better("bill", Grain::Day, "estimate", None);
        for day in [OLD, YOUNG] {
            let records = vec![sample::record(day, "Compute", "5")];
            bench.commit(&estimate, &[day], records).unwrap();
        }
        let read = |day| {
            let seal = sample::seal(Completeness::Complete);
            let writer = bench.sealed(&bill, &[day], Vec::new(), seal).unwrap();
            let committed = bench
                .ledger
                .commit(bench.run, vec![writer], CommitOptions::default());
            bench.block(committed).unwrap().iter().any(|receipt| receipt.held)
        };
        assert!(!read(YOUNG), "figures younger than the latency may fall");
        assert!(read(OLD));
        assert_eq!(bench.entries(), ["pending|5|5", "pending|5|5", "pending|-5|0"]);
        let connection = open_read_only(bench.directory.path()).unwrap();
        let held = review(&connection).unwrap();
        let [proposal] = held.as_slice() else {
            unreachable!("{held:?}")
        };
        assert!(
            proposal.reason.contains("is empty and would take 1 records"),
            "{proposal:?}"
        );
        bench.block(bench.ledger.accept(proposal.commit)).unwrap();
        assert_eq!(bench.rows("SELECT total FROM posting"), ["0", "0"]);
        assert_eq!(bench.findings(), [""; 0]);
    }
}
