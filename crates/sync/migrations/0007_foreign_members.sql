-- The SID as text, by which groups of other forests know a person. Filled as objects are staged anew, which the next full import does.
ALTER TABLE cs_object ADD COLUMN sid TEXT;
CREATE INDEX cs_object_by_sid ON cs_object (sid) WHERE sid IS NOT NULL;

-- Members of groups that stand for a person of another connector, by that person's SID.
CREATE TABLE foreign_member (
    connector_id INTEGER NOT NULL REFERENCES connector (id),
    member_guid  TEXT NOT NULL,
    sid          TEXT NOT NULL,
    PRIMARY KEY (connector_id, member_guid)
) STRICT, WITHOUT ROWID;
CREATE INDEX foreign_member_by_sid ON foreign_member (sid);
