-- Whether people may unlock their account without a new password.

alter table tenants add column unlock_enabled bigint not null default 0;
