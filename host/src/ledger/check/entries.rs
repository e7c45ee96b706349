//! The checker's half for entries: their rows and chains, their sums against the records (law 2), their states (law 3).

use super::{Report, Rule};
use crate::ledger::{
    dims::{PostingDims, dims, posting_key},
    key,
    post::{self, entry_checksum, entry_id},
    store::{LedgerError, amount, checksum, hash_parts},
};
use finops_decimal::Decimal;
use rusqlite::{Connection, params};

/// Every entry's checksum and id, the chain of each posting, and each batch's bytes.
pub(super) fn check(connection: &Connection, report: &mut Report) -> Result<(), LedgerError> {
    let mut statement = connection.prepare(
        "SELECT posting.id, posting.key, dims, posting.currency, posting.sequence, total,
                entry.id, entry_id, entry.sequence, amount, total_after, entry.checksum,
                source.hash, destination.name, epoch.number
         FROM posting JOIN epoch ON epoch.id = posting.epoch JOIN destination ON destination.id = epoch.destination
         JOIN partition ON partition.id = posting.partition JOIN stream ON stream.id = partition.stream
         JOIN source ON source.id = stream.source
         LEFT JOIN entry ON entry.posting = posting.id AND entry.source = source.id
              AND entry.destination = destination.id
         ORDER BY posting.id, entry.sequence",
    )?;
    let mut rows = statement.query([])?;
    let mut chain = Chain::default();
    let mut told = None;
    while let Some(row) = rows.next()? {
        let posting: i64 = row.get(0)?;
        let key: String = row.get(1)?;
        if told != Some(posting) {
            chain.close(report);
            chain = Chain::new(posting, row.get(4)?, amount(&row.get::<_, String>(5)?)?);
            told = Some(posting);
            let json: String = row.get(2)?;
            let currency: String = row.get(3)?;
            let reads =
                serde_json::from_str::<PostingDims>(&json).is_ok_and(|dims| dims.currency == currency);
            if !reads || hash_parts([json.as_bytes()]) != key {
                report.found(
                    Rule::Row,
                    format!("the key of posting {posting} is not that of its dimensions"),
                );
            }
        }
        let Some(entry) = row.get::<_, Option<i64>>(6)? else {
            continue;
        };
        report.entries += 1;
        let (id, sequence): (String, i64) = (row.get(7)?, row.get(8)?);
        let (change, after): (String, String) = (row.get(9)?, row.get(10)?);
        if row.get::<_, String>(11)? != entry_checksum(&id, posting, sequence, &change, &after) {
            report.found(
                Rule::Row,
                format!("the checksum of entry {entry} is not that of its row"),
            );
        }
        let (source, destination): (String, String) = (row.get(12)?, row.get(13)?);
        if id != entry_id(&source, &key, &destination, row.get(14)?, sequence) {
            report.found(
                Rule::Row,
                format!("the id of entry {entry} is not that of its posting and sequence"),
            );
        }
        chain.add(report, (entry, sequence), amount(&change)?, amount(&after)?)?;
    }
    chain.close(report);
    report.none(
        connection,
        Rule::Row,
        "SELECT printf('entry %d has another source or destination than its posting', entry.id)
         FROM entry JOIN posting ON posting.id = entry.posting JOIN epoch ON epoch.id = posting.epoch
         JOIN partition ON partition.id = posting.partition JOIN stream ON stream.id = partition.stream
         WHERE entry.source <> stream.source OR entry.destination <> epoch.destination",
    )?;
    batches(connection, report)
}

/// The entries of one posting, in order.
#[derive(Default)]
struct Chain {
    posting: i64,
    sequence: i64,
    total: Decimal,
    last: i64,
    sum: Decimal,
}

impl Chain {
    fn new(posting: i64, sequence: i64, total: Decimal) -> Self {
        Self {
            posting,
            sequence,
            total,
            ..Self::default()
        }
    }

    fn add(
        &mut self,
        report: &mut Report,
        (entry, sequence): (i64, i64),
        change: Decimal,
        after: Decimal,
    ) -> Result<(), LedgerError> {
        self.last += 1;
        self.sum = add(self.sum, change)?;
        if sequence != self.last {
            let what = format!(
                "entry {entry} of posting {} has sequence {sequence}, not {}",
                self.posting, self.last
            );
            report.found(Rule::Sums, what);
            self.last = sequence;
        }
        if after != self.sum {
            let what = format!(
                "entry {entry} says {after} in total, the entries up to it add up to {}",
                self.sum
            );
            report.found(Rule::Sums, what);
        }
        Ok(())
    }

    fn close(&self, report: &mut Report) {
        if self.last != self.sequence || self.sum != self.total {
            let what = format!(
                "posting {} stands at {} after {} entries, its entries add up to {} in {}",
                self.posting, self.total, self.sequence, self.sum, self.last
            );
            report.found(Rule::Sums, what);
        }
    }
}

fn add(one: Decimal, other: Decimal) -> Result<Decimal, LedgerError> {
    one.checked_add(other)
        .map_err(|error| LedgerError::TooLarge(format!("sum of entries: {error}")))
}

fn batches(connection: &Connection, report: &mut Report) -> Result<(), LedgerError> {
    let mut statement = connection.prepare(
        "SELECT id, uid, COALESCE(body, x''), checksum FROM batch LEFT JOIN batch_body ON batch = id",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (id, uid, body): (i64, String, Vec<u8>) = (row.get(0)?, row.get(1)?, row.get(2)?);
        if row.get::<_, String>(3)? != checksum([uid.as_bytes(), &body]) {
            report.found(
                Rule::Row,
                format!("the checksum of batch {id} is not that of its bytes"),
            );
        }
    }
    Ok(())
}

/// Law 2: in every open epoch, entries and current counted records give the same sums for the same keys.
pub(super) fn sums(connection: &Connection, report: &mut Report) -> Result<(), LedgerError> {
    // A million keys are too many for the memory: they are summed by SQLite, in a file.
    connection.execute_batch(
        "CREATE TEMP TABLE IF NOT EXISTS sums (key BLOB NOT NULL, recorded TEXT, posted TEXT) STRICT",
    )?;
    let mut statement = connection.prepare("SELECT id FROM partition ORDER BY id")?;
    let partitions: Vec<i64> = statement
        .query_map([], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    let mut posted = connection.prepare(
        "INSERT INTO temp.sums (key, posted)
         SELECT COALESCE(unhex(posting.key), CAST(posting.key AS BLOB)), amount
         FROM posting LEFT JOIN entry ON entry.posting = posting.id WHERE epoch = ? AND partition = ?",
    )?;
    let mut recorded = connection.prepare("INSERT INTO temp.sums (key, recorded) VALUES (?, ?)")?;
    let mut current = connection.prepare(
        "SELECT content FROM whole_record WHERE partition = ? AND until_commit IS NULL AND counts = 1",
    )?;
    let mut differing = connection.prepare(
        "SELECT lower(hex(key)), recorded, posted
         FROM (SELECT key, exact_sum(recorded) AS recorded, exact_sum(posted) AS posted FROM temp.sums GROUP BY key)
         WHERE recorded <> posted",
    )?;
    for epoch in post::open_epochs(connection)? {
        for &partition in &partitions {
            connection.execute("DELETE FROM temp.sums", [])?;
            let context = post::context(connection, partition)?;
            if context.source.counts {
                let mut rows = current.query([partition])?;
                while let Some(row) = rows.next()? {
                    let record = key::record(&row.get::<_, String>(0)?)?;
                    let measure = epoch.measure.of(&record).to_string();
                    let (_, key) = posting_key(&dims(&context.place, record, &epoch.roll_up))?;
                    recorded.execute(params![key, measure])?;
                }
            }
            posted.execute(params![epoch.id, partition])?;
            let mut rows = differing.query([])?;
            while let Some(row) = rows.next()? {
                let (key, records, entries): (String, String, String) =
                    (row.get(0)?, row.get(1)?, row.get(2)?);
                let what = format!(
                    "posting key {key} in partition {partition} of the stream {}: records add up to {records}, \
                     entries to {entries}",
                    crate::foreign::Foreign::new(context.place.stream.as_str())
                );
                report.found(Rule::Sums, what);
            }
        }
    }
    Ok(())
}

/// Law 3: what the states of a destination's entries add up to is what was posted to it, and states and batches agree.
pub(super) fn states(connection: &Connection, report: &mut Report) -> Result<(), LedgerError> {
    report.none(
        connection,
        Rule::States,
        "SELECT printf('destination %s: settled %s, pending %s, ambiguous %s, dead %s and dropped %s are not %s posted',
                       name, settled, pending, ambiguous, dead, dropped, posted)
         FROM (SELECT name, settled, pending, ambiguous, dead, dropped,
                   (SELECT exact_sum(total) FROM posting JOIN epoch ON epoch.id = posting.epoch
                    WHERE epoch.destination = destination.id) AS posted,
                   (SELECT exact_sum(x) FROM (SELECT settled AS x UNION ALL SELECT pending UNION ALL SELECT ambiguous
                                              UNION ALL SELECT dead UNION ALL SELECT dropped)) AS together
               FROM destination JOIN (SELECT destination,
                       exact_sum(iif(state = 'settled', amount, NULL)) AS settled,
                       exact_sum(iif(state IN ('pending', 'held'), amount, NULL)) AS pending,
                       exact_sum(iif(state = 'ambiguous', amount, NULL)) AS ambiguous,
                       exact_sum(iif(state = 'dead', amount, NULL)) AS dead,
                       exact_sum(iif(state = 'dropped', amount, NULL)) AS dropped
                   FROM entry GROUP BY destination) AS sums ON sums.destination = destination.id)
         WHERE posted <> together",
    )?;
    report.none(
        connection,
        Rule::States,
        "SELECT printf('entry %d is %s, its batch %d is %s', entry.id, entry.state, batch.id, batch.state)
         FROM entry JOIN batch ON batch.id = entry.batch
         WHERE (batch.state = 'settled' AND entry.state IN ('pending', 'held', 'ambiguous'))
            OR (batch.state = 'dissolved' AND entry.state IN ('pending', 'ambiguous'))",
    )?;
    report.none(
        connection,
        Rule::States,
        "SELECT printf('entry %d is ambiguous and in no open batch', entry.id)
         FROM entry LEFT JOIN batch ON batch.id = entry.batch
         WHERE entry.state = 'ambiguous' AND (batch.state IS NULL OR batch.state NOT IN ('sealed', 'ambiguous'))",
    )?;
    report.none(
        connection,
        Rule::States,
        "SELECT printf('entry %d waits for a destination whose epoch has ended', entry.id)
         FROM entry JOIN posting ON posting.id = entry.posting JOIN epoch ON epoch.id = posting.epoch
         WHERE epoch.ended IS NOT NULL AND entry.state IN ('pending', 'held', 'ambiguous')",
    )
}
