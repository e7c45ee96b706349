//! What `status` and `destination list` show of snapshots. Reads only.

use super::{SnapshotEpoch, optional_instant};
use crate::ledger::store::LedgerError;
use jiff::Timestamp;
use rusqlite::{Connection, params};
use serde::Serialize;

/// A snapshot destination.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SnapshotRow {
    /// Its name.
    pub destination: String,
    /// Its open epoch.
    #[serde(skip)]
    pub epoch: SnapshotEpoch,
    /// `active` or `paused`.
    pub state: String,
    /// Why it is paused.
    pub paused: Option<String>,
    /// Its directory.
    pub directory: String,
    /// The version of FOCUS.
    pub version: String,
    /// The format of the files.
    pub format: String,
    /// Files that stand.
    pub files: u64,
    /// Changed partitions and stale files that wait to be rendered.
    pub waiting: u64,
    /// Source and month pairs that are final.
    pub final_months: u64,
    /// When everything was last up to date.
    pub rendered: Option<Timestamp>,
    /// Why it is not.
    pub error: Option<String>,
}

/// The snapshot destinations.
///
/// # Errors
/// See [`LedgerError`].
pub fn snapshots(connection: &Connection) -> Result<Vec<SnapshotRow>, LedgerError> {
    let mut statement = connection.prepare_cached(
        "SELECT name, destination.state, reason, COALESCE(directory, ''), COALESCE(version, ''), COALESCE(format, ''),
                (SELECT count(*) FROM snapshot_file WHERE epoch = epoch.id),
                (SELECT count(*) FROM snapshot_dirty WHERE epoch = epoch.id)
                + (SELECT count(*) FROM snapshot_stale WHERE epoch = epoch.id),
                (SELECT count(*) FROM snapshot_closed WHERE epoch = epoch.id), rendered, error,
                epoch.id, number
         FROM destination JOIN epoch ON epoch.destination = destination.id
         LEFT JOIN snapshot_state ON snapshot_state.epoch = epoch.id
         WHERE kind = 'snapshot' AND ended IS NULL ORDER BY name",
    )?;
    let mut rows = statement.query(params![])?;
    let mut snapshots = Vec::new();
    while let Some(row) = rows.next()? {
        let count = |column: usize| row.get::<_, i64>(column).map(i64::unsigned_abs);
        let paused: Option<String> = row.get(2)?;
        snapshots.push(SnapshotRow {
            destination: row.get(0)?,
            epoch: SnapshotEpoch {
                id: row.get(11)?,
                number: row.get(12)?,
                paused: paused.clone(),
            },
            state: row.get(1)?,
            paused,
            directory: row.get(3)?,
            version: row.get(4)?,
            format: row.get(5)?,
            files: count(6)?,
            waiting: count(7)?,
            final_months: count(8)?,
            rendered: optional_instant(row.get(9)?)?,
            error: row.get(10)?,
        });
    }
    Ok(snapshots)
}
