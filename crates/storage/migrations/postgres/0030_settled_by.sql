-- What a request is settled by when the agent that began it stays away: what was known before the write, kept until it is proved how
-- it ended, or that nothing will be; the other agent whose answer proved it; and whether the first one came back and said otherwise.

alter table requests add column before_write text;
alter table requests add column settled_by text;
alter table requests add column corrected bigint not null default 0;
create index requests_to_settle on requests (created_at) where before_write is not null;
