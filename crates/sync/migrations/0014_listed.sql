-- Of a primary membership (is_primary = 1), whether the group's own list of members has it as well: it stays when the one or the other ends.
-- Any other that is present is on the list.
ALTER TABLE edge ADD COLUMN listed INTEGER NOT NULL DEFAULT 0;
