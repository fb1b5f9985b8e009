-- Where the next delta import goes on: the source's own mark, the server that gave it, and the digest of all that decides
-- what such an import sees. No mark: the next one has to be a full one.
ALTER TABLE connector ADD COLUMN watermark TEXT;
ALTER TABLE connector ADD COLUMN watermark_server TEXT;
ALTER TABLE connector ADD COLUMN watermark_under TEXT;
-- Digest of rules and names at the last full sync that went through.
ALTER TABLE connector ADD COLUMN synced_under TEXT;

-- 1 from when an import staged a change, or a twin went away, until a sync has judged the object.
ALTER TABLE cs_object ADD COLUMN changed INTEGER NOT NULL DEFAULT 1;
CREATE INDEX cs_object_changed ON cs_object (connector_id, id) WHERE changed = 1;

-- Of a person who is to be removed: the container that their object was in.
ALTER TABLE export_object ADD COLUMN lost_from TEXT;

-- What the operator should know of a run that did not fail.
ALTER TABLE run ADD COLUMN note TEXT;
CREATE INDEX run_by_profile ON run (connector_id, profile, id);
