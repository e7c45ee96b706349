//! The checker's part for snapshots: what files say of months that are final, and what later files say instead.
//!
//! Proven from the rows alone: a final month is over; a record stands in final files once or not at all, and each correction
//! follows what it corrects; what final files lack, or have and no longer counts, waits as a correction, and nothing else does;
//! a partition is known by the months of its records. Partitions that changed since are not sorted yet, and not judged.

use super::{Report, Rule};
use crate::ledger::store::LedgerError;
use rusqlite::Connection;

/// Snapshots' open epochs with all records: of table `record`, joined with its partition, stream and source.
const RECORDS: &str = "epoch JOIN destination ON destination.id = epoch.destination AND kind = 'snapshot' AND epoch.ended IS NULL
    JOIN source JOIN stream ON stream.source = source.id JOIN partition ON partition.stream = stream.id
    JOIN whole_record AS record ON record.partition = partition.id";
/// Only of partitions that are sorted.
const SORTED: &str =
    "NOT EXISTS (SELECT 1 FROM snapshot_dirty AS d WHERE d.epoch = epoch.id AND d.partition = partition.id)";
/// Whether a record counts now.
const COUNTS: &str = "(until_commit IS NULL AND record.counts = 1 AND source.counts = 1 AND view_of IS NULL)";
/// The month of a record.
const MONTH: &str = "substr(json_extract(content, '$.BillingPeriod.start'), 1, 7)";

/// Checks what can be known without the content of records.
pub(super) fn rows(connection: &Connection, report: &mut Report) -> Result<(), LedgerError> {
    report.none(
        connection,
        Rule::Snapshot,
        "SELECT printf('the month %s of source %d is final since before it was over', month, source)
         FROM snapshot_closed WHERE at < unixepoch(month || '-01', '+1 month')",
    )?;
    report.none(
        connection,
        Rule::Snapshot,
        "SELECT printf('record %d stands in the final file of %s, which is not final for source %d', record, month, source)
         FROM snapshot_final AS f WHERE NOT EXISTS (SELECT 1 FROM snapshot_closed AS c
             WHERE c.epoch = f.epoch AND c.source = f.source AND c.month = f.month)",
    )?;
    report.none(
        connection,
        Rule::Snapshot,
        "SELECT printf('record %d is told for another partition or source than its own', record)
         FROM (SELECT record, partition, source FROM snapshot_final UNION ALL
               SELECT record, partition, source FROM snapshot_pending) AS told
         WHERE NOT EXISTS (SELECT 1 FROM record JOIN partition ON partition.id = record.partition
             JOIN stream ON stream.id = partition.stream
             WHERE record.id = told.record AND record.partition = told.partition AND stream.source = told.source)",
    )?;
    // A correction goes to the first month that is open, so the rows of a record became final in the order of months: they
    // take turns.
    report.none(
        connection,
        Rule::Snapshot,
        "SELECT printf('record %d is %s by the final file of %s, and no earlier one %s it', record,
                       iif(sign > 0, 'told', 'taken back'), month, iif(sign > 0, 'took back', 'has'))
         FROM (SELECT f.record, f.month, sign, COALESCE(lag(sign) OVER (PARTITION BY f.epoch, f.record
                   ORDER BY f.month), -1) AS earlier
               FROM snapshot_final AS f)
         WHERE sign = earlier",
    )
}

/// Checks what is told against the content of records.
pub(super) fn content(connection: &Connection, report: &mut Report) -> Result<(), LedgerError> {
    report.none(
        connection,
        Rule::Snapshot,
        &format!(
            "WITH net AS (SELECT epoch, record, sum(sign) AS has FROM snapshot_final GROUP BY 1, 2),
             judged AS (
                 SELECT epoch.id AS epoch, record.id AS record, {MONTH} AS month, COALESCE(has, 0) AS has,
                     ({COUNTS} AND json_extract(content, '$.Basis') = 'billed' AND EXISTS (SELECT 1 FROM snapshot_closed AS c
                         WHERE c.epoch = epoch.id AND c.source = source.id AND c.month = {MONTH})) AS should,
                     COALESCE(p.sign, 0) AS pending, p.month AS said
                 FROM {RECORDS} LEFT JOIN net ON net.epoch = epoch.id AND net.record = record.id
                     LEFT JOIN snapshot_pending AS p
                         ON p.epoch = epoch.id AND p.partition = partition.id AND p.record = record.id
                 WHERE {SORTED}
                     AND EXISTS (SELECT 1 FROM snapshot_closed AS c WHERE c.epoch = epoch.id AND c.source = source.id)
                     AND ({COUNTS} OR has IS NOT NULL OR p.sign IS NOT NULL))
             SELECT iif(said <> month,
                 printf('the correction of record %d is of %s, the record of %s', record, said, month),
                 printf('record %d of the final month %s should be told %d times, final files tell it %d and corrections %d',
                        record, month, should, has, pending))
             FROM judged WHERE should <> has + pending OR said <> month"
        ),
    )?;
    report.none(
        connection,
        Rule::Snapshot,
        &format!(
            "WITH here AS (SELECT DISTINCT epoch.id AS epoch, record.partition AS partition, {MONTH} AS month
                           FROM {RECORDS} WHERE {SORTED} AND {COUNTS}),
             told AS (SELECT m.epoch, m.partition, m.month FROM snapshot_month AS m JOIN epoch ON epoch.id = m.epoch
                      WHERE ended IS NULL AND NOT EXISTS (SELECT 1 FROM snapshot_dirty AS d
                          WHERE d.epoch = m.epoch AND d.partition = m.partition))
             SELECT printf('partition %d has records of %s, and its files do not know it', partition, month)
             FROM (SELECT * FROM here EXCEPT SELECT * FROM told)
             UNION ALL SELECT printf('partition %d has no records of %s, and its files think so', partition, month)
             FROM (SELECT * FROM told EXCEPT SELECT * FROM here)"
        ),
    )
}
