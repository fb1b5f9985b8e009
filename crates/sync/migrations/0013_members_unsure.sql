-- Of whom a request was about that was not answered: whether they are in the group over there is not known.
ALTER TABLE edge ADD COLUMN unsure INTEGER NOT NULL DEFAULT 0;
