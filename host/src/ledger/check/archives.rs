//! The checker's part for archives: each file is there as it was written, its row and its partition say so, and the records
//! that stay in the database come to the balance that was struck. That each record's content in the file is what its revision
//! and measures say is proven with the other records.

use super::{Report, Rule};
use crate::ledger::{archive::archive_checksum, store::LedgerError};
use rusqlite::Connection;

/// Checks all archives. Whether the content of every record can be read.
pub(super) fn check(connection: &Connection, report: &mut Report) -> Result<bool, LedgerError> {
    let found = report.findings.len();
    let mut statement = connection.prepare(
        "SELECT partition, file, bytes, records, at, checksum, archive_fault(file, bytes) FROM archive ORDER BY partition",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (partition, file): (i64, String) = (row.get(0)?, row.get(1)?);
        let sum = archive_checksum(partition, &file, row.get(2)?, row.get(3)?, row.get(4)?);
        if row.get::<_, String>(5)? != sum {
            let what = format!("the checksum of the archive of partition {partition} is not that of its row");
            report.found(Rule::Row, what);
        }
        if let Some(fault) = row.get::<_, Option<String>>(6)? {
            let what = format!("the archive {file} of partition {partition}: {fault}");
            report.found(Rule::Archive, what);
        }
    }
    report.none(
        connection,
        Rule::Archive,
        "SELECT printf('record %d of partition %d has its content in an archive, and its partition has none', id, partition)
         FROM record WHERE content = '{}' AND partition NOT IN (SELECT partition FROM archive)",
    )?;
    let readable = report.findings.len() == found && report.untold == 0;
    report.none(
        connection,
        Rule::Archive,
        "SELECT printf('partition %d is %s', id, iif(archived, 'archived, and nothing says where',
                       'not archived, and something says where it is'))
         FROM partition WHERE archived <> (id IN (SELECT partition FROM archive))",
    )?;
    report.none(
        connection,
        Rule::Archive,
        "SELECT printf('partition %d has %d records, its archive has %d', partition, here, records)
         FROM (SELECT partition, records, (SELECT count(*) FROM record WHERE record.partition = archive.partition
                                           AND content = '{}') AS here FROM archive)
         WHERE here <> records",
    )?;
    balances(connection, report)?;
    Ok(readable)
}

/// What was struck when a partition was archived is what its current records come to: a change brings it back.
fn balances(connection: &Connection, report: &mut Report) -> Result<(), LedgerError> {
    report.none(
        connection,
        Rule::Archive,
        "WITH here AS (
             SELECT partition, currency, count(*) AS records, exact_sum(billed) AS billed, exact_sum(effective) AS effective,
                    exact_sum(list) AS list, exact_sum(contracted) AS contracted
             FROM record WHERE until_commit IS NULL AND partition IN (SELECT partition FROM archive) GROUP BY 1, 2),
         told AS (SELECT partition, currency, records, billed, effective, list, contracted FROM archive_balance)
         SELECT printf('the balance of the archived partition %d in %s is not what its records come to', partition, currency)
         FROM (SELECT * FROM (SELECT * FROM here EXCEPT SELECT * FROM told)
               UNION SELECT * FROM (SELECT * FROM told EXCEPT SELECT * FROM here))
         GROUP BY partition, currency",
    )
}
