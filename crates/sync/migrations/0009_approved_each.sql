-- Until when a removal may go out, each by itself; 0 where nobody approved it. What was approved before approvals ended is not any more.
ALTER TABLE export_object ADD COLUMN approved_until INTEGER NOT NULL DEFAULT 0;
ALTER TABLE edge ADD COLUMN approved_until INTEGER NOT NULL DEFAULT 0;
UPDATE export_object SET approved_until = coalesce((SELECT c.approved_until FROM connector c WHERE c.id = connector_id), 0)
    WHERE approved = 1;
UPDATE edge SET approved_until = coalesce((SELECT c.approved_until FROM connector c WHERE c.id = connector_id), 0)
    WHERE approved = 1;
-- The former columns stay for the version before. What it finds there nobody takes back from here on, so that it has to be approved anew.
UPDATE export_object SET approved = 0 WHERE approved = 1;
UPDATE edge SET approved = 0 WHERE approved = 1;

-- When the tenant's deletion guard last held that this member leaves the group: it is asked again after a pause.
ALTER TABLE edge ADD COLUMN held_at INTEGER;
