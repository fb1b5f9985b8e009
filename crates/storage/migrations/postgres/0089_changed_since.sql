-- Who and what changed since a moment is found by an index that holds all that is needed of it.

create index users_changed on users (tenant, updated_at, id);
create index directory_groups_changed on directory_groups (tenant, updated_at, id);
