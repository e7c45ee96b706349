//! Destinations and their epochs: what entries are made for, and where a journal begins.
//! What must hold: at the end of every transaction an open epoch of a journal holds exactly the current counted
//! records at its measure and roll-up; entries of an ended epoch are never sent any more.

pub mod rebase;

use super::{
    dims::not_groupable,
    error::damaged,
    outbox::send_held,
    post::{self, Moved, OpenEpoch, Sending},
    record::CostRecord,
    store::LedgerError,
};
use finops_decimal::Decimal;
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};

/// A destination's row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DestinationId(pub i64);

/// How a destination takes what changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DestinationKind {
    /// It takes entries.
    Journal,
    /// It takes current records; nothing is posted to it.
    Snapshot,
}

/// The cost that a destination sums.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// EffectiveCost.
    Effective,
    /// BilledCost: what invoices show.
    Billed,
    /// ListCost; BilledCost where it is missing.
    List,
    /// ContractedCost; BilledCost where it is missing.
    Contracted,
}

impl Measure {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Effective, Self::Billed, Self::List, Self::Contracted];

    /// As configuration and database write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Effective => "effective",
            Self::Billed => "billed",
            Self::List => "list",
            Self::Contracted => "contracted",
        }
    }

    pub(super) fn from_name(name: &str) -> Result<Self, LedgerError> {
        let found = Self::ALL.into_iter().find(|measure| measure.name() == name);
        found.ok_or_else(|| damaged("measure", name))
    }

    /// The measure of a record.
    #[must_use]
    pub fn of(self, record: &CostRecord) -> Decimal {
        match self {
            Self::Effective => record.effective_cost,
            Self::Billed => record.billed_cost,
            Self::List => record.list_cost.unwrap_or(record.billed_cost),
            Self::Contracted => record.contracted_cost.unwrap_or(record.billed_cost),
        }
    }
}

/// What the first entries of an epoch hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartMode {
    /// One opening entry per posting key, with its present total.
    Baseline,
    /// All there is. The same as `Baseline`: a journal sums entries, so the present total of a posting key *is* the
    /// sum of its history, and amounts that the provider has since taken back would only be posted and reversed.
    All,
    /// The present totals as settled entries: only later changes are sent.
    Now,
}

impl StartMode {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Baseline, Self::All, Self::Now];

    /// As configuration and database write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Baseline => "baseline",
            Self::All => "all",
            Self::Now => "now",
        }
    }
}

/// What becomes of entries in other currencies than the destination's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OtherCurrencies {
    /// They are held and reported.
    Hold,
    /// They are sent as they are: each names its currency.
    Send,
}

impl OtherCurrencies {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Hold, Self::Send];

    /// As configuration writes it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Hold => "hold",
            Self::Send => "send",
        }
    }
}

/// What the operator's file says of a destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DestinationSpec {
    /// Its name: `openfinops`.
    pub name: String,
    /// How it takes what changes.
    pub kind: DestinationKind,
    /// Its endpoint or directory. Another one is another destination: it starts a new epoch.
    pub identity: String,
    /// What it sums.
    pub measure: Measure,
    /// The dimensions that it receives; `None`: every one.
    pub group_by: Option<Vec<String>>,
    /// The currency that it takes.
    pub currency: String,
    /// What becomes of entries in others.
    pub other_currencies: OtherCurrencies,
    /// How a new epoch begins.
    pub start: StartMode,
}

/// Makes a destination be as its specification says. A new one gets its first epoch; another identity, measure or
/// roll-up ends the epoch and opens the next. The caller holds the delivery lock.
///
/// # Errors
/// [`LedgerError::Refused`] where `group_by` names what is no dimension.
pub(super) fn ensure(
    connection: &mut Connection,
    spec: &DestinationSpec,
    path: &std::path::Path,
    now: Timestamp,
) -> Result<DestinationId, LedgerError> {
    let wrong = spec
        .group_by
        .iter()
        .flatten()
        .find_map(|name| not_groupable(name));
    if let Some(what) = wrong {
        let path = path.to_owned();
        return Err(LedgerError::Refused { path, what });
    }
    let group_by = spec.group_by.as_ref().map(|names| {
        let names: std::collections::BTreeSet<&String> = names.iter().collect();
        serde_json::to_string(&names)
    });
    let group_by = group_by.transpose().map_err(|error| damaged("group-by", error))?;
    let kind = match spec.kind {
        DestinationKind::Journal => "journal",
        DestinationKind::Snapshot => "snapshot",
    };
    let wanted = (spec.identity.clone(), spec.measure.name().to_owned(), group_by);
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let standing = transaction
        .prepare_cached("SELECT id, identity, measure, group_by, currency FROM destination WHERE name = ?")?
        .query_row([&spec.name], |row| {
            let identity: (String, String, Option<String>) = (row.get(1)?, row.get(2)?, row.get(3)?);
            Ok((row.get::<_, i64>(0)?, identity, row.get::<_, String>(4)?))
        })
        .optional()?;
    let id = match standing {
        None => {
            transaction.execute(
                "INSERT INTO destination (name, kind, identity, measure, group_by, currency, state)
                 VALUES (?, ?, ?, ?, ?, ?, 'active')",
                params![spec.name, kind, wanted.0, wanted.1, wanted.2, spec.currency],
            )?;
            let id = transaction.last_insert_rowid();
            begin_epoch(&transaction, id, spec.start, now)?;
            id
        }
        Some((id, identity, _)) if identity != wanted => {
            end_epoch(&transaction, id, "the destination began a new epoch", now)?;
            transaction.execute(
                "UPDATE destination SET identity = ?, measure = ?, group_by = ?, currency = ?, state = 'active',
                     reason = NULL, attempt = 0, retry_at = NULL WHERE id = ?",
                params![wanted.0, wanted.1, wanted.2, spec.currency, id],
            )?;
            transaction.execute("DELETE FROM observation_cursor WHERE destination = ?", [id])?;
            begin_epoch(&transaction, id, spec.start, now)?;
            id
        }
        Some((id, _, currency)) => {
            if currency != spec.currency {
                change_currency(&transaction, id, &spec.currency)?;
            }
            id
        }
    };
    match spec.other_currencies {
        OtherCurrencies::Hold => hold_others(&transaction, id, &spec.currency)?,
        OtherCurrencies::Send => send_held(&transaction, id)?,
    }
    transaction.commit()?;
    Ok(DestinationId(id))
}

/// Opens the next epoch of a destination and posts the present totals to it.
fn begin_epoch(
    transaction: &Transaction,
    destination: i64,
    start: StartMode,
    now: Timestamp,
) -> Result<(), LedgerError> {
    let Some(epoch) = next_epoch(transaction, destination, start.name(), now)? else {
        return Ok(());
    };
    let sending = match start {
        StartMode::Baseline | StartMode::All => Sending::Send,
        StartMode::Now => Sending::Settled,
    };
    open_totals(transaction, &epoch, sending)
}

/// The next epoch of a destination, still empty; `None` for a snapshot, to which nothing is posted.
pub(super) fn next_epoch(
    transaction: &Connection,
    destination: i64,
    start: &str,
    now: Timestamp,
) -> Result<Option<OpenEpoch>, LedgerError> {
    transaction.execute(
        "INSERT INTO epoch (destination, number, start_mode, started)
         SELECT ?1, COALESCE(MAX(number), 0) + 1, ?2, ?3 FROM epoch WHERE destination = ?1",
        params![destination, start, now.as_second()],
    )?;
    let opened = transaction.last_insert_rowid();
    let epochs = post::open_epochs(transaction)?;
    Ok(epochs.into_iter().find(|epoch| epoch.id == opened))
}

/// Opening entries belong to the commit that last touched their partition: its state is what they hold.
fn open_totals(transaction: &Transaction, epoch: &OpenEpoch, sending: Sending) -> Result<(), LedgerError> {
    let partitions: Vec<(i64, i64)> = {
        let mut statement = transaction.prepare("SELECT id, commit_id FROM partition ORDER BY id")?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        rows.collect::<Result<_, _>>()?
    };
    for (partition, commit) in partitions {
        let moved = Moved {
            minus: Vec::new(),
            plus: current_counted(transaction, partition)?,
        };
        let context = post::context(transaction, partition)?;
        post::post_partition(transaction, epoch, &context, commit, &moved, sending)?;
    }
    Ok(())
}

/// The current counted records of a partition, by row.
pub(super) fn current_counted(transaction: &Connection, partition: i64) -> Result<Vec<i64>, LedgerError> {
    let mut statement = transaction.prepare_cached(
        "SELECT id FROM record WHERE partition = ? AND until_commit IS NULL AND counts = 1 ORDER BY key",
    )?;
    let rows = statement.query_map([partition], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Ends the open epoch: what was not settled will not be sent, for this reason.
pub(super) fn end_epoch(
    transaction: &Connection,
    destination: i64,
    reason: &str,
    now: Timestamp,
) -> Result<(), LedgerError> {
    transaction.execute(
        "UPDATE epoch SET ended = ? WHERE destination = ? AND ended IS NULL",
        params![now.as_second(), destination],
    )?;
    transaction.execute(
        "UPDATE entry SET state = 'dropped', batch = NULL,
             reason = ?2 || iif(state = 'dead', '; it was dead: ' || reason, '')
         WHERE destination = ?1 AND state IN ('pending', 'held', 'ambiguous', 'dead')",
        params![destination, reason],
    )?;
    transaction.execute(
        "UPDATE batch SET state = 'dissolved' WHERE destination = ? AND state IN ('sealed', 'ambiguous')",
        [destination],
    )?;
    Ok(())
}

/// Frees what was held and is in the destination's new currency.
fn change_currency(transaction: &Transaction, destination: i64, currency: &str) -> Result<(), LedgerError> {
    transaction.execute(
        "UPDATE destination SET currency = ? WHERE id = ?",
        params![currency, destination],
    )?;
    transaction.execute(
        "UPDATE entry SET state = 'pending', reason = NULL WHERE destination = ?1 AND state = 'held'
         AND posting IN (SELECT id FROM posting WHERE currency = ?2)",
        params![destination, currency],
    )?;
    Ok(())
}

/// Holds what is in another currency and not sealed yet.
fn hold_others(transaction: &Transaction, destination: i64, currency: &str) -> Result<(), LedgerError> {
    let reason = format!("another currency: the destination takes {currency}");
    transaction.execute(
        "UPDATE entry SET state = 'held', reason = ?3 WHERE destination = ?1 AND state = 'pending' AND batch IS NULL
         AND posting IN (SELECT id FROM posting WHERE currency <> ?2)",
        params![destination, currency, reason],
    )?;
    Ok(())
}
