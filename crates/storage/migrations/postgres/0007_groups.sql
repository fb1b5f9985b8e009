-- Groups of the directories, and who is in them: a person or another group.

create table directory_groups (
    tenant text not null references tenants (id),
    id text not null,
    display_name text not null,
    source_anchor text not null,
    forest text not null,
    domain text not null,
    account_name text not null,
    exported_by text not null,
    version bigint not null,
    created_at bigint not null,
    updated_at bigint not null,
    primary key (tenant, id)
);
create unique index directory_groups_by_anchor on directory_groups (tenant, source_anchor);

-- One of user_id and member_group is member; whoever goes is in no group any more.
create table group_members (
    tenant text not null,
    group_id text not null,
    member text not null,
    user_id text,
    member_group text,
    primary key (tenant, group_id, member),
    foreign key (tenant, group_id) references directory_groups (tenant, id) on delete cascade,
    foreign key (tenant, user_id) references users (tenant, id) on delete cascade,
    foreign key (tenant, member_group) references directory_groups (tenant, id) on delete cascade
);
create index group_members_by_user on group_members (tenant, user_id);
create index group_members_by_group on group_members (tenant, member_group);
