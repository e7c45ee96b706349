//! Posting: the change of a destination's measure over the records of each posting key, as entries.
//! What must hold (law 2): the sum of a posting's entries is the sum of its current counted records, to the last digit.
//! Memory: one record; what the records of a partition change is noted in a temporary table and summed by posting key.

use super::{
    destination::Measure,
    dims::{Place, RollUp, dims, posting_key},
    entries,
    error::instant,
    key, moves, snapshot,
    source::{self, SourceRow},
    store::{LedgerError, checksum, hash_parts},
};
use rusqlite::{Connection, params};

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

/// The records of a partition that are posted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rows {
    /// Those that move.
    Moved,
    /// The current counted ones: all of them enter.
    Current,
}

/// Posts what moves to every open epoch.
pub(super) fn post(transaction: &Connection, commit: i64) -> Result<(), LedgerError> {
    snapshot::mark(transaction)?;
    let epochs = open_epochs(transaction)?;
    for partition in moves::partitions(transaction)? {
        let context = context(transaction, partition)?;
        for epoch in &epochs {
            post_partition(transaction, epoch, &context, commit, (Rows::Moved, Sending::Send))?;
        }
    }
    Ok(())
}

/// Posts records of one partition to one epoch. A source that does not count posts nothing.
pub(super) fn post_partition(
    transaction: &Connection,
    epoch: &OpenEpoch,
    context: &Context,
    commit: i64,
    (rows, sending): (Rows, Sending),
) -> Result<(), LedgerError> {
    if !context.source.counts {
        return Ok(());
    }
    begin(transaction)?;
    gather(transaction, epoch, context, rows)?;
    entries::write(transaction, epoch, context, commit, sending)
}

/// Forgets the changes of posting keys that were gathered before.
pub(super) fn begin(transaction: &Connection) -> Result<(), LedgerError> {
    transaction
        .prepare_cached("DELETE FROM temp.delta")?
        .execute([])?;
    Ok(())
}

/// Notes what each record changes of its posting key.
pub(super) fn gather(
    transaction: &Connection,
    epoch: &OpenEpoch,
    context: &Context,
    rows: Rows,
) -> Result<(), LedgerError> {
    let mut records = transaction.prepare_cached(match rows {
        Rows::Moved => {
            "SELECT content, enters FROM temp.moved CROSS JOIN whole_record AS record ON record.id = moved.record
             WHERE moved.partition = ?"
        }
        Rows::Current => {
            "SELECT content, 1 FROM whole_record WHERE partition = ? AND until_commit IS NULL AND counts = 1"
        }
    })?;
    let mut note = transaction
        .prepare_cached("INSERT INTO temp.delta (key, amount, dims, currency) VALUES (?, ?, ?, ?)")?;
    let mut rows = records.query([context.partition])?;
    while let Some(row) = rows.next()? {
        let content = row.get_ref(0)?.as_str().map_err(rusqlite::Error::from)?;
        let record = key::record(content)?;
        let measure = epoch.measure.of(&record);
        if measure.is_zero() {
            continue;
        }
        let change = if row.get(1)? { measure } else { -measure };
        let dims = dims(&context.place, record, &epoch.roll_up);
        let (json, key) = posting_key(&dims)?;
        note.execute(params![key, change.to_string(), json, dims.currency])?;
    }
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
