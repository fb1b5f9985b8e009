-- Whether administrators are told when the password of another one is reset, and where mail to one goes who is nobody of the tenant's people.

alter table tenants add column notify_administrators bigint not null default 0;
alter table administrators add column mail text;
