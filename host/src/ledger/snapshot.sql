-- Snapshot destinations, by epoch: a directory of FOCUS files that is rendered from the current records (snapshot.rs).
-- Months are texts such as '2026-08': the calendar month, in UTC, in which a billing period begins.

-- Partitions whose records that count changed since they were last sorted into files.
CREATE TABLE snapshot_dirty (
    epoch INTEGER NOT NULL REFERENCES epoch(id),
    partition INTEGER NOT NULL REFERENCES partition(id),
    PRIMARY KEY (epoch, partition)
) STRICT, WITHOUT ROWID;

-- The months of which a partition has records that count.
CREATE TABLE snapshot_month (
    epoch INTEGER NOT NULL REFERENCES epoch(id),
    partition INTEGER NOT NULL REFERENCES partition(id),
    month TEXT NOT NULL,
    PRIMARY KEY (epoch, partition, month)
) STRICT, WITHOUT ROWID;
CREATE INDEX snapshot_month_partitions ON snapshot_month (epoch, month, partition);

-- Files that must be rendered again.
CREATE TABLE snapshot_stale (
    epoch INTEGER NOT NULL REFERENCES epoch(id),
    provider TEXT NOT NULL, month TEXT NOT NULL,
    PRIMARY KEY (epoch, provider, month)
) STRICT, WITHOUT ROWID;

-- Files that stand in the directory.
CREATE TABLE snapshot_file (
    epoch INTEGER NOT NULL REFERENCES epoch(id),
    name TEXT NOT NULL,                        -- relative to the directory
    provider TEXT NOT NULL, month TEXT NOT NULL, basis TEXT NOT NULL,
    bytes INTEGER NOT NULL, sha256 TEXT NOT NULL,
    detail TEXT NOT NULL,                      -- JSON: rows, sums, findings
    rendered INTEGER NOT NULL,
    PRIMARY KEY (epoch, name)
) STRICT, WITHOUT ROWID;

-- Months that are final for a source: what its files then said stays, and later changes are corrections elsewhere.
CREATE TABLE snapshot_closed (
    epoch INTEGER NOT NULL REFERENCES epoch(id),
    source INTEGER NOT NULL REFERENCES source(id),
    month TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (epoch, source, month)
) STRICT, WITHOUT ROWID;

-- What they then said: records, with the sign of their row.
CREATE TABLE snapshot_final (
    epoch INTEGER NOT NULL REFERENCES epoch(id),
    source INTEGER NOT NULL REFERENCES source(id),
    month TEXT NOT NULL,                       -- of the file
    record INTEGER NOT NULL REFERENCES record(id),
    partition INTEGER NOT NULL REFERENCES partition(id),
    sign INTEGER NOT NULL CHECK (sign IN (-1, 1)),
    PRIMARY KEY (epoch, source, month, record)
) STRICT, WITHOUT ROWID;
CREATE INDEX snapshot_final_partition ON snapshot_final (epoch, partition, record);

-- Corrections that no final file has yet: they stand in the source's next open month.
CREATE TABLE snapshot_pending (
    epoch INTEGER NOT NULL REFERENCES epoch(id),
    partition INTEGER NOT NULL REFERENCES partition(id),
    record INTEGER NOT NULL REFERENCES record(id),
    source INTEGER NOT NULL REFERENCES source(id),
    month TEXT NOT NULL,                       -- of the record
    sign INTEGER NOT NULL CHECK (sign IN (-1, 1)),
    PRIMARY KEY (epoch, partition, record)
) STRICT, WITHOUT ROWID;
CREATE INDEX snapshot_pending_source ON snapshot_pending (epoch, source, month);

-- Where and how an epoch is rendered, and how that last went.
CREATE TABLE snapshot_state (
    epoch INTEGER PRIMARY KEY REFERENCES epoch(id),
    directory TEXT NOT NULL, version TEXT NOT NULL, format TEXT NOT NULL,
    rendered INTEGER,                          -- when everything was last up to date
    examined INTEGER,                          -- the last commit that was then looked at for months to close
    error TEXT                                 -- why it is not
) STRICT;
