//! Entries: what was gathered of one partition, summed by posting key and written as one entry each.
//! What must hold: a sum of zero writes nothing; a posting's entries are numbered without a gap, and each says the total
//! after it. Keys are taken in their order, so that tables and indexes grow at their ends.

use super::{
    error::damaged,
    post::{self, Context, OpenEpoch, Sending, entry_checksum, entry_id, foreign_currency},
    store::{Hash, LedgerError, amount, hex, unhex},
};
use finops_decimal::Decimal;
use rusqlite::{Connection, OptionalExtension, params};

/// Why an entry that was carried into an epoch is settled.
pub(super) const CARRIED: &str = "the destination had it before the rebase";

/// What the destination has of a posting key already, from an epoch that has ended.
pub(super) struct Carried<'a> {
    pub(super) key: Hash,
    pub(super) dims: &'a str,
    pub(super) currency: &'a str,
    pub(super) there: Decimal,
}

/// A posting, and the row where its change was first gathered.
struct Posting {
    /// `None`: the epoch has none yet.
    id: Option<i64>,
    sequence: i64,
    total: Decimal,
    currency: String,
    dims: String,
}

/// Writes an entry for each posting key of which a change was gathered.
pub(super) fn write(
    transaction: &Connection,
    epoch: &OpenEpoch,
    context: &Context,
    commit: i64,
    sending: Sending,
) -> Result<(), LedgerError> {
    let fresh: bool = transaction
        .prepare_cached("SELECT NOT EXISTS (SELECT 1 FROM posting WHERE epoch = ? AND partition = ?)")?
        .query_row([epoch.id, context.partition], |row| row.get(0))?;
    let close = |key: Hash, first: i64, sum: Decimal| -> Result<(), LedgerError> {
        if sum.is_zero() {
            return Ok(());
        }
        let key = hex(&key);
        let posting = find(transaction, (epoch.id, context.partition), &key, (first, fresh))?;
        enter(
            transaction,
            epoch,
            context,
            commit,
            (&key, &posting),
            (sum, sending),
        )
    };
    let mut gathered =
        transaction.prepare_cached("SELECT key, id, amount FROM temp.delta ORDER BY key, id")?;
    let mut rows = gathered.query([])?;
    let mut open: Option<(Hash, i64, Decimal)> = None;
    while let Some(row) = rows.next()? {
        let key: Hash = row.get(0)?;
        let change = amount(row.get_ref(2)?.as_str().map_err(rusqlite::Error::from)?)?;
        match &mut open {
            Some((of, _, sum)) if *of == key => *sum = add(*sum, change)?,
            _ => {
                if let Some((of, first, sum)) = open.replace((key, row.get(1)?, change)) {
                    close(of, first, sum)?;
                }
            }
        }
    }
    if let Some((of, first, sum)) = open {
        close(of, first, sum)?;
    }
    Ok(())
}

/// Carries over what the destination has of a posting key into an epoch that has nothing of it yet: a settled entry, and
/// the opposite change gathered, so that the next entry is the difference.
pub(super) fn carry(
    transaction: &Connection,
    epoch: &OpenEpoch,
    context: &Context,
    commit: i64,
    carried: &Carried<'_>,
) -> Result<(), LedgerError> {
    let posting = Posting {
        id: None,
        sequence: 0,
        total: Decimal::ZERO,
        currency: carried.currency.to_owned(),
        dims: carried.dims.to_owned(),
    };
    let of = (hex(&carried.key), (carried.there, Sending::Carried));
    enter(transaction, epoch, context, commit, (&of.0, &posting), of.1)?;
    transaction
        .prepare_cached("INSERT INTO temp.delta (key, amount, dims, currency) VALUES (?, ?, ?, ?)")?
        .execute(params![
            carried.key,
            (-carried.there).to_string(),
            carried.dims,
            carried.currency
        ])?;
    Ok(())
}

/// Gathers, alone, the change that takes back all that was posted of a partition: with its records gathered on top, the next
/// entries are the difference.
pub(super) fn take_back(
    transaction: &Connection,
    epoch: &OpenEpoch,
    partition: i64,
) -> Result<(), LedgerError> {
    post::begin(transaction)?;
    let mut posted = transaction
        .prepare_cached("SELECT key, total, dims, currency FROM posting WHERE epoch = ? AND partition = ?")?;
    let mut note = transaction
        .prepare_cached("INSERT INTO temp.delta (key, amount, dims, currency) VALUES (?, ?, ?, ?)")?;
    let mut rows = posted.query([epoch.id, partition])?;
    while let Some(row) = rows.next()? {
        let key = unhex(row.get_ref(0)?.as_str().map_err(rusqlite::Error::from)?)?;
        let total = amount(row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?)?;
        let (dims, currency): (String, String) = (row.get(2)?, row.get(3)?);
        note.execute(params![key, (-total).to_string(), dims, currency])?;
    }
    Ok(())
}

/// Posts an entry of zero, which gives what is sent in another currency a place.
pub(super) fn post_nothing(
    transaction: &Connection,
    posting: i64,
    partition: i64,
) -> Result<(), LedgerError> {
    let columns = "SELECT epoch, key, sequence, total, posting.currency, commit_id FROM posting
                   JOIN partition ON partition.id = posting.partition WHERE posting.id = ?";
    let (epoch, key, sequence, total, currency, commit): (i64, String, i64, String, String, i64) =
        transaction.query_row(columns, [posting], |row| row.try_into())?;
    let epoch = post::open_epochs(transaction)?
        .into_iter()
        .find(|open| open.id == epoch)
        .ok_or_else(|| damaged("posting", "its epoch has ended"))?;
    let posting = Posting {
        id: Some(posting),
        sequence,
        total: amount(&total)?,
        currency,
        dims: String::new(),
    };
    let context = post::context(transaction, partition)?;
    let nothing = (Decimal::ZERO, Sending::Send);
    enter(transaction, &epoch, &context, commit, (&key, &posting), nothing)
}

fn add(one: Decimal, other: Decimal) -> Result<Decimal, LedgerError> {
    one.checked_add(other)
        .map_err(|error| damaged("posting total", error))
}

/// The posting of a key; in a partition that is fresh there is none to look for.
fn find(
    transaction: &Connection,
    (epoch, partition): (i64, i64),
    key: &str,
    (first, fresh): (i64, bool),
) -> Result<Posting, LedgerError> {
    let standing = if fresh {
        None
    } else {
        transaction
            .prepare_cached(
                "SELECT id, sequence, total, currency FROM posting WHERE epoch = ? AND partition = ? AND key = ?",
            )?
            .query_row(params![epoch, partition, key], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get::<_, String>(2)?, row.get(3)?))
            })
            .optional()?
    };
    if let Some((id, sequence, total, currency)) = standing {
        return Ok(Posting {
            id: Some(id),
            sequence,
            total: amount(&total)?,
            currency,
            dims: String::new(),
        });
    }
    Ok(transaction
        .prepare_cached("SELECT dims, currency FROM temp.delta WHERE id = ?")?
        .query_row([first], |row| {
            Ok(Posting {
                id: None,
                sequence: 0,
                total: Decimal::ZERO,
                dims: row.get(0)?,
                currency: row.get(1)?,
            })
        })?)
}

/// Writes the next entry of a posting, and the posting as it is after it.
fn enter(
    transaction: &Connection,
    epoch: &OpenEpoch,
    context: &Context,
    commit: i64,
    (key, posting): (&str, &Posting),
    (change, sending): (Decimal, Sending),
) -> Result<(), LedgerError> {
    let sequence = posting.sequence + 1;
    let total = add(posting.total, change)?;
    let (change, after) = (change.to_string(), total.to_string());
    let row = match posting.id {
        Some(id) => {
            transaction
                .prepare_cached("UPDATE posting SET sequence = ?, total = ? WHERE id = ?")?
                .execute(params![sequence, after, id])?;
            id
        }
        None => {
            transaction
                .prepare_cached(
                    "INSERT INTO posting (epoch, partition, key, dims, currency, sequence, total)
                     VALUES (?, ?, ?, ?, ?, ?, ?)",
                )?
                .execute(params![
                    epoch.id,
                    context.partition,
                    key,
                    posting.dims,
                    posting.currency,
                    sequence,
                    after
                ])?;
            transaction.last_insert_rowid()
        }
    };
    let id = entry_id(&context.source.hash, key, &epoch.name, epoch.number, sequence);
    let sum = entry_checksum(&id, row, sequence, &change, &after);
    let (state, reason) = match sending {
        Sending::Settled => (
            "settled",
            Some("the epoch starts now: earlier money is not sent".to_owned()),
        ),
        Sending::Carried => ("settled", Some(CARRIED.to_owned())),
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
            row,
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
    Ok(())
}
