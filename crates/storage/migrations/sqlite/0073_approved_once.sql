-- An approval is for a list since the moment at which it was held, and used once. Whoever is matched by their address at work is found by an
-- index; people of a directory need none.

alter table export_approvals add column held_since bigint not null default 0;

create index users_by_mail on users (tenant, lower(mail)) where source_anchor is null;
