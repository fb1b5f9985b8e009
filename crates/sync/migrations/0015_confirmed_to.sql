-- The latest change that the tenant told of when it was read, in milliseconds since 1970 by its clock: where a delta of it goes on.
ALTER TABLE connector ADD COLUMN confirmed_to INTEGER;
