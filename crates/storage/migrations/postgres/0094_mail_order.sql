-- The next mails of a tenant and channel, what expires first before the rest, are the first ones of an index, however many wait.

create index mail_outbox_in_order on mail_outbox (tenant, channel, expires_at, created_at, id);
