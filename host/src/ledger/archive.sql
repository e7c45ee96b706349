-- Archives (archive.rs). Partitions whose records' content lies in a file: of these, `record.content` is '{}'.
CREATE TABLE archive (
    partition INTEGER PRIMARY KEY REFERENCES partition(id),
    file TEXT NOT NULL UNIQUE,                 -- below `archive` in the state directory; its name is the SHA-256 of its bytes
    bytes INTEGER NOT NULL,
    records INTEGER NOT NULL,                  -- in the file, those of the past included
    at INTEGER NOT NULL,
    checksum TEXT NOT NULL                     -- over all other columns
) STRICT;

-- What the current records of an archived partition came to when it was archived.
CREATE TABLE archive_balance (
    partition INTEGER NOT NULL REFERENCES archive(partition),
    currency TEXT NOT NULL,
    records INTEGER NOT NULL,
    billed TEXT NOT NULL, effective TEXT NOT NULL, list TEXT NOT NULL, contracted TEXT NOT NULL,
    PRIMARY KEY (partition, currency)
) STRICT, WITHOUT ROWID;
