-- Control totals: what a reply says of itself, which a commit's records were checked against (control.rs). Only those of which no
-- partition was read again since.
CREATE TABLE control_total (
    id INTEGER PRIMARY KEY,
    commit_id INTEGER NOT NULL REFERENCES commits(id),
    stream INTEGER NOT NULL REFERENCES stream(id),
    partitions TEXT NOT NULL,                  -- JSON array of starts; the totals are of all of them together
    lines INTEGER,                             -- rows; NULL: not told
    billed TEXT NOT NULL,                      -- JSON object: BilledCost by currency; empty: not told
    checksum TEXT NOT NULL                     -- over all other columns but id
) STRICT;
CREATE INDEX control_total_stream ON control_total (stream);
