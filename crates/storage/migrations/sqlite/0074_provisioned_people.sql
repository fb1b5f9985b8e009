-- What a provisioner other than an agent keeps with the people whom the tenant itself keeps: its own id, by which it finds them, and the parts of
-- their names. They are listed by an index of theirs alone.

alter table users add column external_id text;
alter table users add column given_name text;
alter table users add column family_name text;

create unique index users_by_external_id on users (tenant, external_id) where external_id is not null;
create index users_cloud_only on users (tenant, id) where source_anchor is null;
