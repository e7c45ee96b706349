//! Entries as an operator sees them: which there are, in what state and why. Reads only.

use super::{instant, waiting::dimensions};
use crate::ledger::{
    record::Source,
    store::{LedgerError, amount},
};
use finops_decimal::Decimal;
use jiff::Timestamp;
use rusqlite::{Connection, Row, params};
use serde::Serialize;
use serde_json::{Map, Value};
use std::{fmt, str::FromStr};

/// Where an entry stands. Law 3: each is in one state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum EntryState {
    /// Waiting, alone or in a sealed batch.
    Pending,
    /// Waiting for the operator's word, such as on another currency.
    Held,
    /// Sent, and it is not known whether it arrived.
    Ambiguous,
    /// Certainly taken.
    Settled,
    /// Refused by the destination.
    Dead,
    /// Given up.
    Dropped,
}

impl EntryState {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Pending,
        Self::Held,
        Self::Ambiguous,
        Self::Settled,
        Self::Dead,
        Self::Dropped,
    ];
    /// Those that somebody still has to see to: the host, or the operator.
    pub const OPEN: [Self; 4] = [Self::Pending, Self::Held, Self::Ambiguous, Self::Dead];

    /// As the database and the command line write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Held => "held",
            Self::Ambiguous => "ambiguous",
            Self::Settled => "settled",
            Self::Dead => "dead",
            Self::Dropped => "dropped",
        }
    }
}

impl fmt::Display for EntryState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for EntryState {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let names = Self::ALL.map(Self::name).join(", ");
        let found = Self::ALL.into_iter().find(|state| state.name() == text);
        found.ok_or_else(|| format!("an entry is one of {names}"))
    }
}

/// The batch that an entry travels or travelled in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Travel {
    /// Its name at the destination: `metrics.batch_id`.
    pub uid: String,
    /// sealed, ambiguous or settled.
    pub state: String,
    /// When its bytes were fixed.
    pub sealed_at: Timestamp,
    /// How often they left.
    pub attempts: u64,
    /// When they last began to leave.
    pub last_sent_at: Option<Timestamp>,
    /// It is left alone until then.
    pub next_at: Option<Timestamp>,
    /// Whether it was sent again although it may have been there.
    pub maybe_duplicated: bool,
    /// The last thing that went wrong.
    pub last_error: Option<String>,
}

/// What is sent of an entry in the destination's currency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Converted {
    /// ISO 4217: the destination's.
    pub currency: String,
    /// The change.
    pub amount: Decimal,
    /// What the posting comes to after it.
    pub total_after: Decimal,
    /// What one unit was converted at; `None`: carried over by a rebase.
    pub rate: Option<Decimal>,
}

/// An entry, whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Listed {
    /// SHA-256 that names it everywhere.
    pub entry_id: String,
    /// Where it goes.
    pub destination: String,
    /// Where it stands.
    pub state: EntryState,
    /// Why it is held, dead or dropped.
    pub reason: Option<String>,
    /// The change.
    pub amount: Decimal,
    /// ISO 4217.
    pub currency: String,
    /// The posting's total after it.
    pub total_after: Decimal,
    /// What is sent of it, where that is another currency.
    pub converted: Option<Converted>,
    /// Its place among the posting's entries, from 1.
    pub sequence: i64,
    /// The destination's epoch that it belongs to.
    pub epoch: i64,
    /// Whose money.
    pub source: Source,
    /// SHA-256 of the dimensions.
    pub posting_key: String,
    /// The dimensions as the destination receives them.
    pub dims: Map<String, Value>,
    /// What it is sealed in; `None`: nothing yet, or no more.
    pub batch: Option<Travel>,
}

/// Which entries to list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    /// Those of this destination only.
    pub destination: Option<String>,
    /// In one of these states.
    pub states: Vec<EntryState>,
    /// So many at most, oldest first.
    pub most: u32,
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Listing {
    /// Oldest first.
    pub entries: Vec<Listed>,
    /// Entries beyond those.
    pub untold: u64,
}

const COLUMNS: &str = "SELECT entry.entry_id, destination.name AS destination, entry.state AS state, entry.reason AS reason, \
    entry.amount AS amount, entry.total_after AS total_after, entry.sequence AS sequence, \
    conversion.currency AS sent_currency, conversion.amount AS sent_amount, conversion.total_after AS sent_total, rate, \
    posting.currency AS currency, posting.key AS key, dims, \
    epoch.number AS epoch, provider, billing_account, scope, batch.uid AS uid, batch.state AS batch_state, sealed_at, \
    attempts, last_sent_at, next_at, maybe_duplicated, last_error ";
const TABLES: &str = "FROM entry JOIN posting ON posting.id = entry.posting JOIN epoch ON epoch.id = posting.epoch \
    JOIN source ON source.id = entry.source JOIN destination ON destination.id = entry.destination \
    LEFT JOIN batch ON batch.id = entry.batch LEFT JOIN conversion ON conversion.entry = entry.id ";
const WANTED: &str = "WHERE (?1 IS NULL OR destination.name = ?1) \
    AND entry.state IN (SELECT value FROM json_each(?2)) ";

/// Lists entries.
///
/// # Errors
/// Storage, or a damaged row.
pub fn list(connection: &Connection, filter: &Filter) -> Result<Listing, LedgerError> {
    let names: Vec<&str> = filter.states.iter().map(|state| state.name()).collect();
    let names = serde_json::json!(names).to_string();
    let all: i64 = connection.query_row(
        &format!("SELECT COUNT(*) {TABLES} {WANTED}"),
        params![filter.destination, names],
        |row| row.get(0),
    )?;
    let sql = format!("{COLUMNS} {TABLES} {WANTED} ORDER BY entry.id LIMIT ?3");
    let mut statement = connection.prepare(&sql)?;
    let mut rows = statement.query(params![filter.destination, names, filter.most])?;
    let mut entries = Vec::new();
    while let Some(row) = rows.next()? {
        entries.push(listed(row)?);
    }
    let untold = all.unsigned_abs().saturating_sub(entries.len() as u64);
    Ok(Listing { entries, untold })
}

/// The entry of a row id.
///
/// # Errors
/// Storage, or a damaged row.
pub fn show(connection: &Connection, row: i64) -> Result<Listed, LedgerError> {
    let mut statement = connection.prepare_cached(&format!("{COLUMNS} {TABLES} WHERE entry.id = ?1"))?;
    let mut rows = statement.query([row])?;
    match rows.next()? {
        Some(row) => listed(row),
        None => Err(LedgerError::Damaged(format!("entry {row} is gone"))),
    }
}

fn listed(row: &Row<'_>) -> Result<Listed, LedgerError> {
    let entry_id: String = row.get("entry_id")?;
    let state: String = row.get("state")?;
    let state = state
        .parse()
        .map_err(|_| LedgerError::Damaged(format!("entry {entry_id} is {state:?}")))?;
    let when = |column: &str| -> Result<Option<Timestamp>, LedgerError> {
        row.get::<_, Option<i64>>(column)?.map(instant).transpose()
    };
    let batch = match row.get::<_, Option<String>>("uid")? {
        None => None,
        Some(uid) => Some(Travel {
            uid,
            state: row.get("batch_state")?,
            sealed_at: instant(row.get("sealed_at")?)?,
            attempts: row.get::<_, i64>("attempts")?.unsigned_abs(),
            last_sent_at: when("last_sent_at")?,
            next_at: when("next_at")?,
            maybe_duplicated: row.get("maybe_duplicated")?,
            last_error: row.get("last_error")?,
        }),
    };
    let converted = match row.get::<_, Option<String>>("sent_currency")? {
        None => None,
        Some(currency) => Some(Converted {
            currency,
            amount: amount(&row.get::<_, String>("sent_amount")?)?,
            total_after: amount(&row.get::<_, String>("sent_total")?)?,
            rate: row
                .get::<_, Option<String>>("rate")?
                .map(|rate| amount(&rate))
                .transpose()?,
        }),
    };
    Ok(Listed {
        destination: row.get("destination")?,
        state,
        reason: row.get("reason")?,
        amount: amount(&row.get::<_, String>("amount")?)?,
        currency: row.get("currency")?,
        total_after: amount(&row.get::<_, String>("total_after")?)?,
        converted,
        sequence: row.get("sequence")?,
        epoch: row.get("epoch")?,
        source: Source {
            provider: row.get("provider")?,
            billing_account: row.get("billing_account")?,
            scope: row.get("scope")?,
        },
        posting_key: row.get("key")?,
        dims: dimensions(&entry_id, &row.get::<_, String>("dims")?)?,
        entry_id,
        batch,
    })
}
