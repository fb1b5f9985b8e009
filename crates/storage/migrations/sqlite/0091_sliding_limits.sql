-- What is counted slides: a window is cut into six parts, and a row has the number of the newest part in which something was counted, what was
-- counted in it, and in each of the six parts before it. What was counted by now is in the part that its window began with.

alter table limits add column part bigint not null default 0;
alter table limits add column before_1 bigint not null default 0;
alter table limits add column before_2 bigint not null default 0;
alter table limits add column before_3 bigint not null default 0;
alter table limits add column before_4 bigint not null default 0;
alter table limits add column before_5 bigint not null default 0;
alter table limits add column before_6 bigint not null default 0;

update limits set part = window_start / ((window_end - window_start) / 6) where window_end - window_start >= 6;
