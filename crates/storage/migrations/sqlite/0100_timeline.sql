-- What happened around one person, and how often what ended how: found without looking through the whole audit.

create index audit_by_target on audit (tenant, target, at, sequence) where target is not null;
create index audit_by_actor on audit (tenant, actor_id, at, sequence) where actor_id is not null;
create index audit_by_activity on audit (tenant, activity, at, success);
create index requests_by_created on requests (tenant, created_at);
