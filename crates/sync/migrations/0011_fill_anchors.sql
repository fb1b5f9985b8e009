-- Of a person whom the directory has no anchor of their own for: from when on it may be written there. NULL where it has one, where nobody
-- asked for it, and where it has not been looked yet.
ALTER TABLE cs_object ADD COLUMN anchor_due INTEGER;
CREATE INDEX cs_object_anchor_due ON cs_object (connector_id, anchor_due) WHERE anchor_due IS NOT NULL;

-- From when on anchors may be written at all: later than now after a run in which all were refused. NULL until all objects have been
-- looked at.
ALTER TABLE connector ADD COLUMN anchors_from INTEGER;

-- Anchors that an import wrote into the directory before it read it, and those that were refused.
ALTER TABLE run ADD COLUMN anchors INTEGER NOT NULL DEFAULT 0;
ALTER TABLE run ADD COLUMN anchors_refused INTEGER NOT NULL DEFAULT 0;
