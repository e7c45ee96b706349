//! Many records from a guest into the ledger, against the same rows by SQLite alone.

use crate::{
    figure::{RECORDS, RECORDS_BARE, RECORDS_RUN, Samples},
    sandboxed,
    setting::Setting,
    stopwatch::nanoseconds,
};
use finops_host::{
    sandbox::Runtime,
    schedule::{Asked, Prepared},
};
use finops_tests::{Error, books};
use rusqlite::{Connection, params_from_iter, types::Value};
use std::{path::Path, time::Instant};

/// The rows of a table, and how it was made.
pub(crate) struct Rows {
    create: String,
    insert: String,
    rows: Vec<Vec<Value>>,
}

/// One round.
pub(crate) async fn measure(
    setting: &Setting,
    runtime: &Runtime,
    prepared: &Prepared,
    samples: &mut Samples,
) -> Result<(), Error> {
    let ran = sandboxed::run(setting, runtime, prepared, Asked::Everything).await?;
    if ran.added != RECORDS {
        let added = ran.added;
        return Err(format!("{added} records arrived instead of {RECORDS}").into());
    }
    samples.add(&RECORDS_RUN, rate(RECORDS, ran.spent.wall)?);

    let rows = Rows::of_ledger(ran.state.path(), RECORDS)?;
    let file = ran.state.path().join("bare.db");
    let spent = tokio::task::block_in_place(|| rows.insert_into(&file))?;
    samples.add(&RECORDS_BARE, rate(RECORDS, spent)?);
    Ok(())
}

/// Pieces a second.
pub(crate) fn rate(pieces: u64, nanoseconds: u64) -> Result<u64, Error> {
    Ok(u64::try_from(
        u128::from(pieces) * 1_000_000_000 / u128::from(nanoseconds.max(1)),
    )?)
}

impl Rows {
    /// The first records as the ledger stored them.
    pub(crate) fn of_ledger(state: &Path, records: u64) -> Result<Self, Error> {
        let ledger = books::open(state)?;
        let create = "SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = 'record'";
        let create: String = ledger.query_row(create, [], |row| row.get(0))?;
        let mut statement = ledger.prepare("SELECT * FROM record ORDER BY id LIMIT ?")?;
        let columns = statement.column_count();
        let rows = statement.query_map([i64::try_from(records)?], |row| {
            (0..columns).map(|column| row.get(column)).collect()
        })?;
        let rows: Vec<Vec<Value>> = rows.collect::<Result<_, _>>()?;
        if u64::try_from(rows.len())? != records {
            return Err(format!("the ledger holds {} rows instead of {records}", rows.len()).into());
        }
        Ok(Self {
            create,
            insert: format!("INSERT INTO record VALUES ({})", vec!["?"; columns].join(", ")),
            rows,
        })
    }

    /// Inserts them into a new file with the ledger's own durability: as fast as SQLite alone can. Gives nanoseconds.
    pub(crate) fn insert_into(&self, file: &Path) -> Result<u64, Error> {
        let mut bare = Connection::open(file)?;
        bare.pragma_update(None, "journal_mode", "WAL")?;
        bare.pragma_update(None, "synchronous", "FULL")?;
        // The tables that the rows refer to are not there.
        bare.pragma_update(None, "foreign_keys", false)?;
        bare.execute_batch(&self.create)?;
        let watch = Instant::now();
        let transaction = bare.transaction()?;
        {
            let mut insert = transaction.prepare(&self.insert)?;
            for row in &self.rows {
                insert.execute(params_from_iter(row))?;
            }
        }
        transaction.commit()?;
        nanoseconds(watch.elapsed())
    }
}
