-- Where a connection, also one that only reads, works out what counts in a stretch of time; emptied before each.

-- Which partitions hold records of a value of the chain's dimension.
CREATE TEMP TABLE IF NOT EXISTS holding (
    value TEXT NOT NULL, partition INTEGER NOT NULL,
    PRIMARY KEY (value, partition)
) STRICT, WITHOUT ROWID;
-- Whether these count.
CREATE TEMP TABLE IF NOT EXISTS verdict (
    value TEXT NOT NULL, partition INTEGER NOT NULL, counts INTEGER NOT NULL,
    PRIMARY KEY (value, partition)
) STRICT, WITHOUT ROWID;
-- Records of which the ledger says otherwise, with what is right.
CREATE TEMP TABLE IF NOT EXISTS flip (
    record INTEGER PRIMARY KEY,
    partition INTEGER NOT NULL, counts INTEGER NOT NULL
) STRICT;
DELETE FROM temp.holding;
DELETE FROM temp.verdict;
DELETE FROM temp.flip;
