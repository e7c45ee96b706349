//! The checker's half for records: their rows, law 1, what counts, and checkpoints (law 4).

use super::{Report, Rule};
use crate::ledger::{
    commit::checkpoint_checksum,
    fingerprint::Fingerprint,
    key,
    replace::record_checksum,
    store::{Hash, LedgerError},
    stream, supersede,
};
use rusqlite::Connection;
use std::collections::BTreeMap;

/// Every record's checksum, revision and columns; the key too, where it is current.
pub(super) fn check(connection: &Connection, report: &mut Report) -> Result<(), LedgerError> {
    let mut key_tags: BTreeMap<i64, Vec<String>> = BTreeMap::new();
    let mut prints: BTreeMap<i64, Fingerprint> = BTreeMap::new();
    let mut statement = connection.prepare(
        "SELECT record.id, record.partition, key, revision, content, from_commit, checksum, service, currency,
                billed, effective, list, contracted, stream.id, stream.definition, until_commit IS NULL
         FROM whole_record AS record JOIN partition ON partition.id = record.partition
         JOIN stream ON stream.id = partition.stream",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        report.records += 1;
        let id: i64 = row.get(0)?;
        let (partition, content): (i64, String) = (row.get(1)?, row.get(4)?);
        // A hash of another length is damage to tell of, not a reason to stop.
        let hash = |column| -> rusqlite::Result<Hash> { Ok(row.get(column).unwrap_or_default()) };
        let (key, revision) = (hash(2)?, hash(3)?);
        if row.get(15)? {
            let sum = prints.entry(partition).or_default();
            *sum = sum.with(Fingerprint::of(&key, &revision));
        }
        if row.get::<_, Vec<u8>>(6)? != record_checksum(partition, &key, &revision, row.get(5)?) {
            report.found(
                Rule::Row,
                format!("the checksum of record {id} is not that of its row"),
            );
        }
        if revision != key::revision(&content) {
            report.found(
                Rule::Row,
                format!("the revision of record {id} is not that of its content"),
            );
        }
        let Ok(record) = key::record(&content) else {
            report.found(Rule::Row, format!("the content of record {id} does not read"));
            continue;
        };
        let of = row.get(13)?;
        let tags = match key_tags.entry(of) {
            std::collections::btree_map::Entry::Occupied(tags) => tags.into_mut(),
            std::collections::btree_map::Entry::Vacant(place) => {
                place.insert(stream::definition(&row.get::<_, String>(14)?)?.key_tags)
            }
        };
        if key != key::record_key(&record, tags) {
            report.found(
                Rule::Row,
                format!("the key of record {id} is not that of its content"),
            );
        }
        let text = |cost: finops_decimal::Decimal| cost.to_string();
        let columns = [
            (7, Some(record.service_name)),
            (8, Some(record.billing_currency)),
            (9, Some(text(record.billed_cost))),
            (10, Some(text(record.effective_cost))),
            (11, record.list_cost.map(text)),
            (12, record.contracted_cost.map(text)),
        ];
        for (column, value) in columns {
            if row.get::<_, Option<String>>(column)? != value {
                let name = row.as_ref().column_name(column)?.to_owned();
                report.found(
                    Rule::Row,
                    format!("the column {name} of record {id} is not that of its content"),
                );
            }
        }
    }
    fingerprints(connection, &prints, report)
}

/// Each kept fingerprint is that of the partition's current records.
fn fingerprints(
    connection: &Connection,
    found: &BTreeMap<i64, Fingerprint>,
    report: &mut Report,
) -> Result<(), LedgerError> {
    let mut statement =
        connection.prepare("SELECT id, fingerprint FROM partition WHERE fingerprint IS NOT NULL")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let partition: i64 = row.get(0)?;
        let of_records = found.get(&partition).copied().unwrap_or_default();
        if row.get::<_, Fingerprint>(1).ok() != Some(of_records) {
            report.found(
                Rule::Row,
                format!("the fingerprint of partition {partition} is not that of its records"),
            );
        }
    }
    Ok(())
}

/// Law 1: within each commit, from commit to commit, and against the records that there are.
pub(super) fn counts(connection: &Connection, report: &mut Report) -> Result<(), LedgerError> {
    report.none(
        connection,
        Rule::Counts,
        "SELECT printf('the counts of commit %d on partition %d do not add up', commit_id, partition)
         FROM commit_partition
         WHERE written <> unchanged + revised + added + merged OR before <> unchanged + revised + withdrawn
            OR after <> unchanged + revised + added",
    )?;
    report.none(
        connection,
        Rule::Counts,
        "SELECT printf('commit %d on partition %d begins with %d records, the one before it left %d',
                       commit_id, partition, before, earlier)
         FROM (SELECT *, COALESCE(LAG(after) OVER (PARTITION BY partition ORDER BY commit_id), 0) AS earlier
               FROM commit_partition)
         WHERE before <> earlier",
    )?;
    report.none(
        connection,
        Rule::Counts,
        "SELECT printf('commit %d on partition %d made %d records and ended %d, its counts say otherwise',
                       commit_id, partition, made, gone)
         FROM (SELECT commit_partition.*,
                   (SELECT count(*) FROM record WHERE record.partition = commit_partition.partition
                    AND from_commit = commit_id) AS made,
                   COALESCE(ended.gone, 0) AS gone
               FROM commit_partition
               LEFT JOIN (SELECT partition AS p, until_commit AS c, count(*) AS gone FROM record
                          WHERE until_commit IS NOT NULL GROUP BY 1, 2) AS ended
                   ON ended.p = partition AND ended.c = commit_id)
         WHERE made <> revised + added OR gone <> revised + withdrawn",
    )?;
    report.none(
        connection,
        Rule::Counts,
        "SELECT printf('partition %d holds %d records, its last commit left %d', partition, current, after)
         FROM (SELECT partition, after,
                   ROW_NUMBER() OVER (PARTITION BY partition ORDER BY commit_id DESC) AS back,
                   (SELECT count(*) FROM record WHERE record.partition = commit_partition.partition
                    AND until_commit IS NULL) AS current
               FROM commit_partition)
         WHERE back = 1 AND current <> after",
    )?;
    report.none(
        connection,
        Rule::Counts,
        "SELECT printf('partition %d was last touched by commit %d, which says nothing of it', id, commit_id)
         FROM partition WHERE NOT EXISTS (SELECT 1 FROM commit_partition JOIN commits ON commits.id = commit_id
             WHERE commit_partition.partition = partition.id AND commit_id = partition.commit_id
               AND state = 'applied')",
    )
}

/// What counts is what the rule of superseding says; a view or a retired stream never does.
pub(super) fn counting(connection: &Connection, report: &mut Report) -> Result<(), LedgerError> {
    report.none(
        connection,
        Rule::Counting,
        "SELECT printf('record %d counts, though its stream is a view', record.id)
         FROM record JOIN partition ON partition.id = record.partition JOIN stream ON stream.id = partition.stream
         WHERE until_commit IS NULL AND counts = 1 AND view_of IS NOT NULL",
    )?;
    report.none(
        connection,
        Rule::Counting,
        "SELECT printf('record %d counts, though its stream is retired', record.id)
         FROM record JOIN partition ON partition.id = record.partition JOIN stream ON stream.id = partition.stream
         WHERE until_commit IS NULL AND counts = 1 AND retired_by = ''",
    )?;
    let mut statement = connection.prepare("SELECT id FROM source ORDER BY id")?;
    let sources: Vec<i64> = statement
        .query_map([], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    for source in sources {
        for chain in supersede::chains(connection, source)? {
            for stretch in chain.stretches(connection)? {
                chain.find_flips(connection, stretch)?;
                report.none(
                    connection,
                    Rule::Counting,
                    "SELECT printf('record %d of partition %d %s', record, partition,
                                   iif(counts, 'does not count but must', 'counts but must not'))
                     FROM temp.flip",
                )?;
            }
        }
    }
    Ok(())
}

/// Law 4: a checkpoint is that of an applied commit which touched its stream, and is as it was stored.
pub(super) fn checkpoints(connection: &Connection, report: &mut Report) -> Result<(), LedgerError> {
    report.none(
        connection,
        Rule::Checkpoint,
        "SELECT printf('the checkpoint of stream %d belongs to commit %d, which did not touch that stream',
                       checkpoint.stream, checkpoint.commit_id)
         FROM checkpoint WHERE NOT EXISTS (SELECT 1 FROM commit_partition
             JOIN partition ON partition.id = commit_partition.partition
             JOIN commits ON commits.id = commit_partition.commit_id
             WHERE commit_partition.commit_id = checkpoint.commit_id AND partition.stream = checkpoint.stream
               AND commits.state = 'applied')",
    )?;
    let mut statement = connection.prepare("SELECT stream, value, commit_id, checksum FROM checkpoint")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (stream, value, commit): (i64, Vec<u8>, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        if row.get::<_, String>(3)? != checkpoint_checksum(stream, &value, commit) {
            let what = format!("the checkpoint of stream {stream} is not as commit {commit} stored it");
            report.found(Rule::Checkpoint, what);
        }
    }
    Ok(())
}
