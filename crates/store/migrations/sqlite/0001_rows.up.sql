CREATE TABLE rows (
    namespace TEXT NOT NULL,
    shard INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    id TEXT NOT NULL,
    number INTEGER NOT NULL,
    due INTEGER,
    ended INTEGER NOT NULL,
    parent TEXT,
    player TEXT,
    body TEXT NOT NULL,
    PRIMARY KEY (namespace, shard, kind, id)
);
CREATE INDEX rows_due ON rows (namespace, shard, due) WHERE due IS NOT NULL;
CREATE INDEX rows_parent ON rows (namespace, kind, parent, id) WHERE ended = 0 AND parent IS NOT NULL;
CREATE INDEX rows_player ON rows (namespace, player) WHERE player IS NOT NULL;
CREATE TABLE claims (
    namespace TEXT NOT NULL,
    shard INTEGER NOT NULL,
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    holder_shard INTEGER NOT NULL,
    holder_kind INTEGER NOT NULL,
    holder_id TEXT NOT NULL,
    PRIMARY KEY (namespace, shard, kind, key)
);
CREATE TABLE batches (id TEXT PRIMARY KEY, committed_at INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE leases (
    name TEXT PRIMARY KEY,
    holder TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    written INTEGER NOT NULL,
    expires INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE store (one INTEGER PRIMARY KEY CHECK (one = 1), epoch TEXT NOT NULL);
INSERT INTO store (one, epoch) VALUES (1, lower(hex(randomblob(16))));
