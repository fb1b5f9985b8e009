-- What still has to be told about a request: 1 until its flow is advanced, its audit fact written and its notices queued. A
-- server that stops in between goes on after its start, and so does one that waits for an unknown outcome.

alter table requests add column follow_up bigint not null default 0;
create index requests_to_follow_up on requests (updated_at) where follow_up = 1;
