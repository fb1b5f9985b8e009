-- Passwords that an administrator gives: who asked for it, which of the tenant's own people have to change theirs, and which cases of the help
-- desk have served for one.

alter table requests add column administrator text;
alter table cloud_passwords add column must_change bigint not null default 0;
alter table help_desk_cases add column reset_at bigint;
