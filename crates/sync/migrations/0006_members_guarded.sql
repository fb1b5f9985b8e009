-- 1 when a person approved that this member leaves the group.
ALTER TABLE edge ADD COLUMN approved INTEGER NOT NULL DEFAULT 0;

-- Members who left the group of this anchor together; 0 where the row is the removal of a person or a group itself.
ALTER TABLE removal ADD COLUMN members INTEGER NOT NULL DEFAULT 0;

-- A group that differs in the tenant is compared member by member now.
ALTER TABLE export_object DROP COLUMN clear_members;
CREATE INDEX export_object_by_target ON export_object (target_id) WHERE target_id IS NOT NULL;
