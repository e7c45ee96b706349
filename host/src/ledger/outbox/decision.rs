//! What an operator decides about entries: to try dead ones again, or to give some up.
//!
//! What must hold: a decision is one transaction, whole or not at all; an entry that the destination has or may have is
//! never given up; one that is tried again keeps its id and sequence. The caller holds the delivery lock.

use super::{EntryState, fate, read_batch};
use crate::ledger::{error::Stored, store::LedgerError};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior};

/// Digits of an entry id that are shown to people: enough to tell entries apart.
pub const SHORT: usize = 12;

/// Why a decision was not carried out. Nothing of it remains.
#[derive(Debug, thiserror::Error)]
pub enum DecisionError {
    /// It names what is not there, or not one thing alone.
    #[error("{0}")]
    Unknown(String),
    /// What it names is in no state for it.
    #[error("{0}")]
    Refused(String),
    /// The storage failed.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

impl Stored for DecisionError {
    fn map_storage(self, say: impl FnOnce(LedgerError) -> LedgerError) -> Self {
        match self {
            Self::Ledger(error) => Self::Ledger(say(error)),
            other => other,
        }
    }
}

impl From<rusqlite::Error> for DecisionError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Ledger(error.into())
    }
}

/// Which entries to try again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Retry {
    /// Those of these ids, or unique beginnings of ids.
    These(Vec<String>),
    /// All dead ones, of one destination or of all.
    Dead(Option<String>),
}

/// Finds an entry by its id or a unique beginning of it: its row id.
///
/// # Errors
/// [`DecisionError::Unknown`] where no entry, or more than one, begins so.
pub fn find(connection: &Connection, beginning: &str) -> Result<i64, DecisionError> {
    let wanted = beginning.to_ascii_lowercase();
    if wanted.is_empty() || !wanted.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(DecisionError::Unknown(format!(
            "{beginning:?} is no entry id: give the hex digits that `finops-host outbox list` shows"
        )));
    }
    // `g` comes after every hex digit.
    let sql = "SELECT id, entry_id FROM entry WHERE entry_id >= ?1 AND entry_id < ?1 || 'g' ORDER BY entry_id LIMIT 2";
    let mut statement = connection.prepare_cached(sql)?;
    let found = statement
        .query_map([&wanted], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<rusqlite::Result<Vec<(i64, String)>>>()?;
    match found.as_slice() {
        [(row, _)] => Ok(*row),
        [] => Err(DecisionError::Unknown(format!(
            "no entry begins with {wanted}; `finops-host outbox list` shows them"
        ))),
        more => {
            let ids: Vec<&str> = more.iter().map(|(_, id)| id.as_str()).collect();
            Err(DecisionError::Unknown(format!(
                "several entries begin with {wanted}, such as {}; give more digits",
                ids.join(" and ")
            )))
        }
    }
}

/// The row of a destination.
///
/// # Errors
/// [`DecisionError::Unknown`] where there is none of that name.
pub fn destination_row(connection: &Connection, name: &str) -> Result<i64, DecisionError> {
    let sql = "SELECT id FROM destination WHERE name = ?1";
    let found = connection.query_row(sql, [name], |row| row.get(0)).optional()?;
    found.ok_or_else(|| {
        DecisionError::Unknown(format!(
            "there is no destination `{name}`; `finops-host destination list` shows them"
        ))
    })
}

/// Puts dead entries back to the others that wait: how many.
///
/// # Errors
/// See [`DecisionError`].
pub fn retry(connection: &mut Connection, which: &Retry) -> Result<usize, DecisionError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let again = "UPDATE entry SET state = 'pending', reason = NULL, batch = NULL WHERE state = 'dead' ";
    let count = match which {
        Retry::These(ids) => {
            for id in ids {
                let entry = Decided::read(&transaction, id)?;
                entry.may_be_retried()?;
                transaction.execute(&format!("{again} AND id = ?1"), [entry.row])?;
            }
            ids.len()
        }
        Retry::Dead(name) => {
            let one = name.as_deref().map(|name| destination_row(&transaction, name));
            let open = "AND (?1 IS NULL OR destination = ?1) AND posting IN (SELECT posting.id FROM posting \
                        JOIN epoch ON epoch.id = posting.epoch WHERE epoch.ended IS NULL)";
            transaction.execute(&format!("{again} {open}"), [one.transpose()?])?
        }
    };
    transaction.commit()?;
    Ok(count)
}

/// Gives entries up, for this reason: a gap at the destination, which is recorded and which `destination rebase` repairs.
/// A sealed batch that certainly was not taken is opened for it.
///
/// # Errors
/// See [`DecisionError`].
pub fn drop_entries(
    connection: &mut Connection,
    ids: &[String],
    why: &str,
    now: Timestamp,
) -> Result<(), DecisionError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for id in ids {
        let entry = Decided::read(&transaction, id)?;
        entry.may_be_dropped()?;
        if let Some(batch) = entry.batch {
            let batch = read_batch(&transaction, batch)?;
            fate::open(&transaction, &batch, "an entry of it was dropped by the operator")?;
        }
        let before = match (entry.state, entry.reason) {
            (EntryState::Dead, Some(reason)) => format!("; it was dead: {reason}"),
            _ => String::new(),
        };
        let reason = format!("{why} (dropped by the operator at {now}{before})");
        transaction.execute(
            "UPDATE entry SET state = 'dropped', batch = NULL, reason = ?2 WHERE id = ?1",
            (entry.row, reason),
        )?;
    }
    transaction.commit()?;
    Ok(())
}

/// What a decision on an entry depends on.
struct Decided {
    row: i64,
    /// The first digits of its id.
    short: String,
    state: EntryState,
    reason: Option<String>,
    /// The open batch that it is sealed in.
    batch: Option<i64>,
    /// Whether that batch was sent again although it may have been taken.
    maybe_there: bool,
    /// The epoch, where it has ended.
    ended: Option<i64>,
}

impl Decided {
    fn read(transaction: &Transaction<'_>, id: &str) -> Result<Self, DecisionError> {
        let row = find(transaction, id)?;
        let sql = "SELECT substr(entry_id, 1, ?2), entry.state, entry.reason, batch.id, COALESCE(maybe_duplicated, 0), \
            iif(ended IS NULL, NULL, number) \
            FROM entry JOIN posting ON posting.id = entry.posting JOIN epoch ON epoch.id = posting.epoch \
            LEFT JOIN batch ON batch.id = entry.batch WHERE entry.id = ?1";
        type Columns = (String, String, Option<String>, Option<i64>, bool, Option<i64>);
        let (short, state, reason, batch, maybe_there, ended): Columns =
            transaction.query_row(sql, (row, SHORT as i64), |row| row.try_into())?;
        let state = state
            .parse()
            .map_err(|_| LedgerError::Damaged(format!("entry {row} is {state:?}")))?;
        Ok(Self {
            row,
            short,
            state,
            reason,
            batch,
            maybe_there,
            ended,
        })
    }

    fn may_be_retried(&self) -> Result<(), DecisionError> {
        let Self { short, state, .. } = self;
        if *state != EntryState::Dead {
            return Err(DecisionError::Refused(format!(
                "entry {short} is {state}, not dead: there is nothing to try again; \
                 `finops-host outbox show {short}` tells more"
            )));
        }
        match self.ended {
            None => Ok(()),
            Some(epoch) => Err(DecisionError::Refused(format!(
                "entry {short} belongs to epoch {epoch}, which has ended: the present one began with what it says"
            ))),
        }
    }

    fn may_be_dropped(&self) -> Result<(), DecisionError> {
        let Self { short, .. } = self;
        let why = match self.state {
            EntryState::Settled => format!(
                "entry {short} is settled: the destination has it; \
                 what the provider takes back is posted as an entry of its own"
            ),
            EntryState::Dropped => format!("entry {short} is dropped already"),
            EntryState::Ambiguous => self.may_have_arrived(),
            EntryState::Pending if self.maybe_there => self.may_have_arrived(),
            EntryState::Pending | EntryState::Held | EntryState::Dead => return Ok(()),
        };
        Err(DecisionError::Refused(why))
    }

    fn may_have_arrived(&self) -> String {
        format!(
            "entry {} was sent and may have arrived: let the next run find out, then decide",
            self.short
        )
    }
}

#[cfg(test)]
mod tests;
