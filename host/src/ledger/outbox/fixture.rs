//! A ledger with rows put in by plain SQL, for the tests of outbox and delivery.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use super::{Counts, counts};
use crate::ledger::store::{Store, hash_parts};
use finops_decimal::Decimal;
use rusqlite::{Connection, types::FromSql};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A ledger of its own with one destination, row id 1.
pub(crate) struct Books {
    pub(crate) store: Store,
    directory: TempDir,
}

pub(crate) const DESTINATION: i64 = 1;

impl Books {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path()).unwrap();
        let books = Self { store, directory };
        books.sql(
            "INSERT INTO run (instance, collector, version, sha256, started) VALUES ('prod', 'c', '1', 'x', 0);
             INSERT INTO commits (run, at, state) VALUES (1, 0, 'applied');
             INSERT INTO destination (name, kind, identity, measure, currency, state)
               VALUES ('openfinops', 'journal', 'http://localhost', 'effective', 'USD', 'active');
             INSERT INTO epoch (destination, number, start_mode, started) VALUES (1, 1, 'baseline', 0)",
        );
        books
    }

    /// The same ledger, opened anew.
    pub(crate) fn reopened(self) -> Self {
        let Self { store, directory } = self;
        drop(store);
        let store = Store::open(directory.path()).unwrap();
        Self { store, directory }
    }

    pub(crate) fn with<R: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Connection) -> R + Send + 'static,
    ) -> R {
        self.store
            .with_blocking(move |connection| Ok(job(connection)))
            .unwrap()
    }

    pub(crate) fn sql(&self, sql: &str) {
        let sql = sql.to_owned();
        self.with(move |connection| connection.execute_batch(&sql).unwrap());
    }

    pub(crate) fn ask<T: FromSql + Send + 'static>(&self, sql: &str) -> Vec<T> {
        let sql = sql.to_owned();
        self.with(move |connection| {
            let mut statement = connection.prepare(&sql).unwrap();
            let rows = statement.query_map([], |row| row.get(0)).unwrap();
            rows.map(Result::unwrap).collect()
        })
    }

    pub(crate) fn counts(&self) -> Counts {
        self.with(|connection| counts(connection, DESTINATION).unwrap())
    }

    /// A source with one stream and one partition; all three have the same row id.
    pub(crate) fn source(&self, account: &str) -> i64 {
        let account = account.to_owned();
        self.with(move |connection| {
            let hash = hash_parts([account.as_bytes()]);
            let sql = "INSERT INTO source (hash, provider, billing_account, scope, instance) VALUES (?1, 'snowflake', ?2, '', 'prod')";
            connection.execute(sql, (hash, account)).unwrap();
            let source = connection.last_insert_rowid();
            let sql = "INSERT INTO stream (id, source, name, definition, grain, basis, key_version) \
                       VALUES (?1, ?1, 'spend', '{}', 'day', 'billed', 1)";
            connection.execute(sql, [source]).unwrap();
            let sql = "INSERT INTO partition (id, stream, start, stop, completeness, observed_through, commit_id) \
                       VALUES (?1, ?1, 0, 86400, 'complete', 86400, 1)";
            connection.execute(sql, [source]).unwrap();
            source
        })
    }

    /// A pending entry on a posting of its own, with these dimensions beside the usual: its `entry_id`.
    pub(crate) fn entry_of(&self, source: i64, amount: &str, more: &Value) -> String {
        let mut dims = json!({"stream": "spend", "partition_start": "1970-01-01T00:00:00Z",
            "charge_start": "1970-01-01T00:00:00Z", "charge_end": "1970-01-02T00:00:00Z",
            "service": "STORAGE", "service_category": "Storage", "currency": "USD"});
        dims.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        let amount: Decimal = amount.parse().unwrap();
        self.with(move |connection| {
            let number: i64 =
                connection.query_row("SELECT COUNT(*) FROM posting", [], |row| row.get(0)).unwrap();
            let key = hash_parts([number.to_string().as_bytes()]);
            let entry_id = hash_parts([key.as_bytes(), b"1"]);
            let sql = "INSERT INTO posting (epoch, partition, key, dims, currency, sequence, total) \
                       VALUES (1, ?1, ?2, ?3, 'USD', 1, ?4)";
            connection.execute(sql, (source, &key, dims.to_string(), amount.to_string())).unwrap();
            let posting = connection.last_insert_rowid();
            let sql = "INSERT INTO entry (entry_id, posting, source, destination, commit_id, sequence, amount, total_after, state, checksum) \
                       VALUES (?1, ?2, ?3, 1, 1, 1, ?4, ?4, 'pending', '')";
            connection.execute(sql, (&entry_id, posting, source, amount.to_string())).unwrap();
            entry_id
        })
    }

    pub(crate) fn entry(&self, source: i64, amount: &str) -> String {
        self.entry_of(source, amount, &json!({}))
    }

    pub(crate) fn observe(&self, source: i64, seq: i64, value: &str) {
        self.sql(&format!(
            "INSERT INTO observation (source, name, dims, value, unit, at, seq) \
             VALUES ({source}, 'credits', '{{}}', '{value}', 'Credits', 60, {seq}) \
             ON CONFLICT (source, name, dims) DO UPDATE SET value = excluded.value, seq = excluded.seq"
        ));
    }

    pub(crate) fn event(&self, source: i64, kind: &str) {
        self.sql(&format!(
            "INSERT INTO event (source, at, kind, detail) VALUES ({source}, 60, '{kind}', '{{}}')"
        ));
    }
}
