-- Self-service as a tenant sets it: after how many days people are asked to look through what they registered (0: never, as before),
-- when each said last that it is right, and groups whose people have gates of their own.

alter table tenants add column reconfirm_days bigint not null default 0;
alter table users add column confirmed_at bigint;

-- The numbers stand beside the policy so that the strictest of several groups is found by a statement.
create table group_gate_policies (
    tenant text not null references tenants (id),
    group_id text not null,
    policy text not null,
    gates bigint not null,
    must_differ bigint not null,
    to_register bigint not null,
    primary key (tenant, group_id)
);
