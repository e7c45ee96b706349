//! Version 3: hashes and checksums of records as their bytes instead of in hex, and numbers of writers that are given once.
//! What must hold: only the form changes. What is no hex, which is damage, stays as it is and is found by the checker.

use rusqlite::Connection;

/// Rebuilds the tables that hold records. What was staged for no held commit goes: it is staged elsewhere now, and the runs
/// that wrote it are dead.
pub(super) fn as_bytes(transaction: &Connection) -> rusqlite::Result<()> {
    transaction.execute_batch(
        "CREATE TABLE record_in_bytes (
             id INTEGER PRIMARY KEY,
             partition INTEGER NOT NULL REFERENCES partition(id),
             key BLOB NOT NULL, revision BLOB NOT NULL,
             content TEXT NOT NULL,
             service TEXT NOT NULL, currency TEXT NOT NULL,
             billed TEXT NOT NULL, effective TEXT NOT NULL, list TEXT, contracted TEXT,
             counts INTEGER NOT NULL,
             from_commit INTEGER NOT NULL REFERENCES commits(id),
             until_commit INTEGER REFERENCES commits(id),
             checksum BLOB NOT NULL
         ) STRICT;
         INSERT INTO record_in_bytes
             SELECT id, partition, COALESCE(unhex(key), CAST(key AS BLOB)), COALESCE(unhex(revision), CAST(revision AS BLOB)),
                    content, service, currency, billed, effective, list, contracted, counts, from_commit, until_commit,
                    COALESCE(unhex(checksum), CAST(checksum AS BLOB))
             FROM record;
         DROP TABLE record;
         ALTER TABLE record_in_bytes RENAME TO record;
         CREATE UNIQUE INDEX record_current ON record (partition, key) WHERE until_commit IS NULL;
         CREATE INDEX record_history ON record (partition, from_commit);

         CREATE TABLE writer_of_its_own (
             id INTEGER PRIMARY KEY AUTOINCREMENT,
             run INTEGER NOT NULL REFERENCES run(id),
             stream INTEGER NOT NULL REFERENCES stream(id),
             partitions TEXT NOT NULL,
             seal TEXT,
             commit_id INTEGER REFERENCES commits(id)
         ) STRICT;
         INSERT INTO writer_of_its_own SELECT id, run, stream, partitions, seal, commit_id FROM staged_writer;
         CREATE TABLE staged_in_bytes (
             writer INTEGER NOT NULL REFERENCES writer_of_its_own(id),
             seq INTEGER NOT NULL,
             start INTEGER NOT NULL,
             key BLOB NOT NULL, revision BLOB NOT NULL, content TEXT NOT NULL,
             PRIMARY KEY (writer, seq)
         ) STRICT, WITHOUT ROWID;
         INSERT INTO staged_in_bytes
             SELECT writer, seq, start, COALESCE(unhex(key), CAST(key AS BLOB)),
                    COALESCE(unhex(revision), CAST(revision AS BLOB)), content
             FROM staged_record WHERE writer IN (SELECT id FROM staged_writer WHERE commit_id IS NOT NULL);
         DROP TABLE staged_record;
         ALTER TABLE staged_in_bytes RENAME TO staged_record;
         DROP TABLE staged_writer;
         ALTER TABLE writer_of_its_own RENAME TO staged_writer;",
    )
}
