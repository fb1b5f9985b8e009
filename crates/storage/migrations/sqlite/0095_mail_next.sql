-- The channel comes first in the index of the next mails: by one that begins with the tenant, SQLite goes through all that waits for the
-- mails that were found, and not by their ids.

drop index mail_outbox_in_order;
create index mail_outbox_next on mail_outbox (channel, tenant, expires_at, created_at, id);
