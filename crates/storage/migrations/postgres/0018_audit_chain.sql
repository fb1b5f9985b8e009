-- The chain of audit facts: each gets a position and a hash over itself and the hash before it, once; how far the chain has come, its
-- signed heads, and up to where each sink has it.

alter table audit add column position bigint;
alter table audit add column hash bytea;
create unique index audit_by_position on audit (tenant, position);
create index audit_unlinked on audit (tenant, sequence) where position is null;

create table audit_heads (
    tenant text not null primary key references tenants (id),
    position bigint not null,
    hash bytea not null
);

create table audit_checkpoints (
    tenant text not null references tenants (id),
    position bigint not null,
    checkpoint text not null,
    primary key (tenant, position)
);

create table audit_sinks (
    tenant text not null references tenants (id),
    sink text not null,
    position bigint not null,
    primary key (tenant, sink)
);
