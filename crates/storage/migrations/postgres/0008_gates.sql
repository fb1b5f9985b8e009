-- Several methods open the gates before a reset: what the tenant demands, how far a flow is, and what people registered.

alter table tenants add column gate_policy text not null
    default '{"gates":1,"methods":["mail"],"to_register":1,"must_differ":true}';
alter table flows add column gates text not null
    default '{"required":1,"must_differ":true,"usable":["mail"],"passed":[]}';

-- An authenticator app: its secret is wrapped by the node's key, and no step of its time is used twice.
create table authenticators (
    tenant text not null,
    user_id text not null,
    secret bytea not null,
    last_step bigint not null,
    registered_at bigint not null,
    primary key (tenant, user_id),
    foreign key (tenant, user_id) references users (tenant, id) on delete cascade
);

-- A secret that was shown and not confirmed by a code yet.
create table proposed_authenticators (
    tenant text not null,
    registration text not null,
    secret bytea not null,
    primary key (tenant, registration),
    foreign key (tenant, registration) references registrations (tenant, id) on delete cascade
);

create table recovery_codes (
    tenant text not null,
    user_id text not null,
    digest bytea not null,
    made_at bigint not null,
    used_at bigint,
    primary key (tenant, user_id, digest),
    foreign key (tenant, user_id) references users (tenant, id) on delete cascade
);
