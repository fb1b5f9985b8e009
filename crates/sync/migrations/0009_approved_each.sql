-- Until when a removal may go out, each by itself; 0 where nobody approved it. What was approved before approvals ended is not any more.
ALTER TABLE export_object RENAME COLUMN approved TO approved_until;
ALTER TABLE edge RENAME COLUMN approved TO approved_until;
UPDATE export_object SET approved_until = coalesce((SELECT c.approved_until FROM connector c WHERE c.id = connector_id), 0)
    WHERE approved_until = 1;
UPDATE edge SET approved_until = coalesce((SELECT c.approved_until FROM connector c WHERE c.id = connector_id), 0)
    WHERE approved_until = 1;
ALTER TABLE connector DROP COLUMN approved_until;

-- When the tenant's deletion guard last held that this member leaves the group: it is asked again after a pause.
ALTER TABLE edge ADD COLUMN held_at INTEGER;
