-- What a commit is made of, in temporary tables of the writer's connection: they lie in a file that is gone with the
-- process and is never synced, and keep large commits out of memory and out of everybody's way. Times and hashes as in
-- schema.sql.

-- Records as they are written.
CREATE TEMP TABLE staged (
    id INTEGER PRIMARY KEY,                    -- the writer times 2^32, and the number of the record
    start INTEGER NOT NULL,                    -- the partition it falls into
    key BLOB NOT NULL, revision BLOB NOT NULL, content TEXT NOT NULL,
    service TEXT NOT NULL, currency TEXT NOT NULL,
    billed TEXT NOT NULL, effective TEXT NOT NULL, list TEXT, contracted TEXT
) STRICT;

-- How many records a writer staged for a partition, and their fingerprint.
CREATE TEMP TABLE staged_print (
    writer INTEGER NOT NULL, start INTEGER NOT NULL,
    records INTEGER NOT NULL, fingerprint BLOB NOT NULL,
    PRIMARY KEY (writer, start)
) STRICT, WITHOUT ROWID;

-- The same by key, in sorted runs: each row holds consecutive entries (runs.rs).
CREATE TEMP TABLE staged_run (
    id INTEGER PRIMARY KEY,                    -- the writer times 2^32, and the number of the part
    opens INTEGER NOT NULL,                    -- 1: the first part of a run
    entries BLOB NOT NULL
) STRICT;

-- Those of sealed writers, but for partitions that were read as they stand, in the order in which they are compared: each key
-- once, some entries a row (runs.rs).
CREATE TEMP TABLE sealed (
    writer INTEGER NOT NULL, start INTEGER NOT NULL, part INTEGER NOT NULL,
    entries BLOB NOT NULL,
    PRIMARY KEY (writer, start, part)
) STRICT, WITHOUT ROWID;

-- What the comparison of one partition found: the record that goes, and the staged one that comes.
CREATE TEMP TABLE change (
    id INTEGER PRIMARY KEY,
    old INTEGER, counted INTEGER,
    new INTEGER
) STRICT;

-- Records whose money enters (1) the books or leaves (0) them.
CREATE TEMP TABLE moved (
    partition INTEGER NOT NULL, enters INTEGER NOT NULL, record INTEGER NOT NULL,
    PRIMARY KEY (partition, enters, record)
) STRICT, WITHOUT ROWID;

-- What that changes of the posting keys of one partition in one epoch.
CREATE TEMP TABLE delta (
    id INTEGER PRIMARY KEY,
    key BLOB NOT NULL,
    amount TEXT NOT NULL,
    dims TEXT NOT NULL, currency TEXT NOT NULL
) STRICT;
