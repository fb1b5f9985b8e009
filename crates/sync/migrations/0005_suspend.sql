-- Of a person who is gone from the directory and was suspended first: when they are to be removed from the tenant.
ALTER TABLE export_object ADD COLUMN remove_at INTEGER;
CREATE INDEX export_object_suspended ON export_object (connector_id, remove_at) WHERE remove_at IS NOT NULL;
