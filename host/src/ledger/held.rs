//! Held commits: proposals that keep their staged rows until the operator accepts or rejects them.
//! What must hold: a newer reading of the same partitions replaces a proposal, so accepting one never undoes it.

use super::{
    commit::{self, CommitOptions, Receipt},
    error::{WriteError, instant},
    hold::HoldPolicy,
    record::Source,
    stage::{self, Writer, WriterId},
    store::LedgerError,
};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};
use serde::Serialize;
use std::collections::BTreeSet;

/// A commit that waits for the operator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Proposal {
    /// Its number, for `ledger accept` and `ledger reject`.
    pub commit: i64,
    /// When it was held.
    pub at: Timestamp,
    /// Why, a line for each doubt.
    pub reason: String,
    /// What it would replace.
    pub streams: Vec<ProposedStream>,
}

/// The partitions of one stream that a proposal would replace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ProposedStream {
    /// Whose.
    pub source: Source,
    /// Name of the stream.
    pub stream: String,
    /// Starts of the partitions.
    pub partitions: Vec<Timestamp>,
    /// Records that it holds for them.
    pub records: u64,
}

/// Turns a commit into a proposal.
pub(super) fn keep(
    transaction: &Transaction,
    commit: i64,
    writers: &[Writer],
    doubts: &[String],
) -> Result<(), LedgerError> {
    transaction.execute(
        "UPDATE commits SET state = 'held', reason = ? WHERE id = ?",
        params![doubts.join("\n"), commit],
    )?;
    for writer in writers {
        transaction.execute(
            "UPDATE staged_writer SET commit_id = ? WHERE id = ?",
            params![commit, writer.id],
        )?;
        stage::keep(transaction, writer.id)?;
    }
    Ok(())
}

/// Rejects the proposals that touch a partition of which a newer reading is now there.
pub(super) fn replace_older(
    transaction: &Transaction,
    commit: i64,
    writers: &[Writer],
) -> Result<(), WriteError> {
    let mut outdated = BTreeSet::new();
    for older in held(transaction)? {
        for theirs in writers_of(transaction, older)? {
            let touched = writers.iter().any(|mine| {
                mine.stream == theirs.stream
                    && mine
                        .partitions
                        .iter()
                        .any(|start| theirs.partitions.binary_search(start).is_ok())
            });
            if touched {
                outdated.insert(older);
            }
        }
    }
    for older in outdated {
        drop_proposal(transaction, older, &format!("replaced by commit {commit}"))?;
    }
    Ok(())
}

/// Rejects the proposals that would change a stream.
pub(super) fn drop_of_stream(transaction: &Transaction, stream: i64, reason: &str) -> Result<(), WriteError> {
    for commit in held(transaction)? {
        let touched = writers_of(transaction, commit)?;
        if touched.iter().any(|writer| writer.stream == stream) {
            drop_proposal(transaction, commit, reason)?;
        }
    }
    Ok(())
}

/// The proposals, oldest first.
///
/// # Errors
/// See [`LedgerError`].
pub fn review(connection: &Connection) -> Result<Vec<Proposal>, LedgerError> {
    let mut proposals = Vec::new();
    for commit in held(connection)? {
        let (at, reason): (i64, Option<String>) = connection
            .prepare_cached("SELECT at, reason FROM commits WHERE id = ?")?
            .query_row([commit], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let mut streams = Vec::new();
        for writer in writers_of(connection, commit).map_err(storage)? {
            let records: i64 = connection
                .prepare_cached("SELECT count(*) FROM staged_record WHERE writer = ?")?
                .query_row([writer.id], |row| row.get(0))?;
            streams.push(ProposedStream {
                source: super::source::load(connection, writer.source)?.source,
                stream: writer.definition.name,
                partitions: writer.partitions,
                records: records.unsigned_abs(),
            });
        }
        proposals.push(Proposal {
            commit,
            at: instant(at)?,
            reason: reason.unwrap_or_default(),
            streams,
        });
    }
    Ok(proposals)
}

/// Applies a proposal as it was written.
pub(super) fn accept(
    connection: &mut Connection,
    commit: i64,
    now: Timestamp,
) -> Result<Vec<Receipt>, WriteError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    refuse_unless_held(&transaction, commit)?;
    let writers = writers_of(&transaction, commit)?;
    commit::refuse_closed(&transaction, &writers)?;
    for writer in &writers {
        stage::take_up(&transaction, writer.id)?;
    }
    let options = CommitOptions {
        hold: HoldPolicy::Trust,
        ..CommitOptions::default()
    };
    let applied = commit::apply(&transaction, commit, &writers, &options, now)?;
    transaction.execute(
        "UPDATE commits SET state = 'applied', at = ? WHERE id = ?",
        params![now.as_second(), commit],
    )?;
    for writer in &writers {
        stage::discard(&transaction, writer.id)?;
    }
    transaction.commit()?;
    Ok(applied.receipts)
}

/// Gives a proposal up. What stands stays.
pub(super) fn reject(connection: &mut Connection, commit: i64) -> Result<(), WriteError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    refuse_unless_held(&transaction, commit)?;
    drop_proposal(&transaction, commit, "rejected by the operator")?;
    transaction.commit()?;
    Ok(())
}

fn refuse_unless_held(transaction: &Transaction, commit: i64) -> Result<(), WriteError> {
    let state: Option<String> = transaction
        .query_row("SELECT state FROM commits WHERE id = ?", [commit], |row| {
            row.get(0)
        })
        .optional()?;
    match state.as_deref() {
        Some("held") => Ok(()),
        Some(other) => Err(WriteError::denied(format!(
            "commit {commit} is not held but {other}; `finops-host ledger review` lists the held ones"
        ))),
        None => Err(WriteError::denied(format!(
            "there is no commit {commit}; `finops-host ledger review` lists the held ones"
        ))),
    }
}

fn held(connection: &Connection) -> Result<Vec<i64>, LedgerError> {
    let mut statement = connection.prepare_cached(
        "SELECT DISTINCT commit_id FROM staged_writer WHERE commit_id IS NOT NULL ORDER BY 1",
    )?;
    let rows = statement.query_map([], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn writers_of(connection: &Connection, commit: i64) -> Result<Vec<Writer>, WriteError> {
    let mut statement =
        connection.prepare_cached("SELECT id FROM staged_writer WHERE commit_id = ? ORDER BY id")?;
    let ids: Vec<i64> = statement
        .query_map([commit], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    ids.into_iter()
        .map(|id| stage::load(connection, WriterId(id)))
        .collect()
}

fn drop_proposal(transaction: &Transaction, commit: i64, reason: &str) -> Result<(), WriteError> {
    for writer in writers_of(transaction, commit)? {
        stage::discard(transaction, writer.id)?;
    }
    transaction.execute(
        "UPDATE commits SET state = 'rejected', reason = ? WHERE id = ?",
        params![reason, commit],
    )?;
    Ok(())
}

/// A refusal where the database itself is at fault.
fn storage(error: WriteError) -> LedgerError {
    match error {
        WriteError::Ledger(error) => error,
        WriteError::Refused { message, .. } => LedgerError::Damaged(message),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
    use super::*;
    use crate::{
        component::descriptor::{Grain, Stream},
        ledger::{Completeness, Seal, record::CostRecord, sample},
    };

    const DAY: &str = "2026-08-01T00:00:00Z";

    fn daily() -> Stream {
        sample::stream("daily", Grain::Day)
    }

    fn doubted(bench: &sample::Bench, records: Vec<CostRecord>, checkpoint: u8) -> Receipt {
        let seal = Seal {
            checkpoint: Some(vec![checkpoint]),
            ..sample::seal(Completeness::Complete)
        };
        let writer = bench.sealed(&daily(), &[DAY], records, seal).unwrap();
        let options = CommitOptions::default();
        let receipts = bench.block(bench.ledger.commit(bench.run, vec![writer], options));
        receipts.unwrap()[0].clone()
    }

    fn standing() -> sample::Bench {
        let bench = sample::Bench::posting();
        assert!(!doubted(&bench, vec![sample::record(DAY, "Compute", "5")], 1).held);
        bench
    }

    fn proposals(bench: &sample::Bench) -> Vec<Proposal> {
        review(&super::super::store::open_read_only(bench.directory.path()).unwrap()).unwrap()
    }

    #[test]
    fn a_fall_in_one_currency_waits_though_another_rises_and_a_rise_does_not() {
        let of = |dollars, euros| {
            let euros = CostRecord {
                billing_currency: "EUR".to_owned(),
                ..sample::record(DAY, "Compute", euros)
            };
            let steady = sample::record(DAY, "Storage", "10");
            vec![sample::record(DAY, "Compute", dollars), steady, euros]
        };
        let bench = sample::Bench::posting();
        for (number, records, held) in [
            (1, of("5", "4"), false),
            (2, of("6", "4"), false),
            (3, of("50", "3"), true),
            (4, of("3", "4"), false), // of 16 dollars, less than a fifth
            (5, of("0.3", "40"), true),
        ] {
            let receipt = doubted(&bench, records, number);
            assert_eq!(receipt.held, held, "{number}: {receipt:?}");
        }
        let [proposal] = proposals(&bench).try_into().unwrap();
        assert!(proposal.reason.contains("from 13 to 10.3 USD"), "{proposal:?}");
        assert_eq!(bench.findings(), [""; 0]);
    }

    #[test]
    fn an_emptied_partition_waits_and_nothing_moves_until_it_is_accepted() {
        let bench = standing();
        let receipt = doubted(&bench, Vec::new(), 2);
        assert!(receipt.held && receipt.withdrawn == 1, "{receipt:?}");
        assert_eq!(bench.entries(), ["pending|5|5"]);
        assert_eq!(bench.rows("SELECT hex(value) FROM checkpoint"), ["01"]);
        let [proposal] = proposals(&bench).try_into().unwrap();
        assert!(proposal.reason.contains("emptied"), "{proposal:?}");
        assert_eq!(proposal.streams[0].partitions, [sample::at(DAY)]);
        assert_eq!(bench.findings(), [""; 0]);
        bench.block(bench.ledger.accept(proposal.commit)).unwrap();
        assert_eq!(bench.entries(), ["pending|5|5", "pending|-5|0"]);
        assert_eq!(bench.rows("SELECT hex(value) FROM checkpoint"), ["02"]);
        assert_eq!(proposals(&bench), []);
        assert_eq!(bench.findings(), [""; 0]);
        let again = bench.block(bench.ledger.accept(proposal.commit)).unwrap_err();
        assert!(again.to_string().contains("not held but applied"), "{again}");
    }

    #[test]
    fn a_writer_that_a_held_commit_keeps_is_neither_discarded_nor_committed_again() {
        let bench = standing();
        let seal = sample::seal(Completeness::Complete);
        let fallen = vec![sample::record(DAY, "Compute", "1")];
        let writer = bench.sealed(&daily(), &[DAY], fallen, seal).unwrap();
        let commit = || {
            bench
                .ledger
                .commit(bench.run, vec![writer], CommitOptions::default())
        };
        assert!(bench.block(commit()).unwrap()[0].held);
        bench.block(bench.ledger.discard(writer)).unwrap();
        assert!(bench.block(commit()).unwrap_err().to_string().contains("used up"));
        assert_eq!(proposals(&bench)[0].streams[0].records, 1);
    }

    #[test]
    fn a_rejected_proposal_leaves_what_stands() {
        let bench = standing();
        doubted(&bench, vec![sample::record(DAY, "Compute", "1")], 2);
        let [proposal] = proposals(&bench).try_into().unwrap();
        assert_eq!(bench.rows("SELECT count(*) FROM staged_record"), ["1"]);
        bench.block(bench.ledger.reject(proposal.commit)).unwrap();
        assert_eq!(bench.rows("SELECT count(*) FROM staged_record"), ["0"]);
        assert_eq!(bench.staged(), 0);
        assert_eq!(bench.entries(), ["pending|5|5"]);
        assert_eq!(bench.findings(), [""; 0]);
    }

    #[test]
    fn a_proposal_outlives_its_run_and_a_newer_reading_replaces_it() {
        let mut bench = standing();
        doubted(&bench, Vec::new(), 2);
        bench.reopen();
        assert_eq!(proposals(&bench).len(), 1);
        let receipt = doubted(&bench, vec![sample::record(DAY, "Compute", "5")], 3);
        assert!(!receipt.held);
        assert_eq!(proposals(&bench), []);
        assert_eq!(
            bench.rows("SELECT state FROM commits ORDER BY id"),
            ["applied", "rejected", "applied"]
        );
        assert_eq!(bench.findings(), [""; 0]);
    }
}
