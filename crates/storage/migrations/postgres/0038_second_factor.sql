-- Administrators: a second factor, whom they are for, and accounts for the day on which every app is lost. A session from before
-- has shown no second factor: whoever has one signs in again.

alter table tenants add column second_factor bigint not null default 1;
alter table administrators add column break_glass bigint not null default 0;
alter table administrators add column scope_domain text;
alter table administrators add column scope_group text;
alter table administrators add column app_secret bytea;
alter table administrators add column app_proposed bytea;
alter table administrators add column app_step bigint not null default 0;
alter table sessions add column proved_at bigint;
