-- Times are milliseconds since 1970. GUIDs are text, hyphenated and in lower case.

CREATE TABLE connector (
    id             INTEGER PRIMARY KEY,
    name           TEXT NOT NULL UNIQUE,
    -- Scope and account of the last import that ended cleanly.
    imported_scope TEXT,
    -- Digest of scope, rules and names at the last export that went through.
    exported_under TEXT
) STRICT;

CREATE TABLE run (
    id           INTEGER PRIMARY KEY,
    connector_id INTEGER NOT NULL REFERENCES connector (id),
    profile      TEXT NOT NULL,
    started      INTEGER NOT NULL,
    ended        INTEGER,
    outcome      TEXT NOT NULL,
    server       TEXT,
    adds         INTEGER NOT NULL DEFAULT 0,
    updates      INTEGER NOT NULL DEFAULT 0,
    deletes      INTEGER NOT NULL DEFAULT 0,
    unchanged    INTEGER NOT NULL DEFAULT 0,
    errors       INTEGER NOT NULL DEFAULT 0,
    failure      TEXT
) STRICT;

CREATE TABLE run_error (
    id     INTEGER PRIMARY KEY,
    run_id INTEGER NOT NULL REFERENCES run (id) ON DELETE CASCADE,
    object TEXT NOT NULL,
    fault  TEXT NOT NULL
) STRICT;
CREATE INDEX run_error_by_run ON run_error (run_id);

CREATE TABLE mv_object (
    id         INTEGER PRIMARY KEY,
    anchor     TEXT NOT NULL UNIQUE,
    -- {attribute: {"value": ..., "connector": contributing connector}}
    attributes TEXT NOT NULL
) STRICT;

CREATE TABLE cs_object (
    id           INTEGER PRIMARY KEY,
    connector_id INTEGER NOT NULL REFERENCES connector (id),
    object_guid  TEXT NOT NULL,
    dn           TEXT NOT NULL,
    anchor       TEXT NOT NULL,
    attributes   TEXT NOT NULL,
    hash         BLOB NOT NULL,
    -- The last import that saw the object, and whether the last one that ended cleanly did.
    seen_run     INTEGER NOT NULL,
    present      INTEGER NOT NULL,
    mv_id        INTEGER REFERENCES mv_object (id),
    -- Why the last full sync left it out, or why it could not be carried on.
    excluded     TEXT,
    fault        TEXT,
    UNIQUE (connector_id, object_guid)
) STRICT;
CREATE INDEX cs_object_by_connector ON cs_object (connector_id, id);
CREATE INDEX cs_object_by_anchor ON cs_object (anchor);
CREATE UNIQUE INDEX cs_object_by_mv ON cs_object (mv_id, connector_id) WHERE mv_id IS NOT NULL;

-- The tenant's side: what each person should be there, and what was last confirmed.
CREATE TABLE export_object (
    id           INTEGER PRIMARY KEY,
    connector_id INTEGER NOT NULL REFERENCES connector (id),
    anchor       TEXT NOT NULL UNIQUE,
    target_id    TEXT,
    -- NULL: to be removed.
    desired      TEXT,
    -- NULL: nothing was confirmed yet.
    confirmed    TEXT,
    -- 1 from before a request is sent until its answer is recorded.
    unsure       INTEGER NOT NULL DEFAULT 0,
    -- 1 when a person approved this removal.
    approved     INTEGER NOT NULL DEFAULT 0,
    fault        TEXT
) STRICT;
CREATE INDEX export_object_pending ON export_object (connector_id, id) WHERE desired IS NOT confirmed OR unsure = 1;

-- Removals that went out without a person's approval, for the deletion guard's sliding window.
CREATE TABLE removal (
    id           INTEGER PRIMARY KEY,
    connector_id INTEGER NOT NULL REFERENCES connector (id),
    anchor       TEXT NOT NULL,
    at           INTEGER NOT NULL
) STRICT;
CREATE INDEX removal_by_time ON removal (connector_id, at);
