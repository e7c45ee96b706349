//! Bringing a ledger of an older schema up to this program's, step by step.
//! What must hold: a step only adds, in one transaction with the version that it reaches; no step touches money.

use super::{
    snapshot,
    store::{LedgerError, SCHEMA_VERSION},
};
use rusqlite::{Connection, TransactionBehavior};

type Step = fn(&Connection) -> rusqlite::Result<()>;

/// What leads from each version to the next; the first leads from 1 to 2.
const STEPS: [Step; 2] = [second, third];

/// When a stream was retired; whether a run's money counts; completeness as it was at each commit (NULL: unknown).
fn second(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(
        "ALTER TABLE stream ADD COLUMN retired_at INTEGER;
         ALTER TABLE run ADD COLUMN counts INTEGER NOT NULL DEFAULT 1;
         ALTER TABLE commit_partition ADD COLUMN completeness TEXT;",
    )
}

/// Snapshots, and views for other programs.
fn third(connection: &Connection) -> rusqlite::Result<()> {
    snapshot::add_tables(connection)
}

/// Takes the steps that are missing.
///
/// # Errors
/// See [`LedgerError`]; then nothing has changed.
pub(super) fn migrate(connection: &mut Connection) -> Result<(), LedgerError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Another process may have been faster.
    let version: i64 = transaction.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    let taken = usize::try_from(version.saturating_sub(1)).unwrap_or_default();
    for step in STEPS.iter().skip(taken) {
        step(&transaction)?;
    }
    if version < SCHEMA_VERSION {
        transaction.pragma_update(None, "user_version", SCHEMA_VERSION)?;
    }
    transaction.commit()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{
        component::descriptor::Grain,
        ledger::{sample, store::open_read_only},
    };

    const DAY: &str = "2026-08-01T00:00:00Z";

    /// Every column of every table.
    fn columns(bench: &sample::Bench) -> Vec<String> {
        bench.rows(
            "SELECT m.name, c.name, c.type, c.\"notnull\", c.dflt_value FROM sqlite_master m, pragma_table_info(m.name) c
             WHERE m.type = 'table' ORDER BY m.name, c.name",
        )
    }

    #[test]
    fn a_ledger_of_the_first_schema_becomes_one_of_this_and_keeps_its_books() {
        let mut bench = sample::Bench::posting();
        let stream = sample::stream("daily", Grain::Day);
        bench
            .commit(&stream, &[DAY], vec![sample::record(DAY, "Compute", "1")])
            .unwrap();
        let (wanted, entries) = (columns(&bench), bench.entries());
        bench.doctor(
            "DROP TABLE snapshot_dirty; DROP TABLE snapshot_month; DROP TABLE snapshot_stale; DROP TABLE snapshot_file;
             DROP TABLE snapshot_closed; DROP TABLE snapshot_final; DROP TABLE snapshot_pending; DROP TABLE snapshot_state;
             DROP VIEW finops_current_cost; DROP VIEW finops_entry; DROP VIEW finops_coverage;
             ALTER TABLE stream DROP COLUMN retired_at; ALTER TABLE run DROP COLUMN counts;
             ALTER TABLE commit_partition DROP COLUMN completeness; PRAGMA user_version = 1;",
        );
        drop(open_read_only(bench.directory.path()).unwrap());
        assert_eq!(columns(&bench), wanted, "a reader brings it up, too");
        bench.reopen();
        assert_eq!(bench.entries(), entries);
        assert_eq!(bench.findings(), [""; 0]);
        assert_eq!(STEPS.len() + 1, usize::try_from(SCHEMA_VERSION).unwrap());
    }
}
