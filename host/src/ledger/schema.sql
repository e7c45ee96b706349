-- Schema of the ledger, version 5 (`migrate.rs` brings older ones up; snapshot.sql, archive.sql, tags.sql, control.sql and views.sql belong to it). Times are seconds since the epoch (UTC), amounts are decimal text,
-- hashes are lower-case hex, those of records their bytes. `checksum` is the first 8 bytes of the SHA-256 over the row's other
-- durable columns (hashes in hex).

CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;

-- Whose money. `instance` holds the claim; a second instance is refused until `ledger adopt`.
CREATE TABLE source (
    id INTEGER PRIMARY KEY,
    hash TEXT NOT NULL UNIQUE,                 -- hash_parts of provider, billing account, scope
    provider TEXT NOT NULL, billing_account TEXT NOT NULL, scope TEXT NOT NULL,
    instance TEXT NOT NULL,
    counts INTEGER NOT NULL DEFAULT 1,         -- 0: the operator said `count = false`
    frozen INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE stream (
    id INTEGER PRIMARY KEY,
    source INTEGER NOT NULL REFERENCES source(id),
    name TEXT NOT NULL,
    definition TEXT NOT NULL,                  -- the descriptor's stream as JSON
    grain TEXT NOT NULL, basis TEXT NOT NULL,
    view_of TEXT,                              -- NULL: counted, or in the place of a retired stream
    key_version INTEGER NOT NULL,
    retired_by TEXT,                           -- the stream in whose favour; '': nobody's; NULL: not retired
    retired_at INTEGER,
    last_read INTEGER,                         -- when it was last committed, held commits included
    UNIQUE (source, name)
) STRICT;

CREATE TABLE partition (
    id INTEGER PRIMARY KEY,
    stream INTEGER NOT NULL REFERENCES stream(id),
    start INTEGER NOT NULL, stop INTEGER NOT NULL,
    completeness TEXT NOT NULL CHECK (completeness IN ('complete', 'partial')),
    observed_through INTEGER NOT NULL,
    commit_id INTEGER NOT NULL REFERENCES commits(id),   -- the last that touched it
    archived INTEGER NOT NULL DEFAULT 0,       -- 1: it has a row in `archive`
    fingerprint BLOB,                          -- of its current records (fingerprint.rs); NULL: not known
    UNIQUE (stream, start)
) STRICT;

CREATE TABLE run (
    id INTEGER PRIMARY KEY,
    instance TEXT NOT NULL, collector TEXT NOT NULL, version TEXT NOT NULL, sha256 TEXT NOT NULL,
    started INTEGER NOT NULL, ended INTEGER,
    outcome TEXT,                              -- done, or a failure kind; NULL while it runs or was killed
    note TEXT,
    report TEXT,                               -- JSON: figures of the run, denied calls
    streams TEXT NOT NULL DEFAULT '[]',        -- JSON: the streams of its collector's descriptor
    counts INTEGER NOT NULL DEFAULT 1,         -- 0: the operator said `count = false`
    checksum TEXT                              -- over id, outcome, note, report; NULL: it has none of them, or is older than this
) STRICT;

CREATE INDEX run_instance ON run (instance, id);

-- One row a commit. A held commit keeps its staged rows until it is accepted or rejected.
CREATE TABLE commits (
    id INTEGER PRIMARY KEY,
    run INTEGER NOT NULL REFERENCES run(id),
    at INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('applied', 'held', 'rejected')),
    reason TEXT
) STRICT;
CREATE INDEX commits_run ON commits (run);

-- Law 1, per commit and partition.
CREATE TABLE commit_partition (
    commit_id INTEGER NOT NULL REFERENCES commits(id),
    partition INTEGER NOT NULL REFERENCES partition(id),
    before INTEGER NOT NULL, written INTEGER NOT NULL, unchanged INTEGER NOT NULL, revised INTEGER NOT NULL,
    added INTEGER NOT NULL, withdrawn INTEGER NOT NULL, merged INTEGER NOT NULL, after INTEGER NOT NULL,
    completeness TEXT,                         -- as it was then
    PRIMARY KEY (commit_id, partition)
) STRICT, WITHOUT ROWID;

-- Every state a record ever had: current where `until_commit` is NULL.
CREATE TABLE record (
    id INTEGER PRIMARY KEY,
    partition INTEGER NOT NULL REFERENCES partition(id),
    key BLOB NOT NULL, revision BLOB NOT NULL,
    content TEXT NOT NULL,                     -- canonical JSON of the record; '{}': it lies in an archive
    service TEXT NOT NULL, currency TEXT NOT NULL,
    billed TEXT NOT NULL, effective TEXT NOT NULL, list TEXT, contracted TEXT,
    counts INTEGER NOT NULL,                   -- 0: superseded by a better stream, or a view
    from_commit INTEGER NOT NULL REFERENCES commits(id),
    until_commit INTEGER REFERENCES commits(id),
    checksum BLOB NOT NULL                     -- over partition, key, revision (which covers content), from_commit
) STRICT;
CREATE UNIQUE INDEX record_current ON record (partition, key) WHERE until_commit IS NULL;
CREATE INDEX record_history ON record (partition, from_commit);

CREATE TABLE checkpoint (
    stream INTEGER PRIMARY KEY REFERENCES stream(id),
    value BLOB NOT NULL,
    commit_id INTEGER NOT NULL REFERENCES commits(id),
    checksum TEXT NOT NULL
) STRICT;

-- Writers that are not committed; those of a dead run are deleted at the next start. What they write is staged in temporary
-- tables (temporary.sql) and comes here only with a commit that is held.
CREATE TABLE staged_writer (
    id INTEGER PRIMARY KEY AUTOINCREMENT,      -- never given twice: who lets go of a writer late must not meet another's
    run INTEGER NOT NULL REFERENCES run(id),
    stream INTEGER NOT NULL REFERENCES stream(id),
    partitions TEXT NOT NULL,                  -- JSON array of starts
    seal TEXT,                                 -- JSON once sealed
    commit_id INTEGER REFERENCES commits(id)   -- the held commit that keeps it
) STRICT;
CREATE TABLE staged_record (
    writer INTEGER NOT NULL REFERENCES staged_writer(id),
    seq INTEGER NOT NULL,
    start INTEGER NOT NULL,                    -- the partition it falls into
    key BLOB NOT NULL, revision BLOB NOT NULL, content TEXT NOT NULL,
    PRIMARY KEY (writer, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE destination (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,                 -- 'openfinops'
    kind TEXT NOT NULL CHECK (kind IN ('journal', 'snapshot')),
    identity TEXT NOT NULL,                    -- endpoint; a change starts a new epoch
    measure TEXT NOT NULL CHECK (measure IN ('effective', 'billed', 'list', 'contracted')),
    group_by TEXT,                             -- JSON array of dimensions, NULL: every dimension
    currency TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('active', 'paused')),
    reason TEXT,                               -- why it is paused
    attempt INTEGER NOT NULL DEFAULT 0, retry_at INTEGER   -- back-off, survives restarts
) STRICT;

CREATE TABLE epoch (
    id INTEGER PRIMARY KEY,
    destination INTEGER NOT NULL REFERENCES destination(id),
    number INTEGER NOT NULL,
    start_mode TEXT NOT NULL CHECK (start_mode IN ('baseline', 'all', 'now')),
    started INTEGER NOT NULL, ended INTEGER,
    UNIQUE (destination, number)
) STRICT;

-- A posting key in a partition: all that the destination receives of a record, at its roll-up.
CREATE TABLE posting (
    id INTEGER PRIMARY KEY,
    epoch INTEGER NOT NULL REFERENCES epoch(id),
    partition INTEGER NOT NULL REFERENCES partition(id),
    key TEXT NOT NULL,                         -- sha256 of dims
    dims TEXT NOT NULL,                        -- JSON object: the dimensions as the destination receives them
    currency TEXT NOT NULL,
    sequence INTEGER NOT NULL,                 -- of the last entry
    total TEXT NOT NULL,                       -- after the last entry
    UNIQUE (epoch, partition, key)
) STRICT;

-- A sealed batch; its exact bytes, sent identically until it is settled, are in batch_body (outbox/bodies.rs).
CREATE TABLE batch (
    id INTEGER PRIMARY KEY,
    uid TEXT NOT NULL UNIQUE,
    destination INTEGER NOT NULL REFERENCES destination(id),
    source INTEGER NOT NULL REFERENCES source(id),
    state TEXT NOT NULL CHECK (state IN ('sealed', 'ambiguous', 'settled', 'dissolved')),
    sealed_at INTEGER NOT NULL, first_sent_at INTEGER, last_sent_at INTEGER, attempts INTEGER NOT NULL DEFAULT 0,
    looked_absent INTEGER NOT NULL DEFAULT 0,  -- look-ups in a row that certainly did not find it
    next_at INTEGER,                           -- not before
    maybe_duplicated INTEGER NOT NULL DEFAULT 0,
    last_error TEXT,
    observation_seq INTEGER, event_id INTEGER, -- the last of each that it carries: where the cursors go once it is settled
    checksum TEXT NOT NULL                     -- over uid and body; a closed batch has none
) STRICT;
CREATE INDEX batch_open ON batch (destination, id) WHERE state IN ('sealed', 'ambiguous');

-- The journal. pending -> (in a batch) -> settled | dead | dropped. `batch` is set while it is sealed in one.
CREATE TABLE entry (
    id INTEGER PRIMARY KEY,
    entry_id TEXT NOT NULL UNIQUE,             -- sha256 of source hash, posting key, epoch, sequence
    posting INTEGER NOT NULL REFERENCES posting(id),
    source INTEGER NOT NULL REFERENCES source(id),
    destination INTEGER NOT NULL REFERENCES destination(id),
    commit_id INTEGER NOT NULL REFERENCES commits(id),
    sequence INTEGER NOT NULL,
    amount TEXT NOT NULL, total_after TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('pending', 'held', 'ambiguous', 'settled', 'dead', 'dropped')),
    batch INTEGER REFERENCES batch(id),
    reason TEXT,
    checksum TEXT NOT NULL,                    -- over entry_id, posting, sequence, amount, total_after
    UNIQUE (posting, sequence)
) STRICT;
CREATE INDEX entry_open ON entry (destination, source, id) WHERE state = 'pending' AND batch IS NULL;
CREATE INDEX entry_batch ON entry (batch);
CREATE INDEX entry_held ON entry (destination) WHERE state = 'held';

-- What is sent of an entry in the destination's currency, where the operator has others converted.
CREATE TABLE conversion (
    entry INTEGER PRIMARY KEY REFERENCES entry(id),
    currency TEXT NOT NULL,                    -- the destination's
    rate TEXT, rate_from TEXT,                 -- for one unit, and its first day; NULL: carried over by a rebase
    amount TEXT NOT NULL, total_after TEXT NOT NULL,
    checksum TEXT NOT NULL                     -- over all other columns
) STRICT;
CREATE INDEX conversion_carried ON conversion (entry) WHERE rate IS NULL;

-- The newest of each key; `seq` rises with each put, a destination's cursor stands at what it was sent.
CREATE TABLE observation (
    id INTEGER PRIMARY KEY,
    source INTEGER NOT NULL REFERENCES source(id),
    name TEXT NOT NULL, dims TEXT NOT NULL,
    value TEXT NOT NULL, unit TEXT NOT NULL, at INTEGER NOT NULL,
    seq INTEGER NOT NULL UNIQUE,
    UNIQUE (source, name, dims)
) STRICT;
CREATE TABLE observation_cursor (
    destination INTEGER NOT NULL REFERENCES destination(id),
    source INTEGER NOT NULL REFERENCES source(id),
    seq INTEGER NOT NULL,
    PRIMARY KEY (destination, source)
) STRICT, WITHOUT ROWID;

-- Events of runs for destinations: finished, restated, denied call, dead letter.
CREATE TABLE event (
    id INTEGER PRIMARY KEY,
    source INTEGER NOT NULL REFERENCES source(id),
    at INTEGER NOT NULL, kind TEXT NOT NULL, detail TEXT NOT NULL
) STRICT;
CREATE TABLE event_cursor (
    destination INTEGER NOT NULL REFERENCES destination(id),
    source INTEGER NOT NULL REFERENCES source(id),
    event INTEGER NOT NULL,                    -- id of the last one that the destination has
    PRIMARY KEY (destination, source)
) STRICT, WITHOUT ROWID;

-- Paid calls, reserved before each attempt.
CREATE TABLE spend (
    instance TEXT NOT NULL, day INTEGER NOT NULL, amount TEXT NOT NULL, calls INTEGER NOT NULL,
    PRIMARY KEY (instance, day)
) STRICT, WITHOUT ROWID;
