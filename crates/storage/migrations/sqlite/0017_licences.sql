-- Licences: whether the tenant asks for them, what it bought, and who got what: a person, or a group with all in it. What an
-- assignment grants is written down as a number, of which a larger one grants more.

alter table tenants add column licensing text not null default 'community';
alter table tenants add column usage_location text;

create table subscribed_skus (
    tenant text not null references tenants (id),
    sku text not null,
    units bigint not null,
    primary key (tenant, sku)
);

-- One of user_id and group_id is holder.
create table licence_assignments (
    tenant text not null,
    sku text not null,
    holder text not null,
    user_id text,
    group_id text,
    disabled_plans text not null,
    grants bigint not null,
    usage_location text not null,
    assigned_at bigint not null,
    primary key (tenant, sku, holder),
    foreign key (tenant, sku) references subscribed_skus (tenant, sku),
    foreign key (tenant, user_id) references users (tenant, id) on delete cascade,
    foreign key (tenant, group_id) references directory_groups (tenant, id) on delete cascade
);
create index licence_assignments_by_user on licence_assignments (tenant, user_id);
create index licence_assignments_by_group on licence_assignments (tenant, group_id);
