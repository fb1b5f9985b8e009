-- What the rules make of an object: what it gives to its person (JSON). Several objects, of one connector each, may be one person.
ALTER TABLE cs_object ADD COLUMN contribution TEXT;

-- By what an object is joined to a person of another connector, beside its anchor.
CREATE TABLE join_key (
    cs_id INTEGER NOT NULL REFERENCES cs_object (id) ON DELETE CASCADE,
    rule  TEXT NOT NULL,
    key   TEXT NOT NULL,
    PRIMARY KEY (cs_id, rule)
) STRICT, WITHOUT ROWID;
CREATE INDEX join_key_by_key ON join_key (rule, key);

-- When a full import that was read at another server than the one before first missed the object: it may not have got there yet.
ALTER TABLE cs_object ADD COLUMN missed_at INTEGER;
