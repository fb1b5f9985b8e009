-- Removals that the tenant's deletion guard held, each of one object, until when an administrator let it through, if one did.

create table held_removals (
    tenant text not null,
    agent text not null,
    kind text not null,
    id text not null,
    name text not null,
    held_at bigint not null,
    approved_until bigint,
    primary key (tenant, agent, kind, id)
);
