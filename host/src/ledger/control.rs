//! Control totals of commits: what a reply says of itself, kept after the commit's records agreed with it, so that they can be
//! compared with the books at any later time.
//! What must hold: a total stands only while none of its partitions was read again since; it is applied with its commit or not
//! at all.

use super::{
    error::{damaged, instant},
    stage::{ControlTotals, Writer},
    store::{LedgerError, checksum},
};
use finops_decimal::Decimal;
use jiff::Timestamp;
use rusqlite::{Connection, params};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Makes the table of a ledger that has none yet.
pub(super) fn add_tables(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(include_str!("control.sql"))
}

/// Control totals as a sealed writer keeps them for its commit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Told {
    lines: Option<u64>,
    billed: BTreeMap<String, Decimal>,
}

impl Told {
    /// What a reply told, summed by currency; none where it told nothing.
    ///
    /// # Errors
    /// Where a sum does not fit.
    pub(super) fn of(control: &ControlTotals) -> Result<Option<Self>, LedgerError> {
        let mut told = Self {
            lines: control.rows,
            billed: BTreeMap::new(),
        };
        for (currency, cost) in &control.billed_cost {
            let sum = told.billed.entry(currency.clone()).or_default();
            *sum = sum
                .checked_add(*cost)
                .map_err(|error| LedgerError::TooLarge(format!("control totals: {error}")))?;
        }
        Ok((told != Self::default()).then_some(told))
    }
}

/// Keeps what a committed writer's reply told, instead of what was told of the same partitions before.
pub(super) fn keep(transaction: &Connection, commit: i64, writer: &Writer) -> Result<(), LedgerError> {
    let starts: Vec<i64> = writer.partitions.iter().map(|start| start.as_second()).collect();
    let starts = serde_json::to_string(&starts).map_err(|error| damaged("partitions", error))?;
    transaction
        .prepare_cached(
            "DELETE FROM control_total WHERE stream = ?1 AND EXISTS (
                 SELECT 1 FROM json_each(partitions) AS theirs WHERE theirs.value IN (SELECT value FROM json_each(?2)))",
        )?
        .execute(params![writer.stream, starts])?;
    let Some(told) = writer.sealed.as_ref().and_then(|sealed| sealed.control.as_ref()) else {
        return Ok(());
    };
    let lines = told.lines.map(|lines| i64::try_from(lines).unwrap_or(i64::MAX));
    let billed = serde_json::to_string(&told.billed).map_err(|error| damaged("control total", error))?;
    let sum = control_checksum((commit, writer.stream), &starts, lines, &billed);
    transaction
        .prepare_cached(
            "INSERT INTO control_total (commit_id, stream, partitions, lines, billed, checksum) VALUES (?, ?, ?, ?, ?, ?)",
        )?
        .execute(params![commit, writer.stream, starts, lines, billed, sum])?;
    Ok(())
}

/// The checksum of a control total's row.
pub(super) fn control_checksum(
    (commit, stream): (i64, i64),
    partitions: &str,
    lines: Option<i64>,
    billed: &str,
) -> String {
    let (commit, stream) = (commit.to_string(), stream.to_string());
    let lines = lines.map(|lines| lines.to_string()).unwrap_or_default();
    checksum([&commit, &stream, partitions, &lines, billed].map(str::as_bytes))
}

/// A total that stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Standing {
    /// The commit that it came with.
    pub(super) commit: i64,
    /// Row of its stream.
    pub(super) stream: i64,
    /// Starts of the partitions that it is of.
    pub(super) partitions: Vec<Timestamp>,
    /// BilledCost by currency; empty: only rows were told.
    pub(super) billed: BTreeMap<String, Decimal>,
    /// When it was told.
    pub(super) at: Timestamp,
}

/// The totals of a stream that stand, oldest first.
///
/// # Errors
/// See [`LedgerError`]; one whose checksum is wrong is damage.
pub(super) fn standing(connection: &Connection, stream: i64) -> Result<Vec<Standing>, LedgerError> {
    let mut statement = connection.prepare_cached(
        "SELECT partitions, lines, billed, checksum, commit_id, at FROM control_total
         JOIN commits ON commits.id = commit_id WHERE stream = ? ORDER BY control_total.id",
    )?;
    let mut rows = statement.query([stream])?;
    let mut standing = Vec::new();
    while let Some(row) = rows.next()? {
        let (partitions, billed): (String, String) = (row.get(0)?, row.get(2)?);
        let sum = control_checksum((row.get(4)?, stream), &partitions, row.get(1)?, &billed);
        if row.get::<_, String>(3)? != sum {
            return Err(damaged(
                "control total",
                format_args!("{billed}: its checksum is not that of its row"),
            ));
        }
        let starts: Vec<i64> =
            serde_json::from_str(&partitions).map_err(|error| damaged("partitions", error))?;
        standing.push(Standing {
            commit: row.get(4)?,
            stream,
            partitions: starts.into_iter().map(instant).collect::<Result<_, _>>()?,
            billed: serde_json::from_str(&billed).map_err(|error| damaged("control total", error))?,
            at: instant(row.get(5)?)?,
        });
    }
    Ok(standing)
}
