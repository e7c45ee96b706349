//! Posting: the change of a destination's measure over the records of each posting key, as entries.
//! What must hold (law 2): the sum of a posting's entries is the sum of its current counted records, to the last digit.
//! Memory: about 150 bytes for each posting key that a commit changes, one partition at a time.

use super::{
    destination::Measure,
    dims::{Place, RollUp, dims, posting_key},
    error::{damaged, instant},
    key,
    source::{self, SourceRow},
    store::{LedgerError, amount, checksum, hash_parts},
};
use finops_decimal::Decimal;
use rusqlite::{Connection, OptionalExtension, params};
use std::collections::BTreeMap;

/// The records of one partition whose money leaves or enters the books, by row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Moved {
    pub(super) minus: Vec<i64>,
    pub(super) plus: Vec<i64>,
}

/// What a commit moves, by partition.
pub(super) type Moves = BTreeMap<i64, Moved>;

/// The epoch of a journal that takes entries now.
#[derive(Clone, Debug)]
pub(super) struct OpenEpoch {
    pub(super) id: i64,
    pub(super) number: i64,
    pub(super) destination: i64,
    pub(super) name: String,
    pub(super) measure: Measure,
    pub(super) roll_up: RollUp,
    pub(super) currency: String,
}

/// What becomes of the entries that open an epoch, or of those that follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sending {
    /// They wait for delivery.
    Send,
    /// They are settled and never sent.
    Settled,
    /// The destination has them from an earlier epoch: they are settled.
    Carried,
}

/// A partition as posting needs it.
pub(super) struct Context {
    pub(super) partition: i64,
    pub(super) source: SourceRow,
    pub(super) place: Place,
}

/// The open epochs of all journals.
pub(super) fn open_epochs(connection: &Connection) -> Result<Vec<OpenEpoch>, LedgerError> {
    let mut statement = connection.prepare_cached(
        "SELECT epoch.id, number, destination.id, name, measure, group_by, currency
         FROM epoch JOIN destination ON destination.id = epoch.destination
         WHERE ended IS NULL AND kind = 'journal' ORDER BY epoch.id",
    )?;
    let mut rows = statement.query([])?;
    let mut epochs = Vec::new();
    while let Some(row) = rows.next()? {
        epochs.push(OpenEpoch {
            id: row.get(0)?,
            number: row.get(1)?,
            destination: row.get(2)?,
            name: row.get(3)?,
            measure: Measure::from_name(&row.get::<_, String>(4)?)?,
            roll_up: RollUp::read(row.get::<_, Option<String>>(5)?.as_deref())?,
            currency: row.get(6)?,
        });
    }
    Ok(epochs)
}

/// Whose partition it is and where its records stand.
pub(super) fn context(connection: &Connection, partition: i64) -> Result<Context, LedgerError> {
    let (start, name, source): (i64, String, i64) = connection
        .prepare_cached(
            "SELECT start, name, source FROM partition JOIN stream ON stream.id = partition.stream
             WHERE partition.id = ?",
        )?
        .query_row([partition], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    let source = source::load(connection, source)?;
    Ok(Context {
        partition,
        place: Place {
            stream: name,
            provider: source.source.provider.clone(),
            partition_start: instant(start)?,
        },
        source,
    })
}

/// Posts what a commit moves to every open epoch.
pub(super) fn post(transaction: &Connection, commit: i64, moves: &Moves) -> Result<(), LedgerError> {
    let epochs = open_epochs(transaction)?;
    for (&partition, moved) in moves {
        let context = context(transaction, partition)?;
        for epoch in &epochs {
            post_partition(transaction, epoch, &context, commit, moved, Sending::Send)?;
        }
    }
    Ok(())
}

/// A posting whose total may change.
pub(super) struct Posting {
    id: i64,
    sequence: i64,
    total: Decimal,
    currency: String,
    delta: Decimal,
}

/// The postings of one partition, by key.
pub(super) type Postings = BTreeMap<String, Posting>;

/// Posts what moves in one partition to one epoch. A source that does not count posts nothing.
pub(super) fn post_partition(
    transaction: &Connection,
    epoch: &OpenEpoch,
    context: &Context,
    commit: i64,
    moved: &Moved,
    sending: Sending,
) -> Result<(), LedgerError> {
    if !context.source.counts {
        return Ok(());
    }
    post_onto(
        transaction,
        epoch,
        context,
        commit,
        moved,
        (Postings::new(), sending),
    )
}

/// Posts what moves on top of postings that have a change of their own already.
pub(super) fn post_onto(
    transaction: &Connection,
    epoch: &OpenEpoch,
    context: &Context,
    commit: i64,
    moved: &Moved,
    (mut postings, sending): (Postings, Sending),
) -> Result<(), LedgerError> {
    let mut read = transaction.prepare_cached("SELECT content FROM record WHERE id = ?")?;
    let leaving = moved.minus.iter().map(|&id| (id, false));
    let entering = moved.plus.iter().map(|&id| (id, true));
    for (id, enters) in leaving.chain(entering) {
        let content: String = read.query_row([id], |row| row.get(0))?;
        let record = key::record(&content)?;
        let measure = epoch.measure.of(&record);
        if measure.is_zero() {
            continue;
        }
        let dims = dims(&context.place, record, &epoch.roll_up);
        let (json, key) = posting_key(&dims)?;
        let posting = match postings.entry(key) {
            std::collections::btree_map::Entry::Occupied(posting) => posting.into_mut(),
            std::collections::btree_map::Entry::Vacant(place) => {
                let of = (place.key().as_str(), json.as_str(), dims.currency);
                let posting = find_or_make(transaction, epoch, context.partition, of)?;
                place.insert(posting)
            }
        };
        let change = if enters { measure } else { -measure };
        posting.delta = add(posting.delta, change)?;
    }
    for (key, posting) in postings {
        if !posting.delta.is_zero() {
            write_entry(transaction, epoch, context, commit, &key, &posting, sending)?;
        }
    }
    Ok(())
}

/// Carries over what the destination has of a posting key into an epoch that has nothing of it yet: a settled entry, and
/// the posting with the opposite change, on top of which [`post_onto`] leaves the difference.
pub(super) fn carry(
    transaction: &Connection,
    epoch: &OpenEpoch,
    context: &Context,
    commit: i64,
    of: (&str, &str, String),
    there: Decimal,
) -> Result<Posting, LedgerError> {
    let key = of.0;
    let mut posting = find_or_make(transaction, epoch, context.partition, of)?;
    posting.delta = there;
    write_entry(
        transaction,
        epoch,
        context,
        commit,
        key,
        &posting,
        Sending::Carried,
    )?;
    posting.sequence += 1;
    posting.total = add(posting.total, there)?;
    posting.delta = -there;
    Ok(posting)
}

/// A posting with the change that takes all of it back, on top of which [`post_onto`] leaves the difference to the records.
pub(super) fn reversed(
    transaction: &Connection,
    epoch: &OpenEpoch,
    partition: i64,
    of: (&str, &str, String),
) -> Result<Posting, LedgerError> {
    let mut posting = find_or_make(transaction, epoch, partition, of)?;
    posting.delta = -posting.total;
    Ok(posting)
}

fn add(one: Decimal, other: Decimal) -> Result<Decimal, LedgerError> {
    one.checked_add(other)
        .map_err(|error| damaged("posting total", error))
}

fn find_or_make(
    transaction: &Connection,
    epoch: &OpenEpoch,
    partition: i64,
    (key, json, currency): (&str, &str, String),
) -> Result<Posting, LedgerError> {
    let found = transaction
        .prepare_cached(
            "SELECT id, sequence, total FROM posting WHERE epoch = ? AND partition = ? AND key = ?",
        )?
        .query_row(params![epoch.id, partition, key], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get::<_, String>(2)?))
        })
        .optional()?;
    let (id, sequence, total) = match found {
        Some((id, sequence, total)) => (id, sequence, amount(&total)?),
        None => {
            transaction
                .prepare_cached(
                    "INSERT INTO posting (epoch, partition, key, dims, currency, sequence, total)
                     VALUES (?, ?, ?, ?, ?, 0, '0')",
                )?
                .execute(params![epoch.id, partition, key, json, currency])?;
            (transaction.last_insert_rowid(), 0, Decimal::ZERO)
        }
    };
    Ok(Posting {
        id,
        sequence,
        total,
        currency,
        delta: Decimal::ZERO,
    })
}

fn write_entry(
    transaction: &Connection,
    epoch: &OpenEpoch,
    context: &Context,
    commit: i64,
    key: &str,
    posting: &Posting,
    sending: Sending,
) -> Result<(), LedgerError> {
    let sequence = posting.sequence + 1;
    let total = add(posting.total, posting.delta)?;
    let id = entry_id(&context.source.hash, key, &epoch.name, epoch.number, sequence);
    let (change, after) = (posting.delta.to_string(), total.to_string());
    let sum = entry_checksum(&id, posting.id, sequence, &change, &after);
    let (state, reason) = match sending {
        Sending::Settled => (
            "settled",
            Some("the epoch starts now: earlier money is not sent".to_owned()),
        ),
        Sending::Carried => (
            "settled",
            Some("the destination had it before the rebase".to_owned()),
        ),
        Sending::Send if posting.currency != epoch.currency => {
            ("held", Some(foreign_currency(&posting.currency, &epoch.currency)))
        }
        Sending::Send => ("pending", None),
    };
    transaction
        .prepare_cached(
            "INSERT INTO entry (entry_id, posting, source, destination, commit_id, sequence, amount, total_after,
                                state, reason, checksum)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )?
        .execute(params![
            id,
            posting.id,
            context.source.id,
            epoch.destination,
            commit,
            sequence,
            change,
            after,
            state,
            reason,
            sum
        ])?;
    transaction
        .prepare_cached("UPDATE posting SET sequence = ?, total = ? WHERE id = ?")?
        .execute(params![sequence, after, posting.id])?;
    Ok(())
}

/// Why an entry waits for the operator's word on its currency.
pub(super) fn foreign_currency(currency: &str, takes: &str) -> String {
    let currency = crate::foreign::Foreign::new(currency);
    format!("currency {currency}: the destination takes {takes}")
}

/// The id of an entry. The destination's name is part of it, since two destinations have epochs of equal number.
pub(super) fn entry_id(
    source_hash: &str,
    posting_key: &str,
    destination: &str,
    epoch: i64,
    sequence: i64,
) -> String {
    let (epoch, sequence) = (epoch.to_string(), sequence.to_string());
    let parts = [source_hash, posting_key, destination, &epoch, &sequence];
    hash_parts(parts.map(str::as_bytes))
}

/// The checksum of an entry's row.
pub(super) fn entry_checksum(
    entry_id: &str,
    posting: i64,
    sequence: i64,
    amount: &str,
    total: &str,
) -> String {
    let (posting, sequence) = (posting.to_string(), sequence.to_string());
    checksum([entry_id, &posting, &sequence, amount, total].map(str::as_bytes))
}
