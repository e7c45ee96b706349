//! Retiring a stream or all of a source, and freezing a source: the operator's word on what goes on counting.
//! What must hold: records stay as history, and what leaves or enters the books is posted in the same transaction; money
//! that the successor of a stream does not have yet goes on counting.

use super::{
    error::WriteError,
    held,
    record::Source,
    recount,
    source::{self, shown},
    store::{LedgerError, amount},
    stream,
};
use crate::{component::descriptor::Stream, foreign::Foreign};
use finops_decimal::Decimal;
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};
use serde::Serialize;
use std::collections::BTreeMap;

/// What is retired.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Retire {
    /// All streams of a source; it is frozen, too.
    Source,
    /// One stream: nothing of it counts any more.
    Stream(String),
    /// One stream, to which another of the same source succeeds: partition by partition, once that one is complete.
    InFavourOf {
        /// The one that is retired.
        stream: String,
        /// The one that takes its place.
        successor: String,
    },
}

/// What a change of what counts did to the books.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Recounted {
    /// Records that no longer count.
    pub left: u64,
    /// Records that count now.
    pub entered: u64,
    /// What that changes per currency, in effective cost.
    pub change: BTreeMap<String, Decimal>,
}

/// Whether a source takes commits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freeze {
    /// It takes none; its records keep counting.
    Frozen,
    /// It does.
    Open,
}

/// Freezes a source or opens it again.
pub(super) fn freeze(connection: &mut Connection, source: &Source, to: Freeze) -> Result<(), WriteError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let id = find(&transaction, source)?;
    let retired: bool = transaction.query_row(
        "SELECT count(*) > 0 AND count(*) = sum(retired_by IS NOT NULL AND retired_by = '') FROM stream
         WHERE source = ?",
        [id],
        |row| Ok(row.get::<_, Option<bool>>(0)?.unwrap_or_default()),
    )?;
    if to == Freeze::Open && retired {
        return Err(WriteError::denied(format!(
            "the source {} was retired: none of its streams takes commits any more",
            shown(source)
        )));
    }
    transaction.execute(
        "UPDATE source SET frozen = ? WHERE id = ?",
        params![to == Freeze::Frozen, id],
    )?;
    transaction.commit()?;
    Ok(())
}

/// Retires what is named.
pub(super) fn retire(
    connection: &mut Connection,
    source: &Source,
    what: &Retire,
    now: Timestamp,
) -> Result<Recounted, WriteError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let id = find(&transaction, source)?;
    match what {
        Retire::Source => {
            transaction.execute("UPDATE source SET frozen = 1 WHERE id = ?", [id])?;
            for (stream, _) in streams(&transaction, id)? {
                close(&transaction, stream, "", now)?;
            }
        }
        Retire::Stream(name) => {
            let (stream, retired_by) = named(&transaction, source, id, name)?;
            if retired_by.as_deref() == Some("") {
                let name = Foreign::new(name.as_str());
                return Err(WriteError::denied(format!(
                    "the stream {name} is retired already"
                )));
            }
            close(&transaction, stream, "", now)?;
        }
        Retire::InFavourOf { stream, successor } => {
            let (retired, retired_by) = named(&transaction, source, id, stream)?;
            if retired_by.is_some() {
                let name = Foreign::new(stream.as_str());
                return Err(WriteError::denied(format!(
                    "the stream {name} is retired already"
                )));
            }
            judge_succession(&transaction, id, stream, successor)?;
            close(&transaction, retired, successor, now)?;
            transaction.execute(
                "UPDATE stream SET view_of = NULL WHERE source = ? AND name = ?",
                params![id, successor],
            )?;
        }
    }
    recount::recount(&transaction, id)?;
    let recounted = recounted(&transaction)?;
    transaction.commit()?;
    Ok(recounted)
}

/// What moved, in numbers.
pub(super) fn recounted(transaction: &Connection) -> Result<Recounted, LedgerError> {
    let mut recounted = Recounted::default();
    let mut statement = transaction.prepare_cached(
        "SELECT enters, currency, count(*), exact_sum(effective) FROM temp.moved
         CROSS JOIN record ON record.id = moved.record GROUP BY enters, currency",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (enters, currency): (bool, String) = (row.get(0)?, row.get(1)?);
        let (count, cost) = (
            row.get::<_, i64>(2)?.unsigned_abs(),
            amount(&row.get::<_, String>(3)?)?,
        );
        let (records, change) = match enters {
            true => (&mut recounted.entered, cost),
            false => (&mut recounted.left, -cost),
        };
        *records += count;
        let sum = recounted.change.entry(currency).or_default();
        *sum = sum
            .checked_add(change)
            .map_err(|error| LedgerError::Damaged(format!("sum of what moved: {error}")))?;
    }
    Ok(recounted)
}

/// Takes no more commits into a stream: also not those that are held.
fn close(transaction: &Transaction, stream: i64, successor: &str, now: Timestamp) -> Result<(), WriteError> {
    transaction.execute(
        "UPDATE stream SET retired_by = ?, retired_at = ? WHERE id = ?",
        params![successor, now.as_second(), stream],
    )?;
    held::drop_of_stream(transaction, stream, "its stream was retired")
}

fn find(transaction: &Transaction, source: &Source) -> Result<i64, WriteError> {
    let id = transaction
        .query_row(
            "SELECT id FROM source WHERE hash = ?",
            [source::source_hash(source)],
            |row| row.get(0),
        )
        .optional()?;
    id.ok_or_else(|| {
        WriteError::denied(format!(
            "there is no source {}; `finops-host status` shows them",
            shown(source)
        ))
    })
}

/// The streams of a source, each in the role that it has now.
fn streams(transaction: &Transaction, source: i64) -> Result<Vec<(i64, Stream)>, LedgerError> {
    let mut statement =
        transaction.prepare("SELECT id, definition, view_of FROM stream WHERE source = ? ORDER BY id")?;
    let mut rows = statement.query([source])?;
    let mut streams = Vec::new();
    while let Some(row) = rows.next()? {
        let definition = stream::definition(&row.get::<_, String>(1)?)?;
        let view_of = row.get(2)?;
        streams.push((
            row.get(0)?,
            Stream {
                view_of,
                ..definition
            },
        ));
    }
    Ok(streams)
}

fn named(
    transaction: &Transaction,
    of: &Source,
    source: i64,
    name: &str,
) -> Result<(i64, Option<String>), WriteError> {
    let found = transaction
        .query_row(
            "SELECT id, retired_by FROM stream WHERE source = ? AND name = ?",
            params![source, name],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .optional()?;
    found.ok_or_else(|| {
        WriteError::denied(format!(
            "the source {} has no stream {}; `finops-host status` shows them",
            shown(of),
            Foreign::new(name)
        ))
    })
}

/// Refuses a successor that is none: unknown, retired, taken, or of other money.
fn judge_succession(
    transaction: &Transaction,
    source: i64,
    retired: &str,
    successor: &str,
) -> Result<(), WriteError> {
    let (from, to) = (Foreign::new(retired), Foreign::new(successor));
    let refused = |why: String| {
        Err(WriteError::denied(format!(
            "{to} cannot take the place of {from}: {why}"
        )))
    };
    let all = streams(transaction, source)?;
    let of = |name: &str| {
        all.iter()
            .map(|(_, stream)| stream)
            .find(|stream| stream.name == name)
    };
    let mine = of(retired);
    if retired == successor {
        return refused("it is the same stream".to_owned());
    }
    if mine.is_some_and(|stream| stream.view_of.is_some()) {
        return refused(format!("{from} is a view and never counted; retire it alone"));
    }
    let taken: Option<String> = transaction
        .query_row(
            "SELECT name FROM stream WHERE source = ? AND retired_by = ?",
            params![source, successor],
            |row| row.get(0),
        )
        .optional()?;
    if let Some(taken) = taken {
        return refused(format!("it takes that of {} already", Foreign::new(taken)));
    }
    let Some(theirs) = of(successor) else {
        if declared(transaction, source, successor)? {
            return Ok(());
        }
        return refused(
            "no collector of this source has declared it; run the one that does first".to_owned(),
        );
    };
    let gone: bool = transaction.query_row(
        "SELECT retired_by IS NOT NULL FROM stream WHERE source = ? AND name = ?",
        params![source, successor],
        |row| row.get(0),
    )?;
    if gone {
        return refused("it is retired itself".to_owned());
    }
    if let Some(parent) = theirs.view_of.as_ref().filter(|parent| *parent != retired) {
        return refused(format!("it is a view of {}", Foreign::new(parent.as_str())));
    }
    let below = |stream: &Stream| stream.supersedes.as_ref().map(|to| to.stream.clone());
    if let (Some(mine), Some(theirs)) = (mine.and_then(below), below(theirs))
        && theirs != retired
        && theirs != mine
    {
        return refused(format!(
            "it supersedes {}, and {from} supersedes {}",
            Foreign::new(theirs),
            Foreign::new(mine)
        ));
    }
    Ok(())
}

/// Whether a run of the source's instance declared a stream of that name.
fn declared(transaction: &Transaction, source: i64, name: &str) -> Result<bool, LedgerError> {
    Ok(transaction.query_row(
        "SELECT EXISTS (SELECT 1 FROM source JOIN run ON run.instance = source.instance, json_each(run.streams)
                        WHERE source.id = ? AND json_extract(json_each.value, '$.name') = ?)",
        params![source, name],
        |row| row.get(0),
    )?)
}
