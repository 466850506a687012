CREATE TABLE rows (
    namespace text COLLATE "C" NOT NULL,
    shard smallint NOT NULL,
    kind smallint NOT NULL,
    id text COLLATE "C" NOT NULL,
    number bigint NOT NULL,
    due bigint,
    ended boolean NOT NULL,
    parent text COLLATE "C",
    player text COLLATE "C",
    body text COLLATE "C" NOT NULL,
    PRIMARY KEY (namespace, shard, kind, id)
) WITH (fillfactor = 70);
CREATE INDEX rows_due ON rows (namespace, shard, due) WHERE due IS NOT NULL;
CREATE INDEX rows_parent ON rows (namespace, kind, parent, id) WHERE NOT ended AND parent IS NOT NULL;
CREATE INDEX rows_player ON rows (namespace, player) WHERE player IS NOT NULL;
CREATE TABLE claims (
    namespace text COLLATE "C" NOT NULL,
    shard smallint NOT NULL,
    kind text COLLATE "C" NOT NULL,
    key text COLLATE "C" NOT NULL,
    holder_shard smallint NOT NULL,
    holder_kind smallint NOT NULL,
    holder_id text COLLATE "C" NOT NULL,
    PRIMARY KEY (namespace, shard, kind, key)
) WITH (fillfactor = 70);
CREATE TABLE batches (id text COLLATE "C" PRIMARY KEY, committed_at bigint NOT NULL);
CREATE TABLE leases (
    name text COLLATE "C" PRIMARY KEY,
    holder text COLLATE "C" NOT NULL,
    epoch bigint NOT NULL,
    written bigint NOT NULL,
    expires bigint NOT NULL
);
CREATE TABLE store (one smallint PRIMARY KEY CHECK (one = 1), epoch text COLLATE "C" NOT NULL);
INSERT INTO store (one, epoch) VALUES (1, gen_random_uuid()::text);
