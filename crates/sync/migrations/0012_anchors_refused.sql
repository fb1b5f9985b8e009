-- Of a person whose source anchor the directory refused: until when they are left alone. Who has it is tried after all others.
ALTER TABLE cs_object ADD COLUMN anchor_refused INTEGER;
