-- Until when what was approved may go out.
ALTER TABLE connector ADD COLUMN approved_until INTEGER;
