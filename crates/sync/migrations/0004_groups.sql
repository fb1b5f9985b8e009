-- What an object is: person or group.
ALTER TABLE cs_object ADD COLUMN kind TEXT NOT NULL DEFAULT 'person';
ALTER TABLE export_object ADD COLUMN kind TEXT NOT NULL DEFAULT 'person';
-- Of a group the last part of its SID: what primaryGroupID of its members names.
ALTER TABLE cs_object ADD COLUMN rid INTEGER;
CREATE INDEX cs_object_by_rid ON cs_object (connector_id, rid) WHERE rid IS NOT NULL;

-- Who is in a group, one row for each. GUIDs, so that a renamed member stays one.
CREATE TABLE edge (
    connector_id INTEGER NOT NULL REFERENCES connector (id),
    group_guid   TEXT NOT NULL,
    member_guid  TEXT NOT NULL,
    -- Whether the directory says so now; one that it says no more stays until the tenant has forgotten it, too.
    present      INTEGER NOT NULL,
    -- Whether it is so by the member's primaryGroupID, of which the group's own list of members does not tell.
    is_primary   INTEGER NOT NULL DEFAULT 0,
    -- The tenant's id of the member with which it confirmed the edge.
    confirmed    TEXT,
    -- 1 from when something about it changed until the tenant has it as it should be.
    dirty        INTEGER NOT NULL DEFAULT 1,
    PRIMARY KEY (connector_id, group_guid, member_guid)
) STRICT, WITHOUT ROWID;
CREATE INDEX edge_by_member ON edge (connector_id, member_guid);
CREATE INDEX edge_dirty ON edge (connector_id, group_guid) WHERE dirty = 1;

-- 1 when the tenant has others in a group than it should: then all go first.
ALTER TABLE export_object ADD COLUMN clear_members INTEGER NOT NULL DEFAULT 0;
CREATE INDEX export_object_groups ON export_object (connector_id, anchor) WHERE kind = 'group';
