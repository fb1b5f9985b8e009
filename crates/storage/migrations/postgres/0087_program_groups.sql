-- Groups of the tenant's own, which a provisioner other than an agent keeps. Their columns of a directory say nothing: the anchor, which is one
-- group's, is made of the id.

alter table directory_groups add column own bigint not null default 0;
alter table directory_groups add column external_id text;

create unique index directory_groups_by_external_id on directory_groups (tenant, external_id) where own = 1;
create index directory_groups_own on directory_groups (tenant, id) where own = 1;
