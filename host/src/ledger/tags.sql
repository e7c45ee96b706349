-- The operator's own tags of an instance's money (`[tags]` of its file), as its last run was begun with (tags.rs). They are in no
-- record and no posting.
CREATE TABLE instance_tag (
    instance TEXT NOT NULL,
    name TEXT NOT NULL, value TEXT NOT NULL,
    PRIMARY KEY (instance, name)
) STRICT, WITHOUT ROWID;

-- Those of a month that is final in FOCUS files, as they were when it became so: its rows keep them.
CREATE TABLE snapshot_tags (
    epoch INTEGER NOT NULL REFERENCES epoch(id),
    source INTEGER NOT NULL REFERENCES source(id),
    month TEXT NOT NULL,
    tags TEXT NOT NULL,                        -- JSON object
    PRIMARY KEY (epoch, source, month)
) STRICT, WITHOUT ROWID;
