//! What a change does to money that stood, for whoever decides whether to believe it.

use super::apply::Replaced;
use crate::ledger::{
    hold::Effect,
    reprice,
    store::{LedgerError, amount},
};
use rusqlite::{Connection, params};

/// What a change does to the money of a partition, per currency: nothing is told where none falls.
pub(super) fn effect(
    transaction: &Connection,
    commit: i64,
    replaced: &Replaced,
) -> Result<Effect, LedgerError> {
    let tally = &replaced.tally;
    let repriced = if replaced.stood_complete && tally.revised > 0 {
        reprice::repriced(transaction, commit, replaced.partition)?
    } else {
        0
    };
    let mut money = Vec::new();
    // What all of the partition comes to is only asked where something falls.
    if repriced > 0 || tally.revised + tally.withdrawn > 0 && falls(transaction)? {
        let mut statement = transaction.prepare_cached(
            "SELECT currency, exact_sum(iif(from_commit = ?1, NULL, effective)),
                    exact_sum(iif(until_commit IS NULL, effective, NULL))
             FROM record WHERE partition = ?2 AND (until_commit IS NULL OR until_commit = ?1)
             GROUP BY currency ORDER BY currency",
        )?;
        let mut rows = statement.query(params![commit, replaced.partition])?;
        while let Some(row) = rows.next()? {
            let (before, after): (String, String) = (row.get(1)?, row.get(2)?);
            money.push((row.get(0)?, amount(&before)?, amount(&after)?));
        }
    }
    Ok(Effect {
        period: replaced.period,
        after: tally.after(),
        repriced,
        money,
    })
}

/// Whether the changes that were noted of a partition take more of any currency than they bring.
fn falls(transaction: &Connection) -> Result<bool, LedgerError> {
    let mut statement = transaction.prepare_cached(
        "SELECT exact_sum(goes), exact_sum(comes) FROM (
             SELECT currency, effective AS goes, NULL AS comes FROM temp.change CROSS JOIN record ON record.id = change.old
             UNION ALL
             SELECT currency, NULL, effective FROM temp.change CROSS JOIN temp.staged ON staged.id = change.new)
         GROUP BY currency",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (goes, comes): (String, String) = (row.get(0)?, row.get(1)?);
        if amount(&comes)? < amount(&goes)? {
            return Ok(true);
        }
    }
    Ok(false)
}
